package sound

import "encoding/binary"

// mp4 takes the longest of what the movie says of itself and of what its tables of
// samples come to: these have to be true, since a player finds the sound by them.
// https://developer.apple.com/documentation/quicktime-file-format/movie_atoms
func mp4(b []byte) (seconds float64) {
	moov := box(b, "moov")
	switch h := box(moov, "mvhd"); {
	case len(h) >= 20 && h[0] == 0:
		seconds = ratio(uint64(binary.BigEndian.Uint32(h[16:])), binary.BigEndian.Uint32(h[12:]))
	case len(h) >= 32 && h[0] == 1:
		seconds = ratio(binary.BigEndian.Uint64(h[24:]), binary.BigEndian.Uint32(h[20:]))
	}
	boxes(moov, "trak", func(trak []byte) { seconds = max(seconds, soundTrack(b, trak)) })
	return seconds
}

// aacFrame is how many samples a frame of AAC has.
const aacFrame = 1024

// soundTrack is the length of a track of sound: what its table of times adds up to, or
// its frames, those in fragments of the file too, where it is AAC.
func soundTrack(file, trak []byte) (seconds float64) {
	mdia := box(trak, "mdia")
	if h := box(mdia, "hdlr"); len(h) < 12 || string(h[8:12]) != "soun" {
		return 0
	}
	stbl := box(box(mdia, "minf"), "stbl")
	if h := box(mdia, "mdhd"); len(h) >= 24 {
		scale := word(h, 12)
		if h[0] == 1 {
			scale = word(h, 20)
		}
		times := box(stbl, "stts")
		for i := 8; i+8 <= len(times); i += 8 {
			seconds += ratio(uint64(word(times, i))*uint64(word(times, i+4)), scale)
		}
	}
	if d := box(stbl, "stsd"); len(d) >= 44 && string(d[12:16]) == "mp4a" {
		frames := uint64(word(box(stbl, "stsz"), 8)) + fragments(file, trackID(trak))
		seconds = max(seconds, ratio(frames*aacFrame, word(d, 40)>>16))
	}
	return seconds
}

func trackID(trak []byte) uint32 {
	h := box(trak, "tkhd")
	if len(h) > 0 && h[0] == 1 {
		return word(h, 20)
	}
	return word(h, 12)
}

// fragments counts the samples of a track behind the movie's own tables.
func fragments(file []byte, track uint32) (n uint64) {
	boxes(file, "moof", func(moof []byte) {
		boxes(moof, "traf", func(traf []byte) {
			if word(box(traf, "tfhd"), 4) == track {
				boxes(traf, "trun", func(run []byte) { n += uint64(word(run, 4)) })
			}
		})
	})
	return n
}

// word is the number at i; 0 where there is none.
func word(b []byte, i int) uint32 {
	if i+4 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint32(b[i:])
}

func ratio(length uint64, scale uint32) float64 {
	if scale == 0 {
		return 0
	}
	return float64(length) / float64(scale)
}

// box is what is in the first box of the name, nil when there is none.
func box(b []byte, name string) (found []byte) {
	boxes(b, name, func(body []byte) {
		if found == nil {
			found = body
		}
	})
	return found
}

// boxes calls f with what is in each box of the name.
func boxes(b []byte, name string, f func(body []byte)) {
	for len(b) >= 8 {
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if size == 1 && len(b) >= 16 {
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size == 0 || size > uint64(len(b)) { // up to the end, or cut off
			size = uint64(len(b))
		}
		if size < head {
			return
		}
		if string(b[4:8]) == name {
			f(b[head:size])
		}
		b = b[size:]
	}
}
