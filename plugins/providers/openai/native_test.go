package main

import (
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_Native: a vendor's own paths are served where its own client can read
// what comes.
func TestPlan_Native(t *testing.T) {
	for _, c := range []struct{ profile, there, not string }{
		{"openai", "/v1/audio/speech", "/v1/realtime"},
		{"mistral", "/v1/chat/completions", "/v1/audio/speech"},
		{"mistral", "/v1/embeddings", "/v1/fim/completions"},
		{"deepseek", "/beta/completions", "/v1/completions"},
		{"openrouter", "/api/v1/messages", "/v1/messages"},
		{"perplexity", "/v1/responses", "/v1/embeddings"},
		{"perplexity", "/v1/agent", "/v1/embeddings"}, // its other name
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: abi.Native, Deployment: abi.Deployment{Model: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		has := func(path string) bool {
			return slices.ContainsFunc(p.Native.Routes, func(r abi.NativeRoute) bool { return r.Path == path })
		}
		if !has(c.there) || has(c.not) {
			t.Errorf("%s: %+v", c.profile, p.Native.Routes)
		}
		for _, r := range p.Native.Routes {
			if slices.Contains(r.Query, "beta") != (r.Endpoint == abi.Messages) {
				t.Errorf("%s takes %v at %s", c.profile, r.Query, r.Path)
			}
		}
	}
}

// TestPlan_Messages: OpenRouter answers the Messages API for Claude alone.
func TestPlan_Messages(t *testing.T) {
	for model, want := range map[string]bool{"anthropic/claude-sonnet-4.5": true, "anthropic/claude-sonnet-4.5:online": true, "~anthropic/claude-sonnet-latest": true, "openai/gpt-5.2": false} {
		p, err := configured(t, "openrouter")().Plan(&abi.PlanRequest{Endpoint: abi.Messages, Deployment: abi.Deployment{Model: model}})
		if err != nil || p.Supported != want || want && (p.URL != "https://openrouter.ai/api/v1/messages" || !slices.Contains(p.Request.ForwardHeaders, "anthropic-beta")) {
			t.Errorf("%s: %+v %v", model, p, err)
		}
	}
}
