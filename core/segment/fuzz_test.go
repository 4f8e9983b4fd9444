package segment

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// FuzzReplace holds, for any body, that what is found stands in its order and
// apart, and that a body with all of it replaced is JSON.
func FuzzReplace(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","name":"n","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:text/plain;base64,YQ=="}}]}],"tools":[{"a":{"b":1}}]}`,
		`{"system":"s","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"f","input":{"a":1.5,"b":["\u007a"],"c":{"d":"e"}}}]}]}`,
		`{"choices":[{"index":1,"delta":{"content":"a","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}]},"logprobs":{}}],"citations":["u"]}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}`, `{"input":["a","b"]}`,
		`{"contents":[{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"text/plain","data":"YQ=="}},{"functionCall":{"name":"f","args":{"a":1}}}]}],"candidates":[{"content":{"parts":[{"text":"b","thought":true}]},"logprobsResult":{}}]}`,
		`{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a\":"}},"p":"abc"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil || scan.Kind(body) != '{' {
			return
		}
		for _, e := range []abi.Endpoint{abi.Chat, abi.Messages, abi.Embeddings, abi.Native} {
			event, _ := Event(e, body)
			for _, found := range [][]Found{Request(e, body), Answer(e, body), event} {
				texts := make([]abi.SegmentText, len(found))
				end := 0
				for i, s := range found {
					if s.ID != i || s.From < end || s.To <= s.From || s.To > len(body) {
						t.Fatalf("segment %d of %s stands at %d to %d, behind %d", i, body, s.From, s.To, end)
					}
					end, texts[i] = s.To, abi.SegmentText{ID: i, Text: "\"new\\"}
				}
				if out := DropLogprobs(Replace(nil, body, found, texts), []int{0, 1}); scan.Valid(out) != nil {
					t.Fatalf("%s became %s", body, out)
				}
			}
		}
	})
}

// FuzzPlain holds that a JSON string means the same without needless escapes.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{`a`, `\u007a\/\ud83d\ude00\"\\u0041\n`, `\ud83d`, `\u00e9`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := []byte(`"` + s + `"`)
		if scan.Valid(raw) != nil {
			return
		}
		plain := []byte(`"` + Plain(s) + `"`)
		before, _ := scan.String(raw)
		after, _ := scan.String(plain)
		if scan.Valid(plain) != nil || before != after {
			t.Errorf("%s became %s", raw, plain)
		}
	})
}
