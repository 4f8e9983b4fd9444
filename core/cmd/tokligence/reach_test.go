package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestReach_C86: neither a client's body, nor a vendor's redirect, nor whoever
// may make a webhook gets the gateway to call what is in its own network.
func TestReach_C86(t *testing.T) {
	var inner atomic.Int64
	within := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner.Add(1) }))
	t.Cleanup(within.Close)
	_, port, err := net.SplitHostPort(within.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	v := newVendor(t)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, within.URL+"/stolen", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(away.Close)
	g := newGateway(t, settings+fmt.Sprintf(huntModel, "away", away.URL, "vendor"), v)
	g.start()
	k := g.newKey("k", "")

	for _, more := range []string{`"api_base":%q`, `"base_url":%q`, `"api_key":"x","headers":{"host":%q}`, `"extra_body":{"api_base":%q}`, `"metadata":{"base_url":%q}`, `"proxy":%q`} {
		body := `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + within.URL + `/image"}}]}],` + fmt.Sprintf(more, within.URL) + "}"
		g.try("POST", chatPath, k.Secret, body)
		g.try("POST", "/v1/messages", k.Secret, body)
	}
	if status, answer := g.try("POST", chatPath, k.Secret, strings.Replace(okBody, `"ok"`, `"away"`, 1)); status < 500 {
		t.Errorf("a redirect: %d %s", status, answer)
	}
	for _, url := range []string{within.URL, "http://localhost:" + port, "http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0x7f000001:" + port, "http://2130706433:" + port,
		"http://127.1:" + port, "http://0.0.0.0:" + port, "http://169.254.169.254/latest/", "http://[fd00:ec2::254]/", "http://metadata.google.internal/", "file:///etc/passwd", "https://user:pw@host/"} {
		for _, body := range []string{`{"url": "` + url + `/hook", "types": ["*"]}`, `{"name": "d", "provider": "provider.openai", "model": "m", "credential": "vendor", "base_url": "` + url + `"}`} {
			path := "/api/v1/webhooks"
			if strings.Contains(body, "base_url") {
				path = "/api/v1/deployments"
			}
			status, answer := g.try("POST", path, g.admin, body)
			if status == 400 {
				continue
			}
			// A webhook is made whose host is refused when it is called.
			if status != 201 || path != "/api/v1/webhooks" {
				t.Errorf("%s %s: %d %s", path, body, status, answer)
			}
			var page struct{ Data []struct{ ID string } }
			g.call("GET", "/webhooks", "", &page)
			if status, answer := g.try("POST", "/api/v1/webhooks/"+page.Data[0].ID+"/test", g.admin, ""); status != 200 || strings.Contains(string(answer), `"ok":true`) {
				t.Errorf("the webhook %s: %d %s", url, status, answer)
			}
		}
	}
	if n := inner.Load(); n > 0 {
		t.Errorf("the gateway's own network was called %d times", n)
	}
}
