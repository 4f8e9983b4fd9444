package sound

import (
	"encoding/binary"
	"math"
)

// The identifiers of the elements of WebM that say how long it is.
// https://www.matroska.org/technical/elements.html
const (
	webmSegment   = 0x18538067
	webmInfo      = 0x1549a966
	webmScale     = 0x2ad7b1
	webmDuration  = 0x4489
	webmTracks    = 0x1654ae6b
	webmEntry     = 0xae
	webmNumber    = 0xd7
	webmCodec     = 0x86
	webmCluster   = 0x1f43b675
	webmTime      = 0xe7
	webmGroup     = 0xa0
	webmBlock     = 0xa1
	webmSimple    = 0xa3
	webmLaced     = 6 // bits of a block's flags
	webmOpus      = "A_OPUS"
	webmBlockHead = 3 // time and flags behind the track's number
)

// recording is what a walk over a file's elements finds.
type recording struct {
	scale    float64 // nanoseconds of a unit of time
	declared float64 // units
	cluster  float64 // the time of the one under way
	last     float64 // block's time, in units
	track    uint64  // of the entry under way
	opus     uint64  // the track that is Opus; 0 for none
	counted  float64 // seconds of Opus
}

// webm counts the packets of Opus, which say how long they are; other sound lasts up to
// its last block, or as long as the info says where that is more. What a browser has
// recorded says nothing of itself.
func webm(b []byte) float64 {
	r := recording{scale: 1_000_000}
	for len(b) > 0 {
		id, n := number(b, true)
		size, m := number(b[n:], false)
		if n == 0 || m == 0 {
			break
		}
		b = b[n+m:]
		switch id {
		case webmSegment, webmInfo, webmTracks, webmEntry, webmCluster, webmGroup:
			continue // what is in it comes next: lengths of these need not be known
		}
		body := b[:min(size, uint64(len(b)))]
		r.element(id, body)
		b = b[len(body):]
	}
	if r.counted > 0 {
		return r.counted
	}
	return max(r.declared, r.last) * r.scale / 1e9
}

func (r *recording) element(id uint64, body []byte) {
	switch id {
	case webmScale:
		r.scale = float64(integer(body))
	case webmDuration:
		switch len(body) {
		case 4:
			r.declared = float64(math.Float32frombits(binary.BigEndian.Uint32(body)))
		case 8:
			r.declared = math.Float64frombits(binary.BigEndian.Uint64(body))
		}
	case webmNumber:
		r.track = integer(body)
	case webmCodec:
		if string(body) == webmOpus {
			r.opus = r.track
		}
	case webmTime:
		r.cluster = float64(integer(body))
	case webmBlock, webmSimple:
		r.block(body)
	}
}

// block counts one. Packets that share a block count as the longest that there are.
func (r *recording) block(b []byte) {
	track, n := number(b, false)
	if n == 0 || len(b) < n+webmBlockHead+1 {
		return
	}
	at := float64(int16(binary.BigEndian.Uint16(b[n:])))
	r.last = max(r.last, r.cluster+at)
	flags, packet := b[n+2], b[n+webmBlockHead:]
	switch {
	case track != r.opus:
	case flags&webmLaced == 0:
		r.counted += opus(packet)
	default:
		r.counted += (float64(packet[0]) + 1) * opusLongest
	}
}

func integer(b []byte) (v uint64) {
	for _, c := range b[:min(len(b), 8)] {
		v = v<<8 | uint64(c)
	}
	return v
}

// number reads a number of variable length, of identifiers with its mark.
func number(b []byte, marked bool) (v uint64, n int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	n = 1
	for mask := byte(0x80); b[0]&mask == 0; mask >>= 1 {
		n++
	}
	if n > len(b) {
		return 0, 0
	}
	if v = uint64(b[0]); !marked {
		v &= 1<<(8-n) - 1
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}
