// Package gemini is the codec of Google's Generative Language API (v1beta): chat
// completions over generateContent, embeddings over batchEmbedContents. The README
// of plugins/providers/gemini has the rules of the translation.
//
// Wire format: https://ai.google.dev/api/generate-content,
// https://ai.google.dev/api/embeddings and the type definitions of the npm
// package @google/genai 2.32.
package gemini

import (
	"cmp"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://generativelanguage.googleapis.com/v1beta"

// New is the plugin.
func New() *pdk.Provider { return provider(encode) }

// OnVertex is the codec for the same models on Vertex AI, which lacks some members.
func OnVertex() *pdk.Provider {
	return provider(func(r *abi.EncodeRequest) (*abi.EncodeReply, error) { return encodeFor(r, true) })
}

func provider(encode func(*abi.EncodeRequest) (*abi.EncodeReply, error)) *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.gemini", Name: "Google Gemini", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat completions, embeddings, pictures, speech, transcripts and realtime sessions of Google's Generative Language API.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of Google AI Studio, sent as x-goog-api-key."}},
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
		DecodeError:  decodeError,
		Converse:     converse,
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
	base := cmp.Or(r.Deployment.BaseURL, defaultBaseURL)
	verb, model := verbOf(r), r.Deployment.Model
	switch {
	case r.Endpoint == abi.Realtime && IsLive(model): // the documents send the key in the address
		return PlanLive(liveURL(base), abi.Auth{Scheme: abi.AuthQuery, Name: "key"}), nil
	case r.Endpoint == abi.Native:
		return &abi.PlanReply{Supported: true, Auth: p.Auth, Native: native(base, model)}, nil
	case verb == "":
		return &abi.PlanReply{Reason: "this model of Google's has no " + string(r.Endpoint)}, nil
	case r.Endpoint == abi.Chat && r.Stream:
		p.Stream = abi.StreamPlan{Mode: abi.Transform, Framing: abi.FramingSSE}
	}
	if r.Endpoint == abi.Chat || verb == ":generateContent" {
		p.Request.OutputCap = "max_completion_tokens"
	}
	if r.Endpoint == abi.Chat {
		p.Request.WebSearch = searches(model)
	}
	p.Request.Inline = r.Endpoint == abi.ImageEdits || r.Endpoint == abi.Transcriptions || r.Endpoint == abi.Translations
	p.URL = base + "/" + llm.Escape(modelPath(model), "/") + verb
	return p, nil
}

// searches says whether a model searches the web, as a plan does.
// https://ai.google.dev/gemini-api/docs/google-search#supported_models
func searches(model string) string {
	name := model[strings.LastIndexByte(model, '/')+1:]
	switch {
	case !strings.HasPrefix(name, "gemini-"), strings.Contains(name, "image"), strings.Contains(name, "-tts"), strings.HasPrefix(name, "gemini-2.0-flash-lite"):
		return ""
	case familyOf(model).budgets: // up to 2.5
		return abi.SearchesAlone
	}
	return abi.SearchesBeside
}

// verbOf is what the model is called by for an endpoint; "" for what it does not have.
func verbOf(r *abi.PlanRequest) string {
	model := r.Deployment.Model
	switch r.Endpoint {
	case abi.Chat:
		switch {
		case isImagen(model):
			return ""
		case r.Stream:
			return ":streamGenerateContent?alt=sse"
		}
		return ":generateContent"
	case abi.Embeddings:
		return ":batchEmbedContents"
	case abi.CountTokens:
		if !isImagen(model) {
			return ":countTokens"
		}
	case abi.Images:
		if isImagen(model) {
			return ":predict"
		}
		if draws(model) {
			return ":generateContent"
		}
	case abi.ImageEdits:
		if draws(model) && !isImagen(model) {
			return ":generateContent"
		}
	case abi.Speech:
		if speaks(model) {
			return ":generateContent"
		}
	case abi.Transcriptions, abi.Translations:
		if hears(model) {
			return ":generateContent"
		}
	}
	return ""
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
	voices []byte // raw: Gemini's voices by the names that clients use
}

func readOptions(raw []byte) (o options, err *llm.Fault) {
	scan.Members(raw, func(key, value []byte) bool {
		switch name := string(key); {
		case name != "safety_settings" && name != "voices":
			err = llm.Refuse("options."+name, "is unknown; known are safety_settings, voices")
		case name == "voices" && scan.Kind(value) != '{':
			err = llm.Refuse("options.voices", "must be an object of voices by name")
		case name == "voices":
			o.voices = value
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
