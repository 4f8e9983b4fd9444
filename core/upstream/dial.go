package upstream

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
)

// dial connects to t, through its proxy and TLS where there are such.
func (c *client) dial(ctx context.Context, t *target, allowPrivate bool) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	if err := reach.CheckHost(t.server, c.Reach, allowPrivate); err != nil {
		return nil, refused(err)
	}
	if t.proxy != nil {
		return c.dialProxy(ctx, t)
	}
	// The address is checked when it is connected to: nothing that a name
	// resolves to, or resolves to the second time, gets around it.
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err == nil {
			err = reach.CheckAddr(t.server, at.Addr(), c.Reach, allowPrivate)
		}
		if err != nil {
			return refused(err)
		}
		return nil
	}}
	raw, err := d.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return nil, err
	}
	if !t.secure {
		return newConn(raw, raw), nil
	}
	return c.secure(ctx, raw, raw, t.server)
}

func refused(why error) *core.Error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the address %s", why)
}

// secure makes a TLS connection to server over nc, which runs over raw. It
// takes both over.
func (c *client) secure(ctx context.Context, raw, nc net.Conn, server string) (*conn, error) {
	config := c.tls.Clone()
	config.ServerName = server
	s := tls.Client(nc, config)
	if err := s.HandshakeContext(ctx); err != nil {
		raw.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the TLS handshake with the provider failed").With(err)
	}
	return newConn(raw, s), nil
}

// dialProxy connects to a forward proxy. Its address is the operator's own
// word and not checked; it may well be private.
func (c *client) dialProxy(ctx context.Context, t *target) (*conn, error) {
	if t.proxy.Scheme != "http" && t.proxy.Scheme != "https" || t.proxy.Hostname() == "" {
		return nil, proxyError("the forward proxy is not an http or https proxy")
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", net.JoinHostPort(t.proxy.Hostname(), portOf(t.proxy)))
	if err != nil {
		return nil, proxyError("the forward proxy cannot be reached").With(err)
	}
	k := newConn(raw, raw)
	if t.proxy.Scheme == "https" {
		if k, err = c.secure(ctx, raw, raw, t.proxy.Hostname()); err != nil {
			return nil, err
		}
	}
	if !t.secure {
		return k, nil
	}
	if err := k.tunnel(ctx, t); err != nil {
		k.discard()
		return nil, err
	}
	return c.secure(ctx, raw, k.nc, t.server)
}

// tunnel asks the proxy at the other end of k to connect to t.
func (k *conn) tunnel(ctx context.Context, t *target) error {
	k.watch(ctx)
	request := "CONNECT " + t.addr + " HTTP/1.1\r\nHost: " + t.addr + "\r\n"
	if auth := proxyAuth(t.proxy); auth != "" {
		request += "Proxy-Authorization: " + auth + "\r\n"
	}
	if _, err := k.nc.Write([]byte(request + "\r\n")); err != nil {
		return proxyError("the connection to the forward proxy broke").With(err)
	}
	resp, err := k.readHead("CONNECT")
	switch {
	case err != nil:
		return proxyError("the connection to the forward proxy broke").With(err)
	case resp.Status < 200 || resp.Status > 299:
		return proxyError("the forward proxy refused the connection with status %d", resp.Status)
	case k.w > k.r:
		return proxyError("the forward proxy sent data before its tunnel was used")
	case !k.unwatch():
		return ctx.Err()
	}
	return nil
}

func proxyError(format string, args ...any) *core.Error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, format, args...)
}

// proxyAuth is the value of Proxy-Authorization, "" without user.
func proxyAuth(proxy *url.URL) string {
	if proxy == nil || proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

// past is a deadline that has passed already.
var past = time.Unix(1, 0)
