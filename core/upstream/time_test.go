package upstream_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

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
		if _, err := c.Do(ctx, post(v.URL+"/head", "")); !errors.Is(err, context.Canceled) || !errors.Is(err, upstream.ErrNotSent) {
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
