package upstream

import (
	"errors"
	"net/netip"
)

// The two ways in which an address is refused; a deployment's address …
var (
	errNever   = errors.New("is one that the gateway never connects to")
	errPrivate = errors.New("is private, and its allow_private is not set")
)

// never are ranges that no vendor answers from: what reaches a host's own
// platform, and what is no host at all.
var never = prefixes(
	"0.0.0.0/8", "::/128",
	"169.254.0.0/16", "fe80::/10", // link-local; metadata services of most clouds
	"fd00:ec2::/32", "fd20:ce::254/128", // metadata services by IPv6: AWS, Google
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", // the same: Alibaba, Azure, Oracle
	"224.0.0.0/4", "ff00::/8", // multicast
	"240.0.0.0/4", // reserved, broadcast
)

// private are ranges of one's own network.
var private = prefixes(
	"127.0.0.0/8", "::1/128",
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.0.0.0/24", "198.18.0.0/15",
	"100.64.0.0/10",         // shared by a carrier's customers (RFC 6598)
	"fc00::/7", "fec0::/10", // unique local, and the older site-local
)

// within are IPv6 ranges that stand for an IPv4 address, with the byte at which it begins.
var within = []struct {
	netip.Prefix
	at int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible (RFC 4291, section 2.5.5.1)
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2}, // 6to4 (RFC 3056)
}

func prefixes(all ...string) []netip.Prefix {
	p := make([]netip.Prefix, len(all))
	for i, s := range all {
		p[i] = netip.MustParsePrefix(s)
	}
	return p
}

// checkAddr refuses addresses that no deployment may lead to.
func checkAddr(a netip.Addr, allowPrivate bool) error {
	a = a.Unmap().WithZone("")
	if in(never, a) {
		return errNever
	}
	if !allowPrivate && in(private, a) {
		return errPrivate
	}
	if a.Is6() && a != netip.IPv6Loopback() {
		bytes := a.As16()
		for _, w := range within {
			if w.Contains(a) {
				return checkAddr(netip.AddrFrom4([4]byte(bytes[w.at:w.at+4])), allowPrivate)
			}
		}
	}
	return nil
}

func in(ranges []netip.Prefix, a netip.Addr) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
