// Command anthropic is the provider plugin of Anthropic's Messages API and of
// servers that speak it. Messages and count_tokens pass through; chat
// completions are translated. README.md has the rules.
//
// Wire format: https://docs.anthropic.com/en/api/messages and the type
// definitions of the npm package @anthropic-ai/sdk.
package main

import (
	"encoding/json"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/go"
)

const (
	defaultBaseURL = "https://api.anthropic.com"
	defaultVersion = "2023-06-01"
)

// New is the plugin.
func New() pdk.Provider {
	return pdk.Provider{
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
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
	}
}

// options are [deployment.options].
type options struct {
	maxTokens int64 // 0 is the model family's
	version   string
	beta      string
}

func readOptions(raw json.RawMessage) (o options, err error) {
	o.version = defaultVersion
	bad := func(key, want string) *abi.Error {
		return &abi.Error{Code: abi.InvalidRequest, Message: "options." + key + " must be " + want, Param: "options." + key}
	}
	scan.Members(raw, func(key, value []byte) bool {
		ok := true
		switch string(key) {
		case "max_tokens":
			if o.maxTokens, ok = scan.Int(value); !ok || o.maxTokens < 1 {
				err = bad("max_tokens", "a positive integer")
			}
		case "anthropic_version":
			if o.version, ok = scan.String(value); !ok || o.version == "" {
				err = bad("anthropic_version", "a date such as "+defaultVersion)
			}
		case "anthropic_beta":
			if o.beta, ok = scan.String(value); !ok {
				err = bad("anthropic_beta", "a comma-separated list of beta names")
			}
		default:
			err = &abi.Error{Code: abi.InvalidRequest, Param: "options." + string(key),
				Message: "options." + string(key) + " is unknown; known are max_tokens, anthropic_version, anthropic_beta"}
		}
		return err == nil
	})
	return o, err
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, err := readOptions(r.Deployment.Options)
	if err != nil {
		return nil, err
	}
	base := r.Deployment.BaseURL
	if base == "" {
		base = defaultBaseURL
	}
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
		p.Request = abi.RequestPlan{Mode: abi.Transform, OutputCap: "max_completion_tokens"}
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
	for _, f := range fields {
		switch f {
		case "api_key":
			return abi.Auth{Scheme: abi.AuthHeader, Name: "x-api-key"}
		case "auth_token":
			return abi.Auth{Scheme: abi.AuthBearer, Value: "${credential.auth_token}"}
		}
	}
	return abi.Auth{Scheme: abi.AuthNone}
}
