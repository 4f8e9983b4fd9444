package sound

import "bytes"

// mp3 adds up the frames of an MPEG audio file, layer III. Their count in a header
// at the beginning is not believed: there need be none, and it need not be true.
// http://www.mp3-tech.org/programmer/frame_header.html
func mp3(b []byte) (seconds float64) {
	if bytes.HasPrefix(b, []byte("ID3")) && len(b) >= 10 {
		size := int(b[6]&0x7f)<<21 | int(b[7]&0x7f)<<14 | int(b[8]&0x7f)<<7 | int(b[9]&0x7f)
		b = b[min(size+10, len(b)):]
	}
	frames := 0
	for len(b) >= 4 {
		size, length := frame(b)
		if size == 0 {
			if frames == 0 || len(b) < 128 || !bytes.HasPrefix(b, []byte("TAG")) && !bytes.HasPrefix(b, []byte("APETAGEX")) {
				return 0 // no MP3, or one that cannot be followed
			}
			break
		}
		frames++
		seconds += length
		b = b[min(size, len(b)):]
	}
	return seconds
}

// Rates of frames, by the header's bits.
var (
	kilobits1 = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	kilobits2 = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	hertz     = [4]int{44100, 48000, 32000}
)

// frame is how many bytes a frame has, and how many seconds it lasts; 0 when it is none.
func frame(b []byte) (size int, seconds float64) {
	version, layer := b[1]>>3&3, b[1]>>1&3
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 || version == 1 || layer != 1 {
		return 0, 0
	}
	rate, samples, table := hertz[b[2]>>2&3], 1152, &kilobits1
	if version != 3 { // MPEG 2 and 2.5
		rate, samples, table = rate/2, 576, &kilobits2
	}
	if version == 0 {
		rate /= 2
	}
	kilobits := table[b[2]>>4]
	if rate == 0 || kilobits == 0 {
		return 0, 0
	}
	return samples/8*kilobits*1000/rate + int(b[2]>>1&1), float64(samples) / float64(rate)
}
