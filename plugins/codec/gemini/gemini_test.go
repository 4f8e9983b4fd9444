package gemini

import (
	"errors"
	"slices"
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
		{abi.Realtime, false, "gemini-3.8-live", "", ``, "https://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", ""},
		{abi.Realtime, false, "models/gemini-2.5-flash-native-audio-latest", "http://127.0.0.1:9/x/v1alpha", ``, "http://127.0.0.1:9/x/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent", ""},
		{abi.Realtime, false, "gemini-3.1-flash-live-preview", "https://x.test", ``, "https://x.test/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", ""},
		{abi.Realtime, false, "gemini-2.5-flash", "", ``, "", ""},
		{abi.Realtime, false, "gemini-3.5-transcribe-live", "", ``, "", ""},
		{abi.Realtime, false, "gemini-3.5-live-translate-preview", "", ``, "", ""},
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
		auth := abi.Auth{Scheme: abi.AuthHeader, Name: "x-goog-api-key"}
		if c.endpoint == abi.Realtime { // as Google's own packages do
			auth = abi.Auth{Scheme: abi.AuthQuery, Name: "key"}
		}
		if reply.Supported && reply.Auth != auth {
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
	for _, s := range []string{"0,", "3sf,", "0s,12f,0,", "1sw3,0fw12c2,", "1sc7,", "0sfa,1saw2,"} {
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

// targets are all that the codec translates.
var targets = vectortest.Targets{Models: []string{"m", "imagen-1"},
	Endpoints: []abi.Endpoint{abi.Chat, abi.Embeddings, abi.CountTokens, abi.Images, abi.ImageEdits, abi.Speech, abi.Transcriptions, abi.Translations}}

func FuzzEncode(f *testing.F) {
	vectortest.FuzzEncode(f, New, targets,
		`{"prompt":"a","n":1,"size":"1024x1536","image":[{"$file":0,"filename":"a.png","content_type":"","data":"QQ=="},{"image_url":"data:image/png;base64,QQ=="}]}`,
		`{"input":"a","voice":"Kore","instructions":"b","language_code":"en-US"}`,
		`{"file":{"$file":0,"filename":"a.mp3","data":"QQ=="},"language":"en","prompt":"b","temperature":0}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"file","file":{"file_data":7}}]}],"stop":["a",""],"tools":[{}],"extra_body":{"google":{}},"n":1e0}`)
}

func FuzzDecode(f *testing.F) {
	vectortest.FuzzDecode(f, New, targets, "1",
		`{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"s"},{"functionCall":{"name":"f","args":{}}},{"inlineData":{"mimeType":"image/png","data":"QQ=="}}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}]}}],"usageMetadata":{"promptTokenCount":1},"promptFeedback":{"blockReason":"X"}}`)
}

func FuzzConverse(f *testing.F) {
	vectortest.FuzzConverse(f, New, "gemini-3.8-live", []string{
		`{"type":"session.update","session":{"audio":{"input":{"turn_detection":null,"transcription":{"language":"de"}},"output":{"voice":"Kore"}},"max_output_tokens":9}}`,
		`{"type":"session.update","session":{"tools":[{"type":"function","name":"f","parameters":{"properties":{"a":{"type":["string","null"],"anyOf":[{"const":"x"}],"items":{"enum":["a"]}}}}}]}}`,
		`{"type":"conversation.item.create","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,QQ=="}]}}`,
		`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":"x"}}`,
		`{"type":"input_audio_buffer.commit"}`, `{"type":"response.cancel"}`,
	}, []string{
		`{"setupComplete":{}}`, `{"toolCall":{"functionCalls":[{"id":"c","name":"f","args":{"a":1.0}}]},"usageMetadata":{"promptTokenCount":-1,"responseTokensDetails":[{"modality":"AUDIO","tokenCount":9}]}}`,
		`{"serverContent":{"interrupted":true,"inputTranscription":{"text":"a","finished":true},"outputTranscription":{"text":"\u0041"},"modelTurn":{"parts":[{"text":"b"},{"inlineData":{"mimeType":"audio/pcm","data":"AAAA"}}]},"turnComplete":true}}`,
		`{"error":{"code":3,"message":"m","status":"INVALID_ARGUMENT"},"goAway":{"timeLeft":"5s"},"voiceActivity":{"voiceActivityType":"ACTIVITY_START"}}`,
	})
}

func BenchmarkEncode(b *testing.B) { vectortest.BenchmarkEncode(b, New, "gemini-2.5-flash") }

func BenchmarkDecodeEvent(b *testing.B) {
	vectortest.BenchmarkEvent(b, New, "0s,", abi.Event{Data: abi.Raw(
		`{"candidates":[{"content":{"parts":[{"text":"the quick brown fox"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":15},"modelVersion":"gemini-2.5-flash","responseId":"abc"}`)})
}

// TestPlanLive: every part of a session's usage stands where the codec writes it, and what
// was kept of sound and pictures is no part of the rest.
func TestPlanLive(t *testing.T) {
	doc := append(append([]byte(`{"response":{"usage":`), liveUsage([]byte(`{"promptTokenCount":100,"cachedContentTokenCount":50,"responseTokenCount":9,"thoughtsTokenCount":4,`+
		`"promptTokensDetails":[{"modality":"AUDIO","tokenCount":40},{"modality":"IMAGE","tokenCount":30}],`+
		`"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20},{"modality":"VIDEO","tokenCount":10}],"responseTokensDetails":[{"modality":"AUDIO","tokenCount":8}]}`), true)...), "}}"...)
	u := PlanLive("wss://x.example", abi.Auth{}).Usage
	for _, c := range []struct {
		part  string
		paths []string
		want  int64
	}{
		{"input", u.Input, 100}, {"cache_read", u.CacheRead, 20}, {"audio_cache_read", u.AudioCached, 20}, {"image_cache_read", u.ImageCached, 10},
		{"audio_input", u.AudioInput, 20}, {"image_input", u.ImageInput, 20}, {"output", u.Output, 13}, {"reasoning", u.Reasoning, 4}, {"audio_output", u.AudioOutput, 8},
	} {
		if len(c.paths) != 1 {
			t.Errorf("%s: %v", c.part, c.paths)
			continue
		}
		var got int64
		for i, path := range strings.Split(c.paths[0], " - ") {
			n, ok := scan.GetInt(doc, strings.Split(path, ".")...)
			if !ok {
				t.Errorf("%s: there is no %s in %s", c.part, path, doc)
			}
			if i > 0 {
				n = -n
			}
			got += n
		}
		if got != c.want {
			t.Errorf("%s: %d, not %d", c.part, got, c.want)
		}
		if kept := []string{"cache_read", "audio_cache_read", "image_cache_read", "audio_input", "image_input"}; slices.Contains(kept, c.part) != slices.Contains(u.InputIncludes, c.part) {
			t.Errorf("%s: input includes %v", c.part, u.InputIncludes)
		}
	}
}
