package responses

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// failure is what an error of a response, or an event of type error, means. An event has
// its parts in an object "error" or beside its type.
func (c *Codec) failure(e []byte) *abi.Error {
	if inner := scan.Get(e, "error"); scan.Kind(inner) == '{' {
		e = inner
	}
	vcode, kind, message := scan.GetString(e, "code"), scan.GetString(e, "type"), scan.GetString(e, "message")
	if kind == "error" { // which is the event's
		kind = ""
	}
	var code abi.ErrorCode
	if c.Rule != nil {
		code = c.Rule(vcode, kind, message)
	}
	if code == "" {
		code = codeOf(vcode, kind)
	}
	if message == "" {
		message = "the provider reported that the response failed"
	}
	return &abi.Error{Code: code, Message: message}
}

// codeOf knows the codes of ResponseError; what it does not know is the vendor's failure.
func codeOf(vcode, kind string) abi.ErrorCode {
	switch {
	case vcode == "rate_limit_exceeded":
		return abi.RateLimited
	case strings.HasSuffix(vcode, "_policy") || strings.HasSuffix(vcode, "_policy_violation"):
		return abi.ContentPolicy
	case vcode == "invalid_prompt" || strings.Contains(vcode, "image") || kind == "invalid_request_error":
		return abi.UpstreamRejected
	}
	return abi.UpstreamUnavailable
}
