package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// errorRule gives an error one of our codes; all that is set must be so.
type errorRule struct {
	vcode, kind, prefix string
	status              int
	code                abi.ErrorCode
	noRetry             bool
}

// readRule reads a rule of a profile.
func readRule(raw []byte) errorRule {
	r := errorRule{vcode: scan.GetString(raw, "vcode"), kind: scan.GetString(raw, "type"), prefix: scan.GetString(raw, "message"),
		code: abi.ErrorCode(scan.GetString(raw, "code"))}
	status, _ := scan.GetInt(raw, "status")
	r.status = int(status)
	r.noRetry, _ = scan.Bool(scan.Get(raw, "no_retry"))
	return r
}

// matches reports whether an error is what the rule is about.
func (r *errorRule) matches(status int, vcode, kind, message string) bool {
	return (r.status == 0 || r.status == status) && (r.vcode == "" || r.vcode == vcode) && (r.kind == "" || r.kind == kind) && begins(message, r.prefix)
}

// errorRules give the errors of OpenAI and of servers like it our codes; the
// first that matches counts, and a profile's stand before them. What none matches
// is judged by its status.
// https://platform.openai.com/docs/guides/error-codes
var errorRules = []errorRule{
	{vcode: "context_length_exceeded", code: abi.ContextWindow},
	{kind: "exceed_context_size_error", code: abi.ContextWindow}, // llama.cpp
	// Messages count by how they begin, so that a sentence quoted in one means nothing. # is a number.
	{prefix: "This model's maximum context length is ", code: abi.ContextWindow},    // OpenAI, vLLM
	{prefix: "This endpoint's maximum context length is ", code: abi.ContextWindow}, // OpenRouter
	{prefix: "Your input exceeds the context window of this model", code: abi.ContextWindow},
	{prefix: "'max_tokens' or 'max_completion_tokens' is too large: ", code: abi.ContextWindow}, // vLLM
	{prefix: "The decoder prompt (length #) is longer than the maximum model length", code: abi.ContextWindow},
	{prefix: "The prompt (total length #) is too long to fit into the model", code: abi.ContextWindow},
	{prefix: "The input (# tokens) is longer than the model's context length", code: abi.ContextWindow}, // SGLang
	{prefix: "Requested token count exceeds the model's maximum context length", code: abi.ContextWindow},
	{prefix: "the request exceeds the available context size", code: abi.ContextWindow}, // llama.cpp
	{prefix: "the input length exceeds the context length", code: abi.ContextWindow},    // Ollama
	{prefix: "Input validation error: `inputs` ", code: abi.ContextWindow},              // text-generation-inference
	// A quota that is used up does not come back by waiting.
	{vcode: "insufficient_quota", code: abi.RateLimited, noRetry: true},
	{kind: "insufficient_quota", code: abi.RateLimited, noRetry: true},
	{vcode: "billing_hard_limit_reached", code: abi.RateLimited, noRetry: true},
	{vcode: "rate_limit_exceeded", code: abi.RateLimited},
	{vcode: "content_policy_violation", code: abi.ContentPolicy},
	{vcode: "content_filter", code: abi.ContentPolicy},
	{vcode: "moderation_blocked", code: abi.ContentPolicy},
	{vcode: "invalid_api_key", code: abi.UpstreamCredential},
	{vcode: "account_deactivated", code: abi.UpstreamCredential},
	{kind: "server_error", code: abi.UpstreamUnavailable},
}

// errorPatterns are the rules for the host, which reads errors within streams itself.
func errorPatterns(rules []errorRule) []abi.ErrorPattern {
	patterns := make([]abi.ErrorPattern, 0, len(rules))
	for _, r := range rules {
		patterns = append(patterns, abi.ErrorPattern{Code: r.code, Status: r.status, Type: r.kind, VCode: r.vcode, Message: quote(r.prefix), NoRetry: r.noRetry})
	}
	return patterns
}

// quote makes the pattern of a rule's prefix.
func quote(prefix string) string {
	b := make([]byte, 0, len(prefix)+16)
	for i := range len(prefix) {
		switch c := prefix[i]; {
		case c == '#':
			b = append(b, "[0-9]+"...)
			continue
		case strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0:
			b = append(b, '\\')
		}
		b = append(b, prefix[i])
	}
	return string(b)
}

// begins is what the pattern of quote means.
func begins(message, prefix string) bool {
	for {
		text, rest, number := strings.Cut(prefix, "#")
		if !strings.HasPrefix(message, text) {
			return false
		}
		if !number {
			return true
		}
		message = message[len(text):]
		after := strings.TrimLeft(message, "0123456789")
		if len(after) == len(message) {
			return false
		}
		message, prefix = after, rest
	}
}

// decodeError reads the shapes that errors have: OpenAI's {"error":{…}}, the
// same members without "error" (SGLang, older vLLM), and a string in "error" or
// "detail" (Ollama, FastAPI).
func (c *codec) decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	body := scan.Get(r.Body, "error")
	if scan.Kind(body) != '{' {
		body = r.Body
	}
	reply := &abi.DecodeErrorReply{VendorType: scan.GetString(body, "type"), VendorCode: scan.GetString(body, "code")}
	reply.Error.Param = scan.GetString(body, "param")
	for _, member := range [...]string{"message", "error", "detail"} {
		if reply.Error.Message == "" {
			reply.Error.Message = scan.GetString(body, member)
		}
	}
	for _, detail := range [...][]byte{scan.Get(body, "detail"), scan.Get(body, "message", "detail")} {
		if reply.Error.Message == "" {
			reply.Error.Message = firstFault(detail)
		}
	}
	// What Azure's filters found. https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter
	if found := scan.Get(body, "innererror"); scan.Kind(found) == '{' && len(found) < 4<<10 {
		reply.Details = scan.CloseObject(append(scan.AppendName(nil, "innererror"), found...), 0)
	}
	reply.Error.Code, reply.NoRetry = ofStatus(r.Status), r.Status == 402
	for _, rule := range c.rules {
		if rule.matches(r.Status, reply.VendorCode, reply.VendorType, reply.Error.Message) {
			reply.Error.Code, reply.NoRetry = rule.code, rule.noRetry
			break
		}
	}
	return reply, nil
}

// firstFault is the first of the faults that a validation found, with its place.
// https://fastapi.tiangolo.com/tutorial/handling-errors/#requestvalidationerror-vs-validationerror
func firstFault(detail []byte) (text string) {
	scan.Elements(detail, func(_ int, fault []byte) bool {
		text = scan.GetString(fault, "msg")
		var at []string
		scan.Elements(scan.Get(fault, "loc"), func(_ int, step []byte) bool {
			at = append(at, strings.Trim(string(step), `"`))
			return true
		})
		if len(at) > 0 && text != "" {
			text = strings.Join(at, ".") + ": " + text
		}
		return false
	})
	return text
}

func ofStatus(status int) abi.ErrorCode {
	switch {
	case status == 401 || status == 403:
		return abi.UpstreamCredential
	case status == 402: // what has been paid for is used up
		return abi.RateLimited
	case status == 413:
		return abi.ContextWindow
	case status == 429:
		return abi.RateLimited
	case status >= 400 && status < 500 && status != 408:
		return abi.UpstreamRejected
	}
	return abi.UpstreamUnavailable
}
