package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.deepgram.com"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.deepgram", Name: "Deepgram", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Transcripts and speech of Deepgram.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of Deepgram, sent in the scheme Token."}},
		},
		Plan:        plan,
		Encode:      encode,
		Decode:      decode,
		DecodeError: decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	var f *llm.Fault
	scan.Members(r.Deployment.Options, func(key, _ []byte) bool {
		f = llm.Refuse("options."+string(key), "is unknown; this provider has no options")
		return false
	})
	if f != nil {
		return nil, f.Named()
	}
	p := &abi.PlanReply{
		Supported: true,
		URL:       address(&r.Deployment) + "/v1/listen",
		Auth:      abi.Auth{Scheme: abi.AuthHeader, Name: "authorization", Value: "Token ${credential.api_key}"},
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
	switch r.Endpoint {
	case abi.Speech: // sound passes on as it comes
		p.URL, p.Response.Mode = address(&r.Deployment)+"/v1/speak", abi.Passthrough
	case abi.Transcriptions:
	default:
		return &abi.PlanReply{Reason: "Deepgram's API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return p, nil
}

func address(d *abi.Deployment) string { return cmp.Or(d.BaseURL, defaultBaseURL) }

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	codec := listen
	if r.Endpoint == abi.Speech {
		codec = speak
	}
	reply, f := codec(r)
	if f != nil {
		return nil, f.Named()
	}
	return reply, nil
}

// query is the parameters of an address.
type query []byte

func (q *query) add(name, value string) {
	joint := byte('&')
	if len(*q) == 0 {
		joint = '?'
	}
	*q = llm.AppendEscaped(append(append(append(*q, joint), name...), '='), value)
}

// addAll adds a member: text, number or boolean, or each of a list.
func (q *query) addAll(name string, v []byte) {
	if scan.Kind(v) == '[' {
		scan.Elements(v, func(_ int, one []byte) bool { q.addAll(name, one); return true })
		return
	}
	s, ok := scan.String(v)
	if !ok {
		s = string(v)
	}
	q.add(name, s)
}
