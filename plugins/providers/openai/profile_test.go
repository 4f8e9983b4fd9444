package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_Profile: what a configuration may say, and what becomes of it.
func TestPlan_Profile(t *testing.T) {
	for _, c := range []struct{ name, config, deployment, want string }{
		{"an address with options", `{"base_url":"https://{resource}.example/v1","query":{"api-version":"{version}"},"options":{"resource":{},"version":{"default":"2025 1"}},
			"endpoints":{"chat":{"path":"/deployments/{model}/chat/completions"}}}`,
			`{"model":"gpt 5/x","options":{"resource":"acme"}}`, `"url":"https://acme.example/v1/deployments/gpt%205%2Fx/chat/completions?api-version=2025%201"`},
		{"an option that is missing", `{"base_url":"https://{resource}.example","options":{"resource":{}}}`, `{}`, "options.resource is required"},
		{"an option that nobody declares", `{"base_url":"https://{resource}.example"}`, `{}`, "options.resource is required"},
		{"no address", `{}`, `{}`, "base_url is required"},
		{"the deployment's address", `{"base_url":"https://a.example/v1/"}`, `{"base_url":"https://b.example"}`, `"url":"https://b.example/chat/completions"`},
		{"a slash at the end", `{"base_url":"https://a.example/v1/"}`, `{}`, `"url":"https://a.example/v1/chat/completions"`},
		{"headers", `{"base_url":"https://a.example","headers":{"X-A":"1"},"options":{"site":{"header":"HTTP-Referer"}}}`, `{"options":{"site":"https://s.example"}}`,
			`"headers":{"http-referer":"https://s.example","x-a":"1"}`},
		{"an endpoint that is not there", `{"base_url":"https://a.example","serves":["embeddings"]}`, `{}`, `"reason":"it has no chat endpoint"`},
		{"a key in a header", `{"base_url":"https://a.example","auth":[{"scheme":"header","name":"api-key"}]}`, `{"credential_fields":["api_key"]}`,
			`"auth":{"scheme":"header","name":"api-key"}`},
		{"the second way", `{"base_url":"https://a.example","auth":[{"field":"api_key","scheme":"bearer"},{"field":"client_id","scheme":"azure_entra","scope":"s"}]}`,
			`{"credential_fields":["tenant_id","client_id"]}`, `"auth":{"scheme":"azure_entra","scope":"s"}`},
		{"a credential that fits no way", `{"base_url":"https://a.example","auth":[{"field":"api_key","scheme":"bearer"}]}`, `{"credential_fields":["token"]}`, `"auth":{"scheme":"bearer"}`},
		{"no credential", `{"base_url":"https://a.example"}`, `{}`, `"auth":{"scheme":"none"}`},
		{"a variant by model", `{"base_url":"https://a.example","variants":[{"when":{"models":["x-*"]},"then":{"endpoints":{"chat":{"output_cap":"max_new"}}}}]}`,
			`{"model":"X-1"}`, `"output_cap":"max_new"`},
		{"a variant for others", `{"base_url":"https://a.example","variants":[{"when":{"models":["x-*"]},"then":{"endpoints":{"chat":{"output_cap":"max_new"}}}}]}`,
			`{"model":"y-1"}`, `"output_cap":"max_tokens"`},
		{"one cap only", `{"base_url":"https://a.example","endpoints":{"chat":{"output_cap_only":true}}}`, `{}`,
			`"edits":[{"op":"rename","key":"max_completion_tokens","to":"max_tokens"}]`},
		{"edits in order", `{"base_url":"https://a.example","endpoints":{"chat":{"request_edits":[{"op":"rename","key":"seed","to":"random_seed"},{"op":"set","key":"tool_choice","value":"any","where":{"tool_choice":"required"}}]}}}`,
			`{}`, `"edits":[{"op":"rename","key":"seed","to":"random_seed"},{"op":"set","key":"tool_choice","value":"any","where":{"tool_choice":"required"}}]`},
		{"an error of its own", `{"base_url":"https://a.example","errors":[{"code":"rate_limited","status":402,"message":"Credit # left","no_retry":true}]}`, `{}`,
			`"patterns":[{"code":"rate_limited","status":402,"message":"Credit [0-9]+ left","no_retry":true},`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := New()
			if problems := p.Configure(abi.Raw(c.config)); len(problems) > 0 {
				t.Fatal(problems)
			}
			r := abi.PlanRequest{Endpoint: abi.Chat}
			if err := json.Unmarshal([]byte(c.deployment), &r.Deployment); err != nil {
				t.Fatal(err)
			}
			reply, err := p.Plan(&r)
			got := ""
			var refused *abi.Error
			switch {
			case errors.As(err, &refused):
				got = refused.Message
			case err != nil:
				t.Fatal(err)
			default:
				got = mustJSON(t, reply)
			}
			if !strings.Contains(strings.ReplaceAll(got, `\u0026`, "&"), c.want) {
				t.Errorf("%s has no %s", got, c.want)
			}
		})
	}
}

// TestPlan_Details: OpenRouter's details go where the words do.
func TestPlan_Details(t *testing.T) {
	for option, want := range map[string]bool{`{}`: true, `{"reasoning_history":"keep"}`: true, `{"reasoning_history":"remove"}`: false} {
		p, err := configured(t, "openrouter")().Plan(&abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "openai/gpt-5.2", Options: abi.Raw(option)}})
		if err != nil || slices.Contains(p.Request.Extensions, "reasoning_details") != want {
			t.Errorf("%s: %+v %v", option, p, err)
		}
	}
}

// TestPlan_Reasoning: the deployment's word outranks the profile's.
func TestPlan_Reasoning(t *testing.T) {
	const key = "messages[].reasoning_content"
	for _, c := range []struct {
		profile, model, option string
		op                     abi.EditOp // "" for none
		to                     string
		takes                  bool
	}{
		{"openai", "gpt-5-mini", "", "", "", false},
		{"openai", "gpt-5-mini", "keep", "", "", true},
		{"openai-compatible", "m", "", "", "", true},
		{"openai-compatible", "m", "remove", abi.EditRemove, "", false},
		{"openai-compatible", "m", "rename:thoughts", abi.EditRename, "thoughts", true},
		{"groq", "openai/gpt-oss-20b", "", abi.EditRename, "reasoning", true},
		{"deepseek", "deepseek-v4-pro", "", abi.EditDefault, "", true},
		{"deepseek", "deepseek-r1", "", "", "", false},
		{"deepseek", "deepseek-v4-pro", "remove", "", "", false},
		{"mistral", "mistral-large-latest", "", "", "", false},
		{"mistral", "magistral-small-latest", "", abi.EditJoinThinking, "content", true},
		{"mistral", "mistral-small-latest", "parts", abi.EditJoinThinking, "content", true},
		{"mistral", "magistral-small-latest", "remove", "", "", false},
	} {
		options := "{}"
		if c.option != "" {
			options = `{"reasoning_history":"` + c.option + `"}`
		}
		r := abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: c.model, Options: abi.Raw(options)}}
		if c.profile == "openai-compatible" {
			r.Deployment.BaseURL = "https://a.example"
		}
		p, err := configured(t, c.profile)().Plan(&r)
		if err != nil {
			t.Fatal(err)
		}
		var found []abi.Edit
		for _, e := range p.Request.Edits {
			if e.Key == key && (e.Op != abi.EditRemove || c.op != abi.EditJoinThinking) { // which takes away what it left
				found = append(found, e)
			}
		}
		if c.op == "" && len(found) > 0 || c.op != "" && (len(found) != 1 || found[0].Op != c.op || found[0].To != c.to) {
			t.Errorf("%s %s %q: %+v", c.profile, c.model, c.option, found)
		}
		if takes := strings.Contains(strings.Join(p.Request.Extensions, " "), "reasoning_content"); takes != c.takes {
			t.Errorf("%s %s %q: extensions %v", c.profile, c.model, c.option, p.Request.Extensions)
		}
	}
}

// TestPlan_Completions: where the vendor's own completions of a prompt are; elsewhere
// they are carried over chat.
func TestPlan_Completions(t *testing.T) {
	for _, c := range []struct{ profile, model, base, url string }{
		{"mistral", "codestral-latest", "", "https://api.mistral.ai/v1/fim/completions"},
		{"mistral", "mistral-code-fim-latest", "", "https://api.mistral.ai/v1/fim/completions"},
		{"mistral", "mistral-large-latest", "", ""},
		{"deepseek", "deepseek-v4-pro", "", "https://api.deepseek.com/beta/completions"},
		{"deepseek", "deepseek-v4-pro", "https://api.deepseek.com/beta", "https://api.deepseek.com/beta/completions"},
		{"deepseek", "deepseek-reasoner", "", ""},
		{"deepseek", "org/deepseek-r1-0528", "https://a.example/v1", ""},
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: abi.Completions, Deployment: abi.Deployment{Model: c.model, BaseURL: c.base}})
		if err != nil || p.URL != c.url || p.Supported != (c.url != "") {
			t.Errorf("%+v: %+v, %v", c, p, err)
		}
	}
}

// TestConfigure_Problems: what the schema cannot say is said with its place.
func TestConfigure_Problems(t *testing.T) {
	problems := New().Configure(abi.Raw(`{"options":{"site":{},"output_cap":{}}}`))
	if len(problems) != 1 || problems[0].Path != "options.output_cap" {
		t.Errorf("%+v", problems)
	}
	problems = New().Configure(abi.Raw(`{"endpoints":{"chat":{"translate":{}},"embeddings":{"translate":{}},"speech":{"translate":{"over":"responses"}},"image_edits":{"translate":{}}},
		"variants":[{"when":{},"then":{"endpoints":{"chat":{"translate":{"over":"responses"}}}}},{"when":{},"then":{"endpoints":{"moderations":{"translate":{}}}}}]}`))
	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
	}
	if got, want := strings.Join(paths, " "), "endpoints.chat.translate endpoints.embeddings.translate endpoints.speech.translate.over variants[1].then.endpoints.moderations.translate"; got != want {
		t.Errorf("%+v", problems)
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"a", "", false}, {"", "", true}, {"*", "", true}, {"*", "a/b", true}, {"a*", "a", true},
		{"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false}, {"**", "x", true},
	} {
		if got := fits(c.pattern, c.name); got != c.want {
			t.Errorf("%q fits %q: %v", c.name, c.pattern, got)
		}
	}
}
