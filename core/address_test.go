package core_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

func TestParseRanges(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1":              "[10.0.0.1/32]",
		"10.1.2.3/8":            "[10.0.0.0/8]",
		"0.0.0.0/0 ::/0":        "[0.0.0.0/0 ::/0]",
		"2001:DB8:0::1":         "[2001:db8::1/128]",
		"2001:db8:ffff::/32":    "[2001:db8::/32]",
		"::ffff:10.0.0.1":       "[10.0.0.1/32]",
		"::ffff:10.1.2.3/104":   "[10.0.0.0/8]",
		"10.0.0.1 ::ffff:0:0/9": "ranges[1]",
		"10.0.0/8":              "ranges[0]",
		"10.0.0.0/33":           "ranges[0]",
		"10.0.0.1 fe80::1%eth0": "ranges[1]",
		"fe80::%eth0/64":        "ranges[0]",
		"[::1]":                 "ranges[0]",
		"10.0.0.1:80":           "ranges[0]",
		"localhost":             "ranges[0]",
		"010.0.0.1":             "ranges[0]",
	} {
		got, err := core.ParseRanges("ranges", strings.Fields(in))
		text := fmt.Sprint(got)
		if err != nil {
			text = core.AsError(err).Param
		}
		if text != want {
			t.Errorf("%s: got %s, want %s; %v", in, text, want, err)
		}
	}
	if got, err := core.ParseRanges("ranges", nil); got != nil || err != nil {
		t.Errorf("nil became %v, %v", got, err)
	}
	if got, err := core.ParseRanges("ranges", []string{""}); err == nil {
		t.Errorf("an empty entry became %v", got)
	}
}

// TestClientAddress trusts 10.0.0.0/8 and 2001:db8::/32. Fields of
// X-Forwarded-For stand apart by |.
func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct{ name, peer, forwarded, want string }{
		{"no proxy", "1.2.3.4:5", "", "1.2.3.4"},
		{"a stranger's word", "1.2.3.4:5", "10.0.0.1", "1.2.3.4"},
		{"a proxy's word", "10.0.0.1:5", "1.2.3.4", "1.2.3.4"},
		{"a proxy that says nothing", "10.0.0.1:5", "", "10.0.0.1"},
		{"what the client wrote itself", "10.0.0.1:5", "9.9.9.9, 1.2.3.4", "1.2.3.4"},
		{"through two proxies", "10.0.0.1:5", "9.9.9.9, 1.2.3.4,10.0.0.2", "1.2.3.4"},
		{"in two fields", "10.0.0.1:5", "9.9.9.9|1.2.3.4, 10.0.0.2|10.0.0.3", "1.2.3.4"},
		{"all trusted", "10.0.0.1:5", "10.0.0.9, 10.0.0.2", "10.0.0.9"},
		{"empty elements", "10.0.0.1:5", " , 1.2.3.4, ,| ", "1.2.3.4"},
		{"garbage is nobody", "10.0.0.1:5", "1.2.3.4, unknown", "invalid IP"},
		{"garbage behind the client", "10.0.0.1:5", "unknown, 1.2.3.4", "1.2.3.4"},
		{"with a port", "10.0.0.1:5", "1.2.3.4:99", "1.2.3.4"},
		{"IPv6", "[2001:db8::1]:5", "2a00::1", "2a00::1"},
		{"IPv6 with a port", "[2001:db8::1]:5", "[2a00::1]:99", "2a00::1"},
		{"IPv6 in brackets", "[2001:db8::1]:5", "[2a00::1]", "2a00::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", "::ffff:1.2.3.4", "1.2.3.4"},
		{"with a zone", "[fe80::1%eth0]:5", "", "fe80::1"},
		{"a proxy's zone", "10.0.0.1:5", "fe80::1%eth0", "fe80::1"},
		{"a socket without address", "@", "10.0.0.1", "invalid IP"},
	} {
		var fields []string
		if c.forwarded != "" {
			fields = strings.Split(c.forwarded, "|")
		}
		if got := core.ClientAddress(c.peer, fields, trusted).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	if got := core.ClientAddress("10.0.0.1:5", []string{"1.2.3.4"}, nil).String(); got != "10.0.0.1" {
		t.Errorf("nobody is trusted: got %s", got)
	}
}
