package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

const defaultBaseURL = "https://api.openai.com/v1"

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.openai", Name: "OpenAI", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat completions, embeddings and images of OpenAI and of servers that speak its API.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "api_key", Description: "API key, sent as a bearer token.", Optional: true},
			},
		},
		Plan:        plan,
		DecodeError: decodeError,
	}
}

// paths are where the endpoints stand below the base URL.
var paths = map[abi.Endpoint]string{
	abi.Chat:       "/chat/completions",
	abi.Embeddings: "/embeddings",
	abi.Images:     "/images/generations",
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, err := readOptions(r.Deployment.Options)
	if err != nil {
		return nil, err
	}
	path, ok := paths[r.Endpoint]
	if !ok {
		return &abi.PlanReply{Reason: "OpenAI's API has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	base, own := r.Deployment.BaseURL, false
	if base == "" || base == defaultBaseURL {
		base, own = defaultBaseURL, true
	}
	p := &abi.PlanReply{
		Supported: true,
		URL:       base + path,
		Headers:   o.headers,
		Auth:      auth(r.Deployment.CredentialFields),
		Request:   abi.RequestPlan{Mode: abi.Passthrough},
		Response:  abi.ResponsePlan{Mode: abi.Passthrough},
		Stream:    abi.StreamPlan{Mode: abi.Passthrough, Framing: abi.FramingSSE},
		Usage:     usagePaths(r.Endpoint),
		Errors:    abi.ErrorPaths{Patterns: errorPatterns()},
	}
	if r.Endpoint == abi.Chat {
		p.Request.IncludeUsage = o.includeUsage
		p.Request.OutputCap = outputCap(own)
	}
	return p, nil
}

// outputCap: OpenAI's reasoning models refuse max_tokens, and many other servers
// know nothing else.
func outputCap(own bool) string {
	if own {
		return "max_completion_tokens"
	}
	return "max_tokens"
}

// auth: a server of one's own may need no credential.
func auth(fields []string) abi.Auth {
	if len(fields) == 0 {
		return abi.Auth{Scheme: abi.AuthNone}
	}
	return abi.Auth{Scheme: abi.AuthBearer}
}

// usagePaths: the prompt's number contains its cached tokens, read and written,
// and its audio tokens, the completion's its audio and its reasoning.
func usagePaths(e abi.Endpoint) abi.UsagePaths {
	u := abi.UsagePaths{Model: []string{"model"}}
	switch e {
	case abi.Chat:
		u.Service = []string{"service_tier"}
		u.Input = []string{"usage.prompt_tokens"}
		u.CacheRead = []string{"usage.prompt_tokens_details.cached_tokens"}
		u.AudioInput = []string{"usage.prompt_tokens_details.audio_tokens"}
		u.CacheWrite5m = []string{"usage.prompt_tokens_details.cache_write_tokens"}
		u.InputIncludes = []string{"cache_read", "cache_write_5m", "audio_input"}
		u.Output = []string{"usage.completion_tokens"}
		u.Reasoning = []string{"usage.completion_tokens_details.reasoning_tokens"}
		u.AudioOutput = []string{"usage.completion_tokens_details.audio_tokens"}
		u.OutputIncludes = []string{"audio_output"}
	case abi.Embeddings:
		u.Input = []string{"usage.prompt_tokens"}
	case abi.Images:
		// Everything that an image model puts out is a picture, unless it says
		// otherwise: output_tokens counts as both and is taken out of output.
		u.Input = []string{"usage.input_tokens"}
		u.ImageInput = []string{"usage.input_tokens_details.image_tokens"}
		u.InputIncludes = []string{"image_input"}
		u.Output = []string{"usage.output_tokens"}
		u.ImageOutput = []string{"usage.output_tokens", "usage.output_tokens_details.image_tokens"}
		u.OutputIncludes = []string{"image_output"}
	}
	return u
}

// options are [deployment.options].
type options struct {
	includeUsage bool
	headers      abi.Headers
}

// optionHeaders are options that become a header.
var optionHeaders = map[string]string{"organization": "openai-organization", "project": "openai-project"}

func readOptions(raw []byte) (o options, err error) {
	o.includeUsage = true
	bad := func(key, what string) error {
		name := "options." + key
		return &abi.Error{Code: abi.InvalidRequest, Message: name + " " + what, Param: name}
	}
	scan.Members(raw, func(k, v []byte) bool {
		switch key := string(k); key {
		case "include_usage":
			var ok bool
			if o.includeUsage, ok = scan.Bool(v); !ok {
				err = bad(key, "must be true or false")
			}
		case "organization", "project":
			s, _ := scan.String(v)
			if !isHeaderValue(s) {
				err = bad(key, "must be a name of printable characters")
				break
			}
			if o.headers == nil {
				o.headers = abi.Headers{}
			}
			o.headers[optionHeaders[key]] = s
		default:
			err = bad(key, "is unknown; known are include_usage, organization, project")
		}
		return err == nil
	})
	return o, err
}

func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
