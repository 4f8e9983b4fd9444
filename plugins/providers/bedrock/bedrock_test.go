package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/bedrock")
}

func TestPlan(t *testing.T) {
	sigv4 := func(region string) abi.Auth {
		return abi.Auth{Scheme: abi.AuthSigV4, Service: "bedrock", Region: region}
	}
	keys, apiKey := []string{"access_key_id", "secret_access_key"}, []string{"api_key"}
	for _, c := range []struct {
		endpoint             abi.Endpoint
		stream               bool
		model, base, options string
		credential           []string
		url                  string // "" is unsupported
		auth                 abi.Auth
		refused              string // the member
	}{
		{abi.Chat, false, "us.anthropic.claude-x-v1:0", "", `{"region":"us-east-1"}`, keys,
			"https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-x-v1%3A0/converse", sigv4("us-east-1"), ""},
		{abi.Chat, true, "arn:aws:bedrock:eu-west-1:123:application-inference-profile/ab", "", `{"region":"eu-west-1"}`, keys,
			"https://bedrock-runtime.eu-west-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123%3Aapplication-inference-profile%2Fab/converse-stream", sigv4("eu-west-1"), ""},
		{abi.Chat, false, "m", "", `{"region":"cn-north-1"}`, keys, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/converse", sigv4("cn-north-1"), ""},
		{abi.Chat, false, "m", "https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com", `{}`, keys,
			"https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com/model/m/converse", sigv4("us-west-2"), ""},
		{abi.Chat, false, "m", "https://bedrock-runtime-fips.us-west-2.amazonaws.com", ``, keys,
			"https://bedrock-runtime-fips.us-west-2.amazonaws.com/model/m/converse", sigv4("us-west-2"), ""},
		{abi.Chat, false, "m", "http://127.0.0.1:9", ``, apiKey, "http://127.0.0.1:9/model/m/converse", abi.Auth{Scheme: abi.AuthBearer}, ""},
		{abi.Chat, false, "m", "http://127.0.0.1:9", ``, keys, "", abi.Auth{}, "options.region"},
		{abi.Chat, false, "m", "", ``, apiKey, "", abi.Auth{}, "options.region"},
		{abi.Chat, false, "m", "", `{"region":"x.evil.test/"}`, keys, "", abi.Auth{}, "options.region"},
		{abi.Chat, false, "m", "", `{"region":"us-east-1","guardrail":{}}`, keys, "", abi.Auth{}, "options.guardrail"},
		{abi.Chat, false, "m", "", `{"region":"us-east-1","prompt_caching":"no"}`, keys, "", abi.Auth{}, "options.prompt_caching"},
		{abi.CountTokens, false, "us.anthropic.claude-x-v1:0", "", `{"region":"us-east-1"}`, keys,
			"https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-x-v1%3A0/count-tokens", sigv4("us-east-1"), ""},
		{abi.CountTokens, false, "us.amazon.nova-lite-v1:0", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.CountTokens, false, "arn:aws:bedrock:eu-west-1:123:inference-profile/eu.anthropic.claude-x-v1:0", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Embeddings, false, "m", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Embeddings, false, "amazon.titan-embed-text-v2:0", "", `{"region":"us-east-1"}`, keys, "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke", sigv4("us-east-1"), ""},
		{abi.Chat, false, "amazon.titan-embed-text-v2:0", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Rerank, false, "cohere.rerank-v3-5:0", "", `{"region":"us-east-1"}`, apiKey, "https://bedrock-runtime.us-east-1.amazonaws.com/model/cohere.rerank-v3-5%3A0/invoke", abi.Auth{Scheme: abi.AuthBearer}, ""},
		{abi.Rerank, false, "m", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Images, false, "amazon.nova-canvas-v1:0", "", `{"region":"us-east-1"}`, keys, "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-canvas-v1%3A0/invoke", sigv4("us-east-1"), ""},
		{abi.ImageEdits, false, "stability.sd3-5-large-v1:0", "", `{"region":"us-east-1"}`, keys, "https://bedrock-runtime.us-east-1.amazonaws.com/model/stability.sd3-5-large-v1%3A0/invoke", sigv4("us-east-1"), ""},
		{abi.ImageEdits, false, "stability.stable-image-ultra-v1:1", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Images, false, "amazon.nova-pro-v1:0", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Chat, false, "amazon.nova-canvas-v1:0", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
		{abi.Messages, true, "m", "", `{"region":"us-east-1"}`, keys, "", abi.Auth{}, ""},
	} {
		reply, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: c.stream,
			Deployment: abi.Deployment{Model: c.model, BaseURL: c.base, Options: abi.Raw(c.options), CredentialFields: c.credential}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		if reply.URL != c.url || reply.Auth != c.auth || reply.Supported != (c.url != "") || !reply.Supported && reply.Reason == "" {
			t.Errorf("%+v: %+v", c, reply)
		}
		if reply.Request.Inline != (reply.Supported && c.endpoint == abi.ImageEdits) {
			t.Errorf("%s %s: inline is %v", c.endpoint, c.model, reply.Request.Inline)
		}
		if reply.Supported && c.stream != (reply.Stream.Framing == abi.FramingAWSEventStream) {
			t.Errorf("%+v: framing %q", c, reply.Stream.Framing)
		}
	}
}

func TestStreamState(t *testing.T) {
	for _, text := range []string{"", "1,", "1i,2,", "0i,s,", "s,", "1i,g2@7.5.-1,s,", "g3,", "t,", "0i,g1,tstop,s,"} {
		s := parseState(text)
		if got := s.String(); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

func TestStops_TooMany(t *testing.T) {
	body := `{"messages":[{"role":"user","content":"a"}],"stop":["x"` + strings.Repeat(`,"x"`, maxStops) + `]}`
	_, err := New().Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "m"}, Body: abi.Raw(body)})
	var refused *abi.Error
	if !errors.As(err, &refused) || refused.Param != "stop" || !strings.Contains(refused.Message, "2500") {
		t.Errorf("got %v", err)
	}
}

// TestDecodeImages_Failed: one of Stability's reasons is no filter but a failure.
func TestDecodeImages_Failed(t *testing.T) {
	_, err := New().Decode(&abi.DecodeRequest{Endpoint: abi.Images, Body: abi.Raw(`{"seeds":[1],"finish_reasons":["Inference error"],"images":[]}`)})
	var failed *abi.Error
	if !errors.As(err, &failed) || failed.Code != abi.UpstreamUnavailable {
		t.Errorf("%v", err)
	}
}

// TestPlan_NativeChoices: whatever the family calls several answers, they are seen,
// and only where a body may ask for them.
func TestPlan_NativeChoices(t *testing.T) {
	p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Native, Deployment: abi.Deployment{Model: "ai21.jamba-1-5-large-v1:0", Options: abi.Raw(`{"region":"us-east-1"}`)}})
	if err != nil || p.Native == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	painted, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Native, Deployment: abi.Deployment{Model: "amazon.nova-canvas-v1:0", Options: abi.Raw(`{"region":"us-east-1"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range painted.Native.Routes {
		if r.Pictures != strings.Contains(r.Path, "invoke") {
			t.Errorf("%s of a model of pictures: %+v", r.Path, r)
		}
	}
	for _, r := range p.Native.Routes {
		want := ""
		if strings.Contains(r.Path, "invoke") {
			want = "n num_generations numResults"
		}
		if got := strings.Join(r.Choices, " "); got != want {
			t.Errorf("%s: %q", r.Path, got)
		}
	}
}

// targets are all that the codec translates, with a model of each kind.
var targets = vectortest.Targets{
	Endpoints: []abi.Endpoint{abi.Chat, abi.Embeddings, abi.Rerank, abi.Images, abi.ImageEdits},
	Models:    []string{"m", "cohere.embed-v4:0", "amazon.rerank-v1:0", "amazon.nova-canvas-v1:0", "stability.sd3-5-large-v1:0"},
	Events:    []string{"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "exception:x"},
}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"prompt":"a","query":"q","documents":["b"],"input":["c"],"n":1,"size":"1024x1024","seed":1,"strength":0.5,"image":[{"data":"QQ=="}],"style":"x","quality":"hd"}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"file","file":{"file_data":7}}]}],"stop":["a",""],"tools":[{}],"extra_body":{"google":{}},"n":1e0}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "1",
		`{"start":{"toolUse":{"toolUseId":"t","name":"f"}},"delta":{"text":"a","reasoningContent":{"text":"b"},"toolUse":{"input":"{}"}},"contentBlockIndex":0,"stopReason":"tool_use","usage":{"inputTokens":1},"message":"m"}`,
		`{"images":["QQ=="],"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}},{"image":{"format":"png","source":{"bytes":"QQ=="}}}]}}}`)
}

func BenchmarkEncode(b *testing.B) { vectortest.BenchmarkEncode(b, New, "us.amazon.nova-lite-v1:0") }

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, New, "", abi.Event{Name: "contentBlockDelta",
		Data: abi.Raw(`{"contentBlockIndex":0,"delta":{"text":"the quick brown fox"},"p":"abcdefghijklmnopqrstuvwxyz"}`)})
}
