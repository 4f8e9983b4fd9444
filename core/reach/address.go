package reach

import "net/netip"

// never are ranges that no vendor answers from: what reaches a host's own
// platform, and what is no host at all.
var never = prefixes(
	"0.0.0.0/8", "::/128",
	"169.254.0.0/16", "fe80::/10", // link-local; metadata services of most clouds
	"fd00:ec2::/32", "fd20:ce::254/128", // metadata services by IPv6: AWS, Google
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", // the same: Alibaba, Azure, Oracle
	"224.0.0.0/4", "ff00::/8", // multicast
	"240.0.0.0/4", // reserved, broadcast
	"100::/64",    // discarded (RFC 6666)
)

// private are ranges of one's own network.
var private = prefixes(
	"127.0.0.0/8", "::1/128",
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.0.0.0/24", "198.18.0.0/15",
	"100.64.0.0/10",         // shared by a carrier's customers (RFC 6598)
	"fc00::/7", "fec0::/10", // unique local, and the older site-local
	"64:ff9b:1::/48", // translated by one's own network (RFC 8215)
	"5f00::/16",      // segment routing within it (RFC 9602)
)

// within are IPv6 ranges that stand for an IPv4 address, with the byte at which
// it begins and with what its bytes are mixed.
var within = []struct {
	netip.Prefix
	at  int
	mix byte
}{
	{netip.MustParsePrefix("::/96"), 12, 0},           // IPv4-compatible (RFC 4291, section 2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12, 0}, // IPv4-translated (RFC 2765)
	{netip.MustParsePrefix("64:ff9b::/96"), 12, 0},    // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12, 0},
	{netip.MustParsePrefix("2002::/16"), 2, 0},     // 6to4 (RFC 3056)
	{netip.MustParsePrefix("2001::/32"), 4, 0},     // Teredo's server (RFC 4380) …
	{netip.MustParsePrefix("2001::/32"), 12, 0xff}, // … and its client
}

// isatap marks the second half of IPv6 addresses that hold an IPv4 address
// behind it, whatever the network (RFC 5214).
var isatap = [2][4]byte{{0, 0, 0x5e, 0xfe}, {2, 0, 0x5e, 0xfe}}

func prefixes(all ...string) []netip.Prefix {
	p := make([]netip.Prefix, len(all))
	for i, s := range all {
		p[i] = netip.MustParsePrefix(s)
	}
	return p
}

// meanings are the address and those that it stands for.
func meanings(a netip.Addr) []netip.Addr {
	a = a.Unmap().WithZone("")
	all := []netip.Addr{a}
	if a.Is4() || a == netip.IPv6Loopback() || a.IsUnspecified() {
		return all
	}
	bytes := a.As16()
	inner := func(at int, mix byte) {
		v4 := [4]byte(bytes[at : at+4])
		for i := range v4 {
			v4[i] ^= mix
		}
		all = append(all, netip.AddrFrom4(v4))
	}
	for _, w := range within {
		if w.Contains(a) {
			inner(w.at, w.mix)
		}
	}
	if mark := [4]byte(bytes[8:12]); mark == isatap[0] || mark == isatap[1] {
		inner(12, 0)
	}
	return all
}

func in(ranges []netip.Prefix, a netip.Addr) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
