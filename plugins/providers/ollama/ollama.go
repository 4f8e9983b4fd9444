package main

import (
	"cmp"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// defaultBaseURL is where Ollama listens unless it is told otherwise.
const defaultBaseURL = "http://127.0.0.1:11434"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.ollama", Name: "Ollama", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat, completions and embeddings of models that Ollama runs, by its own API.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "api_key", Description: "API key of Ollama's cloud, sent as a bearer token.", Optional: true},
			},
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
		DecodeError:  decodeError,
	}
}

// paths are where the endpoints stand below the base URL.
var paths = map[abi.Endpoint]string{
	abi.Chat:        "/api/chat",
	abi.Completions: "/api/generate",
	abi.Embeddings:  "/api/embed",
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, f := readOptions(r.Deployment.Options); f != nil {
		return nil, f.Named()
	}
	path, ok := paths[r.Endpoint]
	if !ok && r.Endpoint != abi.Native {
		return &abi.PlanReply{Reason: "Ollama's API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	base := cmp.Or(r.Deployment.BaseURL, defaultBaseURL)
	p := &abi.PlanReply{
		Supported: true,
		URL:       base + path,
		Auth:      abi.Auth{Scheme: abi.AuthNone},
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
	if len(r.Deployment.CredentialFields) > 0 {
		p.Auth.Scheme = abi.AuthBearer
	}
	switch r.Endpoint {
	case abi.Native:
		p.URL, p.Native = "", native(base)
	case abi.Embeddings:
	default:
		p.Request.OutputCap = "max_tokens"
		p.Stream = abi.StreamPlan{Mode: abi.Transform, Framing: abi.FramingNDJSON}
	}
	return p, nil
}

// setting is a member of a body or of its options; the value is raw.
type setting struct {
	name  string
	value []byte
}

// settings are members of one object, each name once.
type settings []setting

// set adds a member, or replaces the one of its name.
func (s *settings) set(name string, value []byte) {
	for i := range *s {
		if (*s)[i].name == name {
			(*s)[i].value = value
			return
		}
	}
	*s = append(*s, setting{name, value})
}

// drop takes members out.
func (s *settings) drop(names ...string) {
	*s = slices.DeleteFunc(*s, func(m setting) bool { return slices.Contains(names, m.name) })
}

func (s settings) append(b []byte) []byte {
	for _, m := range s {
		b = append(scan.AppendName(b, m.name), m.value...)
	}
	return b
}

// options are [deployment.options]: what is sent when the client says nothing.
type options struct {
	body  settings // members of the body
	model settings // members of its "options"
}

// bodyOptions are members of the body that an operator or client may set, with the
// kinds that their value may have (see scan.Kind).
var bodyOptions = map[string]string{"keep_alive": "\"0", "think": "tf\"", "truncate": "tf", "shift": "tf"}

// modelOptions are the members of "options". https://docs.ollama.com/modelfile#parameter
var modelOptions = map[string]bool{"num_ctx": true, "num_batch": true, "num_gpu": true, "main_gpu": true, "use_mmap": true, "num_thread": true,
	"draft_num_predict": true, "num_keep": true, "seed": true, "num_predict": true, "top_k": true, "top_p": true, "min_p": true, "typical_p": true,
	"repeat_last_n": true, "temperature": true, "repeat_penalty": true, "presence_penalty": true, "frequency_penalty": true, "stop": true}

func readOptions(raw []byte) (o options, f *llm.Fault) {
	scan.Members(raw, func(key, v []byte) bool {
		name := string(key)
		kinds, ofBody := bodyOptions[name]
		switch {
		case ofBody:
			o.body.set(name, v)
			f = wantKind(name, v, kinds)
		case modelOptions[name]:
			o.model.set(name, v)
		default:
			f = llm.Refuse(name, "is unknown; known are keep_alive, think, truncate, shift and Ollama's model parameters (num_ctx, num_gpu …)")
		}
		return f == nil
	})
	return o, f.Under("options")
}

// wantKind refuses a value of none of the kinds.
func wantKind(name string, v []byte, kinds string) *llm.Fault {
	kind := scan.Kind(v)
	for i := range len(kinds) {
		if kinds[i] == kind {
			return nil
		}
	}
	words := map[byte]string{'"': "a string", '0': "a number", 't': "true", 'f': "false", '{': "an object", '[': "an array"}
	want := ""
	for i := range len(kinds) {
		switch {
		case i == 0:
		case i == len(kinds)-1:
			want += " or "
		default:
			want += ", "
		}
		want += words[kinds[i]]
	}
	return llm.Refuse(name, "must be "+want)
}
