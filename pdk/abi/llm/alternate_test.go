package llm

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

func TestAlternate(t *testing.T) {
	for _, c := range []struct{ name, messages, want string }{
		{"in turn", `[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`, ``},
		{"tools and systems stay", `[{"role":"system","content":"a"},{"role":"system","content":"b"},{"role":"tool","content":"c"},{"role":"tool","content":"d"}]`, ``},
		{"texts", `[{"role":"user","content":"a"},{"role":"user","content":"b","name":"n"},{"role":"user","content":""}]`, `[{"role":"user","content":"a\n\nb","name":"n"}]`},
		{"reasoning in order", `[{"role":"user","content":"q"},{"role":"assistant","content":"a","reasoning_content":"r1"},{"role":"assistant","content":"b","reasoning_content":"r2"},{"role":"user","content":"c"}]`,
			`[{"role":"user","content":"q"},{"role":"assistant","content":"a\n\nb","reasoning_content":"r1\n\nr2"},{"role":"user","content":"c"}]`},
		{"calls", `[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"assistant","content":"b","tool_calls":[{"id":"2"}]}]`,
			`[{"role":"assistant","content":"b","tool_calls":[{"id":"1"},{"id":"2"}]}]`},
		{"parts", `[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"user","content":"b"},{"role":"user","content":[{"type":"image_url"}]}]`,
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"image_url"}]}]`},
		{"text before parts", `[{"role":"user","content":"a"},{"role":"user","content":[{"type":"image_url"}]}]`, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}]`},
		{"of the rest the first", `[{"role":"user","content":"a","name":"n","x":1},{"role":"user","content":"b","name":"m","y":2}]`, `[{"role":"user","content":"a\n\nb","name":"n","x":1,"y":2}]`},
		{"none", `[]`, ``},
		{"no messages", `[1,"user",{"role":7},{"role":7}]`, ``},
	} {
		body := `{"model": "m","messages":` + c.messages + `,"n":1.50}`
		want := body
		if c.want != "" {
			want = `{"model": "m","messages":` + c.want + `,"n":1.50}`
		}
		if got := string(Alternate([]byte(body))); got != want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// FuzzAlternate: whatever valid body comes in, a valid one goes out in which
// nobody speaks twice in a row.
func FuzzAlternate(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant"},{"role":"assistant","content":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil {
			t.Skip()
		}
		out := Alternate(body)
		if err := scan.Valid(out); err != nil {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
		var last []byte
		scan.Elements(scan.Get(out, "messages"), func(_ int, m []byte) bool {
			if last != nil && follows(last, m) {
				t.Errorf("%s follows %s", m, last)
			}
			last = m
			return true
		})
	})
}
