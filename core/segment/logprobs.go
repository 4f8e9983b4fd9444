package segment

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// DropLogprobs empties the log probabilities of the given choices in a chat
// answer or chunk: they spell out the text that a guardrail has taken away.
func DropLogprobs(body []byte, choices []int) []byte {
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
