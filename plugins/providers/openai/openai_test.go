package main

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
	vectortest.Run(t, New, "../../../testdata/vectors/openai")
}

func TestPlan(t *testing.T) {
	bearer, none, key := abi.AuthBearer, abi.AuthNone, []string{"api_key"}
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
		{abi.Chat, "", ``, key, "https://api.openai.com/v1/chat/completions", bearer, "max_completion_tokens", true, `null`, ""},
		{abi.Chat, defaultBaseURL, `{"organization":"org-1","project":"p"}`, key, "https://api.openai.com/v1/chat/completions", bearer,
			"max_completion_tokens", true, `{"openai-organization":"org-1","openai-project":"p"}`, ""},
		{abi.Chat, "http://127.0.0.1:8000/v1", `{"include_usage":false}`, nil, "http://127.0.0.1:8000/v1/chat/completions", none, "max_tokens", false, `null`, ""},
		{abi.Chat, "http://127.0.0.1:8000/v1", `{}`, nil, "http://127.0.0.1:8000/v1/chat/completions", none, "max_tokens", true, `null`, ""},
		{abi.Embeddings, "", ``, key, "https://api.openai.com/v1/embeddings", bearer, "", false, `null`, ""},
		{abi.Images, "", ``, key, "https://api.openai.com/v1/images/generations", bearer, "", false, `null`, ""},
		{abi.Messages, "", ``, key, "", "", "", false, `null`, ""},
		{abi.CountTokens, "", ``, key, "", "", "", false, `null`, ""},
		{abi.Chat, "", `{"include_usage":"no"}`, key, "", "", "", false, ``, "options.include_usage"},
		{abi.Chat, "", `{"organization":"a\nb"}`, key, "", "", "", false, ``, "options.organization"},
		{abi.Chat, "", `{"project":7}`, key, "", "", "", false, ``, "options.project"},
		{abi.Chat, "", `{"organisation":"a"}`, key, "", "", "", false, ``, "options.organisation"},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: true,
			Deployment: abi.Deployment{Model: "m", BaseURL: c.base, Options: abi.Raw(c.options), CredentialFields: c.credential}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		headers, _ := json.Marshal(p.Headers)
		if p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "" || p.Auth.Scheme != c.auth || p.Request.OutputCap != c.cap ||
			p.Request.IncludeUsage != c.usage || string(headers) != c.headers {
			t.Errorf("%+v: %+v", c, p)
		}
		if p.Supported && (p.Request.Mode != abi.Passthrough || p.Response.Mode != abi.Passthrough || p.Stream.Mode != abi.Passthrough) {
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
		{abi.Chat, `{"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":40,"audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":7}}}`,
			map[string]int64{"input": 100, "cache_read": 40, "audio_input": 5, "output": 50, "reasoning": 30, "audio_output": 7},
			[2][]string{{"cache_read", "audio_input"}, {"audio_output"}}},
		{abi.Embeddings, `{"usage":{"prompt_tokens":8,"total_tokens":8}}`, map[string]int64{"input": 8}, [2][]string{}},
		{abi.Images, `{"usage":{"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}`,
			map[string]int64{"input": 50, "image_input": 40, "output": 4160, "image_output": 4160}, [2][]string{{"image_input"}, {"image_output"}}},
		{abi.Images, `{"usage":{"input_tokens":50,"output_tokens":4160,"output_tokens_details":{"image_tokens":4000,"text_tokens":160}}}`,
			map[string]int64{"input": 50, "output": 4160, "image_output": 4000}, [2][]string{{"image_input"}, {"image_output"}}},
	} {
		u := usagePaths(c.endpoint)
		got := map[string]int64{}
		for part, paths := range map[string][]string{"input": u.Input, "cache_read": u.CacheRead, "audio_input": u.AudioInput, "output": u.Output,
			"reasoning": u.Reasoning, "audio_output": u.AudioOutput, "image_input": u.ImageInput, "image_output": u.ImageOutput} {
			for _, p := range paths {
				if n, ok := scan.GetInt([]byte(c.answer), strings.Split(p, ".")...); ok {
					got[part] = n
				}
			}
		}
		if a, b := mustJSON(t, got), mustJSON(t, c.want); a != b {
			t.Errorf("%s: %s, want %s", c.endpoint, a, b)
		}
		if !slices.Equal(u.InputIncludes, c.includes[0]) || !slices.Equal(u.OutputIncludes, c.includes[1]) {
			t.Errorf("%s includes %v and %v", c.endpoint, u.InputIncludes, u.OutputIncludes)
		}
	}
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
	for i, p := range errorPatterns() {
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
