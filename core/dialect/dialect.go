// Package dialect writes what the gateway itself says to clients, in the words
// of the API that they speak. The bodies of other dialects than OpenAI chat are
// translated in the folders below.
package dialect

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/dialect/messages"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ErrorBody appends the error as a whole answer's body. exchange is the
// exchange's id, for the dialects that have a place for it.
func ErrorBody(dst []byte, endpoint abi.Endpoint, e *core.Error, exchange string) []byte {
	e = masked(e)
	if Of(endpoint).anthropic {
		return messages.ErrorBody(dst, e, exchange)
	}
	return appendOpenAI(dst, e)
}

// masked is the error without what looks like a secret: it may quote what a
// client wrote in the wrong place, or what a vendor says of a key.
func masked(e *core.Error) *core.Error {
	m := *e
	for _, text := range [...]*string{&m.Message, &m.Param, &m.VendorType, &m.VendorCode} {
		*text = core.MaskSecrets(*text)
	}
	if details := string(m.Details); core.MaskSecrets(details) != details {
		m.Details = nil
	}
	return &m
}

// ErrorEvent appends the error as the end of a stream: of the answer a, after
// sequence events.
func ErrorEvent(dst []byte, endpoint abi.Endpoint, e *core.Error, exchange string, a *bridge.Answer, sequence int64) []byte {
	if fail := Of(endpoint).Fail; fail != nil {
		e = masked(e)
		_, code := openAIWords(e)
		return fail(dst, a, e, code, sequence)
	}
	if Of(endpoint).anthropic {
		dst = append(dst, "event: error\n"...)
	}
	dst = append(dst, "data: "...)
	return append(ErrorBody(dst, endpoint, e, exchange), "\n\n"...)
}

// Status is the HTTP status of the error in the endpoint's dialect.
func Status(endpoint abi.Endpoint, e *core.Error) int {
	if Of(endpoint).anthropic {
		return messages.ErrorStatus(e)
	}
	return e.HTTPStatus()
}

// openAI gives each code the type and code of OpenAI's error object.
// https://platform.openai.com/docs/guides/error-codes/api-errors
var openAI = map[core.Code]struct{ kind, code string }{
	core.CodeInvalidRequest:      {"invalid_request_error", "invalid_request"},
	core.CodeNotFound:            {"invalid_request_error", "not_found"},
	core.CodeConflict:            {"invalid_request_error", "conflict"},
	core.CodeUnauthenticated:     {"authentication_error", "invalid_api_key"},
	core.CodePermissionDenied:    {"permission_error", "permission_denied"},
	core.CodeBudgetExceeded:      {"insufficient_quota", "budget_exceeded"},
	core.CodeRateLimited:         {"rate_limit_error", "rate_limit_exceeded"},
	core.CodeGuardrailBlocked:    {"invalid_request_error", "guardrail_blocked"},
	core.CodeContextWindow:       {"invalid_request_error", "context_length_exceeded"},
	core.CodeContentPolicy:       {"invalid_request_error", "content_policy_violation"},
	core.CodePayloadTooLarge:     {"invalid_request_error", "request_too_large"},
	core.CodeOverloaded:          {"server_error", "overloaded"},
	core.CodeUpstreamUnavailable: {"upstream_error", "upstream_unavailable"},
	core.CodeUpstreamTimeout:     {"upstream_error", "upstream_timeout"},
	core.CodeUpstreamCredential:  {"upstream_error", "upstream_credential"},
	core.CodeUpstreamRejected:    {"invalid_request_error", "upstream_rejected"},
	core.CodePluginFailed:        {"server_error", "plugin_failed"},
	core.CodeInternal:            {"server_error", "internal_error"},
}

// openAIWords are the error's type and code.
func openAIWords(e *core.Error) (kind, code string) {
	names, ok := openAI[e.Code]
	if !ok {
		names = openAI[core.CodeInternal]
	}
	kind, code = names.kind, names.code
	if e.Code == core.CodeNotFound && e.Param == "model" {
		code = "model_not_found"
	}
	if e.Code == core.CodeUpstreamRejected { // the vendor's own words, where it has some
		if e.VendorType != "" {
			kind = e.VendorType
		}
		if e.VendorCode != "" {
			code = e.VendorCode
		}
	}
	return kind, code
}

func appendOpenAI(dst []byte, e *core.Error) []byte {
	kind, code := openAIWords(e)
	dst = scan.AppendString(append(dst, `{"error":{"message":`...), e.Message)
	dst = scan.AppendString(append(dst, `,"type":`...), kind)
	dst = append(dst, `,"param":`...)
	if e.Param == "" {
		dst = append(dst, "null"...)
	} else {
		dst = scan.AppendString(dst, e.Param)
	}
	dst = scan.AppendString(append(dst, `,"code":`...), code)
	scan.Members(e.Details, func(key, v []byte) bool {
		switch name := string(key); name {
		case "message", "type", "param", "code":
		default:
			dst = append(scan.AppendName(dst, name), v...)
		}
		return true
	})
	return append(dst, "}}"...)
}
