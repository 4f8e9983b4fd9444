package messages

import "testing"

// TestNative: what a bridge put on blocks does not reach a vendor, all else stays as it is.
func TestNative(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"none":      {`{"model":"m", "messages":[{"role":"user","content":"a"}]}`, ""},
		"only said": {`{"messages":[{"role":"user","content":"extra_content"}]}`, ""},
		"text": {`{"messages":[{"role":"assistant","content":[{"type":"text","text":"a","extra_content":{"google":{"thought_signature":"s"}}}]},{"role":"user","content":"b"}],"max_tokens":1.0}`,
			`{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"}]},{"role":"user","content":"b"}],"max_tokens":1.0}`},
		"empty text": {`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}},{"type":"text","text":"","extra_content":{}}]}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]}]}`},
		"citations": {`{"messages":[{"role":"assistant","content":[{"type":"text","text":"a","citations":[{"type":"web_search_result_location","url":"u","title":null,"cited_text":"","encrypted_index":""},{"type":"web_search_result_location","url":"v","title":null,"cited_text":"c","encrypted_index":"e"}]},{"type":"text","text":"b","citations":[{"type":"web_search_result_location","url":"u","encrypted_index": ""}]}]}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"text","text":"a","citations":[{"type":"web_search_result_location","url":"v","title":null,"cited_text":"c","encrypted_index":"e"}]},{"type":"text","text":"b"}]}]}`},
		"call": {`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"extra_content":1},"extra_content":{}}]}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"extra_content":1}}]}]}`},
		"sealed thoughts": {`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"or1.e30"},{"type":"redacted_thinking","data":"\u006fr1.e30"},{"type":"thinking","thinking":"b","signature":"c2ln"},{"type":"text","text":"or1."}]}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"b","signature":"c2ln"},{"type":"text","text":"or1."}]}]}`},
	} {
		if c.want == "" {
			c.want = c.in
		}
		got, err := Native([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, c.want)
		}
	}
}
