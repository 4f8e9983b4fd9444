package sound

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"
)

// file writes a file of its parts: text as it is, and numbers in hexadecimal behind "0x".
func file(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		if digits, ok := strings.CutPrefix(p, "0x"); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				panic(err)
			}
			b = append(b, raw...)
			continue
		}
		b = append(b, p...)
	}
	return b
}

// silence is PCM in a WAV file: 8 kHz, 16 bit, mono, so 16,000 bytes a second.
func silence(declared string, n int) []byte {
	return append(file("RIFF", "0x00000000", "WAVE", "LIST", "0x03000000", "abc\x00", "fmt ", "0x10000000", "0x01000100", "0x401f0000", "0x01000000", "0x02001000", "data", declared), make([]byte, n)...)
}

// frames are n of 128 kbit/s at 44.1 kHz.
func frames(n int) []byte {
	return bytes.Repeat(append(file("0xfffb9000"), make([]byte, 413)...), n)
}

func TestDuration(t *testing.T) {
	float := hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(1500)))
	ogg := func(head string) []byte {
		return append(file("OggS", "0x00020000000000000000", strings.Repeat("\x00", 12), "0x0113", head, strings.Repeat("\x00", 40)), file("OggS", "0x0004", "0x8038010000000000", strings.Repeat("\x00", 20))...)
	}
	for _, c := range []struct {
		name  string
		file  []byte
		want  time.Duration
		known bool
	}{
		{"wav", silence("0x00fa0000", 64000), 4 * time.Second, true},
		{"wav that was piped", silence("0xffffffff", 32000), 2 * time.Second, true},
		{"wav that says it is shorter than it is by its rate", silence("0x803e0000", 16000), time.Second, true},
		{"flac", append(file("fLaC", "0x00000022", strings.Repeat("\x00", 10), "0x0ac442f0000158880000"), make([]byte, 64)...), 2 * time.Second, true},
		{"mp3", frames(100), 100 * 1152 * time.Second / 44100, true},
		{"mp3 with tags", append(append(file("ID3", "0x04000000000005", "title"), frames(10)...), append([]byte("TAG"), make([]byte, 125)...)...), 10 * 1152 * time.Second / 44100, true},
		{"opus", ogg("OpusHead"), 80000 * time.Second / 48000, true},
		{"vorbis", ogg("\x01vorbis\x00\x00\x00\x00\x01\x80\x3e\x00\x00"), 5 * time.Second, true},
		{"mp4", file("0x00000010", "ftypM4A ", "0x00000000", "0x0000000a", "free", "0x0000", "0x00000024", "moov", "0x0000001c", "mvhd", "0x000000000000000000000000000003e800000bb8"), 3 * time.Second, true},
		{"mp4, long form", file("0x00000010", "ftypM4A ", "0x00000000", "0x00000030", "moov", "0x00000028", "mvhd", "0x01000000", strings.Repeat("\x00", 16), "0x000003e8", "0x0000000000000bb8"), 3 * time.Second, true},
		{"webm with a duration", file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff", "0x1549a966", "0x92", "0x2ad7b1", "0x83", "0x0f4240", "0x4489", "0x88", "0x"+float), 1500 * time.Millisecond, true},
		{"webm that was recorded", append(file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff"), make([]byte, 1987)...), 2004 * time.Millisecond, false},
		{"nothing", nil, 0, false},
		{"something else", make([]byte, 5000), 5 * time.Second, false},
		{"mp3 that ends in something else", append(frames(2), make([]byte, 1166)...), 2 * time.Second, false},
		{"wav without its format", file("RIFF", "0x00000000", "WAVE", "data", "0x04000000", "abcd"), 24 * time.Millisecond, false},
		{"longer than any", file("0x00000010", "ftypM4A ", "0x00000000", "0x00000024", "moov", "0x0000001c", "mvhd", "0x0000000000000000000000000000000100ffffff"), 52 * time.Millisecond, false},
	} {
		d, known := Duration(c.file)
		if known != c.known || (d-c.want).Abs() > time.Microsecond {
			t.Errorf("%s: %v, known %v; want %v, %v", c.name, d, known, c.want, c.known)
		}
	}
}

// FuzzDuration: whatever a client sends, the answer is a time that can be.
func FuzzDuration(f *testing.F) {
	for _, seed := range [][]byte{silence("0x00fa0000", 10), frames(3), file("fLaC", "0x00000022", strings.Repeat("0", 40)), file("OggS", strings.Repeat("\xff", 70)),
		file("0x00000010", "ftypM4A ", "0x00000000", "0x00000001", "moov", "0x0000000000000000"), file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff", "0x1549a966", "0x92")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, known := Duration(b); d < 0 || d > longest && known {
			t.Errorf("%v", d)
		}
	})
}
