package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/upstream"
)

func permit(t *testing.T, entries ...string) *reach.Policy {
	t.Helper()
	p := &reach.Policy{}
	for _, e := range entries {
		if err := p.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestClient_Reach: the policy permits private addresses by name and by network,
// of direct connections; a kept connection helps nobody else.
func TestClient_Reach(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "reached") })
	byName := strings.Replace(v.URL, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		permitted    string
		name, number bool // may be reached
	}{
		{"127.0.0.0/8", true, true}, // and localhost resolves to it
		{"localhost", true, false},
		{"other.internal", false, false},
		{"10.0.0.0/8", false, false},
	} {
		client := newClient(t, upstream.Options{DialTimeout: time.Second, Reach: permit(t, c.permitted)})
		for url, want := range map[string]bool{byName: c.name, v.URL: c.number} {
			if c.permitted == "127.0.0.0/8" && url == byName {
				continue // judged by its name alone before it is resolved
			}
			r := &upstream.Request{Method: "GET", URL: url}
			if _, body, err := whole(t.Context(), client, r); (err == nil) != want || err == nil && string(body) != "reached" {
				t.Errorf("%s with %s: %q, %v", url, c.permitted, body, err)
			}
		}
	}
}

// TestHTTPClient: a library's requests go by the same rules, and no further than asked.
func TestHTTPClient(t *testing.T) {
	hits := 0
	inner := newVendor(t, func(http.ResponseWriter, *http.Request) { hits++ })
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, inner.URL+"/token", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("X-Seen", r.Method+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Cookie"))
		fmt.Fprintf(w, "%s", body)
	})
	c := upstream.HTTPClient(newClient(t, upstream.Options{Reach: permit(t, "127.0.0.1")}), 5*time.Second)
	send := func(url string) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("grant_type=code"))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("id", "s3cret")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := c.Do(r)
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return resp, string(b), err
	}
	resp, body, err := send(v.URL + "/token?x=1")
	if err != nil || resp.StatusCode != 200 || body != "grant_type=code" || resp.Header.Get("X-Seen") != "POST Basic aWQ6czNjcmV0 application/x-www-form-urlencoded" {
		t.Errorf("%v %q, %v", resp, body, err)
	}
	if resp, _, err := send(v.URL + "/away"); err != nil || resp.StatusCode != 307 || hits != 0 {
		t.Errorf("%v, %v; %d at the other end", resp, err, hits)
	}
	for url, want := range map[string]string{"http://169.254.169.254/": "never", strings.Replace(v.URL, "127.0.0.1", "127.0.0.2", 1): "is private", "http://10.0.0.1/": "is private"} {
		if _, _, err := send(url); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
