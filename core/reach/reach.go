// Package reach says what the gateway may connect to: whoever can name a host
// (a deployment's base URL, a webhook, a sign-in server) must not get to the
// gateway's own network by it, or to its cloud's metadata.
//
// Hosts are judged three times: as they are written, when configured and before
// each connection, and by the address that a connection is about to be made to.
// What a name resolves to at another time does not matter.
package reach

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tokligence/gateway/core"
)

// The ways in which a host or an address is refused; they follow "the address".
var (
	// ErrNever cannot be permitted.
	ErrNever = errors.New("is one that the gateway never connects to")
	// ErrPrivate can be, by a deployment's allow_private or for all.
	ErrPrivate = errors.New("is private: allow_private_hosts of [security], or allow_private of a deployment, can permit it")
	errForm    = errors.New("is not a host name, and not an IP address in its usual form")
)

// Policy is what the operator permits of the private. Nil permits nothing.
type Policy struct {
	names    []string // in lower case; ".internal" is every name below it
	networks []netip.Prefix
}

// Add permits a host name ("ollama.internal"), all names below one
// ("*.internal"), an address or a network ("10.0.0.0/8").
func (p *Policy) Add(entry string) error {
	if n, ok := core.ParseRange(entry); ok {
		for _, r := range private {
			if r.Bits() <= n.Bits() && r.Contains(n.Addr()) {
				p.networks = append(p.networks, n)
				return nil
			}
		}
		if in(never, n.Addr()) {
			return ErrNever
		}
		return errors.New("is not within a private network")
	}
	name := strings.TrimSuffix(strings.ToLower(entry), ".")
	bare := strings.TrimPrefix(name, "*.")
	if !isName(bare) || CheckHost(bare, nil, true) != nil {
		return errors.New("is not a host name, an address or a network")
	}
	p.names = append(p.names, strings.TrimPrefix(name, "*"))
	return nil
}

// isName takes letters, digits and hyphens between dots; also underscores, which
// names of services have.
func isName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return len(s) <= 253
}

// named reports whether private addresses of the host are permitted.
func (p *Policy) named(host string) bool {
	if p == nil {
		return false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, n := range p.names {
		if host == n || n[0] == '.' && strings.HasSuffix(host, n) {
			return true
		}
	}
	return false
}

// CheckAddr judges the address that is to be connected to for the host.
// allowPrivate permits private ones beside those of the policy.
func CheckAddr(host string, a netip.Addr, p *Policy, allowPrivate bool) error {
	all := meanings(a)
	for _, a := range all {
		if in(never, a) {
			return ErrNever
		}
	}
	if allowPrivate || p.named(host) {
		return nil
	}
	for _, a := range all {
		if in(private, a) && (p == nil || !in(p.networks, a)) {
			return ErrPrivate
		}
	}
	return nil
}

// CheckHost judges a host as it is written. This is all there is where a proxy
// does the resolving, so spellings of an IPv4 address that only some resolvers
// take (0x7f000001, 2130706433, 0177.1) are refused.
func CheckHost(host string, p *Policy, allowPrivate bool) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return CheckAddr(host, a, p, allowPrivate)
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case last == "" || last[0] >= '0' && last[0] <= '9':
		return errForm
	case name == "metadata" || name == "metadata.google.internal":
		return ErrNever
	case !allowPrivate && (last == "localhost" || name == "ip6-localhost" || name == "ip6-loopback") && !p.named(name):
		return ErrPrivate
	}
	return nil
}

// ParseURL takes a plain http or https URL. Errors quote nothing of it: it may
// hold what must not be told.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("is not an http or https URL")
	case u.User != nil:
		return nil, errors.New("holds a user name or password: use a credential")
	case u.Fragment != "":
		return nil, errors.New("holds a fragment")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	}
	for _, c := range []byte(u.Host + u.RawQuery) {
		if c <= ' ' || c >= 0x7f {
			return nil, errors.New("holds a character that a URL may not hold")
		}
	}
	return u, nil
}

// CheckURL reports why a URL can never be called: it is not a plain http or
// https URL, or its host is refused as it is written.
func CheckURL(raw string, p *Policy, allowPrivate bool) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	return CheckHost(u.Hostname(), p, allowPrivate)
}
