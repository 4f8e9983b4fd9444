package sound

import (
	"encoding/binary"
	"math"
)

// WaveHead is the head of a WAV file of so many bytes of samples: PCM, 16 bits, one
// channel, rate samples a second. A length that it has no room for is written as the
// most, by which players read to the end.
func WaveHead(size int, rate uint32) []byte {
	data := uint32(min(uint64(size), math.MaxUint32-36))
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), data+36)
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // channels
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*2)
	b = binary.LittleEndian.AppendUint16(b, 2)  // bytes of a sample
	b = binary.LittleEndian.AppendUint16(b, 16) // bits
	return binary.LittleEndian.AppendUint32(append(b, "data"...), data)
}
