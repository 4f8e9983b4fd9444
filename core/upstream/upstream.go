// Package upstream is the only way out of the gateway: HTTP requests to
// vendors over pooled connections, with credentials and signatures added last.
package upstream

import (
	"context"
	"io"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// Request is one HTTP request. Header names are lower-case; Host,
// Content-Length, Connection, Accept-Encoding and the authentication headers
// are the client's own business and ignored here.
type Request struct {
	Method     string
	URL        string
	Headers    []Header
	Body       []byte // out of use when Do returns
	Auth       abi.Auth
	Credential *core.Credential // nil for AuthNone
	// Authorization is the header's value of a request with AuthNone that is the
	// gateway's own, and of no plugin; "" is none.
	Authorization string
	// Upgrade names the protocol that the connection shall go on in; "" is HTTP. The
	// Body of an answer 101 is then also an io.Writer, and the connection is the
	// caller's until Close. See [Socket].
	Upgrade string
	// HeadTimeout bounds the wait for the status line after the request was
	// written; 0 is none.
	HeadTimeout time.Duration
	// AllowPrivate permits loopback and private addresses beside those that the
	// client's policy permits. Link-local and metadata addresses are refused
	// always. Addresses are checked when connecting: see package reach.
	AllowPrivate bool
}

// Header is one header line.
type Header struct{ Name, Value string }

// Response is an answer whose head has arrived. Body must be closed; a body
// read to its end gives its connection back to the pool.
type Response struct {
	Status  int
	Headers []Header // lower-case names
	Body    Body
}

// Get returns the first header of that lower-case name.
func (r *Response) Get(name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Body reads an answer, gzip already undone. A stream's bytes come as they
// arrive. Reads end with ctx of Do. Close is not called while a Read runs: to
// interrupt one, end ctx. A broken answer is *core.Error upstream_unavailable
// with io.ErrUnexpectedEOF in its chain, never io.EOF.
type Body interface {
	io.ReadCloser
	// SetIdleTimeout bounds each following Read; 0 is none. A Read that takes
	// longer fails with *core.Error upstream_timeout.
	SetIdleTimeout(d time.Duration)
}

// Client sends requests. Safe for concurrent use. It is the only way out: what
// deployments, plugins, webhooks and sign-in name is called by the same rules, and
// [HTTPClient] lends them to libraries. No redirect is followed: a credential
// goes to the host that it was meant for, or nowhere.
type Client interface {
	// Do returns when the response's head is there. Errors are *core.Error:
	// upstream_unavailable (connect, TLS, broken answer, refused address),
	// upstream_timeout, upstream_credential (a field that is missing), or
	// the context's error as it is when ctx has ended. An answer of any status
	// is not an error. Do tries again by itself only when a kept-alive
	// connection turns out to be closed at once, before a byte of the answer came, and
	// once with another token when the vendor refuses one that was fetched (401).
	// What never left has ErrNotSent in its chain.
	Do(ctx context.Context, r *Request) (*Response, error)
	Close()
}
