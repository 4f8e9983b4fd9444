// Package anthropic is the codec of Anthropic's Messages API. Messages and
// count_tokens pass through; chat completions are translated. The README of
// plugins/providers/anthropic has the rules.
//
// Wire format: https://docs.anthropic.com/en/api/messages and the type
// definitions of the npm package @anthropic-ai/sdk 1.13.
package anthropic

import (
	"cmp"
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const (
	defaultBaseURL = "https://api.anthropic.com"
	defaultVersion = "2023-06-01"
)

// New is the plugin.
func New() *pdk.Provider {
	m := &memory{}
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.anthropic", Name: "Anthropic", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Anthropic's Messages API, and chat completions translated to it.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "api_key", Description: "API key of the Anthropic console, sent as x-api-key.", Optional: true},
				{Name: "auth_token", Description: "Bearer token, for servers and gateways that want one instead.", Optional: true},
			},
		},
		Plan:         plan,
		Encode:       m.encode,
		Decode:       m.decode,
		DecodeEvents: m.decodeEvents,
		DecodeError:  decodeError,
	}
}

// options are [deployment.options].
type options struct {
	maxTokens int64 // 0 is the model family's
	version   string
	beta      string
}

func readOptions(raw []byte) (o options, f *llm.Fault) {
	o.version = defaultVersion
	scan.Members(raw, func(key, v []byte) bool {
		ok := true
		name := "options." + string(key)
		switch string(key) {
		case "max_tokens":
			if o.maxTokens, ok = scan.Int(v); !ok || o.maxTokens < 1 {
				f = llm.Refuse(name, "must be a positive whole number")
			}
		case "anthropic_version":
			if o.version, ok = scan.String(v); !ok || !isHeaderValue(o.version) {
				f = llm.Refuse(name, "must be a date such as "+defaultVersion)
			}
		case "anthropic_beta":
			if o.beta, ok = scan.String(v); !ok || !isHeaderValue(o.beta) {
				f = llm.Refuse(name, "must be a comma-separated list of beta names")
			}
		default:
			f = llm.Refuse(name, "is unknown; known are max_tokens, anthropic_version, anthropic_beta")
		}
		return f == nil
	})
	return o, f
}

func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	base := cmp.Or(r.Deployment.BaseURL, defaultBaseURL)
	p := &abi.PlanReply{
		Supported: true,
		URL:       base + "/v1/messages",
		Headers:   abi.Headers{"anthropic-version": o.version},
		Auth:      auth(r.Deployment.CredentialFields),
		Errors:    abi.ErrorPaths{Patterns: errorPatterns()},
	}
	if o.beta != "" {
		p.Headers["anthropic-beta"] = o.beta
	}
	switch r.Endpoint {
	case abi.Chat:
		p.Request = abi.RequestPlan{Mode: abi.Transform, OutputCap: "max_completion_tokens", ToolCap: "web_search_options.max_uses"}
		if familyOf(r.Deployment.Model).Searches {
			p.Request.WebSearch = abi.SearchesBeside
		}
		p.Response.Mode = abi.Transform
		p.Stream.Mode = abi.Transform
	case abi.Messages:
		p.Request = passthrough()
		p.Request.OutputCap = "max_tokens"
		p.Response.Mode, p.Stream.Mode = abi.Passthrough, abi.Passthrough
		p.Usage = usagePaths()
	case abi.CountTokens:
		p.URL += "/count_tokens"
		p.Request = passthrough()
		p.Response.Mode = abi.Passthrough
	case abi.Native:
		return &abi.PlanReply{Supported: true, Native: native()}, nil
	default:
		return &abi.PlanReply{Reason: "Anthropic has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return p, nil
}

func passthrough() abi.RequestPlan {
	return abi.RequestPlan{Mode: abi.Passthrough, ForwardHeaders: []string{"anthropic-version", "anthropic-beta"}}
}

// auth picks the scheme by what the credential has; a server of one's own may need none.
func auth(fields []string) abi.Auth {
	switch {
	case slices.Contains(fields, "api_key"):
		return abi.Auth{Scheme: abi.AuthHeader, Name: "x-api-key"}
	case slices.Contains(fields, "auth_token"):
		return abi.Auth{Scheme: abi.AuthBearer, Value: "${credential.auth_token}"}
	}
	return abi.Auth{Scheme: abi.AuthNone}
}
