package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
)

// errorRules give Anthropic's errors our codes, the first that matches counts.
// prefix is how the message begins; it is text, not a pattern, so that a
// sentence quoted later in a message means nothing.
// https://docs.anthropic.com/en/api/errors
var errorRules = [...]struct {
	kind, prefix string
	code         abi.ErrorCode
	noRetry      bool
}{
	{"", "prompt is too long", abi.ContextWindow, false},
	{"", "input length and `max_tokens` exceed context limit", abi.ContextWindow, false},
	{"request_too_large", "", abi.ContextWindow, false},
	{"", "Output blocked by content filtering policy", abi.ContentPolicy, false},
	{"", "Your credit balance is too low", abi.RateLimited, true},
	{"billing_error", "", abi.RateLimited, true},
	{"rate_limit_error", "", abi.RateLimited, false},
	{"authentication_error", "", abi.UpstreamCredential, false},
	{"permission_error", "", abi.UpstreamCredential, false},
	{"overloaded_error", "", abi.UpstreamUnavailable, false},
	{"timeout_error", "", abi.UpstreamUnavailable, false},
	{"api_error", "", abi.UpstreamUnavailable, false},
}

// errorPatterns are the rules for the host, which reads whole error bodies itself.
func errorPatterns() []abi.ErrorPattern {
	patterns := make([]abi.ErrorPattern, 0, len(errorRules))
	for _, r := range errorRules {
		patterns = append(patterns, abi.ErrorPattern{Code: r.code, Type: r.kind, Message: r.prefix, NoRetry: r.noRetry})
	}
	return patterns
}

// streamError is what an error event of a stream means. A type that nobody
// knows counts as the vendor's failure.
func streamError(kind, message string) *abi.Error {
	e := &abi.Error{Code: abi.UpstreamUnavailable, Message: message}
	if kind == "invalid_request_error" || kind == "not_found_error" {
		e.Code = abi.UpstreamRejected
	}
	for _, r := range errorRules {
		if (r.kind == "" || r.kind == kind) && strings.HasPrefix(message, r.prefix) {
			e.Code = r.code
			break
		}
	}
	if e.Message == "" {
		e.Message = "the provider reported an error in its stream"
	}
	return e
}
