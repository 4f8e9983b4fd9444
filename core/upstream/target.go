package upstream

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tokligence/gateway/core"
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
	u, err := parseURL(raw)
	if err != nil {
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the deployment's address %s", err)
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

// parseURL takes a plain http or https URL. Errors quote nothing of it: it may
// hold what must not be told.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("is not an http or https URL")
	case u.User != nil:
		return nil, fmt.Errorf("holds a user name or password: use a credential")
	case u.Fragment != "":
		return nil, fmt.Errorf("holds a fragment")
	case u.Hostname() == "":
		return nil, fmt.Errorf("has no host")
	}
	for _, c := range []byte(u.Host + u.RawQuery) {
		if c <= ' ' || c >= 0x7f {
			return nil, fmt.Errorf("holds a character that a URL may not hold")
		}
	}
	return u, nil
}

// CheckURL reports why a base URL can never be called: it is not a plain http
// or https URL, or its host is an address, or a well-known name of one, that
// the client refuses. What other names resolve to is seen when connecting.
func CheckURL(raw string, allowPrivate bool) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	return checkName(u.Hostname(), allowPrivate)
}

// checkName checks a host before anything is resolved. This is all there is
// where a proxy does the resolving, so spellings of an IPv4 address that only
// some resolvers take (0x7f000001, 2130706433, 0177.1) are refused.
func checkName(host string, allowPrivate bool) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return checkAddr(a, allowPrivate)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "" || last[0] >= '0' && last[0] <= '9':
		return fmt.Errorf("is not a host name, and not an IP address in its usual form")
	case host == "metadata" || host == "metadata.google.internal":
		return errNever
	case !allowPrivate && (last == "localhost" || host == "ip6-localhost" || host == "ip6-loopback"):
		return errPrivate
	}
	return nil
}
