package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core"
)

// vendors serves what providers of other dialects than OpenAI's send, by path, and
// keeps what it was asked.
type vendors struct {
	mu    sync.Mutex
	asked map[string]string
}

// said are the vendors' answers: streams in pieces that end anywhere, the last line
// without its end.
var said = map[string][]string{
	"/api/chat": {"{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},{\"fun",
		"ction\":{\"name\":\"g\",\"arguments\":{}}}]},\"done\":false}\n{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"do", "ne\":true,\"done_reason\":\"stop\",\"eval_count\":6}"},
	"/v2/chat": {"event: message-start\ndata: {\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\nevent: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":",
		"{\"content\":{\"text\":\"hi\"}}}}\n\nevent: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":5,\"output_tokens\":1},\"tokens\":{\"input_tokens\":71,\"output_tokens\":1}}}}\n\n"},
	"/embeddings": {`{"object":"list","data":[{"object":"embedding","embedding":[1.0,-0.5],"index":0}],"model":"voyage-3.5","usage":{"total_tokens":7}}`},
}

func (v *vendors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.asked[r.URL.Path] = string(body)
	v.mu.Unlock()
	if r.URL.Path == "/v2/chat" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	for _, piece := range said[r.URL.Path] {
		_, _ = io.WriteString(w, piece)
		w.(http.Flusher).Flush()
	}
}

// vendorsConfig has a deployment and a model of each.
func vendorsConfig() string {
	b := "[server]\nlisten = \"127.0.0.1:0\"\n[storage]\nurl = \"sqlite://data/t.db\"\n"
	for _, name := range []string{"ollama", "cohere", "voyage"} {
		b += fmt.Sprintf("[[plugin]]\nid = \"provider.%[1]s\"\nsource = \"builtin:%[1]s\"\n[[credential]]\nname = \"%[1]s\"\nprovider = \"provider.%[1]s\"\napi_key = \"k-%[1]s\"\n"+
			"[[deployment]]\nname = \"%[1]s\"\nprovider = \"provider.%[1]s\"\nmodel = \"%[1]s-model\"\ncredential = \"%[1]s\"\nbase_url = \"%%s\"\nallow_private = true\n"+
			"price = { input = \"1.00\", output = \"1.00\" }\n[[model]]\nname = \"%[1]s\"\ndeployments = [\"%[1]s\"]\n", name)
	}
	return b
}

// TestGateway_Vendors: providers that speak dialects of their own, from the
// client's request to the ledger's entry. C28 with the bytes that a server sends.
func TestGateway_Vendors(t *testing.T) {
	v := &vendors{asked: map[string]string{}}
	server := httptest.NewServer(v)
	defer server.Close()
	g := newGateway(t, vendorsConfig(), &vendor{url: server.URL})
	g.start()
	k := g.newKey("k", "")
	for _, c := range []struct {
		name, path, body string
		asked            [2]string // the vendor's path, and what stood in the request
		want             []string  // in the answer, in this order
		input, output    int64     // in the ledger; -1 is an estimate
	}{
		{"ollama's calls and end in lines of their own", "/v1/chat/completions", `{"model":"ollama","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"go"}]}`,
			[2]string{"/api/chat", `{"model":"ollama-model","stream":true,"messages":[{"role":"user","content":"go"}]}`},
			[]string{`"index":0,"id":"call_`, `"name":"f","arguments":"{\"a\":1}"`, `"index":1,"id":"call_`, `"name":"g","arguments":"{}"`, `"finish_reason":"tool_calls"`, `"completion_tokens":6`, "data: [DONE]"}, -1, 6},
		{"cohere's stream, of which what is billed counts", "/v1/chat/completions", `{"model":"cohere","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"go"}]}`,
			[2]string{"/v2/chat", `"stream":true`}, []string{`"content":"hi"`, `"finish_reason":"stop"`, `"prompt_tokens":5`, "data: [DONE]"}, 5, 1},
		{"cohere in Anthropic's words", "/v1/messages", `{"model":"cohere","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"go"}]}`,
			[2]string{"/v2/chat", `"max_tokens":9`}, []string{"message_start", `"text":"hi"`, `"stop_reason":"end_turn"`, "message_stop"}, 5, 1},
		{"voyage's numbers as base64", "/v1/embeddings", `{"model":"voyage","input":"x","encoding_format":"base64","input_type":"query","output_dtype":"float"}`,
			[2]string{"/embeddings", `{"model":"voyage-model","input_type":"query","output_dtype":"float","encoding_format":"base64","input":["x"]}`},
			[]string{`"embedding":"AACAPwAAAL8="`, `"total_tokens":7,"prompt_tokens":7`}, 7, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, raw := g.try("POST", c.path, k.Secret, c.body)
			rest := string(raw)
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%d, without %s: %s", status, want, raw)
				}
				rest = after
			}
			v.mu.Lock()
			asked := v.asked[c.asked[0]]
			v.mu.Unlock()
			if !strings.Contains(asked, c.asked[1]) || !json.Valid([]byte(asked)) {
				t.Errorf("asked %s", asked)
			}
			entries := g.entries()
			u := entries[len(entries)-1].Usage
			if c.input >= 0 && u.Input != c.input || u.Output != c.output || (u.InputSource == core.UsageEstimated) != (c.input < 0) || u.Input == 0 {
				t.Errorf("usage %+v", u)
			}
		})
	}
}
