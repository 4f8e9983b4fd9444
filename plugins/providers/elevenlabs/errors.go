package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// codes are what ElevenLabs' statuses mean where the HTTP status says less.
// https://elevenlabs.io/docs/resources/error-messages
var codes = map[string]abi.ErrorCode{
	"quota_exceeded":               abi.RateLimited,
	"too_many_concurrent_requests": abi.RateLimited,
	"system_busy":                  abi.UpstreamUnavailable,
	"invalid_api_key":              abi.UpstreamCredential,
	"missing_permissions":          abi.UpstreamCredential,
	"max_character_limit_exceeded": abi.ContextWindow,
}

// decodeError reads {"detail":{"status":…,"message":…}}, a text as detail, and
// the list of what a form lacks.
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	detail := scan.Get(r.Body, "detail")
	reply := &abi.DecodeErrorReply{VendorType: scan.GetString(detail, "status")}
	message := scan.GetString(detail, "message")
	if s, ok := scan.String(detail); ok {
		message = s
	}
	scan.Elements(detail, func(_ int, one []byte) bool {
		message = scan.GetString(one, "msg")
		return false
	})
	code, noRetry := llm.StatusCode(r.Status)
	if known := codes[reply.VendorType]; known != "" {
		code, noRetry = known, reply.VendorType == "quota_exceeded"
	}
	reply.NoRetry, reply.Error = noRetry, abi.Error{Code: code, Message: message}
	return reply, nil
}
