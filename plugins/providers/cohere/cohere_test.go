package main

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/cohere")
}

func TestPlan(t *testing.T) {
	const host = "https://api.cohere.com"
	vectortest.Plans(t, New, []vectortest.Plan{
		{Endpoint: abi.Chat, Stream: true, Credential: "api_key", URL: host + "/v2/chat", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Chat, Base: "http://127.0.0.1:9/x", URL: "http://127.0.0.1:9/x/v2/chat", Auth: abi.AuthNone, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Embeddings, Options: `{"input_type":"clustering"}`, Credential: "api_key", URL: host + "/v2/embed", Auth: abi.AuthBearer, Request: abi.Transform, Response: abi.Transform},
		{Endpoint: abi.Rerank, Credential: "api_key", URL: host + "/v2/rerank", Auth: abi.AuthBearer, Request: abi.Passthrough, Response: abi.Passthrough},
		{Endpoint: abi.Messages, Credential: "api_key"},
		{Endpoint: abi.Speech, Credential: "api_key"},
		{Endpoint: abi.Chat, Options: `{"safety_mode":1}`, Refused: "options.safety_mode"},
		{Endpoint: abi.Chat, Options: `{"input_typ":"x"}`, Refused: "options.input_typ"},
	})
}

// TestPlan_Rerank: what is billed of an answer that passes through.
func TestPlan_Rerank(t *testing.T) {
	p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Rerank})
	if err != nil || len(p.Usage.Searches) != 1 || p.Usage.Searches[0] != "meta.billed_units.search_units" || len(p.Usage.Output) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if got := strings.Join(p.Request.Unsupported, " "); got != "rank_fields max_chunks_per_doc" {
		t.Errorf("%s is refused", got)
	}
}

func TestStreamState(t *testing.T) {
	for _, text := range []string{"", "0,", "1a,2,7a,"} {
		s := parseState(text)
		if got := s.String(); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	s := parseState("x,9a,-,")
	if got := s.String(); got != "9a," {
		t.Errorf("%q", got)
	}
}

var targets = vectortest.Targets{Endpoints: []abi.Endpoint{abi.Chat, abi.Embeddings}, Models: []string{"command-a-plus", "command-r"}}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ==","detail":"low"}}]},{"role":"assistant","citations":[{"sources":[]}],"content":[]}],"stop":["a",""],"tools":[{}],"n":1e0,"documents":[1],"thinking":{"type":"adaptive"}}`,
		`{"input":["a",{"content":[{"type":"text","text":"b"},{"type":"image_url","image_url":"https://x"}]}],"dimensions":1,"truncate":true,"output_dtype":"int8"}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "0a,1,",
		`{"message":{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"b"}],"tool_plan":"c","tool_calls":[{"id":"t","function":{"name":"f","arguments":"{}"}}],"citations":[1]},"logprobs":[{"text":"a","logprobs":[1,2]}],"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1},"cached_tokens":3}}`,
		`{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"t","function":{"name":"f","arguments":"x"}}}}}`,
		`{"type":"content-delta","delta":{"message":{"content":{"text":"a","thinking":"b"}}},"logprobs":{"text":"a","logprobs":[1]}}`,
		`{"embeddings":{"float":[[1],"x"]},"meta":{"billed_units":{"images":1}}}`)
}

func BenchmarkEncode(b *testing.B) { vectortest.BenchmarkEncode(b, New, "command-a-plus") }

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, New, "", abi.Event{Data: abi.Raw(`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"the quick brown fox"}}}}`)})
}
