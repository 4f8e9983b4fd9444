package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.jina.ai/v1"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.jina", Name: "Jina AI", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Embeddings of texts and pictures, and rerank, of Jina AI.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of Jina AI, sent as a bearer token."}},
		},
		Plan:        plan,
		Encode:      encode,
		DecodeError: decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, f := readOptions(r.Deployment.Options); f != nil {
		return nil, f.Named()
	}
	base := cmp.Or(r.Deployment.BaseURL, defaultBaseURL)
	if r.Endpoint == abi.Native {
		return &abi.PlanReply{Supported: true, Auth: abi.Auth{Scheme: abi.AuthBearer}, Native: native(base)}, nil
	}
	p := &abi.PlanReply{
		Supported: true,
		Auth:      abi.Auth{Scheme: abi.AuthBearer},
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Passthrough},
		Usage:     abi.UsagePaths{Input: []string{"usage.prompt_tokens", "usage.total_tokens"}, Model: []string{"model"}},
	}
	switch r.Endpoint {
	case abi.Embeddings:
		p.URL = base + "/embeddings"
		p.Response.Edits = []abi.Edit{{Op: abi.EditCopy, Key: "usage.total_tokens", To: "prompt_tokens"}}
	case abi.Rerank: // Cohere's shape, but for what is the rule
		p.URL = base + "/rerank"
		p.Request = abi.RequestPlan{Mode: abi.Passthrough, Unsupported: []string{"max_tokens_per_doc"},
			Edits: []abi.Edit{{Op: abi.EditDefault, Key: "return_documents", Value: abi.Raw("false")}}}
		p.Response.Edits = []abi.Edit{{Op: abi.EditRemove, Key: "object"}}
	default:
		return &abi.PlanReply{Reason: "Jina's API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return p, nil
}

// options are [deployment.options]: what is sent when the client says nothing. Raw.
type options struct{ task, truncate, lateChunking []byte }

func readOptions(raw []byte) (o options, f *llm.Fault) {
	scan.Members(raw, func(key, v []byte) bool {
		_, boolean := scan.Bool(v)
		switch name := string(key); {
		case name == "task" && scan.Kind(v) == '"':
			o.task = v
		case name == "task":
			f = llm.Refuse(name, "must be a string")
		case name == "truncate" && boolean:
			o.truncate = v
		case name == "late_chunking" && boolean:
			o.lateChunking = v
		case name == "truncate" || name == "late_chunking":
			f = llm.Refuse(name, "must be true or false")
		default:
			f = llm.Refuse(name, "is unknown; known are task, truncate, late_chunking")
		}
		return f == nil
	})
	return o, f.Under("options")
}
