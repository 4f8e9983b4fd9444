package adminapi

import (
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// TestKeys_Places: what the key's restrictions are after each request.
func TestKeys_Places(t *testing.T) {
	w := newWorld(t)
	var k struct {
		ID        string
		IPRanges  json.RawMessage `json:"ip_ranges"`
		Endpoints json.RawMessage
	}
	w.want(201, "POST", "/keys", `{"name": "x", "ip_ranges": ["10.1.2.3/8", "::ffff:192.0.2.9"], "endpoints": ["chat", "images"]}`, &k)
	const both = `["10.0.0.0/8","192.0.2.9/32"] ["chat","images"]`
	if got := string(k.IPRanges) + " " + string(k.Endpoints); got != both {
		t.Errorf("created with %s", got)
	}
	path := "/keys/" + k.ID
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", path, "", both},
		{"PATCH", path, `{"name": "y"}`, both},
		{"POST", path + "/rotate", "", both},
		{"PATCH", path, `{"ip_ranges": null}`, `null ["chat","images"]`},
		{"PATCH", path, `{"endpoints": ["embeddings"], "ip_ranges": ["2001:db8::1"]}`, `["2001:db8::1/128"] ["embeddings"]`},
		{"PATCH", path, `{"endpoints": null}`, `["2001:db8::1/128"] null`},
		{"GET", "/keys/" + w.plain.ID, "", "null null"},
	} {
		w.want(200, c.method, c.path, c.body, &k)
		if got := string(k.IPRanges) + " " + string(k.Endpoints); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
	w.want(201, "POST", "/keys", `{"name": "x", "ip_ranges": null, "endpoints": null}`, &k)
}

// TestAdmin_Address: an admin key is bound to its addresses, and cannot shut
// itself out. Requests of the tests come from 192.0.2.1.
func TestAdmin_Address(t *testing.T) {
	w := newWorld(t)
	path := "/keys/" + w.admin.ID
	if p := w.problemOf(409, "PATCH", path, `{"ip_ranges": ["198.51.100.0/24"]}`); !strings.Contains(p.Detail, "shut itself out") {
		t.Errorf("%+v", p)
	}
	w.want(200, "PATCH", path, `{"ip_ranges": ["192.0.2.0/24"]}`, nil)
	for _, c := range []struct {
		trusted, forwarded string
		status             int
	}{
		{"", "198.51.100.7", 200}, // the peer's word does not count
		{"192.0.2.1/32", "198.51.100.7", 403},
		{"192.0.2.1/32", "198.51.100.7, 192.0.2.7", 200},
		{"192.0.2.1/32", "192.0.2.7, 198.51.100.7", 403},
	} {
		d := w.deps
		if c.trusted != "" {
			d.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
		}
		r := httptest.NewRequest("GET", Prefix+"/me", nil)
		r.Header.Set("Authorization", "Bearer "+adminSecret)
		r.Header.Set("X-Forwarded-For", c.forwarded)
		rec := httptest.NewRecorder()
		checked(t, d).ServeHTTP(rec, r)
		if rec.Code != c.status {
			t.Errorf("trusting %q, forwarded for %q: %d %s", c.trusted, c.forwarded, rec.Code, rec.Body)
		}
		if body := rec.Body.String(); rec.Code == 403 && (!strings.Contains(body, string(core.CodePermissionDenied)) || strings.Contains(body, "192.0.2")) {
			t.Errorf("refused with %s", body)
		}
	}
	if log := w.log.String(); !strings.Contains(log, w.admin.ID+" was used from 198.51.100.7") {
		t.Errorf("the log does not tell: %s", log)
	}
}
