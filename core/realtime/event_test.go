package realtime

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestReadClient(t *testing.T) {
	for _, c := range []struct{ name, event, kind, refused string }{
		{"an event", `{"type":"response.create","response":{}}`, "response.create", ""},
		{"escaped", `{"ty\u0070e":"response.create"}`, "response.create", ""},
		{"no type", `{"event_id":"e"}`, "", ""},
		{"a type that is no text", `{"type":1}`, "", ""},
		{"not JSON", `{"type":`, "", "not valid JSON"},
		{"a list", `[]`, "", "must be a JSON object"},
		{"twice", `{"type":"a","type":"response.create"}`, "", "type stands twice"},
		{"twice, once escaped", `{"type":"a","\u0074ype":"response.create"}`, "", "type stands twice"},
		{"in another case", `{"type":"a","Response":{}}`, "", "must be written response"},
		{"others may stand twice", `{"type":"a","x":1,"x":2}`, "a", ""},
	} {
		e, err := ReadClient([]byte(c.event))
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Message, c.refused) || e.Type != c.kind {
			t.Errorf("%s: %q, %v", c.name, e.Type, err)
		}
	}
}

func TestErrorEvent(t *testing.T) {
	got := string(ErrorEvent([]byte(`{"error":{"message":"m \"q\"","type":"t","param":null,"code":"c"}}`), "e1", "mine"))
	if want := `{"type":"error","event_id":"e1","error":{"message":"m \"q\"","type":"t","param":null,"code":"c","event_id":"mine"}}`; got != want {
		t.Errorf("got %s", got)
	}
}

// FuzzReadClient holds the reader to what another reader of JSON makes of an event:
// whatever passes has one type, and it is the same.
func FuzzReadClient(f *testing.F) {
	for _, s := range []string{`{"type":"response.create"}`, `{"type":"a","type":"b"}`, `{"TYPE":"x"}`, `{"ty\u0070e":"b","response":{"model":"m"}}`, `[]`, `{"type":{"type":"x"}}`, "{\"type\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ReadClient(data)
		if err != nil {
			return
		}
		var other map[string]json.RawMessage
		if jerr := json.Unmarshal(data, &other); jerr != nil {
			t.Fatalf("%q passes, and is not JSON: %v", data, jerr)
		}
		var kind string
		_ = json.Unmarshal(other["type"], &kind) // one that is no text stays ""
		if kind != e.Type {
			t.Errorf("%q is read as %q, and as %q by another", data, e.Type, kind)
		}
		for name := range other {
			for _, mine := range acted {
				if strings.EqualFold(name, mine) && name != mine && len(name) == len(mine) {
					t.Errorf("%q has %q", data, name)
				}
			}
		}
	})
}
