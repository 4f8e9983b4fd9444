package main

import (
	"cmp"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.voyageai.com/v1"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.voyage", Name: "Voyage AI", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Embeddings of texts and pictures, and rerank, of Voyage AI.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of the Voyage dashboard, sent as a bearer token."}},
		},
		Plan:        plan,
		Encode:      encode,
		Decode:      decode,
		DecodeError: decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
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
		Usage:     abi.UsagePaths{Input: []string{"usage.total_tokens"}, Model: []string{"model"}},
	}
	switch model := r.Deployment.Model; {
	case r.Endpoint == abi.Rerank:
		p.URL = base + "/rerank"
		planRerank(p, o)
	case r.Endpoint != abi.Embeddings:
		return &abi.PlanReply{Reason: "Voyage's API has no " + string(r.Endpoint) + " endpoint"}, nil
	case strings.Contains(model, "-context-"):
		return &abi.PlanReply{Reason: "Voyage's contextualized embeddings are of documents in chunks, which OpenAI's embeddings have no shape for"}, nil
	case isMultimodal(model): // its usage has to be taken apart
		p.URL = base + "/multimodalembeddings"
		p.Response.Mode = abi.Transform
	default:
		p.URL = base + "/embeddings"
		p.Response.Edits = []abi.Edit{{Op: abi.EditCopy, Key: "usage.total_tokens", To: "prompt_tokens"}}
	}
	return p, nil
}

func isMultimodal(model string) bool { return strings.Contains(model, "multimodal") }

// planRerank: Voyage's words for Cohere's.
func planRerank(p *abi.PlanReply, o options) {
	p.Request = abi.RequestPlan{Mode: abi.Passthrough, Unsupported: []string{"max_tokens_per_doc"},
		Edits: []abi.Edit{{Op: abi.EditRename, Key: "top_n", To: "top_k"}}}
	if o.truncate != nil {
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditDefault, Key: "truncation", Value: o.truncate})
	}
	p.Response.Edits = []abi.Edit{{Op: abi.EditRename, Key: "data", To: "results"}, {Op: abi.EditRemove, Key: "object"}}
}

// options are [deployment.options]: what is sent when the client says nothing.
type options struct {
	inputType []byte // of embeddings; raw
	truncate  []byte // raw
}

func readOptions(raw []byte) (o options, f *llm.Fault) {
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "input_type":
			o.inputType, f = inputType(v)
		case "truncate":
			if _, ok := scan.Bool(v); !ok {
				f = llm.Refuse("truncate", "must be true or false")
			}
			o.truncate = append([]byte(nil), v...)
		default:
			f = llm.Refuse(string(key), "is unknown; known are input_type, truncate")
		}
		return f == nil
	})
	return o, f.Under("options")
}

// inputType is Voyage's word for what text is for.
func inputType(v []byte) ([]byte, *llm.Fault) {
	switch string(scan.Text(v)) {
	case "query", "search_query":
		return []byte(`"query"`), nil
	case "document", "search_document":
		return []byte(`"document"`), nil
	}
	return nil, llm.Refuse("input_type", "must be query or document with Voyage")
}
