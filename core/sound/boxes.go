package sound

import (
	"encoding/binary"
	"math"
)

// mp4 reads the movie header, wherever it stands.
// https://developer.apple.com/documentation/quicktime-file-format/movie_header_atom
func mp4(b []byte) float64 {
	moov := box(b, "moov")
	h := box(moov, "mvhd")
	switch {
	case len(h) >= 20 && h[0] == 0:
		return ratio(uint64(binary.BigEndian.Uint32(h[16:])), binary.BigEndian.Uint32(h[12:]))
	case len(h) >= 32 && h[0] == 1:
		return ratio(binary.BigEndian.Uint64(h[24:]), binary.BigEndian.Uint32(h[20:]))
	}
	return 0
}

func ratio(length uint64, scale uint32) float64 {
	if scale == 0 {
		return 0
	}
	return float64(length) / float64(scale)
}

// box is what is in the first box of the name, nil when there is none.
func box(b []byte, name string) []byte {
	for len(b) >= 8 {
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if size == 1 && len(b) >= 16 {
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size == 0 || size > uint64(len(b)) { // up to the end, or cut off
			size = uint64(len(b))
		}
		if size < head {
			return nil
		}
		if string(b[4:8]) == name {
			return b[head:size]
		}
		b = b[size:]
	}
	return nil
}

// The identifiers of the elements of WebM that say how long it is.
// https://www.matroska.org/technical/elements.html
const (
	webmSegment  = 0x18538067
	webmInfo     = 0x1549a966
	webmScale    = 0x2ad7b1
	webmDuration = 0x4489
)

// webm reads a recording's info. What a browser has recorded has no duration.
func webm(b []byte) float64 {
	info := element(element(b, webmSegment), webmInfo)
	scale := uint64(1_000_000) // nanoseconds
	if s := element(info, webmScale); len(s) > 0 && len(s) <= 8 {
		scale = 0
		for _, c := range s {
			scale = scale<<8 | uint64(c)
		}
	}
	length := 0.0
	switch d := element(info, webmDuration); len(d) {
	case 4:
		length = float64(math.Float32frombits(binary.BigEndian.Uint32(d)))
	case 8:
		length = math.Float64frombits(binary.BigEndian.Uint64(d))
	}
	return length * float64(scale) / 1e9
}

// element is what is in the first element of the identifier.
func element(b []byte, id uint64) []byte {
	for len(b) > 0 {
		name, n := number(b, true)
		size, m := number(b[n:], false)
		if n == 0 || m == 0 {
			return nil
		}
		b = b[n+m:]
		if size > uint64(len(b)) { // also all ones: not known
			size = uint64(len(b))
		}
		if name == id {
			return b[:size]
		}
		b = b[size:]
	}
	return nil
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
