package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_OverResponses: which models' chat goes over responses, and what holds of it all
// the same.
func TestPlan_OverResponses(t *testing.T) {
	over := `{"chat_over":"responses","resource":"r"}`
	for _, c := range []struct {
		profile, model, base, options, url string
		efforts                            []string
		searches                           string
	}{
		{"openai", "gpt-5-pro", "", "", "https://api.openai.com/v1/responses", []string{"high"}, abi.SearchesBeside},
		{"openai", "gpt-5.1-codex-max", "https://api.openai.com/v1", "", "https://api.openai.com/v1/responses", []string{"low", "medium", "high", "xhigh"}, abi.SearchesBeside},
		{"openai", "gpt-5-pro", "https://a.example/v1", "", "https://a.example/v1/chat/completions", []string{"high"}, ""},
		{"openai", "gpt-5-pro", "https://a.example/v1", `{"chat_over":"responses"}`, "https://a.example/v1/responses", []string{"high"}, ""},
		{"openai", "gpt-5-mini", "", "", "https://api.openai.com/v1/chat/completions", []string{"minimal", "low", "medium", "high"}, ""},
		{"azure", "gpt-5.3-codex", "", `{"resource":"r"}`, "https://r.openai.azure.com/openai/v1/responses", []string{"low", "medium", "high", "xhigh"}, ""},
		{"azure", "my gpt", "", over, "https://r.openai.azure.com/openai/v1/responses", nil, ""},
		{"azure-deployments", "gpt-5-pro", "", `{"resource":"r","api_version":"2025-04-01-preview"}`, "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview", []string{"high"}, ""},
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Model: c.model, BaseURL: c.base, Options: abi.Raw(c.options)}})
		if err != nil {
			t.Fatal(err)
		}
		completions, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: abi.Completions, Deployment: abi.Deployment{Model: c.model, BaseURL: c.base, Options: abi.Raw(c.options)}})
		if err != nil || completions.Supported == strings.Contains(p.URL, "/responses") {
			t.Errorf("%+v: completions %+v, %v", c, completions, err)
		}
		r := &p.Request
		if p.URL != c.url || !slices.Equal(r.Efforts, c.efforts) {
			t.Errorf("%+v: %s, %v", c, p.URL, r.Efforts)
		}
		if !strings.Contains(p.URL, "/responses") {
			if r.Mode != abi.Passthrough {
				t.Errorf("%+v does not pass through", c)
			}
			continue
		}
		if r.Mode != abi.Transform || p.Response.Mode != abi.Transform || p.Stream.Mode != abi.Transform || p.Stream.Framing != abi.FramingSSE || len(r.Edits) > 0 ||
			len(p.Response.Edits) > 0 || len(p.Stream.Edits) > 0 || r.IncludeUsage || r.OutputCap == "" || r.ToolCap != "web_search_options.max_uses" || r.WebSearch != c.searches ||
			len(p.Usage.Input) > 0 {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

// TestPlan_Boundless: models that read at will are for nobody whose budget has to hold.
func TestPlan_Boundless(t *testing.T) {
	for _, profile := range [...]string{"openai", "azure", "azure-deployments", "openrouter"} {
		for model, boundless := range map[string]bool{"o3-deep-research-2025-06-26": true, "openai/o4-mini-deep-research": true, "o3-pro": false} {
			for _, endpoint := range [...]abi.Endpoint{abi.Chat, abi.Responses} {
				d := abi.Deployment{Model: model, Options: abi.Raw(`{"responses":true}`)}
				if strings.HasPrefix(profile, "azure") {
					d.Options = abi.Raw(`{"responses":true,"resource":"r"}`)
				}
				p, err := configured(t, profile)().Plan(&abi.PlanRequest{Endpoint: endpoint, Deployment: d})
				if err != nil || !p.Supported || p.Request.Boundless != boundless {
					t.Errorf("%s, %s of %s: %+v, %v", profile, endpoint, model, p, err)
				}
			}
		}
	}
}

// TestEncode_Members: what is sent of which the client says nothing.
func TestEncode_Members(t *testing.T) {
	const sealed = `"include":["reasoning.encrypted_content"],`
	for _, c := range []struct{ model, options, include string }{
		{"gpt-5-pro", "", sealed}, {"computer-use-preview", "", ""}, {"gpt-5-mini", `{"chat_over":"responses"}`, sealed},
	} {
		reply, err := configured(t, "openai")().Encode(&abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: c.model, Options: abi.Raw(c.options)}, Body: abi.Raw(`{"messages":[{"role":"user","content":"a"}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"model":"` + c.model + `","input":[{"role":"user","content":"a"}],` + c.include + `"store":false}`; string(reply.Body) != want {
			t.Errorf("%s", reply.Body)
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
