package anthropic

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/anthropic")
}

func TestPlan(t *testing.T) {
	xAPIKey := abi.Auth{Scheme: abi.AuthHeader, Name: "x-api-key"}
	bearer := abi.Auth{Scheme: abi.AuthBearer, Value: "${credential.auth_token}"}
	none := abi.Auth{Scheme: abi.AuthNone}
	forward := []string{"anthropic-version", "anthropic-beta"}
	for _, c := range []struct {
		endpoint      abi.Endpoint
		base, options string
		credential    string
		url           string // "" is unsupported
		auth          abi.Auth
		mode          abi.Mode
		forward       []string
		cap           string
		headers       string
		refused       string // the member
	}{
		{abi.Chat, "", ``, "api_key", "https://api.anthropic.com/v1/messages", xAPIKey, abi.Transform, nil, "max_completion_tokens", `{"anthropic-version":"2023-06-01"}`, ""},
		{abi.Messages, "", `{"max_tokens":5}`, "api_key", "https://api.anthropic.com/v1/messages", xAPIKey, abi.Passthrough, forward, "max_tokens", `{"anthropic-version":"2023-06-01"}`, ""},
		{abi.CountTokens, "", ``, "api_key", "https://api.anthropic.com/v1/messages/count_tokens", xAPIKey, abi.Passthrough, forward, "", `{"anthropic-version":"2023-06-01"}`, ""},
		{abi.Messages, "http://127.0.0.1:9", `{"anthropic_version":"2024-01-01","anthropic_beta":"a,b"}`, "auth_token", "http://127.0.0.1:9/v1/messages", bearer, abi.Passthrough,
			forward, "max_tokens", `{"anthropic-beta":"a,b","anthropic-version":"2024-01-01"}`, ""},
		{abi.Messages, "http://127.0.0.1:9", ``, "", "http://127.0.0.1:9/v1/messages", none, abi.Passthrough, forward, "max_tokens", `{"anthropic-version":"2023-06-01"}`, ""},
		{abi.Embeddings, "", ``, "api_key", "", abi.Auth{}, "", nil, "", `null`, ""},
		{abi.Images, "", ``, "api_key", "", abi.Auth{}, "", nil, "", `null`, ""},
		{abi.Chat, "", `{"max_tokens":0}`, "", "", none, "", nil, "", ``, "options.max_tokens"},
		{abi.Chat, "", `{"anthropic_version":""}`, "", "", none, "", nil, "", ``, "options.anthropic_version"},
		{abi.Chat, "", `{"anthropic_beta":"a\r\nb"}`, "", "", none, "", nil, "", ``, "options.anthropic_beta"},
		{abi.Chat, "", `{"beta":"a"}`, "", "", none, "", nil, "", ``, "options.beta"},
	} {
		d := abi.Deployment{Model: "m", BaseURL: c.base, Options: abi.Raw(c.options)}
		if c.credential != "" {
			d.CredentialFields = []string{c.credential}
		}
		p, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: true, Deployment: d})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		headers, err := json.Marshal(p.Headers)
		if err != nil {
			t.Fatal(err)
		}
		if p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "" || p.Auth != c.auth || p.Request.Mode != c.mode ||
			p.Response.Mode != c.mode || p.Request.OutputCap != c.cap || !slices.Equal(p.Request.ForwardHeaders, c.forward) || string(headers) != c.headers {
			t.Errorf("%+v: %+v", c, p)
		}
		if c.endpoint == abi.Messages && (p.Stream.Mode != abi.Passthrough || len(p.Usage.Input) == 0) {
			t.Errorf("messages: %+v", p)
		}
	}
}

// TestErrorPatterns: the host's patterns mean what the rules do.
func TestErrorPatterns(t *testing.T) {
	for i, p := range errorPatterns() {
		re, err := regexp.Compile("^(?:" + p.Message + ")")
		if err != nil {
			t.Fatal(err)
		}
		if prefix := errorRules[i].prefix; !re.MatchString(prefix+" and more") || regexp.QuoteMeta(prefix) != prefix {
			t.Errorf("%q does not match as %q does", p.Message, prefix)
		}
	}
}

func TestStreamState(t *testing.T) {
	for _, text := range []string{"", "1,", "1i,2,", "0i,s,", "h4,s,", "w3.7,1,s,", "w0.1,\n,{\"title\":\"a,b\",\"url\":\"https://a.test\"}\n\n", "0i,h4,\n\n{\\\"a\\n\n{\"type\":\"server_tool_use\",\n\"id\":\"s\"}"} {
		s := parseState(text)
		if got := s.String(); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// TestEncode_Memory: what one call leaves behind changes no other, also when it
// was too large to be kept, and another deployment is another one.
func TestEncode_Memory(t *testing.T) {
	p := New()
	large := strings.Repeat("x", keepBytes+1)
	for _, c := range []struct{ model, content, options, max string }{
		{"claude-opus-4-1", large, `{"max_tokens":7}`, "7"},
		{"claude-opus-4-1", "a", `{"max_tokens":7}`, "7"},
		{"claude-opus-4-1", large, `{"max_tokens":7}`, "7"},
		{"claude-opus-4-1", large, `{"max_tokens":7}`, "7"},
		{"claude-opus-4-1", "a", ``, "32000"},
		{"claude-sonnet-4-5", "a", ``, "64000"},
	} {
		d := abi.Deployment{Model: c.model, Options: abi.Raw(c.options), Text: abi.Raw(c.model + c.options)}
		reply, err := p.Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: d, Body: abi.Raw(`{"messages":[{"role":"user","content":"` + c.content + `"}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"model":"` + c.model + `","max_tokens":` + c.max + `,"messages":[{"role":"user","content":[{"type":"text","text":"` + c.content + `"}]}]}`
		if string(reply.Body) != want || len(reply.Notices) > 0 {
			t.Errorf("%s: %.200s, %v", c.model, reply.Body, reply.Notices)
		}
	}
}

// targets are what the codec translates. Of a stream's states only those that String writes
// come back.
var targets = vectortest.Targets{
	Endpoints: []abi.Endpoint{abi.Chat}, Models: []string{"claude-opus-4-7", "claude-sonnet-4-5", "m"},
	State: func(state string) bool {
		_, blocks, ok := strings.Cut(state, "\n")
		_, block, _ := strings.Cut(blocks, "\n")
		return !ok || scan.Valid([]byte(block)) == nil
	},
}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"messages":[{"role":"user","cache_control":{},"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"file","file":{"file_data":7}}]},{"role":"assistant","thinking_blocks":[{}],"extra_content":{"anthropic":{"blocks":[{},1]}}}],"stop":["a",""],"tools":[{}],"n":1e0}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "1i,h2,\nx\n{}",
		`{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"t","name":"f","input":{}},"delta":{"type":"input_json_delta","partial_json":"{\"a\""},"usage":{"input_tokens":1}}`,
		`{"content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{}},{"type":"thinking","thinking":"b","signature":"c"}],"stop_reason":"end_turn"}`)
}

func BenchmarkEncode(b *testing.B) { vectortest.BenchmarkEncode(b, New, "claude-sonnet-4-5") }

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, New, "", abi.Event{Name: "content_block_delta",
		Data: abi.Raw(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"the quick brown fox"}}`)})
}
