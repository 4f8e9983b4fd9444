package sound

import (
	"bytes"
	"encoding/binary"
)

// flac adds up the blocks of the frames that there are. The number of samples in the
// stream info is not believed.
// https://www.rfc-editor.org/rfc/rfc9639.html#section-9.1
func flac(b []byte) (seconds float64) {
	if len(b) < 26 || b[4]&0x7f != 0 {
		return 0
	}
	hertz := int(binary.BigEndian.Uint64(b[18:]) >> 44)
	for b = b[26:]; ; b = b[1:] {
		i := bytes.IndexByte(b, 0xff)
		if i < 0 {
			return seconds
		}
		b = b[i:]
		samples, rate := flacFrame(b)
		if rate == 0 || rate > hertz && hertz > 0 {
			rate = hertz // where the two differ, what lasts longer
		}
		if samples > 0 && rate > 0 {
			seconds += float64(samples) / float64(rate)
		}
	}
}

// Rates of FLAC by the frame's code; 0 is that of the stream info.
var flacHertz = [12]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// flacFrame reads a frame's header; samples is 0 where b begins with none. Its check
// keeps chance away, but for once in 16 MB.
func flacFrame(b []byte) (samples, rate int) {
	if len(b) < 6 || b[1]&0xfe != 0xf8 || b[3]&1 != 0 {
		return 0, 0
	}
	n := 5 + max(leadingOnes(b[4])-1, 0) // behind the number of the frame
	next := func(size int) (v int) {
		for range size {
			if n < len(b) {
				v = v<<8 | int(b[n])
			}
			n++
		}
		return v
	}
	switch code := int(b[2] >> 4); {
	case code == 1:
		samples = 192
	case code >= 8:
		samples = 256 << (code - 8)
	case code == 6 || code == 7:
		samples = next(code-5) + 1
	case code > 0:
		samples = 576 << (code - 2)
	}
	switch code := int(b[2] & 15); code {
	case 12:
		rate = next(1) * 1000
	case 13:
		rate = next(2)
	case 14:
		rate = next(2) * 10
	case 15:
		return 0, 0
	default:
		rate = flacHertz[code]
	}
	if n >= len(b) || crc8(b[:n]) != b[n] {
		return 0, 0
	}
	return samples, rate
}

func leadingOnes(c byte) (n int) {
	for ; c&0x80 != 0; c <<= 1 {
		n++
	}
	return n
}

// crc8 is the check of a frame's header: x⁸ + x² + x + 1.
func crc8(b []byte) (crc byte) {
	for _, c := range b {
		crc ^= c
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
