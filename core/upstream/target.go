package upstream

import (
	"net"
	"net/url"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
)

// target is a URL taken apart once.
type target struct {
	url    *url.URL // read only
	secure bool
	host   string // as in the Host header
	addr   string // host:port to connect to
	server string // name in the certificate
	uri    string // of the request line, before a query credential
	proxy  *url.URL
	pools  [2]*pool // without and with private addresses
}

// maxTargets bounds the URLs that are kept taken apart. There are as many as
// plans; providers that put a model's name into the path add some.
const maxTargets = 4096

func (t *target) pool(allowPrivate bool) *pool {
	if allowPrivate {
		return t.pools[1]
	}
	return t.pools[0]
}

func (c *client) target(raw string) (*target, error) {
	c.mu.RLock()
	t := c.targets[raw]
	c.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	u, err := reach.ParseURL(raw)
	if err != nil {
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the address %s", err)
	}
	t = &target{url: u, secure: u.Scheme == "https", host: u.Host, server: u.Hostname(), uri: u.RequestURI()}
	t.addr = net.JoinHostPort(t.server, portOf(u))
	if t.proxy, err = c.Proxy(u); err != nil {
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the forward proxy's address is not usable")
	}
	key := poolKey{secure: t.secure, addr: t.addr}
	if t.proxy != nil {
		key.proxy = t.proxy.String()
		if !t.secure { // a proxy is asked for the whole URL
			t.uri = u.Scheme + "://" + u.Host + t.uri
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.pools[0] = c.poolFor(key)
	key.allowPrivate = true
	t.pools[1] = c.poolFor(key)
	if len(c.targets) >= maxTargets {
		clear(c.targets)
	}
	c.targets[raw] = t
	return t, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
