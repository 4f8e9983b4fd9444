package exchange

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

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
		{"a long word before a long text", `{"messages":[{"content":"` + strings.Repeat("x", 256) + strings.Repeat(" word", 20_000) + `"}]}`, 20_000, 40_000, false},
		{"text that begins like a data URL", `{"messages":[{"content":"data: ` + strings.Repeat(" word", 20_000) + `"}]}`, 20_000, 40_000, false},
		{"base64 as text", `{"messages":[{"content":"` + strings.Repeat("QUJD", 20_000) + `"}]}`, 20_000, 80_000, false},
		{"numbers", `{"messages":[{"content":"` + strings.Repeat("1,2,", 20_000) + `"}]}`, 80_000, 100_000, false},
		{"Chinese", `{"messages":[{"content":"` + strings.Repeat("漢字", 10_000) + `"}]}`, 20_000, 40_000, false},
		{"a picture", `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("QUJD", 1000) + `"}}]}]}`, 1_600, 1_630, false},
		{"a picture elsewhere", `{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://img.test/a.png"}}]}]}`, 1_600, 1_650, false},
		{"a picture of no type", `{"messages":[{"content":[{"image_url":{"url":"data:image/png;base64,` + strings.Repeat("QUJD", 1000) + `"}}]}]}`, 1_600, 1_630, false},
		{"a document of text", `{"messages":[{"content":[{"type":"document","source":{"type":"text","data":"` + strings.Repeat(" word", 20_000) + `"}}]}]}`, 20_000, 40_000, false},
		{"schema of the answer", `{"output_config":{"format":{"schema":{"description":"` + strings.Repeat(" word", 20_000) + `"}}},"messages":[]}`, 20_000, 40_000, false},
		{"text that speaks of it", `{"messages":[{"content":"set \"cache_control\" there"}]}`, 3, 16, false},
	} {
		e := estimateInput(scan.Walk([]byte(c.body)))
		n, marked := e.tokens, e.marked
		if n < c.least || n > c.most || marked != c.marked {
			t.Errorf("%s: %d tokens, marked %v; want %d to %d, %v", c.name, n, marked, c.least, c.most, c.marked)
		}
	}
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		doc  string
		want glance
	}{
		{`{"choices":[{"delta":{"content":"hello"},"finish_reason":null}],"usage":null}`, glance{delta: true, tokens: 1}},
		{`{ "choices" : [ { "delta" : { } , "finish_reason" : "stop" } ] , "usage" : { "x" : 1 } }`, glance{delta: true, finish: true, usage: true}},
		{`{"choices":[{"finish_reason":null},{"finish_reason":"stop"}]}`, glance{finish: true}},
		{`{"error":{"message":"no"}}`, glance{err: true}},
		{`{"error":null}`, glance{}},
		{`{"delta":{"content":"say \"error\": \"usage\":{} \\"}}`, glance{delta: true, tokens: 7}},
		{`{"a":"error","b":"usage"}`, glance{}},
		{`{"delta":{"content":"a","reasoning_content":"b","tool_calls":[{"function":{"arguments":"c"}},{"function":{"arguments":"d"}}]}}`, glance{delta: true, tokens: 4}},
		{`{"content":null,"text":7}`, glance{}},
		{`{"content":""}`, glance{}},
		{`{"id":"","choices":[]}`, glance{blank: true}},
		{`{"id":"a","delta":null}`, glance{}},
		{`[]`, glance{}},
		{`"x"`, glance{}},
	} {
		if got, err := new(looker).look([]byte(c.doc)); got != c.want || err != nil {
			t.Errorf("%s: %+v, want %+v", c.doc, got, c.want)
		}
	}
}
