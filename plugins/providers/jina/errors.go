package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// decodeError reads {"detail":…,"code":…}; detail is a text, or a list of what is
// wrong with the request. https://api.jina.ai/openapi.json (Error Codes)
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	reply := &abi.DecodeErrorReply{VendorCode: scan.GetString(r.Body, "code")}
	detail := scan.Get(r.Body, "detail")
	reply.Error.Message, _ = scan.String(detail)
	scan.Elements(detail, func(_ int, fault []byte) bool {
		reply.Error.Message = scan.GetString(fault, "msg")
		return false
	})
	reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status)
	switch code := reply.VendorCode; {
	case code == "AUTHZ_INSUFFICIENT_BALANCE", code == "AUTHZ_RESOURCE_LIMIT_EXCEEDED": // the account is used up
		reply.Error.Code, reply.NoRetry = abi.RateLimited, true
	case strings.HasPrefix(code, "RATE_"):
		reply.Error.Code = abi.RateLimited
	}
	return reply, nil
}
