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

// flacHead says that there is a millisecond; block begins a frame of 4,096 samples.
var (
	flacHead = file("fLaC", "0x00000022", strings.Repeat("\x00", 10), "0x0ac442f00000002c0000", strings.Repeat("\x00", 16))
	block    = append(file("0xfff8c91800", "0x"+hex.EncodeToString([]byte{crc8([]byte{0xff, 0xf8, 0xc9, 0x18, 0})})), make([]byte, 30)...)
)

// vorbis has 16,000 samples a second, and 256 or 2,048 in a block.
const vorbis = "\x01vorbis\x00\x00\x00\x00\x01\x80\x3e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xb8\x01"

// oggPage has a position of 80,000.
func oggPage(packets ...string) []byte {
	b := file("OggS", "0x0004", "0x8038010000000000", strings.Repeat("\x00", 12))
	b = append(b, byte(len(packets)))
	for _, p := range packets {
		b = append(b, byte(len(p)))
	}
	return append(b, strings.Join(packets, "")...)
}

// oggFile has n packets of sound behind two, or with Vorbis' codebooks three, that have none.
func oggFile(head, tags string, n int, packet string) []byte {
	b := append(oggPage(head), oggPage(tags)...)
	for range n {
		b = append(b, oggPage(packet)...)
	}
	return b
}

// webmFile declares a millisecond, and has n blocks in as many clusters, 20 ms apart.
func webmFile(codec string, n int) []byte {
	b := file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff", "0x1549a966", "0x87", "0x4489", "0x84", "0x3f800000",
		"0x1654ae6b", "0x80", "0xae", "0x80", "0xd7", "0x81", "0x01", "0x86", "0x"+hex.EncodeToString([]byte{0x80 + byte(len(codec))}), codec)
	for i := range n {
		b = append(b, file("0x1f43b675", "0x01ffffffffffffff", "0xe7", "0x82")...)
		b = binary.BigEndian.AppendUint16(b, uint16(i*20))
		b = append(b, file("0xa3", "0x86", "0x81", "0x000080", "0x0800")...)
	}
	return b
}

// mp4File says that it lasts a millisecond, its one track by its times as many seconds,
// and has frames of AAC at 48 kHz in its table and in a fragment.
func mp4File(seconds, frames, more uint32) []byte {
	num := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	atom := func(name string, parts ...string) string {
		body := strings.Join(parts, "")
		return num(uint32(len(body)+8)) + name + body
	}
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	entry := atom("mp4a", zeros(24), num(48000<<16))
	stbl := atom("stbl", atom("stsd", zeros(4), num(1), entry), atom("stts", zeros(4), num(1), num(seconds), num(48000)), atom("stsz", zeros(8), num(frames)))
	mdia := atom("mdia", atom("mdhd", zeros(12), num(48000), zeros(8)), atom("hdlr", zeros(8), "soun", zeros(12)), atom("minf", stbl))
	movie := atom("moov", atom("mvhd", zeros(12), num(1000), num(1)), atom("trak", atom("tkhd", zeros(12), num(7), zeros(8)), mdia))
	other := atom("traf", atom("tfhd", zeros(4), num(8)), atom("trun", zeros(4), num(1e6)))
	return []byte(atom("ftyp", "M4A ", zeros(4)) + movie + atom("moof", other, atom("traf", atom("tfhd", zeros(4), num(7)), atom("trun", zeros(4), num(more)))))
}

// extensible is silence whose format stands in the extension: 8 kHz, 16 bit, mono.
func extensible(format uint16, n int) []byte {
	b := file("RIFF", "0x00000000", "WAVE", "fmt ", "0x28000000", "0xfeff0100", "0x401f0000", "0xffffff00", "0x02001000", "0x160010000400000000")
	b = append(b[:len(b)-1], binary.LittleEndian.AppendUint16(nil, format)...)
	b = append(b, make([]byte, 14)...)
	return append(append(b, file("data", "0x007d0000")...), make([]byte, n)...)
}

func TestDuration(t *testing.T) {
	float := hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(1500)))
	for _, c := range []struct {
		name  string
		file  []byte
		want  time.Duration
		known bool
	}{
		{"wav", silence("0x00fa0000", 64000), 4 * time.Second, true},
		{"wav that was piped", silence("0xffffffff", 32000), 2 * time.Second, true},
		{"wav that says it is shorter than it is by its rate", silence("0x803e0000", 16000), time.Second, true},
		{"flac, whatever its info says", append(flacHead, bytes.Repeat(block, 20)...), 20 * 4096 * time.Second / 44100, true},
		{"flac without a frame", append(flacHead, make([]byte, 64)...), 108 * time.Millisecond, false},
		{"mp3", frames(100), 100 * 1152 * time.Second / 44100, true},
		{"mp3 with tags", append(append(file("ID3", "0x04000000000005", "title"), frames(10)...), append([]byte("TAG"), make([]byte, 125)...)...), 10 * 1152 * time.Second / 44100, true},
		{"opus, whatever its positions say", oggFile("OpusHead", "OpusTags", 50, "\x08"), 50 * 20 * time.Millisecond, true},
		{"opus in two chains", append(oggFile("OpusHead", "OpusTags", 50, "\x0b\x02"), oggFile("OpusHead", "OpusTags", 3, "\xf8")...), 2060 * time.Millisecond, true},
		{"opus with junk between its pages", append(append(oggFile("OpusHead", "OpusTags", 50, "\x08"), "junk"...), oggPage("\x08", "\x08")...), 1040 * time.Millisecond, true},
		{"vorbis, by its position", oggFile(vorbis, "\x03vorbis", 1, "\x00"), 5 * time.Second, true},
		{"vorbis, by its packets", oggFile(vorbis, "\x03vorbis", 1501, "\x00"), 1500 * 128 * time.Second / 16000, true},
		{"mp4", file("0x00000010", "ftypM4A ", "0x00000000", "0x0000000a", "free", "0x0000", "0x00000024", "moov", "0x0000001c", "mvhd", "0x000000000000000000000000000003e800000bb8"), 3 * time.Second, true},
		{"mp4, long form", file("0x00000010", "ftypM4A ", "0x00000000", "0x00000030", "moov", "0x00000028", "mvhd", "0x01000000", strings.Repeat("\x00", 16), "0x000003e8", "0x0000000000000bb8"), 3 * time.Second, true},
		{"webm with a duration", file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff", "0x1549a966", "0x92", "0x2ad7b1", "0x83", "0x0f4240", "0x4489", "0x88", "0x"+float), 1500 * time.Millisecond, true},
		{"webm that says less than its packets are", webmFile("A_OPUS", 100), 2 * time.Second, true},
		{"webm that says less than its times", webmFile("A_VORBIS", 100), 1980 * time.Millisecond, true},
		{"webm of less than its bytes can be", append(append(webmFile("A_VORBIS", 2), file("0xec", "0x10200000")...), make([]byte, 2<<20)...), 2097254 * time.Microsecond, true},
		{"webm that was recorded", append(file("0x1a45dfa3", "0x80", "0x18538067", "0x01ffffffffffffff"), make([]byte, 1987)...), 2004 * time.Millisecond, false},
		{"nothing", nil, 0, false},
		{"something else", make([]byte, 5000), 5 * time.Second, false},
		{"mp3 that ends in something else", append(frames(2), make([]byte, 1166)...), 2 * time.Second, false},
		{"wav without its format", file("RIFF", "0x00000000", "WAVE", "data", "0x04000000", "abcd"), 24 * time.Millisecond, false},
		{"mp4 that says less than its times", mp4File(2, 0, 0), 2 * time.Second, true},
		{"mp4 that says less than its frames", mp4File(0, 94, 0), 94 * 1024 * time.Second / 48000, true},
		{"mp4 with fragments", mp4File(0, 10, 84), 94 * 1024 * time.Second / 48000, true},
		{"wav that says no length", silence("0x00000000", 32000), 2 * time.Second, true},
		{"wav that says less than there is", silence("0x10000000", 32000), 2 * time.Second, true},
		{"wav with chunks behind", append(silence("0x007d0000", 32000), "LIST\x04\x00\x00\x00abcd"...), 2 * time.Second, true},
		{"wav of a false rate", bytes.Replace(silence("0x007d0000", 32000), file("0x01000000"), file("0xffffff00"), 1), 2 * time.Second, true},
		{"wav, extensible", extensible(1, 32000), 2 * time.Second, true},
		{"wav of a codec", extensible(0x161, 32000), 32068 * time.Millisecond, false},
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
