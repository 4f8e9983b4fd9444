// Package sound tells how long a recording is by what its file says, without
// decoding it. It exists because not every provider tells what it bills.
package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// slowest is the fewest bytes of a second of speech that a usual codec makes: 8
// kbit/s. What cannot be read is at most as long as at that rate.
const slowest = 1000

// longest is more than any provider takes in one file.
const longest = 48 * time.Hour

// Duration is how long a recording in WAV, FLAC, MP3, Ogg, MP4 or WebM lasts. known
// is false where the file does not tell; the duration is then an upper estimate
// by the file's size.
func Duration(file []byte) (d time.Duration, known bool) {
	seconds := 0.0
	switch {
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WAVE":
		seconds = wav(file[12:])
	case bytes.HasPrefix(file, []byte("fLaC")):
		seconds = flac(file)
	case bytes.HasPrefix(file, []byte("OggS")):
		seconds = ogg(file)
	case len(file) > 8 && string(file[4:8]) == "ftyp":
		seconds = mp4(file)
	case bytes.HasPrefix(file, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		seconds = webm(file)
	default:
		seconds = mp3(file)
	}
	if seconds > 0 && seconds <= longest.Seconds() && !math.IsNaN(seconds) {
		return time.Duration(seconds * float64(time.Second)), true
	}
	return time.Duration(len(file)) * time.Second / slowest, false
}

// wav reads the chunks of a RIFF file. The rate is made of its parts, and the
// data is what is there: both are also told, and need not be true.
// http://soundfile.sapp.org/doc/WaveFormat/
func wav(b []byte) float64 {
	rate := 0.0 // bytes a second
	for len(b) >= 8 {
		id, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		size = min(size, len(b)) // a recording that was piped says 0xffffffff
		switch {
		case id == "fmt " && size >= 16:
			channels, hertz, bits := binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint16(b[14:])
			if rate = float64(channels) * float64(hertz) * float64(bits) / 8; binary.LittleEndian.Uint16(b) != 1 || bits == 0 { // compressed
				rate = float64(binary.LittleEndian.Uint32(b[8:]))
			}
		case id == "data":
			if rate == 0 {
				return 0
			}
			return float64(size) / rate
		}
		b = b[min(size+size&1, len(b)):]
	}
	return 0
}

// flac reads the stream info, which comes first.
// https://www.rfc-editor.org/rfc/rfc9639.html#section-8.2
func flac(b []byte) float64 {
	if len(b) < 26 || b[4]&0x7f != 0 {
		return 0
	}
	info := binary.BigEndian.Uint64(b[18:])
	hertz, samples := info>>44, info&(1<<36-1)
	if hertz == 0 {
		return 0
	}
	return float64(samples) / float64(hertz)
}

// ogg reads the last page's position; its unit is told by the first packet.
// https://www.rfc-editor.org/rfc/rfc3533 https://www.rfc-editor.org/rfc/rfc7845
func ogg(b []byte) float64 {
	last := bytes.LastIndex(b, []byte("OggS"))
	if len(b) < 64 || len(b) < last+14 || len(b) < 27+int(b[26]) {
		return 0
	}
	position := float64(int64(binary.LittleEndian.Uint64(b[last+6:])))
	head := b[27+int(b[26]):]
	switch {
	case bytes.HasPrefix(head, []byte("OpusHead")):
		return position / 48000
	case bytes.HasPrefix(head, []byte("\x01vorbis")) && len(head) >= 16:
		return position / float64(binary.LittleEndian.Uint32(head[12:]))
	}
	return 0
}
