package llm

import "testing"

func TestStrip(t *testing.T) {
	in := `{"model":"m","top_k":3,"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[{"id":"c","extra_content":{}}]}],"n":1.50}`
	want := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]}],"n":1.50}`
	if got := string(Strip([]byte(in))); got != want {
		t.Errorf("got %s", got)
	}
	kept := `{"model":"m","top_k":3,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[{"id":"c"}]}],"n":1.50}`
	if got := string(Strip([]byte(in), "reasoning_content", "top_k")); got != kept {
		t.Errorf("got %s", got)
	}
	if got := string(Strip([]byte(`{"a":1,"top\u005fk":3}`))); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
	part := `{"messages":[{"content":[{"type":"thinking","thinking":[]}]}]}`
	if got := string(Strip([]byte(`{"thinking":{},` + part[1:]))); got != part {
		t.Errorf("got %s", got)
	}
	plain := []byte(`{"messages":["x"]}`)
	if got := string(Strip(plain)); got != string(plain) {
		t.Errorf("got %s", got)
	}
}
