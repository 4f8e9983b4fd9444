package segment

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// DropLogprobs empties the log probabilities of the given choices in a chat
// answer or chunk, and all those of a response or its events: they spell out the text that a guardrail has taken away.
func DropLogprobs(body []byte, choices []int) []byte {
	if scan.Get(body, "choices") == nil {
		return emptyLogprobs(body)
	}
	changed := false
	list := []byte{'['}
	scan.Elements(scan.Get(body, "choices"), func(i int, choice []byte) bool {
		if i > 0 {
			list = append(list, ',')
		}
		if scan.IsNull(scan.Get(choice, "logprobs")) || !slices.Contains(choices, index(choice, i)) {
			list = append(list, choice...)
			return true
		}
		changed = true
		list = scan.Apply(list, choice, []scan.Edit{{Key: "logprobs", Value: []byte("null")}})
		return true
	})
	if !changed {
		return body
	}
	return scan.Apply(make([]byte, 0, len(body)), body, []scan.Edit{{Key: "choices", Value: append(list, ']')}})
}

// emptyLogprobs empties the lists of that name at any depth.
func emptyLogprobs(v []byte) []byte {
	if !bytes.Contains(v, []byte(`"logprobs"`)) {
		return v
	}
	if scan.Kind(v) == '[' {
		var list []byte
		scan.Elements(v, func(_ int, one []byte) bool {
			list = append(append(list, ','), emptyLogprobs(one)...)
			return true
		})
		return scan.CloseArray(list, 0)
	}
	var edits []scan.Edit
	scan.Members(v, func(key, value []byte) bool {
		switch kind := scan.Kind(value); {
		case string(key) == "logprobs" && kind == '[':
			edits = append(edits, scan.Edit{Key: "logprobs", Value: []byte("[]")})
		case kind == '{' || kind == '[':
			edits = append(edits, scan.Edit{Key: string(key), Value: emptyLogprobs(value)})
		}
		return true
	})
	return scan.Apply(nil, v, edits)
}
