package messages

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ErrorStatus is the HTTP status of an error in Anthropic's API: an overloaded
// provider is 529 there. https://docs.anthropic.com/en/api/errors
func ErrorStatus(e *core.Error) int {
	if overloaded(e) {
		return 529
	}
	return e.HTTPStatus()
}

func overloaded(e *core.Error) bool {
	return e.Code == core.CodeUpstreamUnavailable && (e.Status == 503 || e.Status == 529) || e.Code == core.CodeOverloaded
}

var errorTypes = map[int]string{400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
	404: "not_found_error", 405: "invalid_request_error", 409: "invalid_request_error", 413: "request_too_large", 415: "invalid_request_error",
	422: "invalid_request_error", 429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error"}

// ErrorBody appends the error in Anthropic's shape. requestID is the exchange's id.
func ErrorBody(dst []byte, e *core.Error, requestID string) []byte {
	kind := errorTypes[ErrorStatus(e)]
	if kind == "" {
		kind = "api_error"
		if s := ErrorStatus(e); s >= 400 && s < 500 {
			kind = "invalid_request_error"
		}
	}
	dst = scan.AppendString(append(dst, `{"type":"error","error":{"type":`...), kind)
	dst = scan.AppendString(append(dst, `,"message":`...), e.Message)
	dst = scan.AppendString(append(dst, `},"request_id":`...), requestID)
	return append(dst, '}')
}
