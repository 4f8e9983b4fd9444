package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.cohere.com"

const chatPath, embedPath, rerankPath = "/v2/chat", "/v2/embed", "/v2/rerank"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.cohere", Name: "Cohere", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat completions, embeddings and rerank of Cohere's API.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "api_key", Description: "API key of the Cohere dashboard, sent as a bearer token.", Optional: true},
			},
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
		DecodeError:  decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, f := readOptions(r.Deployment.Options); f != nil {
		return nil, f.Named()
	}
	base := cmp.Or(r.Deployment.BaseURL, defaultBaseURL)
	p := &abi.PlanReply{
		Supported: true,
		Auth:      auth(r.Deployment.CredentialFields),
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
	switch r.Endpoint {
	case abi.Chat:
		p.URL = base + chatPath
		p.Request.OutputCap = "max_tokens"
		p.Stream.Mode = abi.Transform
	case abi.Embeddings:
		p.URL = base + embedPath
	case abi.Rerank:
		p.URL = base + rerankPath
		p.Request.Mode, p.Response.Mode = abi.Passthrough, abi.Passthrough
		p.Request.Unsupported = []string{"rank_fields", "max_chunks_per_doc"} // version 1 of the API had them
		p.Usage = abi.UsagePaths{Searches: []string{"meta.billed_units.search_units"}, Input: []string{"meta.billed_units.input_tokens"}}
	case abi.Native:
		p.Native = native(base)
	default:
		return &abi.PlanReply{Reason: "Cohere's API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return p, nil
}

// auth: a private deployment may need no credential.
func auth(fields []string) abi.Auth {
	if len(fields) == 0 {
		return abi.Auth{Scheme: abi.AuthNone}
	}
	return abi.Auth{Scheme: abi.AuthBearer}
}

// options are [deployment.options]: what is sent when the client says nothing.
type options struct {
	inputType  []byte // of embeddings; raw
	safetyMode []byte // of chat; raw
}

func readOptions(raw []byte) (o options, f *llm.Fault) {
	o.inputType = []byte(`"search_document"`) // the API demands one
	scan.Members(raw, func(key, v []byte) bool {
		name := "options." + string(key)
		switch string(key) {
		case "input_type":
			o.inputType = v
		case "safety_mode":
			o.safetyMode = v
		default:
			f = llm.Refuse(name, "is unknown; known are input_type, safety_mode")
		}
		if f == nil && scan.Kind(v) != '"' {
			f = llm.Refuse(name, "must be a string")
		}
		return f == nil
	})
	return o, f
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	o, f := readOptions(r.Deployment.Options)
	var reply *abi.EncodeReply
	switch {
	case f != nil:
	case r.Endpoint == abi.Embeddings:
		reply, f = encodeEmbeddings(r, o)
	default:
		reply, f = encodeChat(r, o)
	}
	if f != nil {
		return nil, f.Named()
	}
	return reply, nil
}

func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	if r.Endpoint == abi.Embeddings {
		return decodeEmbeddings(r)
	}
	return decodeChat(r)
}
