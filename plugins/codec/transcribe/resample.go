package transcribe

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// resampler makes sound of 24,000 samples a second such of 16,000: two samples of every
// three, each a sum of those around its place. Pieces of any length give the same sound.
// The zero value is at the beginning of an utterance.
type resampler struct {
	tail    []int16 // samples that the next one is made of, as far as they have come
	between bool    // its place is between two of them
}

// reach is how many samples on either side a sum has: a third of a millisecond.
const reach = 12

// filters are the weights of a sum, for a place at a sample and for one between two: a
// low pass below half of the lower rate, a sinc in a window of Hann.
var filters = sync.OnceValue(func() (f [2][2 * reach]float32) {
	const cut = 0.31 // of the higher rate
	for half := range f {
		var h [2 * reach]float64
		sum := 0.0
		for i := range h {
			t := float64(i-reach+1) - float64(half)/2
			h[i] = 2 * cut
			if t != 0 {
				h[i] = math.Sin(2*math.Pi*cut*t) / (math.Pi * t)
			}
			h[i] *= (1 + math.Cos(math.Pi*t/reach)) / 2
			sum += h[i]
		}
		for i := range h {
			f[half][i] = float32(h[i] / sum)
		}
	}
	return f
})

// take is what can be said of the sound by now, in 16 bits, the lower byte first.
func (r *resampler) take(pcm []byte) []byte {
	if r.tail == nil {
		r.tail = make([]int16, reach-1, reach-1+len(pcm)/2)
	}
	for i := 0; i+1 < len(pcm); i += 2 {
		r.tail = append(r.tail, int16(binary.LittleEndian.Uint16(pcm[i:])))
	}
	both := filters()
	out := make([]byte, 0, len(pcm)/3*2+4)
	at := 0
	for ; at+2*reach <= len(r.tail); r.between = !r.between {
		half, step := 0, 1
		if r.between {
			half, step = 1, 2
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(sum(r.tail[at:at+2*reach], &both[half])))
		at += step
	}
	r.tail = r.tail[min(at, len(r.tail)):]
	return out
}

func sum(samples []int16, weights *[2 * reach]float32) int16 {
	var x float32
	for i, w := range weights {
		x += w * float32(samples[i])
	}
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Round(float64(x)))))
}

// end is the rest.
func (r *resampler) end() []byte { return r.take(make([]byte, 2*reach)) }

// raw is nil at the beginning.
func (r *resampler) raw() []byte {
	if r.tail == nil {
		return nil
	}
	b := make([]byte, 0, 2*len(r.tail)+1)
	for _, x := range r.tail {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	if r.between {
		b = append(b, 1)
	}
	return quoted(b)
}

func (r *resampler) read(raw []byte) {
	text, ok := scan.String(raw)
	if !ok {
		return
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return // it is our own
	}
	r.tail, r.between = make([]int16, 0, len(b)/2), len(b)%2 == 1
	for i := 0; i+1 < len(b); i += 2 {
		r.tail = append(r.tail, int16(binary.LittleEndian.Uint16(b[i:])))
	}
}
