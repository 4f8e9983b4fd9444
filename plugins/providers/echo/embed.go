package main

import (
	"math"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

const (
	defaultDimensions = 16
	maxDimensions     = 4096
)

// embeddings makes the LocalAnswer of an embeddings request: for every input a
// unit vector that depends on nothing but the input.
func embeddings(w *wish, body []byte) ([]byte, error) {
	dims := int64(defaultDimensions)
	if d := scan.Get(body, "dimensions"); !scan.IsNull(d) {
		var err error
		if dims, err = wholeNumber("dimensions", d, 1, maxDimensions); err != nil {
			return nil, err
		}
	}
	inputs, err := readInputs(scan.Get(body, "input"))
	if err != nil {
		return nil, err
	}
	b := append(w.begin(200), `,"body":{"answer":{"object":"list","data":[`...)
	tokens := int64(0)
	for i, in := range inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"object":"embedding","index":`...), int64(i), 10)
		b = append(appendVector(append(b, `,"embedding":`...), in.text, dims), '}')
		tokens += in.tokens
	}
	b = append(b, `]},"usage":`...)
	if w.usage != nil {
		b = append(b, w.usage...)
	} else {
		b = append(strconv.AppendInt(append(b, `{"input":`...), tokens, 10), '}')
	}
	return append(b, `}}`...), nil
}

// input is a text, or an array of tokens as it was written.
type input struct {
	text   string
	tokens int64
}

// readInputs takes every form that OpenAI has: a text, texts, tokens, lists of tokens.
func readInputs(raw []byte) (list []input, err error) {
	bad := func(path string) error {
		return refuse(path, "must be a text, an array of texts, an array of tokens or an array of those, and not empty")
	}
	first := func(raw []byte) (kind byte) {
		scan.Elements(raw, func(_ int, v []byte) bool { kind = scan.Kind(v); return false })
		return kind
	}
	switch {
	case scan.Kind(raw) == '"':
		s, _ := scan.String(raw)
		return []input{{s, countWords(s)}}, nil
	case first(raw) == '0':
		return []input{{string(raw), int64(scan.Len(raw))}}, nil
	case first(raw) == 0:
		return nil, bad("input")
	}
	scan.Elements(raw, func(i int, v []byte) bool {
		s, isText := scan.String(v)
		switch {
		case isText:
			list = append(list, input{s, countWords(s)})
		case first(v) == '0':
			list = append(list, input{string(v), int64(scan.Len(v))})
		default:
			err = bad("input[" + strconv.Itoa(i) + "]")
		}
		return err == nil
	})
	return list, err
}

// appendVector spreads the FNV-1a hash of text over the dimensions with
// xorshift64* (S. Vigna, "An experimental exploration of Marsaglia's xorshift
// generators, scrambled", 2016), and brings the vector to length one. The
// conversions keep compilers from fusing operations, so every machine says the same.
func appendVector(b []byte, text string, dims int64) []byte {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h |= 1 // xorshift never leaves zero
	v, sum := make([]float64, dims), 0.0
	for i := range v {
		h ^= h >> 12
		h ^= h << 25
		h ^= h >> 27
		v[i] = float64(int64(h*2685821657736338717)) / (1 << 63)
		sum += float64(v[i] * v[i])
	}
	length := math.Sqrt(sum)
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, f/length, 'g', -1, 32)
	}
	return append(b, ']')
}
