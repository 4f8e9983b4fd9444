package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// decodeError reads an error of AWS: its type is in a header, or in __type or
// code of the body, with a namespace before or a link behind.
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	kind := r.Headers["x-amzn-errortype"]
	for _, member := range [...]string{"__type", "code"} {
		if kind == "" {
			kind = scan.GetString(r.Body, member)
		}
	}
	kind, _, _ = strings.Cut(kind, ":")
	kind = capital(kind[strings.LastIndexByte(kind, '#')+1:])
	message := messageOf(r.Body)
	if r.Endpoint == abi.CountTokens && uncounted(kind, message) {
		return &abi.DecodeErrorReply{Error: abi.Error{Code: abi.NotFound, Message: message}, VendorType: kind}, nil
	}
	return &abi.DecodeErrorReply{Error: abi.Error{Code: errorCode(kind, r.Status, message), Message: message}, VendorType: kind}, nil
}

func messageOf(body []byte) string {
	for _, member := range [...]string{"message", "Message"} {
		if s := scan.GetString(body, member); s != "" {
			return s
		}
	}
	return scan.GetString(body, "error", "message") // of gateways and proxies in front of it
}

// capital: the events of a stream have the names of the exceptions with a small letter.
func capital(kind string) string {
	return strings.ToUpper(kind[:min(1, len(kind))]) + kind[min(1, len(kind)):]
}

// exception is a failure inside a stream.
func exception(kind string, data []byte) *abi.Error {
	message := messageOf(data)
	if message == "" {
		message = scan.GetString(data, "originalMessage")
	}
	code := errorCode(capital(kind), 0, message)
	if message == "" {
		message = "Bedrock broke its stream off with " + kind
	}
	return &abi.Error{Code: code, Message: message}
}

// tooLong are the beginnings of what Bedrock and Claude on it say of long inputs.
var tooLong = [...]string{
	"Input is too long",
	"input is too long",
	"prompt is too long",
	"Too many input tokens",
	"input length and `max_tokens` exceed context limit",
}

// errorCode gives an exception our code; status is that of HTTP, 0 in a stream.
// Messages count by how they begin, so that a sentence quoted in one means nothing.
func errorCode(kind string, status int, message string) abi.ErrorCode {
	switch kind {
	case "ThrottlingException", "ServiceQuotaExceededException", "TooManyRequestsException":
		return abi.RateLimited
	case "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken",
		"InvalidSignatureException", "IncompleteSignatureException", "IncompleteSignature", "InvalidClientTokenId",
		"MissingAuthenticationTokenException", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired":
		return abi.UpstreamCredential
	case "ModelTimeoutException", "ModelErrorException", "ModelNotReadyException", "ModelStreamErrorException",
		"InternalServerException", "ServiceUnavailableException":
		return abi.UpstreamUnavailable
	case "ValidationException":
		message = strings.TrimPrefix(message, "The model returned the following errors: ")
		for _, prefix := range tooLong {
			if strings.HasPrefix(message, prefix) {
				return abi.ContextWindow
			}
		}
		return abi.UpstreamRejected
	}
	switch {
	case status == 401 || status == 403:
		return abi.UpstreamCredential
	case status == 413:
		return abi.ContextWindow
	case status == 429:
		return abi.RateLimited
	case status >= 400 && status < 500 && status != 408 && status != 424:
		return abi.UpstreamRejected
	}
	return abi.UpstreamUnavailable
}
