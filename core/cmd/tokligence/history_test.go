package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// histories are five upstreams that differ in what they make of an earlier
// message's reasoning_content; each refuses what it does not take (C37).
var histories = []struct {
	name, plugin, source, model string
	wants                       map[string]string // members of the assistant's message that must be there
	refuses                     string            // what may stand nowhere in the body
	strict                      bool              // members that OpenAI's API does not have are refused
	answer                      string
}{
	{name: "new", plugin: "provider.new", source: "deepseek", model: "deepseek-v4-pro", wants: map[string]string{"reasoning_content": "r1"}, answer: chatAnswer},
	{name: "r1", plugin: "provider.r1", source: "deepseek", model: "deepseek-r1", refuses: "reasoning_content", answer: chatAnswer},
	{name: "strict", plugin: "provider.strict", source: "openai", model: "gpt-5-mini", refuses: "r1", strict: true, answer: chatAnswer},
	{name: "renamed", plugin: "provider.renamed", source: "openrouter", model: "a/b", wants: map[string]string{"reasoning": "r1"}, refuses: "reasoning_content", answer: chatAnswer},
	{name: "unsigned", plugin: "provider.anthropic", source: "anthropic", model: "claude-sonnet-5-5", refuses: "r1", answer: `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Bye."}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":2}}`},
}

const chatAnswer = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Bye."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`

// TestC37: one history, with a thought in it, is taken by all of them.
func TestC37(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		for _, h := range histories {
			if h.name != name {
				continue
			}
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("content-type", "application/json")
			if problem := refusalOf(body, h.wants, h.refuses, h.strict); problem != "" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","message":%q}}`, problem)
				return
			}
			fmt.Fprint(w, h.answer)
		}
	}))
	defer server.Close()
	g := newGateway(t, historiesConfig(), &vendor{url: server.URL})
	g.plain = true
	g.start()
	k := g.newKey("histories", "")
	for _, h := range histories {
		resp, body := g.post(k.Secret, "/v1/chat/completions", `{"model":"`+h.name+`","messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"reasoning_content":"r1",`+
			`"tool_calls":[{"id":"call_0","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_0","content":"sunny"},{"role":"user","content":"Thanks"}],`+
			`"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}`)
		if resp.StatusCode != 200 || !strings.Contains(body, `"Bye."`) {
			t.Errorf("%s: %d %s", h.name, resp.StatusCode, body)
		}
	}
}

// historiesConfig has a deployment, and a plugin of its own, for each upstream.
func historiesConfig() string {
	config := "[server]\nlisten = \"127.0.0.1:0\"\n[storage]\nurl = \"sqlite://data/t.db?busy_timeout=1s\"\n"
	for _, h := range histories {
		// The address is the plugin's, not the deployment's: the provider counts as itself.
		config += fmt.Sprintf("[[plugin]]\nid = %q\nsource = \"builtin:%s\"\ntimeout = \"20s\"\n", h.plugin, h.source)
		address := fmt.Sprintf("base_url = \"%%s/%s\"\n", h.name)
		deployment := ""
		if h.source == "anthropic" {
			deployment = address
		} else {
			config += "[plugin.config]\n" + address
		}
		config += fmt.Sprintf("[[credential]]\nname = %q\nprovider = %q\napi_key = \"sk-x\"\n", h.name, h.plugin)
		config += fmt.Sprintf("[[deployment]]\nname = %q\nprovider = %q\nmodel = %q\ncredential = %q\nallow_private = true\nprice = { input = \"0\", output = \"0\" }\n%s", h.name, h.plugin, h.model, h.name, deployment)
		config += fmt.Sprintf("[[model]]\nname = %q\ndeployments = [%q]\n", h.name, h.name)
	}
	return config
}

// refusalOf is why an upstream refuses the body, "" when it takes it.
func refusalOf(body []byte, wants map[string]string, refuses string, strict bool) string {
	if refuses != "" && strings.Contains(string(body), refuses) {
		return "the body has " + refuses
	}
	var request struct{ Messages []map[string]any }
	if err := json.Unmarshal(body, &request); err != nil {
		return err.Error()
	}
	for _, m := range request.Messages {
		if m["role"] != "assistant" {
			continue
		}
		for name, text := range wants {
			if m[name] != text {
				return fmt.Sprintf("the message of the assistant has no %s %q: %v", name, text, m)
			}
		}
		for name := range m {
			if strict && name != "role" && name != "content" && name != "tool_calls" {
				return "unknown member " + name
			}
		}
		return ""
	}
	return "there is no message of the assistant"
}
