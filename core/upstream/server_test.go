package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
)

// newClient makes a client whose goroutines must all have ended with the test.
func newClient(t *testing.T, o upstream.Options) upstream.Client {
	t.Helper()
	before := runtime.NumGoroutine()
	if o.Proxy == nil {
		o.Proxy = noProxy
	}
	c := upstream.New(o)
	t.Cleanup(func() {
		c.Close()
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(deadline) {
				buf := make([]byte, 64<<10)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
		}
	})
	return c
}

// vendor is an httptest server that counts its connections.
type vendor struct {
	*httptest.Server
	connections atomic.Int64
}

func newVendor(t *testing.T, h http.HandlerFunc) *vendor {
	t.Helper()
	v := &vendor{Server: httptest.NewUnstartedServer(h)}
	v.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			v.connections.Add(1)
		}
	}
	v.Start()
	t.Cleanup(v.Close)
	return v
}

// rawVendor runs serve for each connection, one after the other numbered from
// 0. It has read nothing yet.
func rawVendor(t *testing.T, serve func(n int, c *rawConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(n, &rawConn{Conn: c, r: bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

type rawConn struct {
	net.Conn
	r *bufio.Reader
}

// request reads one request and returns it as it came; "" at the connection's end.
func (c *rawConn) request() string {
	var head strings.Builder
	size := 0
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if v, ok := strings.CutPrefix(line, "content-length: "); ok {
			size, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return ""
	}
	return head.String() + string(body)
}

func (c *rawConn) say(s string) { _, _ = io.WriteString(c, s) }

// reset ends the connection with an RST.
func (c *rawConn) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// wait blocks until the client has closed.
func (c *rawConn) wait() { _, _ = io.Copy(io.Discard, c.r) }

func post(url, body string) *upstream.Request {
	return &upstream.Request{Method: "POST", URL: url, Body: []byte(body), AllowPrivate: true}
}

// whole sends r and reads the answer to its end.
func whole(ctx context.Context, c upstream.Client, r *upstream.Request) (*upstream.Response, string, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func mustWhole(t *testing.T, c upstream.Client, r *upstream.Request) (*upstream.Response, string) {
	t.Helper()
	resp, body, err := whole(t.Context(), c, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return resp, body
}

// wantError checks the code, and that the text holds want.
func wantError(t *testing.T, err error, code core.Code, want string) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a core.Error %s", err, code)
	}
	if e.Code != code || !strings.Contains(e.Error(), want) {
		t.Errorf("got %v, want %s with %q", e, code, want)
	}
}

func noProxy(*url.URL) (*url.URL, error) { return nil, nil }
