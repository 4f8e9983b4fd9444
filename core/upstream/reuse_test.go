package upstream_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
)

// TestClient_KeepsConnections: every kind of answer leaves a connection that
// the next request uses.
func TestClient_KeepsConnections(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		in, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/length":
			fmt.Fprint(w, "length ", len(in))
		case "/chunked":
			for i := range 5 {
				fmt.Fprint(w, i)
				w.(http.Flusher).Flush()
			}
		case "/trailers":
			w.Header().Set("Trailer", "X-Sum")
			fmt.Fprint(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "1")
		case "/empty":
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(304)
		case "/302":
			http.Redirect(w, r, "/length", http.StatusFound)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, strings.Repeat("zipped ", 10000))
			z.Close()
		case "/interim":
			w.WriteHeader(103)
			w.WriteHeader(100)
			w.WriteHeader(200)
			fmt.Fprint(w, "final")
		}
	})
	c := newClient(t, upstream.Options{})
	for range 3 {
		for _, step := range []struct {
			method, path string
			body         string
			status       int
			want         string
		}{
			{"POST", "/length", "12345", 200, "length 5"},
			{"POST", "/length", strings.Repeat("x", 1<<20), 200, "length 1048576"},
			{"POST", "/length", strings.Repeat("x", 50<<10), 200, "length 51200"},
			{"GET", "/chunked", "", 200, "01234"},
			{"GET", "/trailers", "", 200, "body"},
			{"GET", "/empty", "", 200, ""},
			{"DELETE", "/204", "", 204, ""},
			{"GET", "/304", "", 304, ""},
			{"HEAD", "/length", "", 200, ""},
			{"GET", "/302", "", 302, "<a href=\"/length\">Found</a>.\n\n"},
			{"GET", "/gzip", "", 200, strings.Repeat("zipped ", 10000)},
			{"GET", "/interim", "", 200, "final"},
		} {
			resp, body := mustWhole(t, c, &upstream.Request{Method: step.method, URL: v.URL + step.path, Body: []byte(step.body), AllowPrivate: true})
			if resp.Status != step.status || body != step.want {
				t.Errorf("%s %s: %d %.80q, want %d %.80q", step.method, step.path, resp.Status, body, step.status, step.want)
			}
			for _, h := range resp.Headers {
				if h.Name == "content-encoding" || h.Name != strings.ToLower(h.Name) || step.path == "/gzip" && h.Name == "content-length" {
					t.Errorf("%s: header %q must not be told", step.path, h)
				}
			}
		}
	}
	if n := v.connections.Load(); n != 1 {
		t.Errorf("%d connections, want one", n)
	}
}

// TestClient_BodiesLeft: a body that is closed early costs its connection only
// where its rest has not come yet.
func TestClient_BodiesLeft(t *testing.T) {
	hold := make(chan struct{})
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "some")
		if r.URL.Path == "/unfinished" {
			w.(http.Flusher).Flush()
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
	})
	defer close(hold)
	c := newClient(t, upstream.Options{})
	for _, step := range []struct {
		path        string
		connections int64
	}{{"/finished", 1}, {"/finished", 1}, {"/unfinished", 1}, {"/finished", 2}, {"/finished", 2}} {
		resp, err := c.Do(t.Context(), post(v.URL+step.path, ""))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if n, err := resp.Body.Read(make([]byte, 10)); n > 0 || err == nil || err == io.EOF {
			t.Errorf("read after Close: %d, %v", n, err)
		}
		resp.Body.Close()
		if n := v.connections.Load(); n != step.connections {
			t.Errorf("%s: %d connections, want %d", step.path, n, step.connections)
		}
	}
}

// TestClient_Idle: connections are kept for IdleTimeout and at most MaxIdle of them.
func TestClient_Idle(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	now := time.Unix(1e9, 0)
	c := newClient(t, upstream.Options{IdleTimeout: time.Minute, Now: func() time.Time { return now }})
	for _, step := range []struct {
		after       time.Duration
		connections int64
	}{{0, 1}, {59 * time.Second, 1}, {59 * time.Second, 1}, {time.Minute, 2}, {time.Hour, 3}} {
		now = now.Add(step.after)
		mustWhole(t, c, post(v.URL, ""))
		if n := v.connections.Load(); n != step.connections {
			t.Errorf("after %s: %d connections, want %d", step.after, n, step.connections)
		}
	}
	few := newClient(t, upstream.Options{MaxIdle: 2})
	before := v.connections.Load()
	for range 2 {
		var all []*upstream.Response
		for range 4 {
			resp, err := few.Do(t.Context(), post(v.URL, ""))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, resp)
		}
		for _, r := range all {
			_, _ = io.ReadAll(r.Body)
		}
	}
	if n := v.connections.Load() - before; n != 6 {
		t.Errorf("%d connections, want 4, and 2 more in the second round", n)
	}
	few.Close()
	mustWhole(t, few, post(v.URL, ""))
	before = v.connections.Load()
	mustWhole(t, few, post(v.URL, ""))
	if n := v.connections.Load() - before; n != 1 {
		t.Errorf("a closed client kept a connection")
	}
}

// TestClient_Stale: a connection that was closed while idle is replaced once,
// silently; a new one that breaks is an error, and so is one that began to answer.
func TestClient_Stale(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	read := make(chan struct{}) // an answer was read; what the vendor does then is done
	cases := []struct {
		name  string
		serve func(n int, c *rawConn)
		want  []string // of one request after the other; "" is an error
	}{
		{"closed while idle", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
		}, []string{"ok", "ok", "ok"}},
		{"closed when asked", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
			c.request()
		}, []string{"ok", "ok", "ok"}},
		{"reset when asked", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
			c.request()
			c.reset()
		}, []string{"ok", "ok"}},
		{"reset while idle", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
			if !receive(t, read) {
				return
			}
			c.reset()
			read <- struct{}{}
		}, []string{"ok", "ok", "ok"}},
		{"time-out said while idle", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
			if !receive(t, read) {
				return
			}
			c.say("HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n")
			read <- struct{}{}
		}, []string{"ok", "ok", "ok"}},
		{"new one closed", func(n int, c *rawConn) { c.request() }, []string{"", ""}},
		{"half a head on a kept one", func(n int, c *rawConn) {
			c.request()
			c.say(ok)
			c.request()
			c.say("HTTP/1.1 2")
		}, []string{"ok", "", "ok"}},
		{"kept one closed, new one too", func(n int, c *rawConn) {
			c.request()
			if n == 0 {
				c.say(ok)
				c.request()
			}
		}, []string{"ok", "", ""}},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			url := rawVendor(t, cs.serve)
			c := newClient(t, upstream.Options{})
			for i, want := range cs.want {
				_, body, err := whole(t.Context(), c, post(url, "x"))
				if body != want || (err == nil) != (want != "") {
					t.Errorf("request %d: %q, %v; want %q", i, body, err, want)
				}
				if err != nil {
					wantError(t, err, core.CodeUpstreamUnavailable, "connection")
				}
				if strings.HasSuffix(cs.name, "while idle") && !strings.HasPrefix(cs.name, "closed") {
					read <- struct{}{}
					<-read
				}
			}
		})
	}
}

// TestClient_Probe: a connection that was idle for long is looked at before it
// is used; what a vendor sent meanwhile is nobody's answer.
func TestClient_Probe(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	read := make(chan struct{})
	url := rawVendor(t, func(n int, c *rawConn) {
		c.request()
		c.say(ok)
		if !receive(t, read) {
			return
		}
		if n == 0 {
			c.say(strings.Replace(ok, "ok", "no", 1))
		} else {
			c.Close()
		}
		read <- struct{}{}
		c.wait()
	})
	now := time.Unix(1e9, 0)
	c := newClient(t, upstream.Options{Now: func() time.Time { return now }})
	for range 3 {
		if _, body := mustWhole(t, c, post(url, "x")); body != "ok" {
			t.Fatalf("got %q", body)
		}
		read <- struct{}{}
		<-read
		now = now.Add(10 * time.Second)
	}
}

// receive reports whether something came before the test ended.
func receive(t *testing.T, c chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-t.Context().Done():
		return false
	}
}
