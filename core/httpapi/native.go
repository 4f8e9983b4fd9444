package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
)

// queryKey is the parameter in which clients of Google put their key.
const queryKey = "key"

// native serves /{provider}/…, a provider's own API. What no provider has is not found.
func (s *server) native(w http.ResponseWriter, r *http.Request) {
	n, key := nativeOf(r.Method, r.URL)
	snapshot := s.Exchange.Snapshot()
	if n == nil || !snapshot.HasNative(n.Provider) {
		s.notFound(w, r)
		return
	}
	header := r.Header.Get
	if key != "" {
		header = func(name string) string {
			v := r.Header.Get(name)
			if v == "" && strings.EqualFold(name, "X-Goog-Api-Key") {
				return key
			}
			return v
		}
	}
	if s.gate.closed.Load() {
		w.Header()["Connection"] = closing
	}
	body := func() ([]byte, func(), *core.Error) { return s.readBody(w, r) }
	rep := &reply{w: w}
	s.serveExchange(r.Context(), asked{endpoint: snapshot.NativeEndpoint(n), native: n}, header, s.origin(r), body, rep)
	rep.finish()
}

// nativeOf takes an address apart: the provider, what stands below it, the query,
// and the key that may be in that. It is nil for an address of one segment.
func nativeOf(method string, u *url.URL) (n *exchange.Native, key string) {
	provider, path, ok := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if !ok || provider == "" {
		return nil, ""
	}
	n = &exchange.Native{Provider: provider, Method: method, Path: "/" + path, Query: u.RawQuery}
	if strings.Contains(u.RawQuery, queryKey+"=") {
		if query, err := url.ParseQuery(u.RawQuery); err == nil {
			key = query.Get(queryKey)
			query.Del(queryKey)
			n.Query = query.Encode()
		}
	}
	return n, key
}
