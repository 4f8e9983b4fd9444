package httpapi_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

const elsewhere = "sk-tok-elsewhere-0123456789"

// bind makes keys that are restricted, and trusts the peer of the tests.
func (r *rig) bind(specs ...keys.Spec) {
	r.t.Helper()
	for i := range specs {
		specs[i].Name = "bound"
		if _, _, err := r.options.Keys.(*keys.Service).Create(r.t.Context(), specs[i]); err != nil {
			r.t.Fatal(err)
		}
	}
	r.options.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// TestAddress: in every way of HTTP a key bound to addresses works from there
// alone, and tells nobody else where that is.
func TestAddress(t *testing.T) {
	r := newRig(t)
	r.bind(keys.Spec{AllModels: true, Secret: elsewhere, IPRanges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
	const refused = "permission_error"
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			method, path, body string
			forwarded          []string
			ok                 bool
		}{
			{"POST", "/v1/chat/completions", hello, nil, false},
			{"POST", "/v1/chat/completions", hello, []string{"203.0.113.9"}, true},
			{"POST", "/v1/chat/completions", hello, []string{"203.0.113.9, 198.51.100.1"}, false},
			{"POST", "/v1/chat/completions", hello, []string{"203.0.113.9", "198.51.100.1"}, false},
			{"POST", "/v1/chat/completions", hello, []string{"198.51.100.1", "[2001:db8::7]:443, 127.0.0.5"}, true},
			{"POST", "/v1/chat/completions", hello, []string{"203.0.113.9, nonsense"}, false},
			{"POST", "/v1/messages", message, []string{"198.51.100.1"}, false},
			{"GET", "/v1/models", "", []string{"198.51.100.1"}, false},
			{"GET", "/v1/models", "", []string{"203.0.113.9"}, true},
			{"GET", "/v1/models/m", "", []string{"198.51.100.1"}, false},
			{"GET", "/metrics", "", []string{"198.51.100.1"}, false},
		} {
			headers := []string{"Authorization", "Bearer " + elsewhere}
			for _, f := range c.forwarded {
				headers = append(headers, "X-Forwarded-For", f)
			}
			got := w.ask(t, c.method, c.path, strings.NewReader(c.body), headers...)
			if c.ok && got.status != 200 {
				t.Errorf("%s %q: %d %s", c.path, c.forwarded, got.status, got.body)
			}
			if c.ok {
				continue
			}
			got.isError(t, 403, c.path == "/v1/messages", refused)
			if strings.Contains(got.body, "113") || strings.Contains(got.body, "db8") {
				t.Errorf("the ranges are told: %s", got.body)
			}
		}
	})
}

// TestEndpoints: each endpoint is open to a key that has its word and closed to
// one that has another; the list of models is open to both.
func TestEndpoints(t *testing.T) {
	words := map[string]string{"/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/messages/count_tokens": "count_tokens",
		"/v1/embeddings": "embeddings", "/v1/images/generations": "images", "/v1/completions": "completions", "/v1/moderations": "moderations", "/v1/rerank": "rerank"}
	secretOf := func(word string) string { return "sk-tok-only-0123456789-" + word }
	r := newRig(t)
	for _, word := range words {
		r.bind(keys.Spec{AllModels: true, Secret: secretOf(word), Endpoints: []string{word}})
	}
	const body = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"input":"hi","prompt":"hi","query":"hi","documents":["hi"]}`
	r.each(func(t *testing.T, w way) {
		for path := range words {
			for _, word := range words {
				got := w.ask(t, "POST", path, strings.NewReader(body), "Authorization", "Bearer "+secretOf(word))
				denied := strings.Contains(got.body, "this key may not use the endpoint")
				if denied != (words[path] != word) || denied && got.status != core.CodePermissionDenied.Status() {
					t.Errorf("%s with a key for %s: %d %s", path, word, got.status, got.body)
				}
			}
		}
		if got := w.ask(t, "GET", "/v1/models", nil, "Authorization", "Bearer "+secretOf("images")); got.status != 200 || !strings.Contains(got.body, `"m"`) {
			t.Errorf("models: %d %s", got.status, got.body)
		}
	})
}
