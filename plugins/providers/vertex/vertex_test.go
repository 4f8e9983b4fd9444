package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/internal/vectortest"
)

func TestVectors(t *testing.T) {
	vectortest.Run(t, New, "../../../testdata/vectors/vertex")
}

func TestPlan(t *testing.T) {
	account := []string{"service_account"}
	set, remove := abi.Edit{Op: abi.EditSet, Key: "anthropic_version", Value: abi.Raw(version)}, abi.Edit{Op: abi.EditRemove, Key: "model"}
	const project = "/v1/projects/p-1/locations/"
	for _, c := range []struct {
		endpoint             abi.Endpoint
		stream               bool
		model, base, options string
		credential           []string
		url                  string // "" is unsupported
		edits                []abi.Edit
		refused              string // the member
	}{
		{abi.Chat, false, "gemini-2.5-pro", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/google/models/gemini-2.5-pro:generateContent", nil, ""},
		{abi.Chat, true, "gemini-2.5-pro", "", `{"project":"p-1","location":"eu"}`, account, "https://aiplatform.eu.rep.googleapis.com" + project + "eu/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse", nil, ""},
		{abi.Chat, true, "claude-opus-4-1@20250805", "", `{"project":"p-1","location":"us-east5"}`, account, "https://us-east5-aiplatform.googleapis.com" + project + "us-east5/publishers/anthropic/models/claude-opus-4-1@20250805:streamRawPredict", nil, ""},
		{abi.Messages, false, "publishers/anthropic/models/claude-x", "https://private.test/v1", `{"project":"p-1","location":"us"}`, account, "https://private.test" + project + "us/publishers/anthropic/models/claude-x:rawPredict", []abi.Edit{set, remove}, ""},
		{abi.Messages, true, "claude-x", "", `{"project":"p-1","max_tokens":7}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/anthropic/models/claude-x:streamRawPredict", []abi.Edit{set, remove}, ""},
		{abi.CountTokens, false, "claude-x", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/anthropic/models/count-tokens:rawPredict", []abi.Edit{set}, ""},
		{abi.Embeddings, false, "text-embedding-005", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/google/models/text-embedding-005:predict", nil, ""},
		{abi.Embeddings, false, "gemini-embedding-001", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/google/models/gemini-embedding-001:predict", nil, ""},
		{abi.Embeddings, false, "gemini-embedding-2", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/google/models/gemini-embedding-2:embedContent", nil, ""},
		{abi.Chat, false, "endpoints/77", "", `{"project":"p-1","location":"us-central1"}`, account, "https://us-central1-aiplatform.googleapis.com" + project + "us-central1/endpoints/77:generateContent", nil, ""},
		{abi.Chat, false, "projects/9/locations/us-central1/endpoints/77", "https://us-central1-aiplatform.googleapis.com/v1", `{}`, account, "https://us-central1-aiplatform.googleapis.com/v1/projects/9/locations/us-central1/endpoints/77:generateContent", nil, ""},
		{abi.Chat, false, "gemini-2.5-pro", "", `{}`, []string{"api_key"}, "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-pro:generateContent", nil, ""},
		{abi.Messages, false, "gemini-2.5-pro", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.CountTokens, false, "gemini-2.5-pro", "", `{"project":"p-1"}`, account, "https://aiplatform.googleapis.com" + project + "global/publishers/google/models/gemini-2.5-pro:countTokens", nil, ""},
		{abi.Embeddings, false, "meta/llama-4-maverick-17b-128e-instruct-maas", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.CountTokens, false, "mistral-medium-3", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.Chat, false, "meta/llama-x-maas", "", `{}`, []string{"api_key"}, "", nil, "options.project"},
		{abi.Embeddings, false, "claude-x", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.Realtime, false, "gemini-live-2.5-flash-native-audio", "", `{"project":"p-1","location":"us-central1"}`, account, "https://us-central1-aiplatform.googleapis.com/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", nil, ""},
		{abi.Realtime, false, "gemini-3.8-live", "https://private.test/v1beta1", `{}`, []string{"api_key"}, "https://private.test/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", nil, ""},
		{abi.Realtime, false, "gemini-2.5-flash", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.Realtime, false, "meta/llama-live-maas", "", `{"project":"p-1"}`, account, "", nil, ""},
		{abi.Chat, false, "gemini-2.5-pro", "", `{}`, account, "", nil, "options.project"},
		{abi.Chat, false, "claude-x", "", `{}`, []string{"api_key"}, "", nil, "options.project"},
		{abi.Chat, false, "claude-x", "", `{"project":"a/b"}`, account, "", nil, "options.project"},
		{abi.Chat, false, "claude-x", "", `{"project":"p","location":"x.evil.test/"}`, account, "", nil, "options.location"},
		{abi.Chat, false, "gemini-x", "", `{"project":"p","max_tokens":7}`, account, "", nil, "options.max_tokens"},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: c.endpoint, Stream: c.stream,
			Deployment: abi.Deployment{Model: c.model, BaseURL: c.base, Options: abi.Raw(c.options), CredentialFields: c.credential}})
		var refused *abi.Error
		if errors.As(err, &refused); (refused == nil) != (c.refused == "") || refused != nil && refused.Param != c.refused {
			t.Errorf("%+v: refused with %v", c, err)
			continue
		}
		if refused != nil {
			continue
		}
		if p.URL != c.url || p.Supported != (c.url != "") || !p.Supported && p.Reason == "" {
			t.Errorf("%+v: %+v", c, p)
			continue
		}
		same := func(a, b abi.Edit) bool { return a.Op == b.Op && a.Key == b.Key && string(a.Value) == string(b.Value) }
		if !slices.EqualFunc(p.Request.Edits, c.edits, same) || p.Headers["anthropic-version"] != "" {
			t.Errorf("%+v: edits %v, headers %v", c, p.Request.Edits, p.Headers)
		}
		want := abi.Auth{Scheme: abi.AuthGoogle, Scope: "https://www.googleapis.com/auth/cloud-platform"}
		if c.credential[0] == "api_key" {
			want = abi.Auth{Scheme: abi.AuthHeader, Name: "x-goog-api-key"}
		}
		if p.Supported && p.Auth != want {
			t.Errorf("%+v: auth %+v", c, p.Auth)
		}
		if c.edits != nil && (p.Request.Mode != abi.Passthrough || p.Response.Mode != abi.Passthrough || !slices.Equal(p.Request.ForwardHeaders, []string{"anthropic-beta"})) {
			t.Errorf("%+v: %+v is not passed on", c, p.Request)
		}
	}
}

// FuzzEmbeddings: whatever is asked or answered is refused or becomes JSON.
func FuzzEmbeddings(f *testing.F) {
	f.Add([]byte(`{"input":["a"],"dimensions":1,"title":"x"}`), "gemini-embedding-2")
	f.Add([]byte(`{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":1}}}],"embedding":{"values":[]}}`), "text-embedding-005")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		if scan.Valid(body) != nil {
			return
		}
		d := abi.Deployment{Model: name, Options: abi.Raw(`{"project":"p"}`)}
		if reply, err := New().Encode(&abi.EncodeRequest{Endpoint: abi.Embeddings, Deployment: d, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
			t.Fatalf("%s became %s", body, reply.Body)
		}
		if reply, err := New().Decode(&abi.DecodeRequest{Endpoint: abi.Embeddings, Deployment: d, Body: body}); err == nil && scan.Valid(reply.Body) != nil {
			t.Fatalf("%s became %s", body, reply.Body)
		}
	})
}

// TestPlanPartner: who speaks OpenAI's chat is called where its publisher's models are,
// and under the name that is known there.
func TestPlanPartner(t *testing.T) {
	const base = "https://us-east5-aiplatform.googleapis.com/v1/projects/p-1/locations/us-east5"
	for _, c := range []struct {
		model      string
		stream     bool
		url, named string
	}{
		{"meta/llama-4-maverick-17b-128e-instruct-maas", true, base + openPath, "meta/llama-4-maverick-17b-128e-instruct-maas"},
		{"publishers/openai/models/gpt-oss-120b-maas", false, base + openPath, "openai/gpt-oss-120b-maas"},
		{"google/gemma-4-26b-a4b-it-maas", false, base + openPath, "google/gemma-4-26b-a4b-it-maas"},
		{"xai/grok-4.7", false, base + openPath, "xai/grok-4.7"},
		{"mistral-medium-3", false, base + "/publishers/mistralai/models/mistral-medium-3:rawPredict", "mistral-medium-3"},
		{"mistralai/codestral-2@001", true, base + "/publishers/mistralai/models/codestral-2@001:streamRawPredict", "codestral-2@001"},
		{"publishers/mistralai/models/mistral-small-2503", false, base + "/publishers/mistralai/models/mistral-small-2503:rawPredict", "mistral-small-2503"},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Chat, Stream: c.stream,
			Deployment: abi.Deployment{Model: c.model, Options: abi.Raw(`{"project":"p-1","location":"us-east5"}`), CredentialFields: []string{"service_account"}}})
		if err != nil {
			t.Fatal(err)
		}
		named := func(e abi.Edit) bool {
			return e.Op == abi.EditSet && e.Key == "model" && string(e.Value) == `"`+c.named+`"`
		}
		if p.URL != c.url || p.Request.Mode != abi.Passthrough || !slices.ContainsFunc(p.Request.Edits, named) || p.Auth.Scheme != abi.AuthGoogle {
			t.Errorf("%+v: %+v", c, p)
		}
	}
}

// TestNative: each publisher's models have the calls of their own.
func TestNative(t *testing.T) {
	const base = "/v1/projects/p-1/locations/us-east5"
	for model, want := range map[string][]string{
		"gemini-2.5-pro":          {base + "/publishers/google/models/{model}:generateContent", base + "/publishers/google/models/{model}:countTokens"},
		"claude-x":                {base + "/publishers/anthropic/models/{model}:rawPredict", base + "/publishers/anthropic/models/{model}:streamRawPredict", base + "/publishers/anthropic/models/count-tokens:rawPredict"},
		"mistral-medium-3":        {base + "/publishers/mistralai/models/{model}:rawPredict", base + "/publishers/mistralai/models/{model}:streamRawPredict"},
		"meta/llama-4-maas":       {base + openPath},
		"text-embedding-005":      {base + "/publishers/google/models/{model}:predict"},
		"gemini-embedding-2":      {base + "/publishers/google/models/{model}:embedContent"},
		"imagen-3.0-generate-002": {base + "/publishers/google/models/{model}:predict"},
	} {
		p, err := New().Plan(&abi.PlanRequest{Endpoint: abi.Native,
			Deployment: abi.Deployment{Model: model, Options: abi.Raw(`{"project":"p-1","location":"us-east5"}`), CredentialFields: []string{"service_account"}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range want {
			if !slices.ContainsFunc(p.Native.Routes, func(r abi.NativeRoute) bool { return r.Path == path }) {
				t.Errorf("%s has no %s", model, path)
			}
		}
	}
}
