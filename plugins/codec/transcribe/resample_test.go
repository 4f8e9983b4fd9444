package transcribe

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// tone is a second of sound at 24,000 samples.
func tone(hertz float64) (pcm []byte) {
	for i := range 24000 {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(16000*math.Sin(2*math.Pi*hertz*float64(i)/24000))))
	}
	return pcm
}

// loudness is the effective value of samples, without the ends.
func loudness(pcm []byte) float64 {
	sum, n := 0.0, 0
	for i := 200; i+200 < len(pcm); i += 2 {
		x := float64(int16(binary.LittleEndian.Uint16(pcm[i:])))
		sum, n = sum+x*x, n+1
	}
	return math.Sqrt(sum / float64(n))
}

// TestResampler: what speech is made of stays as loud as it was, and what 16,000 samples
// cannot hold is not folded into it.
func TestResampler(t *testing.T) {
	for _, c := range []struct{ hertz, least, most float64 }{
		{0.5, 0.9, 1.1}, {440, 0.98, 1.02}, {3000, 0.98, 1.02}, {6000, 0.9, 1.02}, {9500, 0, 0.05}, {11000, 0, 0.01},
	} {
		var r resampler
		in := tone(c.hertz)
		out := append(r.take(in), r.end()...)
		if want := len(in) / 3 * 2; len(out) != want {
			t.Errorf("%v Hz: %d bytes became %d, not %d", c.hertz, len(in), len(out), want)
		}
		if got := loudness(out) / loudness(in); got < c.least || got > c.most {
			t.Errorf("%v Hz: %.3f as loud, not %v to %v", c.hertz, got, c.least, c.most)
		}
	}
}

// TestResampler_Pieces: however sound is cut, and though each call knows but the state
// that the last one wrote, the same comes out. The loudest sound stays within 16 bits.
func TestResampler_Pieces(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		in := tone(997)
		for i := 0; i < len(in); i += 2 {
			if source.IntN(3) == 0 {
				binary.LittleEndian.PutUint16(in[i:], uint16([...]int16{math.MinInt16, math.MaxInt16}[source.IntN(2)]))
			}
		}
		var whole resampler
		want := append(whole.take(in), whole.end()...)
		var got, state []byte
		for rest := in; ; {
			var r resampler
			r.read(state)
			if len(rest) == 0 {
				got = append(got, r.end()...)
				break
			}
			n := min(2*source.IntN(3000), len(rest))
			got = append(got, r.take(rest[:n])...)
			state, rest = r.raw(), rest[n:]
		}
		if !bytes.Equal(got, want) {
			t.Fatal("pieces sound otherwise than the whole")
		}
	}
}
