package keys_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// A key is refused outside its ranges, without a word of them, whether it comes
// from the store or from the cache, and also after a rotation.
func TestService_Ranges(t *testing.T) {
	s, _, _ := service(t)
	k, secret := create(t, s, keys.Spec{IPRanges: prefixes("10.0.0.0/8", "2001:db8::/32")})
	for _, c := range []struct {
		from string
		ok   bool
	}{{"10.1.2.3", true}, {"11.0.0.1", false}, {"2001:db8::9", true}, {"2001:db9::9", false}, {"", false}} {
		from := func() netip.Addr { a, _ := netip.ParseAddr(c.from); return a }
		for _, secret := range []string{secret, rotated(t, s, k.ID)} {
			p, err := s.Authenticate(t.Context(), secret, from, start)
			if (p != nil) != c.ok {
				t.Errorf("from %q: %v, %v", c.from, p, err)
			}
			if e := core.AsError(err); e != nil && (e.Code != core.CodePermissionDenied || e.HTTPStatus() != 403 || strings.ContainsAny(e.Message, "0123456789")) {
				t.Errorf("from %q: %v", c.from, e)
			}
		}
	}
	none := []netip.Prefix(nil)
	if _, err := s.Update(t.Context(), k.ID, core.KeyUpdate{IPRanges: &none}); err != nil {
		t.Fatal(err)
	}
	accepted(t, s, secret, start)
}

func rotated(t *testing.T, s *keys.Service, id string) string {
	t.Helper()
	secret, err := s.Rotate(t.Context(), id, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestService_UpdatePlaces(t *testing.T) {
	s, _, _ := service(t)
	k, _ := create(t, s, keys.Spec{Endpoints: []string{"chat"}, IPRanges: prefixes("10.0.0.0/8")})
	for param, u := range map[string]core.KeyUpdate{
		"ip_ranges":    {IPRanges: &[]netip.Prefix{}},
		"endpoints":    {Endpoints: &[]string{}},
		"endpoints[0]": {Endpoints: &[]string{"Chat"}},
		"endpoints[2]": {Endpoints: &[]string{"chat", "images", "chat"}},
	} {
		_, err := s.Update(t.Context(), k.ID, u)
		if e := core.AsError(err); e == nil || e.Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
	many := make([]netip.Prefix, 257)
	if _, err := s.Update(t.Context(), k.ID, core.KeyUpdate{IPRanges: &many}); err == nil {
		t.Error("any number of ranges is taken")
	}
	got, err := s.Get(t.Context(), k.ID)
	if err != nil || !got.AllowsEndpoint("chat") || got.AllowsEndpoint("images") || len(got.IPRanges) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestService_RangesAllocateNothing(t *testing.T) {
	s, _, _ := service(t)
	_, secret := create(t, s, keys.Spec{IPRanges: prefixes("10.0.0.0/8", "127.0.0.0/8")})
	local := netip.MustParseAddr("127.0.0.1")
	from := func() netip.Addr { return local }
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Authenticate(ctx, secret, from, start); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a hit", n)
	}
}
