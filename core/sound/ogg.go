package sound

import (
	"bytes"
	"encoding/binary"
)

// ogg counts the packets of all pages: those of Opus say how long they are. Of Vorbis
// only the least is known, and the last page's position is believed where it is more.
// Pages are looked for as players do, behind whatever stands between them.
// https://www.rfc-editor.org/rfc/rfc3533 https://www.rfc-editor.org/rfc/rfc7845
func ogg(b []byte) float64 {
	var o oggStream
	for {
		i := bytes.Index(b, []byte("OggS"))
		if i < 0 || len(b) < i+27 {
			break
		}
		b = o.page(b[i:])
	}
	return max(o.seconds, o.position)
}

type oggStream struct {
	opus      bool
	hertz     float64 // of Vorbis
	least     float64 // samples of a packet of Vorbis
	heads     int     // packets that have yet to come before there is sound
	continued bool    // the packet before goes on
	seconds   float64
	position  float64 // in seconds, of Vorbis
}

// page reads the page that b begins with, and returns what is behind it.
func (o *oggStream) page(b []byte) []byte {
	body := 27 + int(b[26])
	if body > len(b) {
		return b[4:]
	}
	if p := int64(binary.LittleEndian.Uint64(b[6:])); o.hertz > 0 && p > 0 {
		o.position = float64(p) / o.hertz
	}
	for _, lace := range b[27:body] {
		size := min(int(lace), len(b)-body)
		if !o.continued {
			o.packet(b[body : body+size])
		}
		o.continued = lace == 255
		body += size
	}
	return b[body:]
}

// packet counts one, by its beginning.
func (o *oggStream) packet(b []byte) {
	switch {
	case bytes.HasPrefix(b, []byte("OpusHead")):
		*o = oggStream{opus: true, heads: 1, seconds: o.seconds}
	case bytes.HasPrefix(b, []byte("\x01vorbis")) && len(b) >= 29:
		*o = oggStream{hertz: float64(binary.LittleEndian.Uint32(b[12:])), least: float64(int(1)<<(b[28]&15)) / 2, heads: 2, seconds: max(o.seconds, o.position)}
	case o.heads > 0:
		o.heads--
	case o.opus:
		o.seconds += opus(b)
	case o.hertz > 0:
		o.seconds += o.least / o.hertz
	}
}

// opusLongest is the most that a packet of Opus may have, in seconds.
const opusLongest = 0.12

// opus is how long a packet of Opus is.
// https://www.rfc-editor.org/rfc/rfc6716#section-3.1
func opus(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	config, frames, milliseconds := b[0]>>3, 1, 0.0
	switch {
	case config < 12:
		milliseconds = [4]float64{10, 20, 40, 60}[config&3]
	case config < 16:
		milliseconds = [2]float64{10, 20}[config&1]
	default:
		milliseconds = [4]float64{2.5, 5, 10, 20}[config&3]
	}
	switch b[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if frames = 0; len(b) > 1 {
			frames = int(b[1] & 63)
		}
	}
	return min(milliseconds*float64(frames)/1000, opusLongest)
}
