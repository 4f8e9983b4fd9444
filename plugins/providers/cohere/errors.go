package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// errorRules give Cohere's errors our codes, the first that matches counts.
// prefix is how the message begins, so that a sentence quoted in one means nothing.
// https://docs.cohere.com/reference/errors
var errorRules = [...]struct {
	prefix  string
	code    abi.ErrorCode
	noRetry bool
}{
	{"too many tokens: max tokens must be", abi.UpstreamRejected, false}, // of the output
	{"too many tokens", abi.ContextWindow, false},
	{"invalid api token", abi.UpstreamCredential, false},
	{"no api key supplied", abi.UpstreamCredential, false},
}

// decodeError reads {"message":…}. What no rule knows is judged by its status.
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	reply := &abi.DecodeErrorReply{}
	reply.Error.Message = scan.GetString(r.Body, "message")
	if reply.Error.Message == "" {
		reply.Error.Message = scan.GetString(r.Body, "error", "message")
	}
	reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status)
	if r.Status == 498 { // an invalid token
		reply.Error.Code = abi.UpstreamCredential
	}
	for _, rule := range errorRules {
		if strings.HasPrefix(reply.Error.Message, rule.prefix) {
			reply.Error.Code, reply.NoRetry = rule.code, rule.noRetry
			break
		}
	}
	return reply, nil
}
