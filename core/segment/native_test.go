package segment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestRequest_Native(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"Gemini", `{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"inlineData":{"mimeType":"text/plain","data":"c2VjcmV0"}}]},{"role":"model","parts":[{"text":"t","thought":true,"thoughtSignature":"zz"},{"functionCall":{"name":"f","args":{"q":"v"}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"r":"w"}}}]}],"generationConfig":{"stopSequences":["x"],"responseSchema":{"description":"d"}},"safetySettings":[{"category":"C","threshold":"T"}]}`,
			"system/text: s|user/text: a|user/text: secret|model/reasoning: t|model/tool_name: f|model/tool_arguments: q|model/tool_arguments: v|user/tool_result: f|user/tool_result: r|user/tool_result: w|user/tool_description: description|user/tool_description: d"},
		{"Converse", `{"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"a"},{"document":{"format":"txt","name":"n","source":{"bytes":"c2VjcmV0"}}},{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"toolResult":{"toolUseId":"i","content":[{"text":"r"},{"json":{"k":"w"}}],"status":"success"}}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"i","name":"f","input":{"q":"v"}}},{"reasoningContent":{"reasoningText":{"text":"t","signature":"zz"}}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f"}}]}}`,
			"system/text: s|user/text: a|user/text: n|user/text: secret|user/tool_result: r|user/tool_result: k|user/tool_result: w|user/tool_result: success|assistant/tool_name: f|assistant/tool_arguments: q|assistant/tool_arguments: v|assistant/reasoning: t|system/tool_description: tools|system/tool_description: toolSpec|system/tool_description: name|system/tool_description: f"},
		{"Cohere", `{"model":"m","messages":[{"role":"user","content":"a"}],"documents":["x",{"id":"1","data":{"type":"y","p":"z"}}]}`,
			"user/text: a|user/text: x|user/text: id|user/text: 1|user/text: data|user/text: type|user/text: y|user/text: p|user/text: z"},
		{"Ollama", `{"model":"m","system":"s","prompt":"a","options":{"stop":["x"]},"images":["AAAA","not base64!"],"keep_alive":"5m"}`, "system/text: s|user/text: a|user/text: AAAA|user/text: not base64!"},
		{"Voyage and Jina", `{"model":"m","inputs":[["a","b"],{"content":[{"type":"text","text":"c"}]}],"input":[{"text":"d"}],"query":"q","documents":["e",{"text":"f"}]}`,
			"user/text: a|user/text: b|user/text: c|user/text: d|user/text: q|user/text: e|user/text: text|user/text: f"},
		{"lists of strings", `{"contents":["a"],"messages":"b"}`, "/text: a|user/text: b"},
		{"members that nobody knows", `{"future":{"words":"x"},"generationConfig":{"future":"y"}}`, "user/text: x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range Request(abi.Native, []byte(c.body)) {
				got = append(got, fmt.Sprintf("%s/%s: %s", f.Role, f.Kind, f.Text))
			}
			if got := strings.Join(got, "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEvent_Native(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"Gemini", `{"candidates":[{"index":1,"content":{"parts":[{"text":"a"}],"role":"model"},"citationMetadata":{"uri":"u"}}],"modelVersion":"m"}`, "a {1 text 0 .content.parts.text}; u alone"},
		{"Gemini thought", `{"candidates":[{"content":{"parts":[{"text":"a","thought":true}]},"finishReason":"STOP"}]}`, "a {0 reasoning 0 .content.parts.text}; ends 0"},
		{"Gemini call", `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"q":"v"}}}]}}]}`, "f alone; q alone; v alone"},
		{"Converse", `{"contentBlockIndex":2,"delta":{"text":"a"},"p":"abc"}`, "a {0 text 2 .delta.text}"},
		{"Converse call", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{"}},"p":"abc"}`, "{ {0 tool_arguments 2 .delta.toolUse.input}"},
		{"Converse ends", `{"contentBlockIndex":2,"p":"abc"}`, "block 2 ends"},
		{"Converse stops", `{"stopReason":"end_turn","p":"abc"}`, "all end"},
		{"Cohere", `{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"a"}}}}`, "a {0 text 1 .delta.message.content.text}"},
		{"Ollama", `{"model":"m","created_at":"x","message":{"role":"assistant","content":"a"},"done":false}`, "a {0 text 0 .message.content}"},
		{"Ollama ends", `{"done":true,"done_reason":"stop"}`, "all end"},
		{"what is invoked", `{"outputText":"a","completionReason":null}`, "a {0 text 0 .outputText}"},
		{"what is invoked like OpenAI", `{"choices":[{"index":1,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}`, "a {1 text 0 .delta.content}"},
		{"what is invoked and completes", `{"choices":[{"text":"a","stop_reason":"length"}]}`, "a {0 text 0 .text}; ends 0"},
		{"Nova, invoked", `{"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":0}}`, "a {0 text 0 .contentBlockDelta.delta.text}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, ended := Event(abi.Native, []byte(c.data))
			var say []string
			for _, f := range found {
				if f.Alone {
					say = append(say, f.Text+" alone")
				} else {
					say = append(say, fmt.Sprint(f.Text, " ", f.Stream))
				}
			}
			if ended.All {
				say = append(say, "all end")
			}
			for _, b := range ended.Blocks {
				say = append(say, fmt.Sprint("block ", b, " ends"))
			}
			for _, c := range ended.Choices {
				say = append(say, fmt.Sprint("ends ", c))
			}
			if got := strings.Join(say, "; "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What is taken away does not stay behind in probabilities of its tokens.
func TestDropLogprobs_Native(t *testing.T) {
	const body = `{"candidates":[{"content":1,"logprobsResult":{"a":1}}],"logprobs":[1],"delta":{"x":1,"logprobs":[2]}}`
	if got := string(DropLogprobs([]byte(body), []int{0})); got != `{"candidates":[{"content":1}],"logprobs":[],"delta":{"x":1,"logprobs":[]}}` {
		t.Errorf("got %s", got)
	}
}
