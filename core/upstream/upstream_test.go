package upstream

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

func send(t *testing.T, c Client, url string, change func(*Request)) (status int, body string, err error) {
	t.Helper()
	r := &Request{Method: "POST", URL: url, Body: []byte(`{"a":1}`), AllowPrivate: true, Headers: []Header{{"content-type", "application/json"}}}
	if change != nil {
		change(r)
	}
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.Status, string(b), err
}

// rawServer answers every connection with the same bytes and closes it.
func rawServer(t *testing.T, answer string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				io.WriteString(c, answer)
			}
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestDo_Framing(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name, answer, body string
		code               core.Code
		cut                bool // the error is io.ErrUnexpectedEOF underneath
	}{
		{"length", ok + "Content-Length: 5\r\n\r\nhello", "hello", "", false},
		{"until close", ok + "\r\nhello", "hello", "", false},
		{"chunked with extension and trailer", ok + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n", "hello", "", false},
		{"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", "hi", "", false},
		{"short body", ok + "Content-Length: 9\r\n\r\nhello", "hello", core.CodeUpstreamUnavailable, true},
		{"cut in a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nhel", "hel", core.CodeUpstreamUnavailable, true},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "hel", core.CodeUpstreamUnavailable, true},
		{"bad chunk size", ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", core.CodeUpstreamUnavailable, false},
		{"two lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "", core.CodeUpstreamUnavailable, false},
		{"no HTTP", "SSH-2.0\r\n\r\n", "", core.CodeUpstreamUnavailable, false},
		{"nothing", "", "", core.CodeUpstreamUnavailable, true},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", "", core.CodeUpstreamUnavailable, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := New(Options{})
			defer client.Close()
			_, body, err := send(t, client, rawServer(t, c.answer), nil)
			if body != c.body {
				t.Errorf("body %q", body)
			}
			if c.code == "" && err != nil || c.code != "" && (err == nil || core.AsError(err).Code != c.code) {
				t.Errorf("error %v", err)
			}
			if c.cut != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v, cut off: %v", err, c.cut)
			}
		})
	}
}

func TestDo_KeepsConnections(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, "%d", len(b))
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := New(Options{})
	defer c.Close()
	big := strings.Repeat("x", 300<<10)
	for i := range 30 {
		path, want := "/", "7"
		if i%3 == 1 {
			path = "/stream"
		}
		status, body, err := send(t, c, s.URL+path, func(r *Request) {
			if i%5 == 4 {
				r.Body, want = []byte(big), fmt.Sprint(len(big))
			}
		})
		if err != nil || status != 200 || body != want {
			t.Fatalf("%d: %d %q %v", i, status, body, err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	s.CloseClientConnections() // the next request meets a closed idle connection
	if _, body, err := send(t, c, s.URL, nil); err != nil || body != "7" {
		t.Errorf("after the vendor closed: %q %v", body, err)
	}
}

// TestDo_GzipStream is C94 (3): events arrive one by one though they are compressed.
func TestDo_GzipStream(t *testing.T) {
	next := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for _, part := range []string{"one", "two"} {
			io.WriteString(z, part)
			z.Flush()
			w.(http.Flusher).Flush()
			<-next
		}
		z.Close()
	}))
	defer s.Close()
	c := New(Options{})
	defer c.Close()
	resp, err := c.Do(t.Context(), &Request{Method: "GET", URL: s.URL, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 100)
	for _, want := range []string{"one", "two"} {
		n, err := resp.Body.Read(buf)
		if string(buf[:n]) != want || err != nil {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestDo_TimeoutsAndCancel(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	defer s.Close()
	defer close(release)
	c := New(Options{})
	defer c.Close()
	if _, _, err := send(t, c, s.URL, func(r *Request) { r.HeadTimeout = 20 * time.Millisecond }); core.AsError(err).Code != core.CodeUpstreamTimeout {
		t.Errorf("slow head: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.Do(ctx, &Request{Method: "GET", URL: s.URL + "/body", AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 10)
	if n, err := resp.Body.Read(buf); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	resp.Body.SetIdleTimeout(time.Minute)
	go cancel()
	if _, err := resp.Body.Read(buf); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestDo_Auth(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	defer s.Close()
	c := New(Options{Now: func() time.Time { return time.Unix(1700000000, 0) }})
	defer c.Close()
	cred := &core.Credential{Fields: map[string]string{"api_key": "MARK2", "access_key_id": "AKID", "secret_access_key": "MARK7"}}
	for _, k := range []struct {
		auth               abi.Auth
		header, value, url string
	}{
		{abi.Auth{Scheme: abi.AuthBearer}, "Authorization", "Bearer MARK2", "/p?a=b"},
		{abi.Auth{Scheme: abi.AuthHeader, Name: "x-api-key"}, "X-Api-Key", "MARK2", "/p?a=b"},
		{abi.Auth{Scheme: abi.AuthQuery, Name: "key"}, "", "", "/p?a=b&key=MARK2"},
		{abi.Auth{Scheme: abi.AuthSigV4, Service: "bedrock", Region: "us-east-1"}, "Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20231114/us-east-1/bedrock/aws4_request", "/p?a=b"},
	} {
		_, _, err := send(t, c, s.URL+"/p?a=b", func(r *Request) {
			r.Auth, r.Credential = k.auth, cred
			r.Headers = append(r.Headers, Header{"authorization", "client's"}, Header{"cookie", "c"}, Header{"x-bad", "a\r\nb: c"}, Header{"connection", "x"})
		})
		if err != nil {
			t.Fatal(err)
		}
		r := <-seen
		if k.header != "" && !strings.HasPrefix(r.Header.Get(k.header), k.value) || r.RequestURI != k.url {
			t.Errorf("%s: %v %s", k.auth.Scheme, r.Header, r.RequestURI)
		}
		if r.Header.Get("Cookie") != "" || r.Header.Get("X-Bad") != "" || r.Header.Get("B") != "" || strings.Contains(fmt.Sprint(r.Header), "MARK7") {
			t.Errorf("%s: %v", k.auth.Scheme, r.Header)
		}
	}
	_, _, err := send(t, c, s.URL, func(r *Request) { r.Auth, r.Credential = abi.Auth{Scheme: abi.AuthBearer}, &core.Credential{} })
	if e := core.AsError(err); e.Code != core.CodeUpstreamCredential || !strings.Contains(e.Message, "api_key") {
		t.Errorf("a missing field: %v", err)
	}
}

// TestCheckAddress is C86: what no deployment may lead to.
func TestCheckAddress(t *testing.T) {
	for _, c := range []struct {
		address       string
		open, private bool
	}{
		{"8.8.8.8:443", true, true}, {"[2606:4700::1]:443", true, true},
		{"127.0.0.1:80", false, true}, {"10.1.2.3:80", false, true}, {"192.168.0.1:80", false, true}, {"100.64.1.1:80", false, true},
		{"[::1]:80", false, true}, {"[fd00::1]:80", false, true}, {"[::ffff:127.0.0.1]:80", false, true},
		{"169.254.169.254:80", false, false}, {"[::ffff:169.254.169.254]:80", false, false}, {"[fe80::1]:80", false, false},
		{"[fd00:ec2::254]:80", false, false}, {"0.0.0.0:80", false, false}, {"224.0.0.1:80", false, false},
	} {
		if got := checkAddress(c.address, false) == nil; got != c.open {
			t.Errorf("%s: allowed %v", c.address, got)
		}
		if got := checkAddress(c.address, true) == nil; got != c.private {
			t.Errorf("%s with allow_private: allowed %v", c.address, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"1": time.Second, "0.5": 500 * time.Millisecond, "Thu, 01 Jan 2026 00:00:02 GMT": 2 * time.Second,
		"Wed, 31 Dec 2025 00:00:00 GMT": 0, "99999": 99999 * time.Second, "-5": -1, "abc": -1, "": -1, "NaN": -1} {
		got, ok := RetryAfter(value, now)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v", value, got, ok)
		}
	}
}
