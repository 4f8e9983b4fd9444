package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// badVendor tells everybody of the credential that it is given.
type badVendor struct {
	*httptest.Server
	keys        [2]string    // the credentials that are good there
	seen, inner atomic.Int64 // requests with a credential, and those that a redirect led to
}

// badVendors answer with the credential in a place where clients or logs could
// see it, each by the first part of its path. What a vendor writes into an answer
// of 200 is its own text, and stays.
var badVendors = map[string]func(w http.ResponseWriter, key string){
	"ok": func(w http.ResponseWriter, _ string) {
		fmt.Fprint(w, `{"id":"x","object":"chat.completion","created":1,"model":"vendor-model","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	},
	"400":     openAIError(400, "invalid_request_error"),
	"401":     openAIError(401, "authentication_error"),
	"403":     openAIError(403, "permission_error"),
	"404":     openAIError(404, "invalid_request_error"),
	"422":     openAIError(422, "invalid_request_error"),
	"429":     openAIError(429, "rate_limit_error"),
	"500":     openAIError(500, "server_error"),
	"503":     openAIError(503, "server_error"),
	"context": openAIError(400, "context_length_exceeded"),
	"html": func(w http.ResponseWriter, key string) {
		w.WriteHeader(502)
		fmt.Fprintf(w, "<html>Bad gateway: %s</html>", key)
	},
	"headers": func(w http.ResponseWriter, key string) {
		for _, name := range []string{"X-Request-Id", "Request-Id", "Retry-After", "X-Ratelimit-Remaining-Requests", "Openai-Organization", "Www-Authenticate", "Set-Cookie"} {
			w.Header().Set(name, key)
		}
		openAIError(429, "x")(w, "")
	},
	"malformed": func(w http.ResponseWriter, key string) { fmt.Fprintf(w, `{"id": %q, "choices": [`, key) },
	"not-json":  func(w http.ResponseWriter, key string) { fmt.Fprintf(w, "%s is not JSON", key) },
	"cut": func(w http.ResponseWriter, key string) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprintf(w, `{"id": %q`, key)
	},
	"redirect": func(w http.ResponseWriter, key string) {
		w.Header().Set("Location", "/inner?key="+key)
		w.WriteHeader(307)
	},
	"stream-error": func(w http.ResponseWriter, key string) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n")
		fmt.Fprintf(w, "data: {\"error\":{\"message\":\"key %s is used up\",\"type\":%q,\"code\":%q,\"param\":%q}}\n\n", key, key, key, key)
	},
	"stream-malformed": func(w http.ResponseWriter, key string) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"id\": %q\n\ndata: %s\n\n", key, key)
	},
	"bad-http": func(w http.ResponseWriter, key string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nno colon %s\r\n\r\n", key)
	},
	"no-http": func(w http.ResponseWriter, key string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "220 %s ready\r\n", key)
	},
}

func openAIError(status int, kind string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, key string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s. (Bearer %s)","type":%q,"param":%q,"code":%q}}`, key, key, kind, key, key)
	}
}

func newBadVendor(t *testing.T) *badVendor {
	v := &badVendor{keys: [2]string{"pk-MARKliteral0123456789", "another form of MARK by env"}}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if name == "inner" {
			v.inner.Add(1)
			return
		}
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		for _, good := range v.keys {
			if key == good {
				v.seen.Add(1)
			}
		}
		badVendors[name](w, key)
	}))
	t.Cleanup(v.Close)
	return v
}
