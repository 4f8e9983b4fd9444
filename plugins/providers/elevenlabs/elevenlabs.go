package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.elevenlabs.io"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.elevenlabs", Name: "ElevenLabs", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Speech and transcripts of ElevenLabs, whole and as one speaks.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{{Name: "api_key", Description: "API key of ElevenLabs, sent as xi-api-key."}},
		},
		Plan:        plan,
		Encode:      encode,
		Decode:      decode,
		DecodeError: decodeError,
		Converse:    converse,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, f := readVoices(r.Deployment.Options); f != nil {
		return nil, f.Named()
	}
	p := &abi.PlanReply{
		Supported: true,
		URL:       address(&r.Deployment) + "/v1/speech-to-text",
		Auth:      abi.Auth{Scheme: abi.AuthHeader, Name: "xi-api-key"},
		Request:   abi.RequestPlan{Mode: abi.Transform},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
		Errors:    abi.ErrorPaths{Message: "detail.message", Type: "detail.status"},
	}
	switch r.Endpoint {
	case abi.Speech: // sound passes on as it comes; encode names the voice
		p.URL, p.Response.Mode = address(&r.Deployment)+"/v1/text-to-speech", abi.Passthrough
	case abi.Transcriptions:
	case abi.Realtime:
		planSession(p, r)
	default:
		return &abi.PlanReply{Reason: "ElevenLabs' API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return p, nil
}

func address(d *abi.Deployment) string { return cmp.Or(d.BaseURL, defaultBaseURL) }

// readVoices is the option voices: ElevenLabs' voice ids by the names that clients use.
func readVoices(options []byte) (voices []byte, f *llm.Fault) {
	scan.Members(options, func(key, v []byte) bool {
		name := string(key)
		if name != "voices" {
			f = llm.Refuse("options."+name, "is unknown; known is voices")
			return false
		}
		voices = v
		if scan.Kind(v) != '{' {
			f = llm.Refuse("options.voices", "must be an object of voice ids by name")
		}
		scan.Members(v, func(key, id []byte) bool {
			if s, ok := scan.String(id); f == nil && (!ok || s == "") {
				f = llm.Refuse("options.voices."+string(key), "must be a voice id")
			}
			return f == nil
		})
		return f == nil
	})
	return voices, f
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	voices, f := readVoices(r.Deployment.Options)
	var reply *abi.EncodeReply
	if f == nil && r.Endpoint == abi.Speech {
		reply, f = speak(r, voices)
	} else if f == nil {
		reply, f = listen(r)
	}
	if f != nil {
		return nil, f.Named()
	}
	return reply, nil
}
