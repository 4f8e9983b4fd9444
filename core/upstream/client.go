package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// Options are what a client may be told; the zero value is good for production.
type Options struct {
	RootCAs     *x509.CertPool // nil is the system's
	DialTimeout time.Duration  // default 10 s
	IdleTimeout time.Duration  // of a kept connection; default 60 s
	MaxIdle     int            // kept connections of one address; default 1024
	Now         func() time.Time
}

// New makes a client of HTTP/1.1. It is our own because net/http's costs more
// than the rest of the gateway together: two goroutines a connection, and a
// hand-over between them for every request.
func New(o Options) Client {
	if o.DialTimeout == 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = time.Minute
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = 1024
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &client{Options: o, sessions: tls.NewLRUClientSessionCache(256), targets: make(map[string]*target), pools: make(map[poolKey]*pool)}
}

type client struct {
	Options
	sessions tls.ClientSessionCache

	mu      sync.RWMutex
	targets map[string]*target
	pools   map[poolKey]*pool
	closed  bool
}

// target is a URL taken apart once.
type target struct {
	secure         bool
	host, addr     string // as in the Host header; host:port to connect to
	server, path   string // name in the certificate; path and query
	credentialless *url.URL
}

// poolKey tells connections apart that must not be mixed.
type poolKey struct {
	secure       bool
	addr         string
	allowPrivate bool
}

// pool keeps idle connections of one address, the latest used first.
type pool struct {
	mu   sync.Mutex
	idle []*conn
}

// maxTargets bounds the memory of URLs; they are as many as there are plans.
const maxTargets = 4096

func (c *client) target(raw string) (*target, error) {
	c.mu.RLock()
	t := c.targets[raw]
	c.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the deployment's address is not a plain http or https URL").With(err)
	}
	t = &target{secure: u.Scheme == "https", host: u.Host, server: u.Hostname(), path: u.RequestURI(), credentialless: u}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[t.secure]
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.targets) < maxTargets {
		c.targets[raw] = t
	}
	return t, nil
}

func (c *client) pool(k poolKey) *pool {
	c.mu.RLock()
	p := c.pools[k]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p = c.pools[k]; p == nil {
		p = &pool{}
		c.pools[k] = p
	}
	return p
}

// take returns a connection that was idle for less than the idle time, nil when
// there is none. Older ones are closed on the way.
func (p *pool) take(now time.Time, idle time.Duration) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	k := p.idle[n-1]
	if now.Sub(k.since) < idle {
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		return k
	}
	for _, old := range p.idle { // the latest is too old, so all are
		old.Close()
	}
	p.idle = nil
	return nil
}

// put keeps a connection, and closes the oldest ones that have waited too long.
func (p *pool) put(k *conn, now time.Time, idle time.Duration, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k.since = now
	for len(p.idle) > 0 && (now.Sub(p.idle[0].since) >= idle || len(p.idle) >= most) {
		p.idle[0].Close()
		p.idle = p.idle[1:]
	}
	p.idle = append(p.idle, k)
}

// Close closes the idle connections. Running requests finish.
func (c *client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, p := range c.pools {
		p.mu.Lock()
		for _, k := range p.idle {
			k.Close()
		}
		p.idle = nil
		p.mu.Unlock()
	}
}

// Do sends r; see Client.
func (c *client) Do(ctx context.Context, r *Request) (*Response, error) {
	t, err := c.target(r.URL)
	if err != nil {
		return nil, err
	}
	key := poolKey{t.secure, t.addr, r.AllowPrivate}
	p := c.pool(key)
	head, path, err := c.head(ctx, r, t)
	if err != nil {
		return nil, err
	}
	for {
		k := p.take(c.Now(), c.IdleTimeout)
		fresh := k == nil
		if fresh {
			if k, err = c.dial(ctx, t, r.AllowPrivate); err != nil {
				return nil, c.fault(ctx, err, "the provider cannot be reached")
			}
		}
		resp, answered, err := c.roundTrip(ctx, k, p, r, head, path)
		if err == nil {
			return resp, nil
		}
		k.Close()
		if !fresh && !answered && ctx.Err() == nil && !isTimeout(err) {
			continue // the vendor had closed an idle connection: nothing of the request was answered
		}
		return nil, c.fault(ctx, err, "the connection to the provider broke")
	}
}

// fault gives an error its code. A context that has ended is told as it is.
func (c *client) fault(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *core.Error
	if errors.As(err, &e) {
		return e
	}
	if isTimeout(err) {
		return core.Errorf(core.CodeUpstreamTimeout, core.SourceUpstream, "the provider took too long").With(err)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "%s", what).With(err)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// roundTrip writes the request and reads the answer's head. answered tells that
// at least one byte of an answer has come.
func (c *client) roundTrip(ctx context.Context, k *conn, p *pool, r *Request, head []byte, path string) (resp *Response, answered bool, err error) {
	k.arm(ctx)
	if err = k.send(head, r.Body); err != nil {
		// A vendor may answer before it has read everything, and then hang up.
		if resp, answered = c.early(k); resp == nil {
			k.disarm()
			return nil, answered, err
		}
	} else {
		if r.HeadTimeout > 0 {
			k.setTimeout(c.Now().Add(r.HeadTimeout))
		}
		if resp, answered, err = k.readHead(r.Method); err != nil {
			k.disarm()
			return nil, answered, err
		}
		if r.HeadTimeout > 0 {
			k.setTimeout(time.Time{})
		}
	}
	b := &body{c: c, k: k, pool: p, ctx: ctx}
	if err = b.begin(resp); err != nil {
		k.disarm()
		return nil, true, err
	}
	resp.Body = b
	return resp, true, nil
}

// early reads an answer that came while the request was still being written.
func (c *client) early(k *conn) (*Response, bool) {
	k.setTimeout(c.Now().Add(time.Second))
	resp, answered, err := k.readHead("POST")
	if err != nil {
		return nil, answered
	}
	k.setTimeout(time.Time{})
	k.spent = true
	return resp, true
}

// ignored are headers that are this package's own business.
var ignored = map[string]bool{"host": true, "content-length": true, "connection": true, "transfer-encoding": true, "accept-encoding": true,
	"authorization": true, "keep-alive": true, "proxy-connection": true, "proxy-authorization": true, "te": true, "trailer": true, "upgrade": true, "expect": true, "cookie": true}

// head makes the request's head, authenticated.
func (c *client) head(ctx context.Context, r *Request, t *target) ([]byte, string, error) {
	path := t.path
	auth, err := c.authenticate(ctx, r, t)
	if err != nil {
		return nil, "", err
	}
	if auth.query != "" {
		if strings.Contains(path, "?") {
			path += "&" + auth.query
		} else {
			path += "?" + auth.query
		}
	}
	b := make([]byte, 0, 512)
	b = append(append(append(append(b, r.Method...), ' '), path...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, t.host...), "\r\n"...)
	for _, h := range r.Headers {
		if ignored[h.Name] || !cleanHeader(h) {
			continue
		}
		b = appendHeader(b, h.Name, h.Value)
	}
	for _, h := range auth.headers {
		b = appendHeader(b, h.Name, h.Value)
	}
	b = append(b, "Content-Length: "...)
	b = appendInt(b, len(r.Body))
	return append(b, "\r\n\r\n"...), path, nil
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// cleanHeader reports whether a header can be written without becoming two.
func cleanHeader(h Header) bool {
	if h.Name == "" {
		return false
	}
	for i := range len(h.Name) {
		c := h.Name[i]
		if c <= ' ' || c == ':' || c >= 0x7f {
			return false
		}
	}
	return !strings.ContainsAny(h.Value, "\r\n\x00")
}
