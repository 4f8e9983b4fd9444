package exchange

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxErrorBody is how much of a vendor's error is read.
const maxErrorBody = 64 << 10

// maxRetryAfter caps what a vendor may ask us to wait.
const maxRetryAfter = time.Hour

// errorReader is abi.ErrorPaths made ready.
type errorReader struct {
	message, kind, code []string
	patterns            []errorPattern
}

type errorPattern struct {
	abi.ErrorPattern
	message *regexp.Regexp
}

// compileErrors shares expressions through compiled: a provider's plans mostly have the same.
func compileErrors(p *abi.ErrorPaths, compiled map[string]*regexp.Regexp) (*errorReader, error) {
	path := func(s, otherwise string) []string {
		if s == "" {
			s = otherwise
		}
		return strings.Split(s, ".")
	}
	r := &errorReader{message: path(p.Message, "error.message"), kind: path(p.Type, "error.type"), code: path(p.Code, "error.code")}
	for _, pat := range p.Patterns {
		c := errorPattern{ErrorPattern: pat}
		if c.message = compiled[pat.Message]; c.message == nil && pat.Message != "" {
			var err error
			if c.message, err = regexp.Compile("^(?:" + pat.Message + ")"); err != nil {
				return nil, err
			}
			compiled[pat.Message] = c.message
		}
		r.patterns = append(r.patterns, c)
	}
	return r, nil
}

// vendorError reads an answer that is not 2xx and says what it means to us.
func (r *run) vendorError(ctx context.Context, t *Target, p *plan, resp *upstream.Response) *core.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half an error body is better than none
	e := statusError(resp.Status)
	if d, ok := upstream.RetryAfter(resp.Get("retry-after"), r.x.now()); ok {
		e.RetryAfter = min(d, maxRetryAfter)
	}
	e.NoRetry = e.NoRetry || resp.Get("x-should-retry") == "false"
	if p.decodesErrors && t.provider != nil {
		if r.pluginError(ctx, t, resp, body, e) {
			return finishVendorError(e, t, "")
		}
	}
	return finishVendorError(e, t, p.errors.read(e, resp.Status, body))
}

// pluginError asks the provider plugin. A plugin that fails here costs its
// opinion only: the status still says enough.
func (r *run) pluginError(ctx context.Context, t *Target, resp *upstream.Response, body []byte, e *core.Error) bool {
	raw := body
	if scan.Valid(body) != nil {
		raw = scan.AppendString(nil, body)
	}
	reply, err := t.provider.DecodeError(ctx, &abi.DecodeErrorRequest{Endpoint: r.plan.endpoint, Status: resp.Status, Headers: vendorHeaders(resp), Body: raw})
	if err != nil {
		r.x.log.Warn("plugin failed to read a vendor's error", "plugin", t.Deployment.Provider, "error", err)
		return false
	}
	if reply.Error.Code != "" {
		setCode(e, reply.Error.Code)
	}
	e.Message, e.Param = reply.Error.Message, reply.Error.Param
	e.VendorType, e.VendorCode = reply.VendorType, reply.VendorCode
	e.Details = bytes.Clone(reply.Details)
	e.NoRetry = e.NoRetry || reply.NoRetry
	if reply.RetryAfterMS > 0 && e.RetryAfter == 0 {
		e.RetryAfter = min(time.Duration(reply.RetryAfterMS)*time.Millisecond, maxRetryAfter)
	}
	return true
}

// vendorHeaders are those of an answer that a plugin may see.
func vendorHeaders(resp *upstream.Response) abi.Headers {
	h := abi.Headers{}
	for _, name := range [...]string{"content-type", "retry-after", "x-request-id", "request-id", "x-amzn-requestid", "x-amzn-errortype", "x-amzn-bedrock-input-token-count"} {
		if v := resp.Get(name); v != "" {
			h[name] = v
		}
	}
	return h
}

// statusError is what a status alone says.
func statusError(status int) *core.Error {
	e := &core.Error{Source: core.SourceUpstream}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Code = core.CodeUpstreamCredential
	case status == http.StatusPaymentRequired: // our account's quota is used up, and not a budget of the client's
		e.Code, e.NoRetry = core.CodeRateLimited, true
	case status == http.StatusRequestTimeout:
		e.Code = core.CodeUpstreamTimeout
	case status == http.StatusRequestEntityTooLarge:
		e.Code = core.CodeContextWindow
	case status == http.StatusTooManyRequests:
		e.Code = core.CodeRateLimited
	case status >= 400 && status < 500:
		e.Code, e.Status = core.CodeUpstreamRejected, status
	case status == http.StatusServiceUnavailable || status == 529:
		e.Code, e.Status = core.CodeUpstreamUnavailable, status
	default:
		e.Code = core.CodeUpstreamUnavailable
	}
	return e
}

// read looks into the body of a vendor's error and returns its message.
func (r *errorReader) read(e *core.Error, status int, body []byte) string {
	if scan.Valid(body) != nil {
		return ""
	}
	message, kind := scan.GetString(body, r.message...), scan.GetString(body, r.kind...)
	code := scan.GetString(body, r.code...)
	e.VendorType, e.VendorCode = kind, code
	e.Param = scan.GetString(body, "error", "param")
	for i := range r.patterns {
		p := &r.patterns[i]
		if p.Status != 0 && p.Status != status || p.Type != "" && p.Type != kind || p.VCode != "" && p.VCode != code ||
			p.message != nil && !p.message.MatchString(message) {
			continue
		}
		setCode(e, p.Code)
		e.NoRetry = e.NoRetry || p.NoRetry
		break
	}
	return message
}

// setCode takes a plugin's word for what a failure is. The vendor's status is
// kept only where it says more than the code.
func setCode(e *core.Error, code abi.ErrorCode) {
	c := core.Code(code)
	switch c {
	case core.CodeInvalidRequest, core.CodeContextWindow, core.CodeContentPolicy, core.CodeRateLimited, core.CodeUpstreamCredential, core.CodeNotFound:
		e.Status = 0
	case core.CodeUpstreamUnavailable:
		if e.Status < 500 {
			e.Status = 0
		}
	case core.CodeUpstreamRejected:
		if e.Status < 400 || e.Status > 499 {
			e.Status = 0
		}
	default:
		return
	}
	e.Code = c
}

// finishVendorError makes the message fit for the client: never a word about our
// credential, and never the credential itself, should a vendor echo it.
func finishVendorError(e *core.Error, t *Target, message string) *core.Error {
	if e.Message == "" {
		e.Message = message
	}
	switch {
	case e.Code == core.CodeUpstreamCredential:
		e.Message, e.VendorType, e.VendorCode, e.Param, e.Details = "the provider refused the gateway's credential", "", "", "", nil
	case e.Message == "":
		e.Message = "the provider answered with an error and no message"
	}
	for _, text := range [...]*string{&e.Message, &e.VendorType, &e.VendorCode, &e.Param} {
		*text = t.Credential.Redact(*text, 4)
	}
	if details := t.Credential.Redact(string(e.Details), 4); details != string(e.Details) {
		e.Details = nil
	}
	return e
}
