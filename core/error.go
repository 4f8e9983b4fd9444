package core

import (
	"errors"
	"fmt"
	"time"
)

// Code names a failure for programs. Each code has one HTTP status and one
// answer to "is another deployment tried?"; see [Code.Status] and [Code.Retryable].
type Code string

// The codes. A client sees them in its own dialect's words.
const (
	CodeInvalidRequest      Code = "invalid_request"
	CodeNotFound            Code = "not_found"
	CodeConflict            Code = "conflict"
	CodeUnauthenticated     Code = "unauthenticated"
	CodePermissionDenied    Code = "permission_denied"
	CodeBudgetExceeded      Code = "budget_exceeded"
	CodeRateLimited         Code = "rate_limited"
	CodeGuardrailBlocked    Code = "guardrail_blocked"
	CodeContextWindow       Code = "context_window_exceeded"
	CodeContentPolicy       Code = "content_policy"
	CodePayloadTooLarge     Code = "payload_too_large"
	CodeOverloaded          Code = "overloaded" // the gateway itself is full or its ledger cannot be written
	CodeUpstreamUnavailable Code = "upstream_unavailable"
	CodeUpstreamTimeout     Code = "upstream_timeout"
	CodeUpstreamCredential  Code = "upstream_credential" // the vendor refused our credential
	CodeUpstreamRejected    Code = "upstream_rejected"   // any other 4xx of the vendor; Error.Status has it
	CodePluginFailed        Code = "plugin_failed"
	CodeInternal            Code = "internal"
)

type codeFacts struct {
	status    int
	retryable bool
}

var codeTable = map[Code]codeFacts{
	CodeInvalidRequest:      {400, false},
	CodeNotFound:            {404, false},
	CodeConflict:            {409, false},
	CodeUnauthenticated:     {401, false},
	CodePermissionDenied:    {403, false},
	CodeBudgetExceeded:      {402, false},
	CodeRateLimited:         {429, false}, // a vendor's is retryable: see Error.Retryable
	CodeGuardrailBlocked:    {400, false},
	CodeContextWindow:       {400, false},
	CodeContentPolicy:       {400, false},
	CodePayloadTooLarge:     {413, false},
	CodeOverloaded:          {503, false},
	CodeUpstreamUnavailable: {502, true},
	CodeUpstreamTimeout:     {504, true},
	CodeUpstreamCredential:  {502, true},
	CodeUpstreamRejected:    {400, false},
	CodePluginFailed:        {500, false},
	CodeInternal:            {500, false},
}

// Codes lists every code, for the tests that walk all of them.
func Codes() []Code {
	codes := make([]Code, 0, len(codeTable))
	for c := range codeTable {
		codes = append(codes, c)
	}
	return codes
}

// Status is the HTTP status that belongs to the code; 500 for an unknown one.
func (c Code) Status() int {
	if f, ok := codeTable[c]; ok {
		return f.status
	}
	return 500
}

// Source says whose fault a failure is.
type Source string

// The sources.
const (
	SourceClient   Source = "client"
	SourceGateway  Source = "gateway"
	SourcePlugin   Source = "plugin"
	SourceUpstream Source = "upstream"
)

// Error is the only error type whose text may reach a client.
//
// Message is safe for the client: it names no credential, URL, key hash or
// other tenant. Err is the cause, for the operator's log only.
type Error struct {
	Code    Code
	Message string
	Source  Source
	// Status is the vendor's own HTTP status where it is to be kept
	// (upstream_rejected, an overloaded vendor); 0 means the code's.
	Status int
	// Param names the request member at fault, as the client wrote it.
	Param string
	// VendorCode and VendorType are what the vendor called the failure.
	VendorCode, VendorType string
	// Details is what the vendor says beside: a JSON object whose members clients of
	// OpenAI's API get beside the message. nil is nothing.
	Details []byte
	// RetryAfter is how long to wait; 0 means unknown.
	RetryAfter time.Duration
	// NoRetry forbids another try at the same deployment (the vendor said so, or
	// the quota of our account is used up). Another deployment may still be tried.
	NoRetry bool
	Err     error
}

// Errorf makes an error with a client-safe message.
func Errorf(code Code, source Source, format string, args ...any) *Error {
	return &Error{Code: code, Source: source, Message: fmt.Sprintf(format, args...)}
}

// Invalid is the commonest error: the client's request is wrong at param.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidRequest, Source: SourceClient, Param: param, Message: fmt.Sprintf(format, args...)}
}

// With keeps cause for the operator's log and returns e.
func (e *Error) With(cause error) *Error { e.Err = cause; return e }

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus is the status to answer with: the vendor's where kept, else the code's.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	return e.Code.Status()
}

// Retryable reports whether another deployment may be tried after e. A
// provider plugin's fault and a vendor's rate limit are; ours are not.
func (e *Error) Retryable() bool {
	switch {
	case e.Code == CodeRateLimited:
		return e.Source == SourceUpstream
	case e.Code == CodePluginFailed:
		return e.Source == SourcePlugin
	}
	return codeTable[e.Code].retryable
}

// AsError turns any error into an *Error. What is not one already becomes
// internal, and its text stays in Err. Nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Source: SourceGateway, Message: "internal error", Err: err}
}
