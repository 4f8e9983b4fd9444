package responses

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/dialect/bridge/bridgetest"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var suite = bridgetest.Suite{Dir: "../../../testdata/vectors/responses", Bridge: Bridge{}, ID: "resp_1", Whole: "response.json", Check: checkEvents}

func TestVectors(t *testing.T) { suite.Run(t) }

// replay is what a client makes of a stream, as OpenAI's own libraries do it.
type replay struct {
	items []*replayed
	last  string
}

type replayed struct {
	id, kind string
	parts    map[string]string // by path: what the deltas came to
	done     []byte
}

// checkEvents holds a stream to OpenAI's order: numbers without a gap, items added
// in the order of their index, deltas only for what is open, each done event and
// the response at the end with what the deltas came to.
func checkEvents(events []byte) error {
	var r replay
	n := int64(0)
	for event := range bytes.SplitSeq(bytes.TrimSpace(events), []byte("\n\n")) {
		name, data, ok := bytes.Cut(event, []byte("\ndata: "))
		kind := strings.TrimPrefix(string(name), "event: ")
		if !ok || scan.Valid(data) != nil || scan.GetString(data, "type") != kind {
			return fmt.Errorf("bad event %q", event)
		}
		if seq, ok := scan.GetInt(data, "sequence_number"); !ok || seq != n {
			return fmt.Errorf("event %d has the number %d", n, seq)
		}
		n++
		if err := r.take(kind, data); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	if r.last != "response.completed" && r.last != "response.incomplete" {
		return fmt.Errorf("the last event is %s", r.last)
	}
	return nil
}

func (r *replay) take(kind string, data []byte) error {
	r.last = kind
	index, _ := scan.GetInt(data, "output_index")
	switch kind {
	case "response.created", "response.in_progress":
		return nil
	case "response.completed", "response.incomplete":
		return r.whole(scan.Get(data, "response"))
	case "response.output_item.added":
		if int(index) != len(r.items) {
			return fmt.Errorf("item %d is added at %d", len(r.items), index)
		}
		r.items = append(r.items, &replayed{id: scan.GetString(data, "item", "id"), kind: scan.GetString(data, "item", "type"), parts: map[string]string{}})
		return nil
	}
	if int(index) >= len(r.items) || r.items[index].done != nil {
		return fmt.Errorf("item %d is not open", index)
	}
	item := r.items[index]
	if kind == "response.output_item.done" {
		item.done = scan.Get(data, "item")
		return item.check()
	}
	if id := scan.GetString(data, "item_id"); id != item.id {
		return fmt.Errorf("item_id is %s and not %s", id, item.id)
	}
	path := strings.Join([]string{string(scan.Get(data, "content_index")), string(scan.Get(data, "summary_index"))}, "/")
	if delta := scan.Get(data, "delta"); delta != nil {
		item.parts[path] += scan.GetString(data, "delta")
		return nil
	}
	for _, name := range [...]string{"text", "refusal", "arguments", "input"} {
		if v := scan.Get(data, name); v != nil && scan.GetString(data, name) != item.parts[path] {
			return fmt.Errorf("%s is %s, the deltas came to %q", name, v, item.parts[path])
		}
	}
	return nil
}

// check: the item has what its deltas came to.
func (i *replayed) check() error {
	if scan.GetString(i.done, "id") != i.id || scan.GetString(i.done, "type") != i.kind {
		return fmt.Errorf("another item than was added: %s", i.done)
	}
	for path, text := range i.parts {
		if !bytes.Contains(i.done, scan.AppendString(nil, text)) {
			return fmt.Errorf("%s of the item does not say %q: %s", path, text, i.done)
		}
	}
	return nil
}

func (r *replay) whole(response []byte) (err error) {
	output := scan.Get(response, "output")
	if scan.Len(output) != len(r.items) {
		return fmt.Errorf("the response has not all items: %s", output)
	}
	scan.Elements(output, func(i int, item []byte) bool {
		if r.items[i].done == nil || !bytes.Equal(item, r.items[i].done) {
			err = fmt.Errorf("item %d is %s, it was told as %s", i, item, r.items[i].done)
		}
		return err == nil
	})
	return err
}

// TestRoundTrip: signed thoughts and calls come back as they came, and a thought
// whose text was changed comes back unsigned.
func TestRoundTrip(t *testing.T) {
	const blocks = `[{"type":"thinking","thinking":"first \"é\"","signature":"s1"},{"type":"redacted_thinking","data":"r1"},{"type":"thinking","thinking":"","signature":"s3"},{"type":"thinking","thinking":"second","signature":"s2"}]`
	const calls = `[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"n\":1.50}"},"extra_content":{"google":{"thought_signature":"g1"}}}]`
	answer := `{"choices":[{"index":0,"message":{"role":"assistant","content":"A","thinking_blocks":` + blocks + `,"tool_calls":` + calls + `},"finish_reason":"tool_calls"}]}`
	whole, err := Bridge{}.FromChat(nil, []byte(answer), &bridge.Answer{ID: "resp_1", Usage: core.Usage{}})
	if err != nil {
		t.Fatal(err)
	}
	back := func(output string) []byte {
		chat, _, err := Bridge{}.ToChat([]byte(`{"model":"m","input":`+output+`}`), bridge.To{})
		if err != nil {
			t.Fatal(err)
		}
		var m []byte
		scan.Elements(scan.Get(chat, "messages"), func(_ int, v []byte) bool { m = v; return false })
		return m
	}
	output := string(scan.Get(whole, "output"))
	m := back(output)
	if got := string(scan.Get(m, "thinking_blocks")); got != blocks {
		t.Errorf("thoughts\n got %s\nwant %s", got, blocks)
	}
	if got := string(scan.Get(m, "tool_calls")); got != calls {
		t.Errorf("calls\n got %s\nwant %s", got, calls)
	}
	changed := back(strings.Replace(output, `first \"é\"`, "[removed]", 1))
	if got := string(scan.Get(changed, "thinking_blocks")); strings.Contains(got, "s1") || !strings.Contains(got, "s2") {
		t.Errorf("a changed thought is signed still, or another is not: %s", got)
	}
	scan.Elements(scan.Get(whole, "output"), func(_ int, item []byte) bool {
		if sealed := unseal(scan.Get(item, "encrypted_content")); bytes.Contains(sealed, []byte("first")) || bytes.Contains(sealed, []byte("second")) {
			t.Errorf("the thoughts stand in encrypted_content: %s", sealed)
		}
		return true
	})
}

// TestRoundTrip_Calls: what a vendor's own tools did in an answer of calls alone, of each
// kind, comes back with the next turn, once, and reaches no vendor of the Responses API.
func TestRoundTrip_Calls(t *testing.T) {
	const extra = `{"anthropic":{"blocks":[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"s1","content":[]}]}}`
	for _, tools := range []string{`[{"type":"function","name":"f"}]`, `[{"type":"custom","name":"f"}]`, `[{"type":"local_shell"}]`} {
		name := "f"
		if strings.Contains(tools, "local_shell") {
			name = "local_shell"
		}
		call := func(id string) string {
			return `{"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":"{}"}}`
		}
		whole, err := Bridge{}.FromChat(nil, []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[`+call("c1")+","+call("c2")+`],"extra_content":`+extra+`},"finish_reason":"tool_calls"}]}`),
			&bridge.Answer{ID: "resp_1", Request: []byte(`{"tools":` + tools + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		request := []byte(`{"model":"m","tools":` + tools + `,"input":` + string(scan.Get(whole, "output")) + `}`)
		chat, _, err := Bridge{}.ToChat(request, bridge.To{})
		if err != nil {
			t.Fatal(err)
		}
		if scan.Elements(scan.Get(chat, "messages"), func(_ int, m []byte) bool {
			if got := string(scan.Get(m, "extra_content")); got != extra || scan.Len(scan.Get(m, "tool_calls")) != 2 {
				t.Errorf("%s: %s", tools, m)
			}
			return true
		}); scan.Len(scan.Get(chat, "messages")) != 1 || scan.Get(whole, "extra_content") != nil {
			t.Errorf("%s: %s of %s", tools, chat, whole)
		}
		if native, err := Native(request); err != nil || bytes.Contains(native, []byte("extra_content")) {
			t.Errorf("%s: %s %v", tools, native, err)
		}
	}
}

// FuzzToChat: whatever comes in, what goes out is JSON, or an error that names a member.
func FuzzToChat(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":[{"type":"reasoning","summary":[{"text":"a"}],"encrypted_content":"tk1.e30"},{"type":"custom_tool_call","call_id":"c","input":"x"}],"tools":[{"type":"custom","name":"t"}]}`))
	f.Add([]byte(`{"model":"m","input":[{"role":"user","content":[{"type":"input_audio"}]}],"text":{"format":{"type":"json_schema"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil || scan.Kind(body) != '{' {
			t.Skip()
		}
		chat, _, err := Bridge{}.ToChat(body, bridge.To{})
		if err != nil {
			if core.AsError(err).Param == "" {
				t.Errorf("%v names no member", err)
			}
			return
		}
		if err := scan.Valid(chat); err != nil {
			t.Errorf("%v in %s", err, chat)
		}
	})
}

// FuzzStream: whatever chunks come, the stream is one that clients can read.
func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"choices":[{"index":0,"delta":{"content":"a","reasoning_content":"b","tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]}}]}`), []byte(`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]},"finish_reason":"stop"}]}`))
	f.Add([]byte(`{"choices":[{"index":0,"delta":{"reasoning_content":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","signature":"s","index":1}]}}]}`), []byte(`{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}],"content":"b"}}]}`))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		if scan.Valid(one) != nil || scan.Valid(two) != nil {
			t.Skip()
		}
		s := Bridge{}.Stream(&bridge.Answer{ID: "resp_1", Request: []byte(`{"tools":[{"type":"custom","name":"f"}]}`)})
		var out []byte
		var err error
		for _, chunk := range [...][]byte{one, two, one} {
			if out, err = s.Chunk(out, chunk); err != nil {
				return
			}
		}
		if out, err = s.Finish(out, core.Usage{}); err == nil {
			err = checkEvents(out)
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, out)
		}
	})
}
