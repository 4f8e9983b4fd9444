package upstream_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
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

// TestClient_Concurrent: nobody gets another's answer.
func TestClient_Concurrent(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if len(b)%2 == 0 {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(b)
	})
	c := newClient(t, upstream.Options{})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				in := strings.Repeat(fmt.Sprint(g, i, ";"), g*100)
				r := post(v.URL+"/?b=1&a=2", in)
				r.Credential = secrets
				r.Auth = abi.Auth{Scheme: []abi.AuthScheme{abi.AuthBearer, abi.AuthSigV4}[i%2], Service: "bedrock", Region: "us-east-1"}
				ctx, cancel := context.WithCancel(t.Context())
				_, body, err := whole(ctx, c, r)
				if cancel(); body != in || err != nil {
					t.Errorf("%d %d: %v, %d bytes of %d", g, i, err, len(body), len(in))
				}
			}
		})
	}
	wg.Wait()
	if n := v.connections.Load(); n > 16 {
		t.Errorf("%d connections for 16 at a time", n)
	}
}

// TestClient_Broken: an answer that breaks off is never taken for a whole one.
func TestClient_Broken(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	cases := []struct {
		name, answer string
		reset        bool
		body         string
	}{
		{"length, closed", head + "Content-Length: 10\r\n\r\nhalf", false, "half"},
		{"length, reset", head + "Content-Length: 10\r\n\r\n", true, ""},
		{"chunked, within a chunk", head + "Transfer-Encoding: chunked\r\n\r\na\r\nhalf", false, "half"},
		{"chunked, before the last chunk", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false, "half"},
		{"chunked, after a chunk's data", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf", false, "half"},
		{"chunked, within the end", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", false, "half"},
		{"chunked, within a size", head + "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1", false, "half"},
		{"gzip cut", head + "Content-Encoding: gzip\r\n\r\n" + zip("whole")[:15], false, "whole"},
		{"gzip, length cut", head + "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n" + zip("whole"), false, "whole"},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			url := rawVendor(t, func(n int, c *rawConn) {
				c.request()
				c.say(cs.answer)
				if cs.reset {
					c.reset()
				}
			})
			_, body, err := whole(t.Context(), newClient(t, upstream.Options{}), post(url, ""))
			wantError(t, err, core.CodeUpstreamUnavailable, "")
			if body != cs.body && !strings.HasPrefix(cs.body, body) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				t.Errorf("got %q and %v, want %q and an unexpected end", body, err, cs.body)
			}
		})
	}
}

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	z.Close()
	return b.String()
}

// TestClient_EarlyAnswer: a vendor that refuses a large body before it has read
// it, and stops reading, is heard.
func TestClient_EarlyAnswer(t *testing.T) {
	const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
	for _, stays := range []bool{true, false} {
		done := make(chan struct{})
		url := rawVendor(t, func(n int, c *rawConn) {
			_, _ = c.r.ReadString('\n')
			c.say(refusal)
			if stays {
				<-done
			}
		})
		resp, body, err := whole(t.Context(), newClient(t, upstream.Options{}), post(url, strings.Repeat("x", 32<<20)))
		close(done)
		if err != nil || resp.Status != 413 || body != "big" {
			t.Errorf("vendor stays %v: %q, %v", stays, body, err)
		}
	}
}

func TestClient_Timeouts(t *testing.T) {
	hold := make(chan struct{})
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("events"))
		if n > 0 {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for range n {
			fmt.Fprint(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(15 * time.Millisecond)
		}
		if r.URL.Path == "/hangs" {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
	})
	defer close(hold)
	c := newClient(t, upstream.Options{})

	r := post(v.URL+"/hangs", "")
	r.HeadTimeout = 50 * time.Millisecond
	_, err := c.Do(t.Context(), r)
	wantError(t, err, core.CodeUpstreamTimeout, "took too long")

	r = post(v.URL+"/hangs", strings.Repeat("x", 1<<20))
	r.HeadTimeout = 50 * time.Millisecond
	_, err = c.Do(t.Context(), r)
	wantError(t, err, core.CodeUpstreamTimeout, "took too long")

	deaf := rawVendor(t, func(n int, c *rawConn) { <-t.Context().Done() })
	r = post(deaf, strings.Repeat("x", 32<<20))
	r.HeadTimeout = 50 * time.Millisecond
	_, err = c.Do(t.Context(), r)
	wantError(t, err, core.CodeUpstreamTimeout, "took too long")

	// C95: as a whole the stream takes longer than its idle time and the head's.
	r = post(v.URL+"/stream?events=20", "")
	r.HeadTimeout = 150 * time.Millisecond
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.SetIdleTimeout(150 * time.Millisecond)
	b, err := io.ReadAll(resp.Body)
	if err != nil || strings.Count(string(b), "data") != 20 {
		t.Errorf("a stream that goes on was cut: %v after %q", err, b)
	}
	start := time.Now()
	resp, err = c.Do(t.Context(), post(v.URL+"/hangs?events=2", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	resp.Body.SetIdleTimeout(100 * time.Millisecond)
	_, err = io.ReadAll(resp.Body)
	wantError(t, err, core.CodeUpstreamTimeout, "took too long")
	if d := time.Since(start); d < 100*time.Millisecond || d > 3*time.Second {
		t.Errorf("the idle time-out came after %s", d)
	}
	if _, again := resp.Body.Read(make([]byte, 1)); again != err {
		t.Errorf("after the time-out: %v", again)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	resp, err = c.Do(ctx, post(v.URL+"/hangs?events=2", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, d := range []time.Duration{time.Hour, time.Minute, 50 * time.Millisecond, 50 * time.Millisecond} {
		resp.Body.SetIdleTimeout(d)
		if _, err = resp.Body.Read(make([]byte, 9)); err != nil {
			break
		}
	}
	wantError(t, err, core.CodeUpstreamTimeout, "took too long") // and not the context's
	// None after a bound.
	resp, err = c.Do(t.Context(), post(v.URL+"/stream?events=5", ""))
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range []time.Duration{time.Hour, time.Minute, time.Second, 0, 0, 0} {
		resp.Body.SetIdleTimeout(d)
		if _, err := resp.Body.Read(make([]byte, 1000)); err != nil && err != io.EOF {
			t.Errorf("read %d bounded by %s: %v", i, d, err)
		}
	}
}

func TestClient_Cancel(t *testing.T) {
	asked, gone := make(chan struct{}, 10), make(chan struct{}, 10)
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "some")
			w.(http.Flusher).Flush()
		}
		asked <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	c := newClient(t, upstream.Options{})
	cause := errors.New("left")
	for _, size := range []int{10, 1 << 20} {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-asked; cancel(cause) }()
		if _, err := c.Do(ctx, post(v.URL+"/head", strings.Repeat("x", size))); err != context.Canceled {
			t.Errorf("waiting for the head: %v", err)
		}
		<-gone
		if _, err := c.Do(ctx, post(v.URL+"/head", "")); err != context.Canceled {
			t.Errorf("ended before: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.Do(ctx, post(v.URL+"/body", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	go func() { <-asked; cancel() }()
	if _, err := io.ReadAll(resp.Body); err != context.Canceled {
		t.Errorf("within the body: %v", err)
	}
	<-gone // the vendor sees it
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, post(v.URL+"/head", "")); err != context.DeadlineExceeded {
		t.Errorf("deadline: %v", err)
	}
	<-asked
	<-gone
	// A context that ends after the answer does not touch the connection.
	ok := newVendor(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, body, err := whole(ctx, c, post(ok.URL, "")); body != "ok" || err != nil {
			t.Fatal(body, err)
		}
		cancel()
	}
	if n := ok.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestClient_StreamArrives is C94 and C97: what the vendor flushes can be read
// before it sends more, compressed or not.
func TestClient_StreamArrives(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		next := make(chan struct{})
		v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			out, flush := io.Writer(w), func() error { return nil }
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
				z := gzip.NewWriter(w)
				out, flush = z, z.Flush
				defer z.Close()
			}
			for i := range 5 {
				fmt.Fprintf(out, "data: %d\n\n", i)
				_ = flush()
				w.(http.Flusher).Flush()
				<-next
			}
		})
		c := newClient(t, upstream.Options{})
		resp, err := c.Do(t.Context(), post(v.URL, ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.SetIdleTimeout(5 * time.Second)
		events := upstream.Events(abi.FramingSSE, resp.Body, 1000)
		for i := range 5 {
			e, err := events.Next()
			if err != nil || string(e.Data) != fmt.Sprint(i) {
				t.Fatalf("encoding %q, event %d: %q, %v", encoding, i, e.Data, err)
			}
			if events.Buffered() {
				t.Errorf("encoding %q: more than the vendor sent", encoding)
			}
			next <- struct{}{}
		}
		if _, err := events.Next(); err != io.EOF {
			t.Errorf("encoding %q: %v at the end", encoding, err)
		}
		resp.Body.Close()
		mustNotDial(t, c, v, next)
	}
}

// mustNotDial asks once more and expects the kept connection to be used.
func mustNotDial(t *testing.T, c upstream.Client, v *vendor, next chan struct{}) {
	t.Helper()
	go func() {
		for range 5 {
			next <- struct{}{}
		}
	}()
	mustWhole(t, c, post(v.URL, ""))
	if n := v.connections.Load(); n != 1 {
		t.Errorf("%d connections after a stream that was read to its end", n)
	}
}

func TestReadAll(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "5000")
		}
		fmt.Fprint(w, strings.Repeat("x", 5000))
	})
	c := newClient(t, upstream.Options{})
	for _, path := range []string{"/length", "/chunked"} {
		for _, limit := range []int64{4999, 5000, 1 << 20} {
			resp, err := c.Do(t.Context(), post(v.URL+path, ""))
			if err != nil {
				t.Fatal(err)
			}
			b, err := upstream.ReadAll(resp, limit)
			if limit < 5000 && err != upstream.ErrTooLarge || limit >= 5000 && (err != nil || len(b) != 5000) {
				t.Errorf("%s, limit %d: %d bytes, %v", path, limit, len(b), err)
			}
			resp.Body.Close()
		}
	}
}
