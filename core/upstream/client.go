package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"golang.org/x/net/http/httpproxy"

	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/upstream/token"
)

// Options are what a client may be told; the zero value is good for production.
type Options struct {
	RootCAs     *x509.CertPool // nil is the system's
	DialTimeout time.Duration  // to connect, through proxy and TLS; default 10 s
	IdleTimeout time.Duration  // of a kept connection; default 60 s
	MaxIdle     int            // kept connections of one address; default 1024
	// Proxy returns the forward proxy for a target's URL, nil for none. Default:
	// HTTPS_PROXY, HTTP_PROXY and NO_PROXY as New finds them.
	Proxy func(*url.URL) (*url.URL, error)
	// Reach is what the operator permits of private addresses, for all requests;
	// nil is nothing. Request.AllowPrivate permits one request's.
	Reach *reach.Policy
	// Now dates signatures and idle connections; default time.Now.
	Now func() time.Time
}

// New makes a client of HTTP/1.1 that follows no redirects and keeps no cookies.
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
	if o.Proxy == nil {
		o.Proxy = httpproxy.FromEnvironment().ProxyFunc()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &client{
		Options: o,
		tls: &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(256)},
		signer:  v4.NewSigner(),
		targets: make(map[string]*target),
		pools:   make(map[poolKey]*pool),
	}
	c.tokens = token.New(HTTPClient(c, 0), c.Now)
	return c
}

type client struct {
	Options
	tls    *tls.Config
	signer *v4.Signer // keeps derived keys
	tokens *token.Cache

	mu      sync.RWMutex
	targets map[string]*target
	pools   map[poolKey]*pool
	closed  bool

	reapAt atomic.Int64 // when pools are next searched for old connections, in Unix nanoseconds
}

// requests are buffers of requests being written.
var requests = sync.Pool{New: func() any { return new([]byte) }}

// keptRequest is the largest buffer that goes back to requests.
const keptRequest = 128 << 10

func (c *client) Do(ctx context.Context, r *Request) (*Response, error) {
	resp, used, err := c.send(ctx, r)
	if err == nil && used != nil && refuses(resp) && c.tokens.Refused(used) {
		resp.Body.Close()
		resp, _, err = c.send(ctx, r)
	}
	return resp, err
}

// refuses reports whether the vendor did not take the token: 401, and of AWS 403
// with the name of the error in a header.
func refuses(resp *Response) bool {
	return resp.Status == 401 || resp.Status == 403 &&
		(strings.HasPrefix(resp.Get("x-amzn-errortype"), "ExpiredToken") || strings.HasPrefix(resp.Get("x-amzn-errortype"), "UnrecognizedClient"))
}

// send is one try, with the token that it went with, if that was fetched.
func (c *client) send(ctx context.Context, r *Request) (*Response, *token.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	t, err := c.target(r.URL)
	if err != nil {
		return nil, nil, err
	}
	auth, err := c.authenticate(ctx, r, t)
	if err != nil {
		return nil, nil, err
	}
	p := t.pool(r.AllowPrivate)
	buf := requests.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= keptRequest {
			used := len(*buf) + min(len(r.Body), onePiece)
			clear((*buf)[:min(used, cap(*buf))]) // it held a credential, and behind it a prompt
			requests.Put(buf)
		}
	}()
	if *buf, err = appendHead((*buf)[:0], r, t, &auth); err != nil {
		return nil, nil, err
	}
	var k *conn
	if r.Upgrade == "" { // what does not come back is no kept connection
		k = p.take(c.Now(), c.IdleTimeout)
	}
	for ; ; k = nil {
		kept := k != nil
		if !kept {
			if k, err = c.dial(ctx, t, r.AllowPrivate); err != nil {
				return nil, nil, fmt.Errorf("%w: %w", ErrNotSent, fault(ctx, err, cannotConnect))
			}
			k.switches = r.Upgrade != ""
		}
		k.watch(ctx)
		began := c.Now()
		a, err := k.roundTrip(buf, r)
		if err == nil {
			err = a.begin(ctx, c, p, k)
		}
		// The vendor had closed an idle connection, or said that it was about to
		// (some send 408 for that): it has answered nothing of this request, and a
		// new connection is tried once. Who hangs up later may have worked on it,
		// and bill it: that is an attempt like others.
		idleEnd := err == nil && a.Status == 408 && a.body.last || err != nil && !k.answered && !isTimeout(err)
		if kept && idleEnd && ctx.Err() == nil && c.Now().Sub(began) < idleEndWithin {
			k.discard()
			continue
		}
		if err == nil {
			return &a.Response, auth.token, nil
		}
		k.discard()
		return nil, nil, fault(ctx, err, brokeBefore)
	}
}

// idleEndWithin is how soon after a request a vendor's end of an idle connection
// shows: the time of a round trip.
const idleEndWithin = time.Second

func (c *client) Close() {
	c.tokens.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, p := range c.pools {
		p.close()
	}
}
