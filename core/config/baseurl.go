package config

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// reach says how far away a URL's host is.
type reach int

const (
	reachPublic  reach = iota
	reachPrivate       // loopback, private and other addresses of one's own network
	reachNever         // link-local and metadata addresses: never called
)

// checkBaseURL judges a deployment's base_url by its text. Names are judged
// again by the addresses they resolve to, when connecting; errors do not quote
// the URL, which may hold a password.
func checkBaseURL(s string) (reach, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return 0, errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return 0, errors.New("must begin with http:// or https://")
	case u.User != nil:
		return 0, errors.New("must not contain a user or password: use a credential")
	case u.Hostname() == "":
		return 0, errors.New("has no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return 0, errors.New("must not have a query or fragment")
	}
	return reachOf(u.Hostname()), nil
}

// reachOf judges a host as resolvers read it: numbers in hex, octal or with
// fewer than four parts are IPv4 addresses too.
func reachOf(host string) reach {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return reachPrivate
	case host == "metadata" || host == "metadata.google.internal":
		return reachNever
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		var ok bool
		if addr, ok = legacyIPv4(host); !ok {
			return reachPublic
		}
	}
	return reachOfAddr(addr.WithZone("").Unmap())
}

// Networks beside those that netip knows: shared address space (RFC 6598), IPv4
// in NAT64 (RFC 6052) and metadata addresses that are not link-local.
var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	metadata    = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200")}
)

func reachOfAddr(a netip.Addr) reach {
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, m := range metadata {
		if a == m {
			return reachNever
		}
	}
	switch {
	case a.IsLinkLocalUnicast() || a.IsMulticast():
		return reachNever
	case a.IsLoopback(), a.IsPrivate(), a.IsUnspecified(), sharedSpace.Contains(a), thisNetwork.Contains(a):
		return reachPrivate
	}
	return reachPublic
}

// legacyIPv4 reads the forms of inet_aton: 0x7f000001, 2130706433, 0177.1, 127.1.
func legacyIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var n uint64
	for i, p := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		v, err := strconv.ParseUint(p, 0, bits)
		if err != nil || strings.ContainsAny(p, "_bo") {
			return netip.Addr{}, false
		}
		n = n<<bits | v
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), true
}
