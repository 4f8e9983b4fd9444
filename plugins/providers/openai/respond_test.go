package main

import (
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_OverResponses: which models' chat goes over responses, and what holds of it all
// the same.
func TestPlan_OverResponses(t *testing.T) {
	for _, c := range []struct {
		model, base, url string
		efforts          []string
	}{
		{"gpt-5-pro", "", "https://api.openai.com/v1/responses", []string{"high"}},
		{"gpt-5.1-codex-max", "https://api.openai.com/v1", "https://api.openai.com/v1/responses", []string{"low", "medium", "high", "xhigh"}},
		{"gpt-5-pro", "https://a.example/v1", "https://a.example/v1/chat/completions", []string{"high"}},
		{"gpt-5-mini", "", "https://api.openai.com/v1/chat/completions", []string{"minimal", "low", "medium", "high"}},
	} {
		p, err := configured(t, "openai")().Plan(&abi.PlanRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: c.model, BaseURL: c.base}})
		if err != nil {
			t.Fatal(err)
		}
		r := &p.Request
		if p.URL != c.url || !slices.Equal(r.Efforts, c.efforts) {
			t.Errorf("%+v: %s, %v", c, p.URL, r.Efforts)
		}
		if p.URL[len(p.URL)-10:] != "/responses" {
			if r.Mode != abi.Passthrough {
				t.Errorf("%+v does not pass through", c)
			}
			continue
		}
		if r.Mode != abi.Transform || p.Response.Mode != abi.Transform || p.Stream.Mode != abi.Transform || p.Stream.Framing != abi.FramingSSE || len(r.Edits) > 0 ||
			len(p.Response.Edits) > 0 || len(p.Stream.Edits) > 0 || r.IncludeUsage || r.OutputCap != "max_completion_tokens" || r.ToolCap != "web_search_options.max_uses" || r.WebSearch != abi.SearchesBeside ||
			len(p.Usage.Service) != 1 || len(p.Usage.Input) > 0 {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

// TestEncode_Deployments: what is kept of one deployment is not taken for another's.
func TestEncode_Deployments(t *testing.T) {
	p := configured(t, "openai")()
	for _, model := range []string{"gpt-5-pro", "gpt-5-mini", "gpt-5-pro", "gpt-5-pro"} {
		_, err := p.Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: model, Text: abi.Raw(model)}, Body: abi.Raw(`{"messages":[{"role":"user","content":"a"}]}`)})
		if (err == nil) != (model == "gpt-5-pro") {
			t.Errorf("%s: %v", model, err)
		}
	}
}
