package segment

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Ended tells which running texts an event ends.
type Ended struct {
	All     bool
	Choices []int // all texts of these choices
	Blocks  []int // texts with this index
}

// Has reports whether the text s is ended.
func (e Ended) Has(s Stream) bool {
	if e.All {
		return true
	}
	for _, c := range e.Choices {
		if c == s.Choice {
			return true
		}
	}
	for _, b := range e.Blocks {
		if b == s.Index {
			return true
		}
	}
	return false
}

// Event finds the text that one event of a stream adds, in the client's
// dialect, and which texts it ends.
func Event(endpoint abi.Endpoint, data []byte) ([]Found, Ended) {
	w := walker{body: data, role: "assistant"}
	if endpoint == abi.Messages {
		return w.messagesEvent(data)
	}
	return w.chatChunk(data)
}

func (w *walker) chatChunk(data []byte) ([]Found, Ended) {
	var ended Ended
	scan.Elements(scan.Get(data, "choices"), func(i int, choice []byte) bool {
		w.choice = index(choice, i)
		if scan.GetString(choice, "finish_reason") != "" {
			ended.Choices = append(ended.Choices, w.choice)
		}
		scan.Members(scan.Get(choice, "delta"), func(key, value []byte) bool {
			if string(key) != "tool_calls" {
				w.member(string(key), value, KindText)
				return true
			}
			scan.Elements(value, func(n int, call []byte) bool {
				w.indexed(index(call, n), func() { w.value(call, KindToolArguments) })
				return true
			})
			return true
		})
		return true
	})
	return w.found, ended
}

// indexed gives all that f finds the index of its tool call or block.
func (w *walker) indexed(index int, f func()) {
	from := len(w.found)
	f()
	for i := from; i < len(w.found); i++ {
		w.found[i].Stream.Index = index
	}
}

// messagesEvent reads Anthropic's stream events.
// https://docs.anthropic.com/en/api/messages-streaming
func (w *walker) messagesEvent(data []byte) ([]Found, Ended) {
	block := index(data, 0)
	switch scan.GetString(data, "type") {
	case "content_block_start":
		w.indexed(block, func() { w.value(scan.Get(data, "content_block"), KindText) })
	case "content_block_delta":
		w.indexed(block, func() {
			scan.Members(scan.Get(data, "delta"), func(key, value []byte) bool {
				kind := KindText
				if string(key) == "partial_json" {
					kind = KindToolArguments
				}
				w.member(string(key), value, kind)
				return true
			})
		})
	case "content_block_stop":
		return nil, Ended{Blocks: []int{block}}
	case "message_delta", "message_stop", "error":
		return nil, Ended{All: true}
	}
	return w.found, Ended{}
}
