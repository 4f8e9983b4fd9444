package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
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
	for _, text := range []string{"", "1,", "1i,2,", "0i,s,", "s,", "1i,g2@7.5.-1,s,", "g3,"} {
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

// modelOf has a model for each endpoint.
var modelOf = map[abi.Endpoint]string{abi.Chat: "m", abi.Embeddings: "cohere.embed-v4:0", abi.Rerank: "amazon.rerank-v1:0",
	abi.Images: "amazon.nova-canvas-v1:0", abi.ImageEdits: "stability.sd3-5-large-v1:0"}

// FuzzEncode: whatever a client sends is refused or becomes JSON.
func FuzzEncode(f *testing.F) {
	f.Add([]byte(request2KB))
	f.Add([]byte(`{"prompt":"a","query":"q","documents":["b"],"input":["c"],"n":1,"size":"1024x1024","seed":1,"strength":0.5,"image":[{"data":"QQ=="}],"style":"x","quality":"hd"}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"file","file":{"file_data":7}}]}],"stop":["a",""],"tools":[{}],"extra_body":{"google":{}},"n":1e0}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil {
			return
		}
		for endpoint, model := range modelOf {
			reply, err := New().Encode(&abi.EncodeRequest{Endpoint: endpoint, Deployment: abi.Deployment{Model: model}, Body: body})
			if err == nil && scan.Valid(reply.Body) != nil {
				t.Fatalf("%s became %s", body, reply.Body)
			}
		}
	})
}

// FuzzDecode: whatever a vendor answers is a failure or becomes JSON.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"start":{"toolUse":{"toolUseId":"t","name":"f"}},"delta":{"text":"a","reasoningContent":{"text":"b"},"toolUse":{"input":"{}"}},"contentBlockIndex":0,"stopReason":"tool_use","usage":{"inputTokens":1},"message":"m"}`, `{"images":["QQ=="],"output":{"message":{"content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}},{"image":{"format":"png","source":{"bytes":"QQ=="}}}]}}}`} {
		f.Add([]byte(s), "1")
	}
	f.Fuzz(func(t *testing.T, body []byte, state string) {
		if scan.Valid(body) != nil {
			return
		}
		for endpoint := range modelOf {
			if reply, err := New().Decode(&abi.DecodeRequest{Endpoint: endpoint, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
				t.Fatalf("%s became %s", body, reply.Body)
			}
		}
		if _, err := New().DecodeError(&abi.DecodeErrorRequest{Status: 400, Body: body}); err != nil {
			t.Fatal(err)
		}
		for _, name := range [...]string{"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "exception:x"} {
			reply, err := New().DecodeEvents(&abi.DecodeEventsRequest{State: state, Events: []abi.Event{{Name: name, Data: body}, {Name: name, Data: body}}, End: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range reply.Chunks {
				if scan.Valid(c) != nil {
					t.Fatalf("%s became %s", body, c)
				}
			}
		}
	})
}

// request2KB has a tool turn, tools and parameters.
var request2KB = abi.Raw(`{"model":"m","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"` +
	strings.Repeat("the quick brown fox ", 40) + `"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}}]},` +
	`{"role":"tool","tool_call_id":"call_1","content":"{\"temp\":21.5}"},{"role":"user","content":"And tomorrow? ` + strings.Repeat("lazy dog ", 30) + `"}],` +
	`"tools":[{"type":"function","function":{"name":"get_weather","description":"Get the weather for a city.","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}}}],` +
	`"tool_choice":"auto","temperature":0.7,"max_tokens":512,"stop":["END"],"stream":true}`)

func BenchmarkEncode2KB(b *testing.B) {
	p := New()
	r := &abi.EncodeRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: "us.amazon.nova-lite-v1:0"}, Body: request2KB}
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Encode(r); err != nil {
			b.Fatal(err)
		}
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

func BenchmarkDecodeEvent(b *testing.B) {
	p := New()
	r := &abi.DecodeEventsRequest{Endpoint: abi.Chat, Events: []abi.Event{{Name: "contentBlockDelta",
		Data: abi.Raw(`{"contentBlockIndex":0,"delta":{"text":"the quick brown fox"},"p":"abcdefghijklmnopqrstuvwxyz"}`)}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.DecodeEvents(r); err != nil {
			b.Fatal(err)
		}
	}
}
