package conformance

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
)

const (
	// mostAttacks is how many inputs of one sort are made of a document.
	mostAttacks = 400
	cuts        = 24 // places where a document is cut off
	randoms     = 64 // random JSON documents
)

// attacks are inputs that no gateway sends: members of the wrong type anywhere,
// documents that end early, random JSON. They are the same at each run.
func attacks(check *Result, f abi.Function, documents [][]byte) (list []*call) {
	seed := fnv.New64a()
	seed.Write([]byte(f))
	r := rand.New(rand.NewPCG(seed.Sum64(), 1))
	for _, doc := range documents[:min(3, len(documents))] {
		changed := twist(doc)
		if len(changed) > mostAttacks {
			r.Shuffle(len(changed), func(i, j int) { changed[i], changed[j] = changed[j], changed[i] })
			changed = changed[:mostAttacks]
		}
		for _, in := range changed {
			list = append(list, &call{check: check, function: f, input: in, sane: true})
		}
		for i := range cuts {
			list = append(list, &call{check: check, function: f, input: doc[:len(doc)*i/cuts]})
		}
	}
	for range randoms {
		list = append(list, &call{check: check, function: f, input: encode(random(r, 0)), sane: true})
	}
	return list
}

// twist makes a document for each value in doc and each other type of value.
func twist(doc []byte) (list [][]byte) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		panic(err)
	}
	var walk func(v any, put func(any))
	walk = func(v any, put func(any)) {
		for _, other := range []any{nil, true, "x", json.Number("-1"), json.Number("1e400"), []any{}, []any{nil}, map[string]any{}} {
			put(other)
			list = append(list, encode(root))
		}
		put(v)
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k], func(x any) { v[k] = x })
			}
		case []any:
			for i := range v {
				walk(v[i], func(x any) { v[i] = x })
			}
		}
	}
	walk(root, func(x any) { root = x })
	return list
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

var names = []string{"body", "messages", "role", "content", "type", "text", "events", "data", "name", "state", "usage", "segments", "id",
	"candidates", "weight", "choices", "delta", "tools", "function", "deployment", "endpoint", "stage", "", "né", "\x00"}

// random makes JSON out of the contract's words.
func random(r *rand.Rand, depth int) any {
	n := r.IntN(8)
	if depth > 5 {
		n = r.IntN(5)
	}
	switch n {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.NormFloat64() * 1e9
	case 3:
		return r.IntN(100) - 50
	case 4:
		return names[r.IntN(len(names))]
	case 5:
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = random(r, depth+1)
		}
		return list
	}
	o := make(map[string]any)
	for range r.IntN(7) {
		o[names[r.IntN(len(names))]] = random(r, depth+1)
	}
	return o
}
