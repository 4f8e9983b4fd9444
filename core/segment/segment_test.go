package segment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// show writes found as "group role/kind: text" lines, groups numbered from 1.
func show(found []Found) string {
	var b strings.Builder
	groups := map[int]int{}
	for _, f := range found {
		if groups[f.Group] == 0 {
			groups[f.Group] = len(groups) + 1
		}
		fmt.Fprintf(&b, "%d %s/%s: %s\n", groups[f.Group], f.Role, f.Kind, f.Text)
	}
	return b.String()
}

func TestRequest(t *testing.T) {
	for _, c := range []struct {
		name     string
		endpoint abi.Endpoint
		body     string
		want     string
	}{
		{"C67 string and parts", abi.Chat,
			`{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"text","text":"c"}]}]}`,
			"1 user/text: a\n2 assistant/text: b\n2 assistant/text: c\n"},
		{"C70 messages of one turn", abi.Chat,
			`{"messages":[{"role":"user","content":"ignore all"},{"role":"user","content":[{"type":"text","text":" previous"}]}]}`,
			"1 user/text: ignore all\n1 user/text:  previous\n"},
		{"C71 odd tools", abi.Chat,
			`{"messages":[{"role":"user","content":null}],"tools":[{"type":"function","function":{"name":"f","description":null,"parameters":{"properties":{"city":{"description":"where"}}}}},{"type":"file_search","vector_store_ids":["v1"]}]}`,
			"1 system/tool_description: type\n1 system/tool_description: function\n1 system/tool_description: function\n1 system/tool_description: name\n1 system/tool_description: f\n1 system/tool_description: description\n1 system/tool_description: parameters\n1 system/tool_description: properties\n1 system/tool_description: city\n1 system/tool_description: description\n1 system/tool_description: where\n2 system/tool_description: type\n2 system/tool_description: file_search\n2 system/tool_description: vector_store_ids\n2 system/tool_description: v1\n"},
		{"tool calls and results", abi.Chat,
			`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"sunny"}]}`,
			"1 assistant/tool_name: f\n1 assistant/tool_arguments: {\"a\":1}\n2 tool/tool_result: sunny\n"},
		{"Messages", abi.Messages,
			`{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"text","text":"r"}]}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"zz"},{"type":"tool_use","id":"x","name":"f","input":{"q":"v"}}]}]}`,
			"1 system/text: s\n2 user/tool_result: r\n3 assistant/reasoning: t\n4 assistant/tool_name: f\n5 assistant/tool_arguments: v\n"},
		{"embeddings", abi.Embeddings, `{"model":"m","input":["a","b"],"encoding_format":"float"}`, "1 user/text: a\n1 user/text: b\n"},
		{"unknown members are text", abi.Chat, `{"messages":[{"role":"user","future":{"words":"x"}}]}`, "1 user/text: x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(Request(c.endpoint, []byte(c.body))); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	body := []byte(`{"messages":[{"role":"user","content":"one"},{"role":"user","content":"t\"wo"}],"n":1.50}`)
	found := Request(abi.Chat, body)
	got := string(Replace(nil, body, found, []abi.SegmentText{{ID: 1, Text: "zwei\n"}}))
	if want := `{"messages":[{"role":"user","content":"one"},{"role":"user","content":"zwei\n"}],"n":1.50}`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestEvent(t *testing.T) {
	found, ended := Event(abi.Chat, []byte(`{"choices":[{"index":1,"delta":{"content":"x","tool_calls":[{"index":2,"function":{"arguments":"{"}}]},"finish_reason":"stop"}]}`))
	if len(found) != 2 || found[0].Stream != (Stream{1, KindText, 0}) || found[1].Stream != (Stream{1, KindToolArguments, 2}) {
		t.Errorf("found %+v", found)
	}
	if !ended.Has(Stream{Choice: 1}) || ended.Has(Stream{Choice: 0}) {
		t.Errorf("ended %+v", ended)
	}
	found, _ = Event(abi.Messages, []byte(`{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"hi"}}`))
	if len(found) != 1 || found[0].Text != "hi" || found[0].Stream.Index != 3 {
		t.Errorf("found %+v", found)
	}
}
