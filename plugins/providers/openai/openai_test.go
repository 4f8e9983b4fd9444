package main

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

// configured makes plugins with the configuration of a profile's folder.
func configured(t testing.TB, name string) func() *pdk.Provider {
	t.Helper()
	text, err := os.ReadFile("../" + name + "/profile.json")
	if err != nil {
		t.Fatal(err)
	}
	return func() *pdk.Provider {
		p := New()
		if problems := p.Configure(scan.Get(text, "config")); len(problems) > 0 {
			t.Fatal(problems)
		}
		return p
	}
}

func TestVectors(t *testing.T) {
	for _, profile := range [...]string{"openai", "azure", "mistral", "together", "vllm", "xai"} {
		t.Run(profile, func(t *testing.T) { vectortest.Run(t, configured(t, profile), "../../../testdata/vectors/"+profile) })
	}
}

func TestPlan(t *testing.T) {
	bearer, none, key := abi.AuthBearer, abi.AuthNone, []string{"api_key"}
	const own = "https://api.openai.com/v1"
	forms := map[abi.Endpoint]bool{abi.ImageEdits: true, abi.Transcriptions: true, abi.Translations: true}
	for _, c := range []struct {
		endpoint      abi.Endpoint
		base, options string
		credential    []string
		url           string // "" is unsupported
		auth          abi.AuthScheme
		cap           string
		usage         bool
		headers       string
		refused       string // the member
	}{
		{abi.Chat, "", ``, key, own + "/chat/completions", bearer, "max_completion_tokens", true, `{}`, ""},
		{abi.Chat, own, `{"organization":"org-1","project":"p"}`, key, own + "/chat/completions", bearer,
			"max_completion_tokens", true, `{"openai-organization":"org-1","openai-project":"p"}`, ""},
		{abi.Chat, "http://127.0.0.1:8000/v1", `{"include_usage":false}`, nil, "http://127.0.0.1:8000/v1/chat/completions", none, "max_tokens", false, `{}`, ""},
		{abi.Chat, "http://127.0.0.1:8000/v1", `{}`, nil, "http://127.0.0.1:8000/v1/chat/completions", none, "max_tokens", true, `{}`, ""},
		{abi.Chat, "", `{"output_cap":"max_tokens"}`, key, own + "/chat/completions", bearer, "max_tokens", true, `{}`, ""},
		{abi.Embeddings, "", `{"output_cap":"max_tokens","include_usage":true}`, key, own + "/embeddings", bearer, "", false, `{}`, ""},
		{abi.Images, "", ``, key, own + "/images/generations", bearer, "", false, `{}`, ""},
		{abi.Responses, "", `{"output_cap":"max_tokens","include_usage":true}`, key, own + "/responses", bearer, "max_output_tokens", false, `{}`, ""},
		{abi.Responses, "", `{"responses":false}`, key, "", "", "", false, `null`, ""},
		{abi.Responses, "http://127.0.0.1:8000/v1", ``, key, "", "", "", false, `null`, ""},
		{abi.Responses, "http://127.0.0.1:8000/v1", `{"responses":true}`, key, "http://127.0.0.1:8000/v1/responses", bearer, "max_output_tokens", false, `{}`, ""},
		{abi.Responses, "", `{"responses":1}`, key, "", "", "", false, ``, "options.responses"},
		{abi.Realtime, "", ``, key, own + "/realtime?model=m", bearer, "", false, `{}`, ""},
		{abi.Realtime, "http://127.0.0.1:8000/v1", ``, key, "", "", "", false, `null`, ""},
		{abi.Realtime, "http://127.0.0.1:8000/v1", `{"realtime":true}`, nil, "http://127.0.0.1:8000/v1/realtime?model=m", none, "", false, `{}`, ""},
		{abi.Realtime, "", `{"realtime":1}`, key, "", "", "", false, ``, "options.realtime"},
		{abi.ImageEdits, "", ``, key, own + "/images/edits", bearer, "", false, `{}`, ""},
		{abi.ImageVariations, "", ``, key, "", "", "", false, `null`, ""},
		{abi.ImageVariations, "http://127.0.0.1:8000/v1", ``, key, "", "", "", false, `null`, ""},
		{abi.Speech, "", ``, key, own + "/audio/speech", bearer, "", false, `{}`, ""},
		{abi.Transcriptions, "http://127.0.0.1:8000/v1", ``, nil, "http://127.0.0.1:8000/v1/audio/transcriptions", none, "", false, `{}`, ""},
		{abi.Translations, "", ``, key, own + "/audio/translations", bearer, "", false, `{}`, ""},
		{abi.Messages, "", ``, key, "", "", "", false, `null`, ""},
		{abi.CountTokens, "", ``, key, "", "", "", false, `null`, ""},
		{abi.Chat, "", `{"include_usage":"no"}`, key, "", "", "", false, ``, "options.include_usage"},
		{abi.Chat, "", `{"organization":"a\nb"}`, key, "", "", "", false, ``, "options.organization"},
		{abi.Chat, "", `{"project":7}`, key, "", "", "", false, ``, "options.project"},
		{abi.Chat, "", `{"organisation":"a"}`, key, "", "", "", false, ``, "options.organisation"},
		{abi.Speech, "", `{"voices":{"alloy":"x"}}`, key, "", "", "", false, ``, "options.voices"},
		{abi.Chat, "", `{"voices":["x"]}`, key, "", "", "", false, ``, "options.voices"},
		{abi.Chat, "", `{"voices":{"alloy":7}}`, key, "", "", "", false, ``, "options.voices.alloy"},
		{abi.Chat, "", `{"chat_over":"messages"}`, key, "", "", "", false, ``, "options.chat_over"},
		{abi.Chat, "", `{"output_cap":7}`, key, "", "", "", false, ``, "options.output_cap"},
		{abi.Chat, "", `{"reasoning_history":"rename:a.b"}`, key, "", "", "", false, ``, "options.reasoning_history"},
		{abi.Chat, "", `{"reasoning_history":"forget"}`, key, "", "", "", false, ``, "options.reasoning_history"},
	} {
		p, err := configured(t, "openai")().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: true,
			Deployment: abi.Deployment{Model: "m", BaseURL: c.base, Options: abi.Raw(c.options), CredentialFields: c.credential}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		if headers := mustJSON(t, p.Headers); p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "" || p.Auth.Scheme != c.auth ||
			p.Request.OutputCap != c.cap || p.Request.IncludeUsage != c.usage || headers != c.headers {
			t.Errorf("%+v: %+v", c, p)
		}
		if p.Supported && (p.Request.Mode != abi.Passthrough || p.Request.Form != forms[c.endpoint] || p.Response.Mode != abi.Passthrough || p.Stream.Mode != abi.Passthrough) {
			t.Errorf("%s does not pass through: %+v", c.endpoint, p)
		}
	}
}

// TestUsagePaths reads the vendor's answers as the plan says: the last path that is there counts.
func TestUsagePaths(t *testing.T) {
	for _, c := range []struct {
		endpoint abi.Endpoint
		answer   string
		want     map[string]int64
		includes [2][]string
	}{
		{abi.Chat, `{"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":20,"audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":7}}}`,
			map[string]int64{"input": 100, "cache_read": 40, "cache_write_5m": 20, "audio_input": 5, "output": 50, "reasoning": 30, "audio_output": 7},
			[2][]string{{"cache_read", "cache_write_5m", "audio_input"}, {"audio_output"}}},
		{abi.Responses, `{"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":30}}}`,
			map[string]int64{"input": 100, "cache_read": 40, "output": 50, "reasoning": 30}, [2][]string{{"cache_read", "cache_write_5m"}}},
		{abi.Responses, `{"type":"response.completed","response":{"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40,"cache_write_tokens":20},"output_tokens":50}}}`,
			map[string]int64{"input": 100, "cache_read": 40, "cache_write_5m": 20, "output": 50}, [2][]string{{"cache_read", "cache_write_5m"}}},
		{abi.Embeddings, `{"usage":{"prompt_tokens":8,"total_tokens":8}}`, map[string]int64{"input": 8}, [2][]string{}},
		{abi.Images, `{"usage":{"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}`,
			map[string]int64{"input": 50, "image_input": 40, "output": 4160, "image_output": 4160}, [2][]string{{"image_input"}, {"image_output"}}},
		{abi.Images, `{"usage":{"input_tokens":50,"output_tokens":4160,"output_tokens_details":{"image_tokens":4000,"text_tokens":160}}}`,
			map[string]int64{"input": 50, "output": 4160, "image_output": 4000}, [2][]string{{"image_input"}, {"image_output"}}},
		{abi.Speech, `{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}`,
			map[string]int64{"input": 14, "output": 101, "audio_output": 101}, [2][]string{nil, {"audio_output"}}},
		{abi.Transcriptions, `{"text":"x","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}`,
			map[string]int64{"input": 14, "audio_input": 14, "output": 45}, [2][]string{{"audio_input"}, nil}},
		{abi.Realtime, `{"type":"response.done","response":{"usage":{"input_tokens":100,"output_tokens":50,"input_token_details":{"cached_tokens":64,"cached_tokens_details":{"audio_tokens":30,"image_tokens":4}},"output_token_details":{"audio_tokens":40}}}}`,
			map[string]int64{"input": 100, "audio_cache_read": 30, "image_cache_read": 4, "output": 50, "audio_output": 40}, [2][]string{{"cache_read", "audio_cache_read", "image_cache_read", "audio_input", "image_input"}, {"audio_output"}}},
		{abi.Realtime, `{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"tokens","input_tokens":20,"input_token_details":{"audio_tokens":17},"output_tokens":5}}`,
			map[string]int64{"input": 20, "audio_input": 17, "output": 5}, [2][]string{{"cache_read", "audio_cache_read", "image_cache_read", "audio_input", "image_input"}, {"audio_output"}}},
		{abi.Translations, `{"text":"x","duration":8.5,"usage":{"type":"duration","seconds":9}}`, map[string]int64{"seconds": 9}, [2][]string{}},
	} {
		u := readUsage(scan.Get(defaults, "endpoints", string(c.endpoint), "usage"))
		got := readBy(u, c.answer)
		if a, b := mustJSON(t, got), mustJSON(t, c.want); a != b {
			t.Errorf("%s: %s, want %s", c.endpoint, a, b)
		}
		if !slices.Equal(u.InputIncludes, c.includes[0]) || !slices.Equal(u.OutputIncludes, c.includes[1]) {
			t.Errorf("%s includes %v and %v", c.endpoint, u.InputIncludes, u.OutputIncludes)
		}
	}
}

// TestUsagePaths_Profiles: where a vendor tells its usage elsewhere than OpenAI does.
func TestUsagePaths_Profiles(t *testing.T) {
	for _, c := range []struct {
		profile  string
		endpoint abi.Endpoint
		answer   string
		want     map[string]int64
	}{
		{"mistral", abi.Transcriptions, `{"model":"voxtral-mini-latest","text":"x","language":null,"usage":{"prompt_audio_seconds":9,"prompt_tokens":4,"completion_tokens":45,"total_tokens":49}}`,
			map[string]int64{"input": 4, "output": 45, "seconds": 9}},
		{"openrouter", abi.Transcriptions, `{"text":"x","usage":{"seconds":9,"input_tokens":83,"output_tokens":30,"total_tokens":113,"cost":0.0005}}`,
			map[string]int64{"input": 83, "output": 30, "seconds": 9}},
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Deployment: abi.Deployment{Model: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := mustJSON(t, readBy(p.Usage, c.answer)), mustJSON(t, c.want); a != b {
			t.Errorf("%s of %s: %s, want %s", c.endpoint, c.profile, a, b)
		}
	}
}

// readBy reads an answer's usage: the last path that is there counts.
func readBy(u abi.UsagePaths, answer string) map[string]int64 {
	got := map[string]int64{}
	for part, paths := range map[string][]string{"input": u.Input, "cache_read": u.CacheRead, "cache_write_5m": u.CacheWrite5m, "audio_input": u.AudioInput, "output": u.Output,
		"reasoning": u.Reasoning, "audio_output": u.AudioOutput, "image_input": u.ImageInput, "image_output": u.ImageOutput, "audio_cache_read": u.AudioCached, "image_cache_read": u.ImageCached, "seconds": u.Seconds} {
		for _, p := range paths {
			if n, ok := scan.GetInt([]byte(answer), strings.Split(p, ".")...); ok {
				got[part] = n
			}
		}
	}
	return got
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestErrorPatterns: every pattern matches what its rule does, and only from the beginning.
func TestErrorPatterns(t *testing.T) {
	for i, p := range errorPatterns(errorRules) {
		re, err := regexp.Compile("^(?:" + p.Message + ")")
		if err != nil {
			t.Fatal(err)
		}
		rule := errorRules[i].prefix
		says := strings.ReplaceAll(rule, "#", "4096")
		for _, message := range []string{says, says + " and more", "Invalid content: " + says, says[:len(says)/2], strings.ReplaceAll(rule, "#", "some"), rule, ""} {
			if got, want := re.MatchString(message), begins(message, rule); got != want {
				t.Errorf("%q matches %q: %v, want %v", p.Message, message, got, want)
			}
		}
		if !begins(says, rule) || rule != "" && (begins("a "+says, rule) || begins(says[:len(says)-1], rule)) {
			t.Errorf("begins does not know %q", rule)
		}
	}
}
