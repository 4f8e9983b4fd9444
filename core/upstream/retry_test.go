package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// TestDo_RetryBytes holds that the silent retry after a closed idle connection
// sends the request as it is: one head, one body, and not a byte behind it that
// the vendor would take for another request.
func TestDo_RetryBytes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const body = `{"a":1}`
	extra := make(chan string, 1)
	go func() {
		first, err := l.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReader(first)
		readRequest(r)
		io.WriteString(first, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readRequest(r) // the second request meets a vendor that hangs up
		first.Close()
		second, err := l.Accept()
		if err != nil {
			return
		}
		defer second.Close()
		r = bufio.NewReader(second)
		got := readRequest(r)
		second.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		rest, _ := io.ReadAll(r) // whatever else was sent with it
		extra <- got + "|" + string(rest)
		io.WriteString(second, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}()
	c := New(Options{})
	defer c.Close()
	for i := range 2 {
		resp, err := c.Do(t.Context(), &Request{Method: "POST", URL: "http://" + l.Addr().String(), Body: []byte(body), AllowPrivate: true})
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if got := <-extra; got != body+"|" {
		t.Errorf("the retry sent %q, want one body and nothing behind it", got)
	}
}

// TestDo_NoLateRetry: a vendor that hangs up after it has worked on a request is
// not sent it once more without anybody's knowing.
func TestDo_NoLateRetry(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var late atomic.Int64
	conns := make(chan struct{}, 9)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns <- struct{}{}
			r := bufio.NewReader(conn)
			readRequest(r)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			readRequest(r)
			late.Store(int64(2 * time.Second)) // works on it
			conn.Close()
		}
	}()
	start := time.Now()
	c := New(Options{Now: func() time.Time { return start.Add(time.Duration(late.Load())) }})
	defer c.Close()
	for i := range 2 {
		resp, err := c.Do(t.Context(), &Request{Method: "POST", URL: "http://" + l.Addr().String(), Body: []byte(`{}`), AllowPrivate: true})
		if i == 0 {
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		} else if core.AsError(err).Code != core.CodeUpstreamUnavailable {
			t.Errorf("%+v, %v", resp, err)
		}
	}
	if n := len(conns); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// readRequest reads one request and returns its body.
func readRequest(r *bufio.Reader) string {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err.Error()
	}
	b, _ := io.ReadAll(req.Body)
	return string(b)
}
