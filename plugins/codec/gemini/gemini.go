// Package gemini is the codec of Google's Generative Language API (v1beta): chat
// completions over generateContent, embeddings over batchEmbedContents. The README
// of plugins/providers/gemini has the rules of the translation.
//
// Wire format: https://ai.google.dev/api/generate-content,
// https://ai.google.dev/api/embeddings and the type definitions of the npm
// package @google/genai 2.32.
package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://generativelanguage.googleapis.com/v1beta"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.gemini", Name: "Google Gemini", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat completions and embeddings of Google's Generative Language API.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of Google AI Studio, sent as x-goog-api-key."}},
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
		DecodeError:  decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, err := readOptions(r.Deployment.Options); err != nil {
		return nil, err.Named()
	}
	p := &abi.PlanReply{
		Supported: true,
		Auth:      abi.Auth{Scheme: abi.AuthHeader, Name: "x-goog-api-key"},
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
	base := r.Deployment.BaseURL
	if base == "" {
		base = defaultBaseURL
	}
	verb := ""
	switch {
	case r.Endpoint == abi.Native:
		return &abi.PlanReply{Supported: true, Auth: p.Auth, Native: native(base, r.Deployment.Model)}, nil
	case r.Endpoint == abi.Chat && r.Stream:
		verb = ":streamGenerateContent?alt=sse"
		p.Stream = abi.StreamPlan{Mode: abi.Transform, Framing: abi.FramingSSE}
	case r.Endpoint == abi.Chat:
		verb = ":generateContent"
	case r.Endpoint == abi.Embeddings:
		verb = ":batchEmbedContents"
	case r.Endpoint == abi.CountTokens:
		verb = ":countTokens"
	default:
		return &abi.PlanReply{Reason: "Gemini's " + string(r.Endpoint) + " endpoint is not translated"}, nil
	}
	if r.Endpoint == abi.Chat {
		p.Request.OutputCap = "max_completion_tokens"
	}
	p.URL = base + "/" + llm.Escape(modelPath(r.Deployment.Model), "/") + verb
	return p, nil
}

// modelPath is a model's resource name: "models/…" unless it says otherwise ("tunedModels/…").
func modelPath(model string) string {
	if strings.Contains(model, "/") {
		return model
	}
	return "models/" + model
}

// options are [deployment.options].
type options struct {
	safety []byte // raw; outranks the client's
}

func readOptions(raw []byte) (o options, err *llm.Fault) {
	scan.Members(raw, func(key, value []byte) bool {
		switch {
		case string(key) != "safety_settings":
			err = llm.Refuse("options."+string(key), "is unknown; known is safety_settings")
		case scan.Kind(value) != '[':
			err = llm.Refuse("options.safety_settings", "must be an array of {category, threshold}")
		default:
			o.safety = value
		}
		return err == nil
	})
	return o, err
}

// family is what the translation must know of a model.
type family struct {
	budgets    bool // thinks by budget (2.5); later ones by level
	leastThink int64
	mostThink  int64
	minimal    bool // knows thinkingLevel MINIMAL
	signed     bool // refuses calls in the history that have no thought signature
}

// familyOf goes by the name. Sources: the thinking and thought-signature guides
// of https://ai.google.dev/gemini-api/docs. A name without a version
// ("gemini-flash-latest") is a current model.
func familyOf(model string) family {
	name := model[strings.LastIndexByte(model, '/')+1:]
	pro := strings.Contains(name, "-pro")
	switch {
	case strings.HasPrefix(name, "gemini-1"), strings.HasPrefix(name, "gemini-2"):
		if pro {
			return family{budgets: true, leastThink: 128, mostThink: 32768}
		}
		return family{budgets: true, mostThink: 24576}
	case strings.HasPrefix(name, "gemini-"):
		return family{minimal: !pro, signed: true}
	}
	return family{minimal: true}
}
