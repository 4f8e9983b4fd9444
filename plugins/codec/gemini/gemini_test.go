package gemini

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/gemini")
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		endpoint             abi.Endpoint
		stream               bool
		model, base, options string
		url                  string // "" is unsupported
		refused              string // the member
	}{
		{abi.Chat, false, "gemini-2.5-pro", "", `{}`, defaultBaseURL + "/models/gemini-2.5-pro:generateContent", ""},
		{abi.Chat, true, "gemini-2.5-pro", "", ``, defaultBaseURL + "/models/gemini-2.5-pro:streamGenerateContent?alt=sse", ""},
		{abi.Chat, false, "tunedModels/a b", "https://x.test/v1", ``, "https://x.test/v1/tunedModels/a%20b:generateContent", ""},
		{abi.Chat, false, "a?b:c", "", ``, defaultBaseURL + "/models/a%3Fb%3Ac:generateContent", ""},
		{abi.Embeddings, false, "gemini-embedding-001", "", ``, defaultBaseURL + "/models/gemini-embedding-001:batchEmbedContents", ""},
		{abi.Messages, false, "gemini-2.5-pro", "", ``, "", ""},
		{abi.CountTokens, false, "gemini-2.5-pro", "", ``, defaultBaseURL + "/models/gemini-2.5-pro:countTokens", ""},
		{abi.Images, false, "gemini-2.5-pro", "", ``, "", ""},
		{abi.Images, false, "gemini-2.5-flash-image", "", ``, defaultBaseURL + "/models/gemini-2.5-flash-image:generateContent", ""},
		{abi.Images, false, "nano-banana-pro-preview", "", ``, defaultBaseURL + "/models/nano-banana-pro-preview:generateContent", ""},
		{abi.Images, false, "imagen-3.0-generate-001", "", ``, defaultBaseURL + "/models/imagen-3.0-generate-001:predict", ""},
		{abi.ImageEdits, false, "gemini-3-pro-image", "", ``, defaultBaseURL + "/models/gemini-3-pro-image:generateContent", ""},
		{abi.ImageEdits, false, "imagen-3.0-generate-001", "", ``, "", ""},
		{abi.Chat, false, "imagen-3.0-generate-001", "", ``, "", ""},
		{abi.ImageVariations, false, "gemini-3-pro-image", "", ``, "", ""},
		{abi.Speech, false, "gemini-2.5-flash-preview-tts", "", `{"voices":{"alloy":"Kore"}}`, defaultBaseURL + "/models/gemini-2.5-flash-preview-tts:generateContent", ""},
		{abi.Speech, false, "gemini-2.5-flash", "", ``, "", ""},
		{abi.Transcriptions, false, "gemini-2.5-flash", "", ``, defaultBaseURL + "/models/gemini-2.5-flash:generateContent", ""},
		{abi.Translations, false, "models/gemini-2.5-flash", "", ``, defaultBaseURL + "/models/gemini-2.5-flash:generateContent", ""},
		{abi.Transcriptions, false, "gemini-2.5-flash-preview-tts", "", ``, "", ""},
		{abi.Transcriptions, false, "gemma-3-27b-it", "", ``, "", ""},
		{abi.Speech, false, "m", "", `{"voices":[]}`, "", "options.voices"},
		{abi.Chat, false, "m", "", `{"safety_settings":{}}`, "", "options.safety_settings"},
		{abi.Chat, false, "m", "", `{"safety":[]}`, "", "options.safety"},
	} {
		reply, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: c.stream,
			Deployment: abi.Deployment{Model: c.model, BaseURL: c.base, Options: abi.Raw(c.options)}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		if reply.URL != c.url || reply.Supported != (c.url != "") || !reply.Supported && reply.Reason == "" {
			t.Errorf("%+v: %+v", c, reply)
		}
		if reply.Supported && (reply.Auth != abi.Auth{Scheme: abi.AuthHeader, Name: "x-goog-api-key"}) {
			t.Errorf("%+v: auth %+v", c, reply.Auth)
		}
	}
}

// TestCallID: the same place of the same answer has one id, all else another.
func TestCallID(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		response, name string
		ordinal        int64
	}{{`"r1"`, `"f"`, 0}, {`"r1"`, `"f"`, 1}, {`"r2"`, `"f"`, 0}, {`"r1"`, `"g"`, 0}, {``, `"f"`, 0}} {
		id := string(callID([]byte(c.response), []byte(c.name), c.ordinal))
		if seen[id] || id != string(callID([]byte(c.response), []byte(c.name), c.ordinal)) {
			t.Errorf("%+v: id %s", c, id)
		}
		seen[id] = true
	}
}

func TestRateOf(t *testing.T) {
	for mediaType, want := range map[string]int64{"audio/L16;codec=pcm;rate=24000": 24000, "audio/l16; rate=16000; codec=pcm": 16000, "audio/pcm": 24000,
		"audio/L16;rate=x": 24000, "audio/L16;rate=-1": 24000, "audio/wav": 0, "": 0, "audio/mpeg;rate=44100": 0} {
		if got := rateOf(mediaType); got != want {
			t.Errorf("%q: %d", mediaType, got)
		}
	}
}

func TestStreamState(t *testing.T) {
	for _, s := range []string{"0,", "3sf,", "0s,12f,0,", "1sw3,0fw12c2,", "1sc7,"} {
		if got := parseState(s).String(); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
	for s, n := range map[string]int{"": 1, "1": 1, "8": 8, "9999999": 1, "-1": 1, "x": 1} {
		if got := len(parseState(s)); got != n {
			t.Errorf("%q: %d choices", s, got)
		}
	}
}

// endpoints are all that the codec translates.
var endpoints = [...]abi.Endpoint{abi.Chat, abi.Embeddings, abi.CountTokens, abi.Images, abi.ImageEdits, abi.Speech, abi.Transcriptions, abi.Translations}

// FuzzEncode: whatever a client sends is refused or becomes JSON.
func FuzzEncode(f *testing.F) {
	f.Add([]byte(request2KB))
	f.Add([]byte(`{"prompt":"a","n":1,"size":"1024x1536","image":[{"$file":0,"filename":"a.png","content_type":"","data":"QQ=="},{"image_url":"data:image/png;base64,QQ=="}]}`))
	f.Add([]byte(`{"input":"a","voice":"Kore","instructions":"b","language_code":"en-US"}`))
	f.Add([]byte(`{"file":{"$file":0,"filename":"a.mp3","data":"QQ=="},"language":"en","prompt":"b","temperature":0}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"file","file":{"file_data":7}}]}],"stop":["a",""],"tools":[{}],"extra_body":{"google":{}},"n":1e0}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if scan.Valid(body) != nil {
			return
		}
		for _, endpoint := range endpoints {
			for _, model := range [...]string{"m", "imagen-1"} {
				reply, err := New().Encode(&abi.EncodeRequest{Endpoint: endpoint, Deployment: abi.Deployment{Model: model}, Body: body})
				if err == nil && scan.Valid(reply.Body) != nil {
					t.Fatalf("%s became %s", body, reply.Body)
				}
			}
		}
	})
}

// FuzzDecode: whatever a vendor answers is a failure or becomes JSON.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"s"},{"functionCall":{"name":"f","args":{}}},{"inlineData":{"mimeType":"image/png","data":"QQ=="}}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}]}}],"usageMetadata":{"promptTokenCount":1},"promptFeedback":{"blockReason":"X"}}`} {
		f.Add([]byte(s), "1")
	}
	f.Fuzz(func(t *testing.T, body []byte, state string) {
		if scan.Valid(body) != nil {
			return
		}
		for _, endpoint := range endpoints {
			for _, model := range [...]string{"m", "imagen-1"} {
				if reply, err := New().Decode(&abi.DecodeRequest{Endpoint: endpoint, Deployment: abi.Deployment{Model: model}, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
					t.Fatalf("%s became %s", body, reply.Body)
				}
			}
		}
		if _, err := New().DecodeError(&abi.DecodeErrorRequest{Status: 400, Body: body}); err != nil {
			t.Fatal(err)
		}
		for _, name := range [...]string{""} {
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
	r := &abi.EncodeRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: "gemini-2.5-flash"}, Body: request2KB}
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	p := New()
	r := &abi.DecodeEventsRequest{Endpoint: abi.Chat, State: "0s,", Events: []abi.Event{{Data: abi.Raw(
		`{"candidates":[{"content":{"parts":[{"text":"the quick brown fox"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":15},"modelVersion":"gemini-2.5-flash","responseId":"abc"}`)}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.DecodeEvents(r); err != nil {
			b.Fatal(err)
		}
	}
}
