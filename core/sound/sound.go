// Package sound tells how long a recording is by what its file says, without
// decoding it. It exists because not every provider tells what it bills.
package sound

import (
	"bytes"
	"math"
	"time"
)

// slowest is the fewest bytes of a second of speech that a usual codec makes: 8
// kbit/s. What cannot be read is at most as long as at that rate.
const slowest = 1000

// fastest is the most bytes of a second of a compressed recording, 8 Mbit/s, pictures
// and all: a file of these formats is at least as long as at that rate.
const fastest = 1_000_000

// longest is more than any provider takes in one file.
const longest = 48 * time.Hour

// Duration is how long a recording in WAV, FLAC, MP3, Ogg, MP4 or WebM lasts. known
// is false where the file does not tell; the duration is then an upper estimate
// by the file's size.
//
// A client may write into a file what it likes, and is billed by this where a provider
// tells nothing. So what can be counted is counted: samples of PCM, frames of FLAC and
// MP3, packets of Opus. Of AAC the longest of the tables that players go by is taken,
// of Vorbis and what else is in WebM the longest of the times and what the packets have
// at the least; and no file of theirs is shorter than its bytes at 8 Mbit/s.
func Duration(file []byte) (d time.Duration, known bool) {
	seconds := 0.0
	switch {
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WAVE":
		seconds = wav(file[12:])
	case bytes.HasPrefix(file, []byte("fLaC")):
		seconds = flac(file)
	case bytes.HasPrefix(file, []byte("OggS")):
		seconds = bounded(ogg(file), file)
	case len(file) > 8 && string(file[4:8]) == "ftyp":
		seconds = bounded(mp4(file), file)
	case bytes.HasPrefix(file, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		seconds = bounded(webm(file), file)
	default:
		seconds = mp3(file)
	}
	if seconds > 0 && seconds <= longest.Seconds() && !math.IsNaN(seconds) {
		return time.Duration(seconds * float64(time.Second)), true
	}
	return time.Duration(len(file)) * time.Second / slowest, false
}

// bounded is no less than what the file's bytes last at the fastest; 0 stays 0, which
// is not known.
func bounded(seconds float64, file []byte) float64 {
	if !(seconds > 0) {
		return 0
	}
	return max(seconds, float64(len(file))/fastest)
}
