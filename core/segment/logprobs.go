package segment

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// DropLogprobs empties the log probabilities of the given choices in a chat
// answer or chunk, and all those of a response, a transcript or their events: they
// spell out the text that a guardrail has taken away. So do the words and tokens
// of a transcript, which are left out.
func DropLogprobs(body []byte, choices []int) []byte {
	if scan.Get(body, "choices") == nil {
		return emptyLogprobs(dropDetails(body))
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

// emptyLogprobs empties the lists of that name at any depth, and takes away Gemini's.
func emptyLogprobs(v []byte) []byte {
	if !bytes.Contains(v, []byte(`"logprobs`)) {
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
		case string(key) == "logprobsResult":
			edits = append(edits, scan.Edit{Key: string(key)})
		case kind == '{' || kind == '[':
			edits = append(edits, scan.Edit{Key: string(key), Value: emptyLogprobs(value)})
		}
		return true
	})
	return scan.Apply(nil, v, edits)
}

// dropDetails leaves the words and tokens of a transcript out.
func dropDetails(body []byte) []byte {
	if scan.Kind(scan.Get(body, "text")) != '"' {
		return body
	}
	edits := []scan.Edit{{Key: "words"}}
	list := []byte(nil)
	scan.Elements(scan.Get(body, "segments"), func(_ int, s []byte) bool {
		list = append(list, ',')
		list = scan.Apply(list, s, []scan.Edit{{Key: "tokens"}, {Key: "words"}})
		return true
	})
	if list != nil {
		edits = append(edits, scan.Edit{Key: "segments", Value: scan.CloseArray(list, 0)})
	}
	return scan.Apply(make([]byte, 0, len(body)), body, edits)
}
