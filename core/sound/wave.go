package sound

import "encoding/binary"

// What the samples of a WAV file are, as its format says.
// https://www.rfc-editor.org/rfc/rfc2361.html#appendix-A
const (
	wavePCM        = 1
	waveADPCM      = 2
	waveFloat      = 3
	waveALaw       = 6
	waveMuLaw      = 7
	waveIMA        = 0x11
	waveMP3        = 0x55
	waveExtensible = 0xfffe // the format proper stands further behind
)

// wav reads the chunks of a RIFF file. The rate is made of what a decoder plays by,
// and never the one that is told beside; MP3 within is counted as elsewhere, and
// other compressed sound is not known.
// http://soundfile.sapp.org/doc/WaveFormat/
func wav(b []byte) float64 {
	rate, format := 0.0, uint16(0) // bytes a second
	for len(b) >= 8 {
		id, declared := string(b[:4]), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
		size := int(min(uint64(declared), uint64(len(b))))
		switch {
		case id == "fmt " && size >= 16:
			format, rate = waveFormat(b[:size])
		case id == "data":
			if data := waveData(b, size); format == waveMP3 {
				return mp3(data)
			} else if rate > 0 {
				return float64(len(data)) / rate
			}
			return 0
		}
		b = b[min(size+size&1, len(b)):]
	}
	return 0
}

func waveFormat(b []byte) (format uint16, rate float64) {
	format = binary.LittleEndian.Uint16(b)
	if format == waveExtensible && len(b) >= 26 {
		format = binary.LittleEndian.Uint16(b[24:])
	}
	channels, hertz, bits := binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint16(b[14:])
	switch format {
	case wavePCM, waveFloat, waveALaw, waveMuLaw, waveADPCM, waveIMA:
		return format, float64(channels) * float64(hertz) * float64(bits) / 8
	}
	return format, 0
}

// waveData is the sound: size bytes, where whole chunks follow it up to the end of the
// file, and else all that is there. A recording that was piped says 0 or 0xffffffff,
// and players differ in what they make of another length that is too small.
func waveData(b []byte, size int) []byte {
	rest := b[min(size+size&1, len(b)):]
	for len(rest) >= 8 {
		n := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if n += n & 1; rest[0] < ' ' || n > uint64(len(rest)-8) { // silence is no chunk
			return b
		}
		rest = rest[8+n:]
	}
	if size == 0 || len(rest) > 0 {
		return b
	}
	return b[:size]
}
