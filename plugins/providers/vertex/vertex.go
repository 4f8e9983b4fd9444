package main

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/plugins/codec/anthropic"
	"github.com/tokligence/gateway/plugins/codec/gemini"
)

// plugin has the codecs of the models that Vertex AI serves under paths of its own;
// what speaks OpenAI's chat needs none.
type plugin struct{ google, claude *pdk.Provider }

// New is the plugin.
func New() *pdk.Provider {
	v := plugin{gemini.OnVertex(), anthropic.New()}
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.vertex", Name: "Google Vertex AI", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Gemini, Claude, Mistral, open and embedding models of Google Cloud's Vertex AI.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "service_account", Description: "Text of a Google key file: file:/etc/tokligence/key.json.", Optional: true},
				{Name: "subject_token", Description: "Another issuer's token, for a key file of type external_account.", Optional: true},
				{Name: "api_key", Description: "API key of Google Cloud, for Gemini alone, in the key file's place.", Optional: true},
			},
		},
		Plan:         v.plan,
		Encode:       v.encode,
		Decode:       v.decode,
		DecodeEvents: v.decodeEvents,
		DecodeError:  v.decodeError,
		Converse:     v.converse,
	}
}

func (v *plugin) plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	m := modelOf(r.Deployment.Model)
	byKey := slices.Contains(r.Deployment.CredentialFields, "api_key")
	if o.project == "" && !(byKey && m.kind == ofGoogle) && !m.full {
		return nil, llm.Refuse("options.project", "is missing: it is the id of the Google Cloud project that pays").Named()
	}
	inner := *r
	inner.Deployment = o.within(r.Deployment, m)
	var p *abi.PlanReply
	var err error
	switch {
	case r.Endpoint == abi.Realtime && m.kind == ofGoogle && gemini.IsLive(m.name):
		p = v.planLive(&r.Deployment, o)
	case r.Endpoint == abi.Native:
		p, err = v.native(&inner, m)
	case m.kind >= ofMistral:
		p = planPartner(&inner, m)
	case m.kind == ofAnthropic:
		p, err = v.planClaude(&inner, m)
	case r.Endpoint == abi.Embeddings:
		p = planEmbeddings(&inner, m)
	default:
		p, err = v.google.Plan(&inner)
	}
	if err != nil || !p.Supported {
		return p, err
	}
	if p.Auth = (abi.Auth{Scheme: abi.AuthGoogle, Scope: "https://www.googleapis.com/auth/cloud-platform"}); byKey {
		p.Auth = abi.Auth{Scheme: abi.AuthHeader, Name: "x-goog-api-key"}
	}
	return p, nil
}

// version is what stands in the body in the place of Anthropic's header.
const version = `"vertex-2023-10-16"`

// planClaude: the body is Anthropic's, without the model, which the path names; to
// count tokens there is a model of that name, and the body names the one that counts.
func (v *plugin) planClaude(r *abi.PlanRequest, m model) (*abi.PlanReply, error) {
	p, err := v.claude.Plan(r)
	if err != nil || !p.Supported {
		return p, err
	}
	verb := ":rawPredict"
	if r.Stream && r.Endpoint != abi.CountTokens {
		verb = ":streamRawPredict"
	}
	name := m.name
	p.Request.Edits = []abi.Edit{{Op: abi.EditSet, Key: "anthropic_version", Value: abi.Raw(version)}}
	if r.Endpoint == abi.CountTokens {
		name = "count-tokens"
	} else {
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditRemove, Key: "model"})
	}
	if p.Request.Mode == abi.Transform {
		p.Request.Edits = nil // encode makes them
	} else {
		p.Request.ForwardHeaders = []string{"anthropic-beta"}
	}
	p.URL = r.Deployment.BaseURL + "/models/" + llm.Escape(name, "@") + verb
	delete(p.Headers, "anthropic-version")
	return p, nil
}

// Encode's state begins with the codec that made it: events come without a model.
const (
	byGoogle = "g"
	byClaude = "c"
)

func (v *plugin) encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	m := modelOf(r.Deployment.Model)
	if r.Endpoint == abi.Embeddings {
		return encodeEmbeddings(r, m)
	}
	inner := *r
	inner.Deployment = o.within(r.Deployment, m)
	codec, mark := v.google, byGoogle
	if m.kind == ofAnthropic {
		codec, mark = v.claude, byClaude
	}
	if r.Endpoint == abi.CountTokens {
		inner.Endpoint = abi.Chat
	}
	reply, err := codec.Encode(&inner)
	if err != nil {
		return nil, err
	}
	if r.Endpoint == abi.CountTokens {
		reply.Body, reply.State = countable(reply.Body), ""
		return reply, nil
	}
	if reply.State = mark + reply.State; m.kind == ofAnthropic {
		reply.Body = scan.Apply(nil, reply.Body, []scan.Edit{{Key: "model"}, {Key: "anthropic_version", Value: []byte(version)}})
	}
	return reply, nil
}

// countable is a request of Gemini's with what CountTokensRequest has of it alone.
// google/cloud/aiplatform/v1/prediction_service.proto
func countable(body []byte) []byte {
	b := make([]byte, 0, len(body))
	for _, name := range [...]string{"contents", "systemInstruction", "tools", "generationConfig"} {
		b = scan.AppendMember(b, name, scan.Get(body, name))
	}
	return scan.CloseObject(b, 0)
}

func (v *plugin) decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	m := modelOf(r.Deployment.Model)
	inner := *r
	inner.State = r.State[min(1, len(r.State)):]
	switch {
	case r.Endpoint == abi.Embeddings:
		return decodeEmbeddings(r)
	case m.kind == ofAnthropic:
		return v.claude.Decode(&inner)
	}
	return v.google.Decode(&inner)
}

func (v *plugin) decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	inner, codec, mark := *r, v.google, byGoogle
	if state, ok := strings.CutPrefix(r.State, byClaude); ok {
		inner.State, codec, mark = state, v.claude, byClaude
	} else {
		inner.State = strings.TrimPrefix(r.State, byGoogle)
	}
	reply, err := codec.DecodeEvents(&inner)
	if err == nil {
		reply.State = mark + reply.State
	}
	return reply, err
}

// decodeError: Claude's refusals have Anthropic's form, those of the cloud before it
// Google's, and other models' their own.
func (v *plugin) decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	if scan.GetString(r.Body, "type") == "error" {
		return v.claude.DecodeError(r)
	}
	if scan.Get(r.Body, "error") == nil {
		if reply, ok := readPartner(r); ok {
			return reply, nil
		}
	}
	return v.google.DecodeError(r)
}
