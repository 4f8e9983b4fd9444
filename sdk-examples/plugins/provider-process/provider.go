// Provider-process is a provider as a process of its own: Cloudflare Workers AI
// through its OpenAI-compatible endpoints. The twists are two: the account
// stands in the URL, and errors have Cloudflare's shape.
//
// Sources: developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility
// and developers.cloudflare.com/workers-ai/platform/errors.
package main

import (
	"fmt"
	"regexp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

var accountID = regexp.MustCompile(`^[0-9a-zA-Z]+$`)

// New returns the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID:          "provider.workers-ai",
			Name:        "Cloudflare Workers AI",
			Version:     "1.0.0",
			Description: "Open models on Cloudflare's network.",
			Homepage:    "https://developers.cloudflare.com/workers-ai/",
			License:     "Apache-2.0",
			Stability:   "experimental",
			Credential:  []abi.CredentialField{{Name: "api_key", Description: "API token with the permission Workers AI Read"}},
		},
		Plan:        plan,
		DecodeError: decodeError,
	}
}

// plan says once how an endpoint is served. Both bodies are OpenAI's, so no
// request ever comes to this process: only errors do.
func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	var path string
	switch r.Endpoint {
	case abi.Chat:
		path = "/chat/completions"
	case abi.Embeddings:
		path = "/embeddings"
	default:
		return &abi.PlanReply{Reason: fmt.Sprintf("Workers AI has no %s endpoint", r.Endpoint)}, nil
	}
	base := r.Deployment.BaseURL
	if base == "" {
		id := scan.GetString(r.Deployment.Options, "account_id")
		if !accountID.MatchString(id) {
			return &abi.PlanReply{Reason: "options.account_id must be the Cloudflare account's id"}, nil
		}
		base = "https://api.cloudflare.com/client/v4/accounts/" + id + "/ai/v1"
	}
	return &abi.PlanReply{
		Supported: true,
		URL:       base + path,
		Auth:      abi.Auth{Scheme: abi.AuthBearer},
		Request:   abi.RequestPlan{Mode: abi.Passthrough, IncludeUsage: r.Stream},
		Response:  abi.ResponsePlan{Mode: abi.Passthrough},
		Stream:    abi.StreamPlan{Mode: abi.Passthrough, Framing: abi.FramingSSE},
		Usage: abi.UsagePaths{
			Input:  []string{"usage.prompt_tokens"},
			Output: []string{"usage.completion_tokens"},
			Model:  []string{"model"},
		},
	}, nil
}

// decodeError reads {"success":false,"errors":[{"code":5007,"message":"…"}]},
// or OpenAI's shape. The code says more than the status: 429 is a used-up
// account and a busy network alike.
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	message := scan.GetString(r.Body, "error", "message")
	var code int64
	scan.Elements(scan.Get(r.Body, "errors"), func(_ int, e []byte) bool {
		code, _ = scan.GetInt(e, "code")
		message = scan.GetString(e, "message")
		return false
	})
	if message == "" {
		message = fmt.Sprintf("the provider answered with status %d", r.Status)
	}
	reply := &abi.DecodeErrorReply{Error: abi.Error{Code: codeOf(r.Status, code), Message: message}}
	if code != 0 {
		reply.VendorCode = fmt.Sprint(code)
	}
	return reply, nil
}

func codeOf(status int, code int64) abi.ErrorCode {
	switch {
	case code == 3040, // out of capacity
		code == 3007, code == 3008, // timed out, aborted
		status >= 500:
		return abi.UpstreamUnavailable
	case status == 401 || status == 403:
		return abi.UpstreamCredential
	case status == 429:
		return abi.RateLimited
	}
	return abi.UpstreamRejected
}
