package httpapi_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// TestRoutes: every path takes its methods and no other, unknown ones are told
// in the dialect of who asks, and nothing is redirected.
func TestRoutes(t *testing.T) {
	r := newRig(t)
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			method, path string
			version      string // Anthropic-Version
			status       int
			anthropic    bool
			allow        string
		}{
			{"GET", "/v1/chat/completions", "", 405, false, "POST"},
			{"PUT", "/v1/embeddings", "", 405, false, "POST"},
			{"DELETE", "/v1/images/generations", "", 405, false, "POST"},
			{"OPTIONS", "/v1/chat/completions", "", 405, false, "POST"},
			{"HEAD", "/v1/messages", "", 405, true, "POST"},
			{"GET", "/v1/messages", "", 405, true, "POST"},
			{"PATCH", "/v1/messages/count_tokens", "", 405, true, "POST"},
			{"POST", "/v1/models", "", 405, false, "GET, HEAD"},
			{"POST", "/v1/models/m", "2023-06-01", 405, true, "GET, HEAD"},
			{"POST", "/healthz", "", 405, false, "GET, HEAD"},
			{"GET", "/", "", 404, false, ""},
			{"POST", "/v1/edits", "", 404, false, ""},
			{"POST", "/v1/complete", "2023-06-01", 404, true, ""},
			{"POST", "/v1/messages/batches", "", 404, true, ""},
			{"POST", "/v1/messages/", "", 404, true, ""},
			{"POST", "/v1/messagesX", "", 404, false, ""},
			{"POST", "/chat/completions", "", 404, false, ""},
			{"POST", "/v1//chat/completions", "", 404, false, ""},
			{"POST", "/v1/chat/completions/", "", 404, false, ""},
			{"POST", "/v1/x/../chat/completions", "", 404, false, ""},
			{"POST", "/V1/chat/completions", "", 404, false, ""},
			{"POST", "/openai/deployments/m/chat", "", 404, false, ""},
		} {
			headers := []string{"Authorization", "Bearer " + secret}
			if c.version != "" {
				headers = append(headers, "Anthropic-Version", c.version)
			}
			got := w.ask(t, c.method, c.path, strings.NewReader(hello), headers...)
			if got.header.Get("Allow") != c.allow || got.status != c.status {
				t.Errorf("%s %s: %d, allow %q", c.method, c.path, got.status, got.header.Get("Allow"))
			}
			kind := "invalid_request_error"
			if c.status == 404 && c.anthropic {
				kind = "not_found_error"
			}
			if c.method != "HEAD" {
				got.isError(t, c.status, c.anthropic, kind)
			}
			if strings.Contains(got.body, "model_not_found") {
				t.Errorf("%s %s speaks of a model: %s", c.method, c.path, got.body)
			}
		}
		if got := w.ask(t, "GET", "/api/v1/anything", nil); got.body != "admin" {
			t.Errorf("the admin API: %d %s", got.status, got.body)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if got := w.ask(t, "HEAD", path, nil); got.status != 200 || got.body != "" {
				t.Errorf("HEAD %s: %d %q", path, got.status, got.body)
			}
		}
	})
	if len(r.heard) > 0 {
		t.Error("the vendor was called")
	}
}

// TestKeys: where a key may stand and what it may open. An empty one never does (C92).
func TestKeys(t *testing.T) {
	r := newRig(t)
	const wrong = "sk-tok-wrong-0123456789"
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			headers []string
			ok      bool
		}{
			{nil, false},
			{[]string{"Authorization", ""}, false},
			{[]string{"Authorization", "Bearer"}, false},
			{[]string{"Authorization", "Bearer "}, false},
			{[]string{"Authorization", secret}, false},
			{[]string{"Authorization", "Basic " + secret}, false},
			{[]string{"Authorization", "Bearer " + wrong}, false},
			{[]string{"Authorization", "Bearer " + secret + "x"}, false},
			{[]string{"Authorization", "Bearer " + strings.Repeat("x", 8192)}, false},
			{[]string{"X-Api-Key", ""}, false},
			{[]string{"Cookie", "key=" + secret}, false},
			{[]string{"Authorization", "Bearer " + secret}, true},
			{[]string{"Authorization", "bearer " + secret}, true},
			{[]string{"Authorization", "BEARER  " + secret + " "}, true},
			{[]string{"X-Api-Key", secret}, true},
			{[]string{"Api-Key", secret}, true},
			{[]string{"X-Goog-Api-Key", secret}, true},
			// A bearer token counts first; another scheme's credentials are not a key.
			{[]string{"Authorization", "Bearer " + secret, "X-Api-Key", wrong}, true},
			{[]string{"Authorization", "Bearer " + wrong, "X-Api-Key", secret}, false},
			{[]string{"Authorization", "Bearer ", "X-Api-Key", secret}, true},
			{[]string{"Authorization", "Basic dXNlcjpwdw==", "X-Api-Key", secret}, true},
		} {
			for path, body := range map[string]string{"/v1/chat/completions": hello, "/v1/messages": message, "/v1/models": ""} {
				method := "POST"
				if body == "" {
					method = "GET"
				}
				got := w.ask(t, method, path, strings.NewReader(body), c.headers...)
				if c.ok {
					if got.status != 200 {
						t.Errorf("%q at %s: %d %s", c.headers, path, got.status, got.body)
					}
					continue
				}
				got.isError(t, 401, path == "/v1/messages", "authentication_error")
				if strings.Contains(got.body, wrong) {
					t.Errorf("the key is in %s", got.body)
				}
			}
		}
		if got := w.ask(t, "POST", "/v1/chat/completions?key="+secret+"&api_key="+secret, strings.NewReader(hello)); got.status != 401 {
			t.Errorf("a key in the query string opens: %d", got.status)
		}
		for key, status := range map[string]int{"": 401, secret: 403, adminKey: 200} {
			if got := w.ask(t, "GET", "/metrics", nil, "X-Api-Key", key); got.status != status || (got.body == "metrics") != (status == 200) {
				t.Errorf("metrics for %q: %d %s", key, got.status, got.body)
			}
		}
	})
}

// TestAzure: Azure's clients name the alias in the path, and send an api-version and
// their key in a header of its own. The path counts, whatever the body says.
func TestAzure(t *testing.T) {
	r := newRig(t)
	sent := make(chan string, 100)
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		sent <- string(body)
		_, _ = io.WriteString(w, wholeAnswer)
	})
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct{ path, body, want string }{
			{"/openai/deployments/m/chat/completions?api-version=2024-10-21", `{"messages":[{"role":"user","content":"hi"}]}`, `"model":"m"`},
			{"/openai/deployments/m/chat/completions?api-version=2024-10-21", `{"model":"gpt-x","messages":[{"role":"user","content":"hi"}]}`, `"model":"m"`},
			{"/openai/deployments/vendor%2Fother/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, `"model":"vendor/other"`},
			{"/openai/deployments/vendor/other/completions", `{"prompt":"hi"}`, `"model":"vendor/other"`},
			{"/openai/v1/chat/completions?api-version=preview", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, `"model":"m"`},
		} {
			got := w.ask(t, "POST", c.path, strings.NewReader(c.body), "Api-Key", adminKey)
			if got.status != 200 {
				t.Errorf("%s: %d %s", c.path, got.status, got.body)
				continue
			}
			if text := <-sent; !strings.Contains(text, c.want) || strings.Contains(text, "gpt-x") || strings.Count(text, `"model"`) != 1 {
				t.Errorf("%s: the vendor got %s", c.path, text)
			}
		}
		if got := w.ask(t, "POST", "/openai/deployments/nope/chat/completions", strings.NewReader(hello), "Api-Key", adminKey); got.status != 404 || !strings.Contains(got.body, "nope") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := w.ask(t, "GET", "/openai/models?api-version=2024-10-21", nil, "Api-Key", secret); got.status != 200 || !strings.HasPrefix(got.body, `{"data":[{"id":"m",`) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// TestModels: the aliases that a key may use, in the dialect of who asks.
func TestModels(t *testing.T) {
	r := newRig(t)
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			key, path, version string
			status             int
			want               string
		}{
			{secret, "/v1/models", "", 200, `{"data":[{"id":"m","object":"model","created":1735689600,"owned_by":"tokligence"}],"object":"list"}`},
			{adminKey, "/v1/models", "2023-06-01", 200, `{"data":[{"type":"model","id":"m","display_name":"m","created_at":"2025-01-01T00:00:00Z"},{"type":"model","id":"vendor/other","display_name":"vendor/other","created_at":"2025-01-01T00:00:00Z"}],"first_id":"m","has_more":false,"last_id":"vendor/other"}`},
			{adminKey, "/v1/models?limit=1", "2023-06-01", 200, `{"data":[{"type":"model","id":"m","display_name":"m","created_at":"2025-01-01T00:00:00Z"}],"first_id":"m","has_more":true,"last_id":"m"}`},
			{adminKey, "/v1/models?limit=1&after_id=m", "2023-06-01", 200, `{"data":[{"type":"model","id":"vendor/other","display_name":"vendor/other","created_at":"2025-01-01T00:00:00Z"}],"first_id":"vendor/other","has_more":false,"last_id":"vendor/other"}`},
			{adminKey, "/v1/models?limit=0", "2023-06-01", 400, `{"type":"error","error":{"type":"invalid_request_error",`},
			{adminKey, "/v1/models/idle", "", 404, `{"error":{"message":"the model \"idle\" does not exist",`},
			{secret, "/v1/models/m", "", 200, `{"id":"m","object":"model","created":1735689600,"owned_by":"tokligence"}`},
			{adminKey, "/v1/models/vendor/other", "", 200, `{"id":"vendor/other",`},
			{adminKey, "/v1/models/vendor%2Fother", "", 200, `{"id":"vendor/other",`},
			{secret, "/v1/models/vendor/other", "", 404, `{"error":{"message":"the model \"vendor/other\" does not exist","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
			{secret, "/v1/models/nope", "2023-06-01", 404, `{"type":"error","error":{"type":"not_found_error","message":"the model \"nope\" does not exist"}`},
		} {
			headers := []string{"X-Api-Key", c.key}
			if c.version != "" {
				headers = append(headers, "Anthropic-Version", c.version)
			}
			if got := w.ask(t, "GET", c.path, nil, headers...); got.status != c.status || !strings.HasPrefix(got.body, c.want) {
				t.Errorf("%s: %d %s", c.path, got.status, got.body)
			}
		}
		if got := w.ask(t, "HEAD", "/v1/models", nil, "X-Api-Key", secret); got.status != 200 || got.body != "" {
			t.Errorf("HEAD: %d %s", got.status, got.body)
		}
	})
}

// TestVendorFaults: what a client sees of a vendor that fails, in both dialects.
func TestVendorFaults(t *testing.T) {
	r := newRig(t)
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprint(w, "<html>backend 10.0.0.7</html>")
		}
	}
	stall := func(w http.ResponseWriter, req *http.Request) { <-req.Context().Done() }
	r.each(func(t *testing.T, w way) {
		for _, c := range []struct {
			name           string
			vendor         http.HandlerFunc
			status         int
			openAI, claude string
		}{
			{"HTML", html(200), 502, "upstream_error", "api_error"},
			{"HTML with 500", html(500), 502, "upstream_error", "api_error"},
			{"HTML with 404", html(404), 404, "invalid_request_error", "not_found_error"},
			{"slow", stall, 504, "upstream_error", "timeout_error"},
			{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, 429, "rate_limit_error", "rate_limit_error"},
			{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 502, "upstream_error", "api_error"},
		} {
			t.Run(c.name, func(t *testing.T) {
				r.answer(c.vendor)
				for _, stream := range []string{"", `"stream":true,`} {
					for path, kind := range map[string]string{"/v1/chat/completions": c.openAI, "/v1/messages": c.claude} {
						got := w.post(t, path, strings.Replace(message, "{", "{"+stream, 1))
						got.isError(t, c.status, path == "/v1/messages", kind)
						if strings.Contains(got.body, "html") || strings.Contains(got.body, "10.0.0.7") {
							t.Errorf("the vendor's page: %s", got.body)
						}
						if c.status == 429 && got.header.Get("Retry-After") == "" {
							t.Error("no Retry-After")
						}
					}
				}
			})
		}
		// In mid-event: what was whole arrives, then one error, and no end.
		r.raw(streamHead, chunk, `data: {"choices":[{"index":0,"del`)
		for path, event := range map[string]string{"/v1/chat/completions": "\n\ndata: {\"error\":{", "/v1/messages": "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\""} {
			got := w.post(t, path, strings.Replace(message, "{", `{"stream":true,`, 1))
			if got.status != 200 || strings.Count(got.body, event) != 1 || !strings.HasSuffix(got.body, "}\n\n") || !strings.Contains(got.body, "ok") ||
				strings.Contains(got.body, "[DONE]") || strings.Contains(got.body, "message_stop") || strings.Contains(got.body, `"del`+"\n") {
				t.Errorf("%s: %d %q", path, got.status, got.body)
			}
		}
	})
}

// TestStream: the head that keeps proxies from buffering, the body to its last
// blank line, and ids that differ.
func TestStream(t *testing.T) {
	r := newRig(t)
	r.each(func(t *testing.T, w way) {
		ids := map[string]bool{}
		for range 2 {
			r.raw(streamHead, chunk, finish)
			got := w.post(t, "/v1/chat/completions", helloStream, "Accept-Encoding", "gzip, br", "X-Request-Id", "mine")
			want := http.Header{"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "X-Accel-Buffering": {"no"}}
			for name := range want {
				if got.header.Get(name) != want.Get(name) {
					t.Errorf("%s: %q", name, got.header.Get(name))
				}
			}
			if got.header.Get("Content-Encoding") != "" || got.header.Get("Content-Length") != "" || got.body != chunk+finish+"data: [DONE]\n\n" {
				t.Errorf("%v %q", got.header, got.body)
			}
			ids[got.header.Get("X-Tokligence-Exchange-Id")] = true
		}
		if len(ids) != 2 || ids["mine"] {
			t.Errorf("exchange ids %v", ids)
		}
	})
}

// TestStream_ClientGone: a client that leaves ends the vendor's call, and its
// exchange is settled as closed.
func TestStream_ClientGone(t *testing.T) {
	r := newRig(t)
	for n, w := range r.ways() {
		left := make(chan struct{})
		r.answer(func(rw http.ResponseWriter, req *http.Request) {
			defer close(left)
			rw.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(rw, chunk)
			rw.(http.Flusher).Flush()
			<-req.Context().Done()
		})
		ctx, leave := context.WithCancel(context.Background())
		req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/chat/completions", strings.NewReader(helloStream))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Api-Key", secret)
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, len(chunk))); err != nil {
			t.Fatal(err)
		}
		leave()
		resp.Body.Close()
		<-left
		var entries []*core.LedgerEntry
		for len(entries) <= n { // the entry follows at once
			if entries, _, err = r.store.ListEntries(context.Background(), core.EntryFilter{Limit: 10}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if e := entries[0]; e.Outcome != core.OutcomeClientClosed || e.Status != 499 || e.Usage.Output == 0 {
			t.Errorf("%s: %+v", w.name, e)
		}
	}
}

// TestReady names what is missing.
func TestReady(t *testing.T) {
	r := newRig(t)
	w := r.ways()[0]
	if got := w.ask(t, "GET", "/readyz", nil); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.unready = []string{"the store does not answer"}
	if got := w.ask(t, "GET", "/readyz", nil); got.status != 503 || !strings.Contains(got.body, "the store does not answer") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := w.ask(t, "GET", "/healthz", nil); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestHeaders_C94: what describes the client's body and connection, or is its
// own credential, does not reach the vendor, and the vendor's not the client.
func TestHeaders_C94(t *testing.T) {
	r := newRig(t)
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Encoding", "gzip")
		for _, name := range []string{"Set-Cookie", "Server", "Via", "X-Vendor-Account", "Keep-Alive"} {
			h.Set(name, "vendor-MARK")
		}
		z := gzip.NewWriter(w)
		io.WriteString(z, wholeAnswer)
		z.Close()
	})
	w := r.ways()[0]
	// With the connection's headers net/http serves the request, else a lane.
	for _, connection := range []string{"Connection: x-foo, keep-alive\r\nX-Foo: client-MARK\r\nKeep-Alive: client-MARK\r\nTE: trailers\r\n", "X-Foo: client-MARK\r\n"} {
		r.testHeaders(t, w, connection)
	}
}

func (r *rig) testHeaders(t *testing.T, w way, connection string) {
	body := hello + strings.Repeat(" ", 50)
	_, in := w.dial(t, "POST /v1/chat/completions HTTP/1.1\r\nHost: client-MARK\r\nAuthorization: Bearer "+secret+"\r\n"+
		"X-Api-Key: "+secret+"\r\nApi-Key: "+secret+"\r\nX-Goog-Api-Key: "+secret+"\r\nCookie: s=client-MARK\r\n"+
		connection+"Accept-Encoding: br, zstd\r\n"+
		"Forwarded: for=client-MARK\r\nX-Forwarded-For: client-MARK\r\nProxy-Authorization: client-MARK\r\n"+
		"Content-Type: application/json; charset=client-MARK\r\nContent-Length: "+fmt.Sprint(len(body))+"\r\n\r\n"+body)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil || string(raw) != wholeAnswer || resp.ContentLength != int64(len(wholeAnswer)) || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("the client got %v %q, %v", resp.Header, raw, err)
	}
	if text := fmt.Sprint(resp.Header); strings.Contains(text, "MARK") {
		t.Errorf("the vendor's headers reach the client: %s", text)
	}
	sent := <-r.heard
	text := fmt.Sprint(sent.Header, sent.Host, sent.TransferEncoding)
	if strings.Contains(text, "MARK") || strings.Contains(text, secret) || sent.Header.Get("Accept-Encoding") != "identity" || sent.Header.Get("Te") != "" {
		t.Errorf("the client's headers reach the vendor: %s", text)
	}
	if sent.ContentLength <= 0 || sent.ContentLength > int64(len(body)) {
		t.Errorf("content length %d", sent.ContentLength)
	}
}
