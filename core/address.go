package core

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseRanges reads addresses and networks in CIDR notation, IPv4 or IPv6. Each
// becomes the network that it stands in ("10.1.2.3/8" is 10.0.0.0/8), and an
// IPv4 network written as IPv6 becomes IPv4. The error names the entry at fault
// as an element of param. A nil list stays nil.
func ParseRanges(param string, list []string) ([]netip.Prefix, error) {
	if list == nil {
		return nil, nil
	}
	out := make([]netip.Prefix, 0, len(list))
	for i, s := range list {
		p, ok := ParseRange(s)
		if !ok {
			return nil, Invalid(param+"["+strconv.Itoa(i)+"]", "%q is neither an address nor a network such as %q or %q", s, "10.0.0.0/8", "2001:db8::/32")
		}
		out = append(out, p)
	}
	return out, nil
}

// ParseRange is ParseRanges for one entry. A zone is none of an address's
// meaning outside its host, so that an address with one is refused.
func ParseRange(s string) (p netip.Prefix, ok bool) {
	p, err := netip.ParsePrefix(s)
	if a, aerr := netip.ParseAddr(s); aerr == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() {
		const mapped = 96 // bits of the prefix of all IPv4 addresses in IPv6
		if p.Bits() < mapped {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), true
}

// InRanges reports whether one of the networks holds the address; the zero
// address is in none.
func InRanges(ranges []netip.Prefix, a netip.Addr) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ClientAddress tells where a request comes from. It is the peer ("1.2.3.4:567"
// as net.Conn names it), unless that is a trusted proxy: then it is the
// rightmost address in the X-Forwarded-For fields that is none, for whatever
// stands left of that was written by somebody whom nobody vouches for. Where all
// are trusted it is the leftmost. The address is without IPv6's forms of IPv4
// and without a zone; it is the zero address when it cannot be known.
func ClientAddress(peer string, forwardedFor []string, trusted []netip.Prefix) netip.Addr {
	client := parseAddress(peer)
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for rest, more := forwardedFor[i], true; more; {
			if !InRanges(trusted, client) {
				return client
			}
			hop := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, hop = rest[:comma], rest[comma+1:]
			} else {
				more = false
			}
			if hop = strings.TrimSpace(hop); hop != "" { // lists may have empty elements (RFC 9110, 5.6.1)
				client = parseAddress(hop)
			}
		}
	}
	return client
}

// parseAddress reads an address, with or without a port.
func parseAddress(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		at, _ := netip.ParseAddrPort(s) // the zero address when it is none
		a = at.Addr()
	}
	return a.Unmap().WithZone("")
}
