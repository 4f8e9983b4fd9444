package exchange

import "testing"

func TestEstimateInput(t *testing.T) {
	for _, c := range []struct {
		name, body string
		least      int64 // a tokenizer's count
		most       int64
		marked     bool
	}{
		{"words", `{"messages":[{"role":"user","content":"the quick brown fox"}]}`, 4, 12, false},
		{"other members are no input", `{"model":"a model with a long name indeed","user":"somebody","messages":[]}`, 0, 0, false},
		{"escaped quotes stay in their text", `{"messages":[{"content":"say \"hi\" \\"}]}`, 3, 12, false},
		{"token arrays", `{"input":[[1,2,3],[4]]}`, 4, 4, false},
		{"strings to embed", `{"input":["one","two"]}`, 2, 4, false},
		{"a marked part", `{"messages":[{"content":[{"text":"x","cache_control":{"type":"ephemeral"}}]}]}`, 1, 12, true},
		{"a marked tool", `{"tools":[{"name":"f","cache_control":{"type":"ephemeral"}}],"messages":[]}`, 1, 12, true},
		{"all marked", `{"cache_control":{"type":"ephemeral"},"messages":[{"content":"x"}]}`, 1, 4, true},
		{"text that speaks of it", `{"messages":[{"content":"set \"cache_control\" there"}]}`, 3, 16, false},
	} {
		n, marked := estimateInput([]byte(c.body))
		if n < c.least || n > c.most || marked != c.marked {
			t.Errorf("%s: %d tokens, marked %v; want %d to %d, %v", c.name, n, marked, c.least, c.most, c.marked)
		}
	}
}
