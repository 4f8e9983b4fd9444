package upstream

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
)

// userAgent is sent unless the request names another.
const userAgent = "tokligence-gateway"

// passes reports whether h is written. A name or value that could end its line
// is refused with an error, not dropped.
func passes(h *Header, r *Request) (bool, error) {
	if core.UseOf(h.Name) != core.HeaderFree || len(h.Name) == len(r.Auth.Name) && strings.EqualFold(h.Name, r.Auth.Name) {
		return false, nil
	}
	if !core.IsToken(h.Name) || !core.IsFieldValue(h.Value) {
		return false, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the provider's request has a header that cannot be sent")
	}
	return true, nil
}

// appendHead appends the request's line and headers, authenticated, up to the blank line.
func appendHead(b []byte, r *Request, t *target, auth *authenticated) ([]byte, error) {
	if !core.IsToken(r.Method) {
		return b, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the provider's request has no valid method")
	}
	b = append(append(append(b, r.Method...), ' '), t.uri...)
	if auth.query != "" {
		joint := byte('?')
		if t.url.RawQuery != "" {
			joint = '&'
		}
		b = append(append(b, joint), auth.query...)
	}
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendHeader(b, "host", t.host)
	agent := false
	for i := range r.Headers {
		h := &r.Headers[i]
		ok, err := passes(h, r)
		if err != nil {
			return b, err
		}
		if ok {
			b = appendHeader(b, h.Name, h.Value)
			agent = agent || h.Name == "user-agent"
		}
	}
	if auth.bearer != "" {
		b = append(append(append(b, "authorization: Bearer "...), auth.bearer...), "\r\n"...)
	}
	for i := range auth.headers {
		if h := &auth.headers[i]; h.Name != "" {
			b = appendHeader(b, h.Name, h.Value)
		}
	}
	if !agent {
		b = appendHeader(b, "user-agent", userAgent)
	}
	if t.proxy != nil && !t.secure && t.proxy.User != nil {
		b = appendHeader(b, "proxy-authorization", proxyAuth(t.proxy))
	}
	if r.Upgrade != "" {
		b = appendHeader(appendHeader(b, "connection", "Upgrade"), "upgrade", r.Upgrade)
	}
	// A compressed stream arrives in the vendor's portions, not event by event.
	b = append(b, "accept-encoding: identity\r\n"...)
	if len(r.Body) > 0 || r.Method != "GET" && r.Method != "HEAD" {
		b = append(b, "content-length: "...)
		b = append(strconv.AppendInt(b, int64(len(r.Body)), 10), "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}
