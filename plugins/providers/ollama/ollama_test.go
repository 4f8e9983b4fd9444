package main

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/ollama")
}

func TestPlan(t *testing.T) {
	const host = "http://127.0.0.1:11434"
	vectortest.Plans(t, New, []vectortest.Plan{
		{Endpoint: abi.Chat, Stream: true, URL: host + "/api/chat", Auth: abi.AuthNone, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Chat, Base: "https://ollama.com", Credential: "api_key", URL: "https://ollama.com/api/chat", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Completions, URL: host + "/api/generate", Auth: abi.AuthNone, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Embeddings, Options: `{"num_ctx":8192,"keep_alive":-1,"stop":["a"]}`, URL: host + "/api/embed", Auth: abi.AuthNone, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Messages},
		{Endpoint: abi.Rerank},
		{Endpoint: abi.Chat, Options: `{"keep_alive":{}}`, Refused: "options.keep_alive"},
		{Endpoint: abi.Chat, Options: `{"think":1}`, Refused: "options.think"},
		{Endpoint: abi.Chat, Options: `{"num_ctxt":1}`, Refused: "options.num_ctxt"},
	})
}

// TestPlan_Framing: a stream of chat is lines, and what has no output has no cap.
func TestPlan_Framing(t *testing.T) {
	for endpoint, want := range map[abi.Endpoint]abi.Framing{abi.Chat: abi.FramingNDJSON, abi.Completions: abi.FramingNDJSON, abi.Embeddings: ""} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: endpoint, Stream: true})
		if err != nil || p.Stream.Framing != want || (p.Request.OutputCap == "max_tokens") != (want != "") {
			t.Errorf("%s: %+v, %v", endpoint, p, err)
		}
	}
}

func TestWantKind(t *testing.T) {
	for kinds, want := range map[string]string{`"`: "a string", `tf`: "true or false", `tf"`: "true, false or a string", `"0`: "a string or a number"} {
		f := wantKind("x", []byte(`{}`), kinds)
		if f == nil || f.Named().Error() != "invalid_request: x must be "+want {
			t.Errorf("%s: %v", kinds, f)
		}
	}
	if f := wantKind("x", []byte(`"a"`), `0"`); f != nil {
		t.Errorf("%v", f.Named())
	}
}

func TestStreamState(t *testing.T) {
	for text, want := range map[string]string{"": "0,0,0", "4": "4,0,0", "4,1,7s": "4,1,7s", "0,0,0s": "0,0,0s", "x,y,zs": "0,0,0s"} {
		s := parseState(text)
		if got := s.String(); got != want {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

var targets = vectortest.Targets{Endpoints: []abi.Endpoint{abi.Chat, abi.Completions, abi.Embeddings}, Models: []string{"qwen3"}}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}}]},{"role":"assistant","reasoning_content":"r","content":[]}],"stop":["a",""],"tools":[{}],"n":1e0,"options":{"num_ctx":1},"think":"low"}`,
		`{"prompt":["a"],"suffix":"b","logprobs":1,"raw":true}`, `{"input":["a"],"dimensions":1,"truncate":true}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "2,1,3s",
		`{"model":"q","message":{"content":"a","thinking":"b","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":true,"logprobs":[{"token":"a","logprob":1}],"prompt_eval_count":1}`,
		`{"response":"a","done":false,"logprobs":[{"token":"é","logprob":-1,"top_logprobs":[{"token":"x","logprob":2}]}]}`, `{"error":"{\"error\":{\"message\":\"a\"}}"}`, `{"embeddings":[[1],"x"]}`)
}

func BenchmarkEncode(b *testing.B) { vectortest.BenchmarkEncode(b, New, "qwen3") }

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, New, "0,0,0s", abi.Event{Data: abi.Raw(`{"model":"q","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"the quick brown fox"},"done":false}`)})
}
