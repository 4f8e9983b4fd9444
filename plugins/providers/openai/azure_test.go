package main

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_Azure: addresses, credentials and the model's place of both of Azure's APIs.
func TestPlan_Azure(t *testing.T) {
	key, entra := []string{"api_key"}, []string{"client_id", "client_secret", "tenant_id"}
	for _, c := range []struct {
		profile, options, base string
		endpoint               abi.Endpoint
		credential             []string
		url                    string // "" is unsupported
		auth                   abi.Auth
		modelless              bool
	}{
		{"azure", `{"resource":"r"}`, "", abi.Chat, key, "https://r.openai.azure.com/openai/v1/chat/completions", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, false},
		{"azure", `{"resource":"r"}`, "", abi.Embeddings, entra, "https://r.openai.azure.com/openai/v1/embeddings", abi.Auth{Scheme: abi.AuthEntra, Scope: "https://ai.azure.com/.default"}, false},
		{"azure", `{}`, "https://r.openai.azure.us/openai/v1", abi.Images, key, "https://r.openai.azure.us/openai/v1/images/generations", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, false},
		{"azure", `{"resource":"r"}`, "", abi.Realtime, key, "https://r.openai.azure.com/openai/v1/realtime?model=my%20gpt", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, false},
		{"azure-deployments", `{"resource":"r","api_version":"2024-10-01-preview"}`, "", abi.Realtime, key, "https://r.openai.azure.com/openai/realtime?deployment=my%20gpt&api-version=2024-10-01-preview", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, false},
		{"azure", `{"resource":"r"}`, "", abi.Responses, key, "https://r.openai.azure.com/openai/v1/responses", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, false},
		{"azure-deployments", `{"resource":"r"}`, "", abi.Transcriptions, key, "https://r.openai.azure.com/openai/deployments/my%20gpt/audio/transcriptions?api-version=2024-10-21", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, true},
		{"azure", `{"resource":"r"}`, "", abi.Moderations, key, "", abi.Auth{}, false},
		{"azure-deployments", `{"resource":"r","api_version":"2024-10-21"}`, "", abi.Chat, key, "https://r.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, true},
		{"azure-deployments", `{"resource":"r","api_version":"2024-10-21"}`, "", abi.Completions, entra, "https://r.openai.azure.com/openai/deployments/my%20gpt/completions?api-version=2024-10-21", abi.Auth{Scheme: abi.AuthEntra, Scope: "https://cognitiveservices.azure.com/.default"}, true},
		{"azure-deployments", `{"api_version":"2024-10-21"}`, "https://x.test/", abi.Embeddings, key, "https://x.test/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, true},
		{"azure-deployments", `{"resource":"r","api_version":"2024-10-21"}`, "", abi.Images, key, "https://r.openai.azure.com/openai/deployments/my%20gpt/images/generations?api-version=2024-10-21", abi.Auth{Scheme: abi.AuthHeader, Name: "api-key"}, true},
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: c.endpoint,
			Deployment: abi.Deployment{Model: "my gpt", BaseURL: strings.TrimRight(c.base, "/"), Options: abi.Raw(c.options), CredentialFields: c.credential}})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		modelless := false
		for _, e := range p.Request.Edits {
			modelless = modelless || e.Op == abi.EditRemove && e.Key == "model"
		}
		if p.URL != c.url || p.Supported != (c.url != "") || p.Auth != c.auth || modelless != c.modelless {
			t.Errorf("%+v: %+v", c, p)
		}
		if c.endpoint == abi.Chat && p.Request.OutputCap != "max_completion_tokens" {
			t.Errorf("%+v: %+v", c, p.Request)
		}
	}
	if _, err := configured(t, "azure-deployments")().Plan(&abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "m", Options: abi.Raw(`{}`)}}); err == nil {
		t.Error("a deployment without resource and address is not refused")
	}
}
