package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// tooLong is how messages begin that say that the input does not fit. Messages
// count by how they begin, so that a sentence quoted in one means nothing.
var tooLong = [...]string{
	"the input length exceeds the context length",
	"input length (",
	"input after truncation exceeds maximum context length",
	"input exceeds maximum context length",
}

// decodeError reads {"error":…}. What is not known is judged by its status.
// https://docs.ollama.com/api/errors
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	message, kind := failure(r.Body)
	reply := &abi.DecodeErrorReply{VendorType: kind}
	reply.Error.Message = message
	if reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status); isTooLong(message, kind) {
		reply.Error.Code = abi.ContextWindow
	}
	return reply, nil
}

// failure is what an error's body says. Ollama may hand on the error of the server
// below it, {"error":{"message":…,"type":…}}, as it is or as text.
func failure(body []byte) (message, kind string) {
	e := scan.Get(body, "error")
	message, _ = scan.String(e)
	if inner := []byte(message); scan.Kind(inner) == '{' && scan.Valid(inner) == nil {
		e = inner
		if more := scan.Get(inner, "error"); scan.Kind(more) == '{' {
			e = more
		}
	}
	if scan.Kind(e) == '{' {
		message, kind = scan.GetString(e, "message"), scan.GetString(e, "type")
	}
	return message, kind
}

func isTooLong(message, kind string) bool {
	if kind == "exceed_context_size_error" {
		return true
	}
	for _, prefix := range tooLong {
		if strings.HasPrefix(message, prefix) {
			return true
		}
	}
	return false
}

// streamError is what an error means that comes with status 200.
func streamError(event []byte) *abi.Error {
	message, kind := failure(event)
	e := &abi.Error{Code: abi.UpstreamUnavailable, Message: message}
	if isTooLong(message, kind) {
		e.Code = abi.ContextWindow
	}
	if message == "" {
		e.Message = "Ollama reported an error in its stream"
	}
	return e
}
