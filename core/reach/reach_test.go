package reach

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/quick"
)

func policy(t *testing.T, entries ...string) *Policy {
	t.Helper()
	p := &Policy{}
	for _, e := range entries {
		if err := p.Add(e); err != nil {
			t.Fatal(e, err)
		}
	}
	return p
}

// TestCheckHost: without a policy, with one and with permission; C86.
func TestCheckHost(t *testing.T) {
	p := policy(t, "ollama.internal", "*.svc.cluster.local", "10.1.0.0/16", "fd12::/16", "::1", "127.0.0.1", "localhost")
	const fine, private, never, form = "fine", "private", "never", "usual form"
	for host, want := range map[string][3]string{ // nobody permits, the policy does, the deployment does
		"api.openai.com":               {fine, fine, fine},
		"203.0.113.7":                  {fine, fine, fine},
		"2001:4860:4860::8888":         {fine, fine, fine},
		"2606:4700::1111":              {fine, fine, fine},
		"64:ff9b::808:808":             {fine, fine, fine},
		"2002:808:808::1":              {fine, fine, fine},
		"2001:0:808:808:0:0:f7f7:f7f7": {fine, fine, fine}, // Teredo: 8.8.8.8 by 8.8.8.8
		"ollama.internal":              {fine, fine, fine}, // resolved later
		"localhost":                    {private, fine, fine},
		"LOCALHOST.":                   {private, fine, fine},
		"x.localhost":                  {private, private, fine},
		"ip6-loopback":                 {private, private, fine},
		"127.0.0.1":                    {private, fine, fine},
		"127.0.0.2":                    {private, private, fine},
		"::1":                          {private, fine, fine},
		"10.1.2.3":                     {private, fine, fine},
		"10.2.2.3":                     {private, private, fine},
		"172.31.255.255":               {private, private, fine},
		"192.168.0.1":                  {private, private, fine},
		"100.64.0.1":                   {private, private, fine},
		"198.18.0.1":                   {private, private, fine},
		"fd12::1":                      {private, fine, fine},
		"fd13::1":                      {private, private, fine},
		"fec0::1":                      {private, private, fine},
		"::ffff:10.1.0.1":              {private, fine, fine},
		"::ffff:192.168.0.1":           {private, private, fine},
		"::ffff:0:192.168.0.1":         {private, private, fine}, // translated
		"::192.168.0.1":                {private, private, fine}, // compatible
		"64:ff9b::192.168.0.1":         {private, private, fine},
		"64:ff9b:1::808:808":           {private, private, fine},
		"2002:c0a8:1::1":               {private, private, fine},
		"2001:0:808:808:0:0:3f57:fffe": {private, private, fine}, // Teredo: 192.168.0.1
		"2001:0:a00:1:0:0:f7f7:f7f7":   {private, private, fine}, // its server is 10.0.0.1
		"2606:4700::5efe:192.168.0.1":  {private, private, fine}, // ISATAP
		"2606:4700::200:5efe:10.2.0.1": {private, private, fine},
		"169.254.169.254":              {never, never, never},
		"::ffff:169.254.169.254":       {never, never, never},
		"::ffff:0:169.254.169.254":     {never, never, never},
		"64:ff9b::a9fe:a9fe":           {never, never, never},
		"64:ff9b:1::a9fe:a9fe":         {never, never, never},
		"2002:a9fe:a9fe::":             {never, never, never},
		"2001:0:808:808:0:0:5601:5601": {never, never, never}, // Teredo
		"fe80::1":                      {never, never, never},
		"fe80::5efe:a9fe:a9fe":         {never, never, never},
		"fe80::1%eth0":                 {never, never, never},
		"fd00:ec2::254":                {never, never, never},
		"100.100.100.200":              {never, never, never},
		"168.63.129.16":                {never, never, never},
		"192.0.0.192":                  {never, never, never},
		"0.0.0.0":                      {never, never, never},
		"0.1.2.3":                      {never, never, never},
		"::":                           {never, never, never},
		"224.0.0.1":                    {never, never, never},
		"ff02::1":                      {never, never, never},
		"255.255.255.255":              {never, never, never},
		"metadata":                     {never, never, never},
		"Metadata.Google.Internal.":    {never, never, never},
		"0x7f000001":                   {form, form, form},
		"2130706433":                   {form, form, form},
		"0177.0.0.1":                   {form, form, form},
		"127.1":                        {form, form, form},
		"1.2.3.4.5":                    {form, form, form},
		"":                             {form, form, form},
	} {
		for i, err := range []error{CheckHost(host, nil, false), CheckHost(host, p, false), CheckHost(host, nil, true)} {
			if (err == nil) != (want[i] == fine) || err != nil && !strings.Contains(err.Error(), want[i]) {
				t.Errorf("%s, %d: %v, want %s", host, i, err, want[i])
			}
		}
	}
}

// TestCheckAddr: a permitted name may be private, and never more than that.
func TestCheckAddr(t *testing.T) {
	p := policy(t, "ollama.internal", "*.svc.cluster.local")
	for _, c := range []struct {
		host, addr string
		want       error
	}{
		{"ollama.internal", "192.168.1.1", nil},
		{"OLLAMA.internal.", "::1", nil},
		{"a.b.svc.cluster.local", "10.0.0.1", nil},
		{"svc.cluster.local", "10.0.0.1", ErrPrivate},
		{"xsvc.cluster.local", "10.0.0.1", ErrPrivate},
		{"x.ollama.internal", "192.168.1.1", ErrPrivate},
		{"ollama.internal.evil.example", "192.168.1.1", ErrPrivate},
		{"ollama.internal", "169.254.169.254", ErrNever},
		{"evil.example", "127.0.0.1", ErrPrivate},
		{"evil.example", "1.1.1.1", nil},
	} {
		if err := CheckAddr(c.host, netip.MustParseAddr(c.addr), p, false); err != c.want {
			t.Errorf("%s at %s: %v, want %v", c.host, c.addr, err, c.want)
		}
	}
}

// TestCheckAddr_Embedded: however an IPv4 address is dressed as IPv6, it is
// judged as what it is.
func TestCheckAddr_Embedded(t *testing.T) {
	property := func(n uint32) bool {
		v4 := binary.BigEndian.AppendUint32(nil, n)
		plain := netip.AddrFrom4([4]byte(v4))
		dress := func(prefix string, at int, mix byte) netip.Addr {
			b := netip.MustParseAddr(prefix).As16()
			for i := range 4 {
				b[at+i] = v4[i] ^ mix
			}
			return netip.AddrFrom16(b)
		}
		want := CheckAddr("x", plain, nil, false)
		for _, a := range []netip.Addr{dress("::ffff:0:0", 12, 0), dress("::ffff:0:0:0", 12, 0), dress("64:ff9b::", 12, 0), dress("2002::1", 2, 0),
			dress("2001:0:808:808::", 12, 0xff), dress("2001:0:808:808::", 4, 0), dress("2606::5efe:0:0", 12, 0)} {
			if a.As16()[0] == 0x20 && a.As16()[1] == 1 && want == nil { // the other half of Teredo is not this test's
				continue
			}
			if err := CheckAddr("x", a, nil, false); !errors.Is(err, want) && !errors.Is(err, ErrNever) {
				t.Logf("%v as %v: %v, want %v", plain, a, err, want)
				return false
			}
		}
		return true
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 20000}); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"10.1.2.3", "127.0.0.1", "169.254.1.1", "192.168.9.9"} {
		if !property(binary.BigEndian.Uint32(netip.MustParseAddr(s).AsSlice())) {
			t.Error(s)
		}
	}
}

func TestPolicy_Add(t *testing.T) {
	for entry, want := range map[string]string{"": "not a host name", "*": "not a host name", "a b": "not a host name", "http://x": "not a host name", "x:80": "not a host name",
		"*.*.x": "not a host name", "a..b": "not a host name", "metadata.google.internal": "not a host name", "0x7f000001": "not a host name", "127.1": "not a host name",
		"0.0.0.0/0": "never", "::/0": "never", "8.8.8.8": "not within a private", "10.0.0.0/7": "not within a private", "fc00::/6": "not within a private",
		"169.254.0.0/16": "never", "169.254.169.254": "never", "fe80::/10": "never", "10.0.0.0/33": "not a host name"} {
		p := &Policy{}
		if err := p.Add(entry); err == nil || !strings.Contains(err.Error(), want) || len(p.names)+len(p.networks) > 0 {
			t.Errorf("%q: %v, want %s", entry, err, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for raw, want := range map[string]string{"https://api.example/v1?x=1": "", "http://127.0.0.1/": "private", "file:///etc/passwd": "http or https", "https://u:MARK@host/": "user name",
		"http:///x": "no host", "http://h/#x": "fragment", "http://h\u00f6st/": "character", "://": "not a URL", "": "http or https", "HTTP://host": "", "https://[fe80::1%25lo]/": "never"} {
		if err := CheckURL(raw, nil, false); (err != nil) != (want != "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "MARK")) {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
	}
}
