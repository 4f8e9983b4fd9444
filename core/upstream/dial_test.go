package upstream_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/upstream"
)

func TestClient_TLS(t *testing.T) {
	var protocols []string
	v := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols = append(protocols, r.Proto)
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b), r.TLS.DidResume)
	}))
	v.EnableHTTP2 = true
	v.Config.ErrorLog = quiet
	v.StartTLS()
	t.Cleanup(v.Close)
	pool := x509.NewCertPool()
	pool.AddCert(v.Certificate())
	c := newClient(t, upstream.Options{RootCAs: pool, IdleTimeout: time.Nanosecond})
	for i, size := range []int{0, 100, 40 << 10, 3 << 20} {
		_, body := mustWhole(t, c, post(v.URL, strings.Repeat("x", size)))
		if want := fmt.Sprint(size, i > 0); body != want {
			t.Errorf("got %q, want %q: size, and session resumed", body, want)
		}
	}
	for _, p := range protocols {
		if p != "HTTP/1.1" {
			t.Errorf("spoke %s", p)
		}
	}
	_, err := newClient(t, upstream.Options{}).Do(t.Context(), post(v.URL, ""))
	wantError(t, err, core.CodeUpstreamUnavailable, "TLS handshake")
	// A name that the certificate does not have.
	_, err = c.Do(t.Context(), post(strings.Replace(v.URL, "127.0.0.1", "localhost", 1), ""))
	wantError(t, err, core.CodeUpstreamUnavailable, "TLS handshake")
}

func TestClient_TLSStreamTimeout(t *testing.T) {
	v := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			fmt.Fprint(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(15 * time.Millisecond)
		}
	}))
	t.Cleanup(v.Close)
	pool := x509.NewCertPool()
	pool.AddCert(v.Certificate())
	c := newClient(t, upstream.Options{RootCAs: pool})
	resp, err := c.Do(t.Context(), post(v.URL, ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.SetIdleTimeout(100 * time.Millisecond) // the deadline strikes early once, within TLS
	if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 90 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestClient_CannotConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	l.Close()
	silent := rawVendor(t, func(n int, c *rawConn) { c.wait() })
	c := newClient(t, upstream.Options{DialTimeout: 50 * time.Millisecond})
	_, err = c.Do(t.Context(), post(closed, ""))
	wantError(t, err, core.CodeUpstreamUnavailable, "cannot be reached")
	_, err = c.Do(t.Context(), post(strings.Replace(silent, "http:", "https:", 1), ""))
	wantError(t, err, core.CodeUpstreamTimeout, "took too long")
	_, err = newClient(t, upstream.Options{}).Do(t.Context(), post("http://does-not-exist.invalid/", ""))
	wantError(t, err, core.CodeUpstreamUnavailable, "cannot be resolved")
}

// TestClient_Addresses is C86: addresses are refused by what they are, not by
// how they are written, and when they are connected to.
func TestClient_Addresses(t *testing.T) {
	reached := 0
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) { reached++ })
	_, port, _ := strings.Cut(strings.TrimPrefix(v.URL, "http://"), ":")
	const never, private, form = "never connects", "is private", "usual form"
	cases := []struct{ host, strict, allowed string }{ // errors without and with AllowPrivate
		{"169.254.169.254", never, never},
		{"[::ffff:169.254.169.254]", never, never},
		{"[::ffff:a9fe:a9fe]", never, never},
		{"[64:ff9b::a9fe:a9fe]", never, never},
		{"[2002:a9fe:a9fe::]", never, never},
		{"[::169.254.169.254]", never, never},
		{"[fe80::1]", never, never},
		{"[fe80::1%25eth0]", never, never},
		{"[fd00:ec2::254]", never, never},
		{"100.100.100.200", never, never},
		{"168.63.129.16", never, never},
		{"metadata.google.internal", never, never},
		{"224.0.0.1", never, never},
		{"[ff02::1]", never, never},
		{"0.0.0.0", never, never},
		{"[::]", never, never},
		{"255.255.255.255", never, never},
		{"127.0.0.1", private, ""},
		{"localhost", private, ""},
		{"LOCALHOST.", private, "?"},
		{"[::ffff:127.0.0.1]", private, ""},
		{"[::1]", private, "?"},
		{"10.1.2.3", private, "?"},
		{"172.16.0.1", private, "?"},
		{"192.168.0.1", private, "?"},
		{"100.64.0.1", private, "?"},
		{"[fc00::1]", private, "?"},
		{"[2002:7f00:1::]", private, "?"},
		{"0x7f000001", form, form},
		{"2130706433", form, form},
		{"0177.0.0.1", form, form},
		{"127.1", form, form},
	}
	c := newClient(t, upstream.Options{DialTimeout: time.Second})
	for _, cs := range cases {
		u := "http://" + cs.host + ":" + port + "/"
		for _, allow := range []bool{false, true} {
			want := cs.strict
			if allow {
				want = cs.allowed
			}
			if err := reach.CheckURL(u, nil, allow); (err != nil) != (want != "" && want != "?") {
				t.Errorf("CheckURL(%s, %v): %v, want %q", u, allow, err, want)
			}
			if want == "?" {
				continue // may be anyone's
			}
			r := post(u, "")
			r.AllowPrivate = allow
			before := reached
			_, _, err := whole(t.Context(), c, r)
			if want == "" && (err != nil || reached != before+1) {
				t.Errorf("%s, allowed: %v", u, err)
			}
			if want != "" {
				wantError(t, err, core.CodeUpstreamUnavailable, want)
				if reached != before {
					t.Errorf("%s was reached", u)
				}
			}
		}
	}
	// Names that look harmless are checked by what they resolve to: a kept
	// connection of a deployment that may is not given to one that may not.
	r := post(v.URL, "")
	r.AllowPrivate = false
	_, err := c.Do(t.Context(), r)
	wantError(t, err, core.CodeUpstreamUnavailable, private)
	for _, bad := range []string{"file:///etc/passwd", "https://user:pw@host/", "http://", "://", "ftp://host/", "http://host/#x", "http://h\u00f6st/",
		"http://host/\r\nx: y", "http://host/?a b", "//host/", "http://host:port/"} {
		if err := reach.CheckURL(bad, nil, true); err == nil {
			t.Errorf("CheckURL(%q) is fine", bad)
		}
		_, err := c.Do(t.Context(), post(bad, ""))
		wantError(t, err, core.CodeUpstreamUnavailable, "the address")
		if strings.Contains(err.Error(), "pw") {
			t.Errorf("%v quotes the URL", err)
		}
	}
}

// proxy is a forward proxy that connects every name to where it is told.
type proxy struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r.Method+" "+r.RequestURI+" "+r.Host+" "+r.Header.Get("Proxy-Authorization")+r.Header.Get("Authorization"))
		p.mu.Unlock()
		switch {
		case strings.HasPrefix(r.Host, "refused."):
			w.WriteHeader(407)
			return
		case r.Method != "CONNECT":
			fmt.Fprint(w, "by proxy")
			return
		}
		down, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		up, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer up.Close()
		fmt.Fprint(down, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(up, bufio.NewReader(buffered))
			up.Close()
		}()
		_, _ = io.Copy(down, up)
	}))
	t.Cleanup(p.Close)
	return p
}

func TestClient_Proxy(t *testing.T) {
	v := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "by tunnel ", r.URL) }))
	t.Cleanup(v.Close)
	p := newProxy(t, v.Listener.Addr().String())
	pool := x509.NewCertPool()
	pool.AddCert(v.Certificate())
	at, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("me", "s3cret")
	c := newClient(t, upstream.Options{RootCAs: pool, Proxy: func(*url.URL) (*url.URL, error) { return at, nil }})
	for range 2 {
		// example.com is a name of the test certificate.
		r := &upstream.Request{Method: "POST", URL: "https://example.com/v1/x?y=1", Body: []byte("x")}
		if _, body := mustWhole(t, c, r); body != "by tunnel /v1/x?y=1" {
			t.Errorf("got %q", body)
		}
		r.URL = "http://example.com/v1/x"
		if _, body := mustWhole(t, c, r); body != "by proxy" {
			t.Errorf("got %q", body)
		}
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:s3cret"))
	want := "CONNECT example.com:443 example.com:443 " + basic + "\nPOST http://example.com/v1/x example.com " + basic +
		"\nPOST http://example.com/v1/x example.com " + basic
	if got := strings.Join(p.requests, "\n"); got != want {
		t.Errorf("the proxy saw\n%s\nwant\n%s", got, want)
	}
	for host, want := range map[string]string{"refused.example": "status 407", "169.254.169.254": "never", "127.0.0.1": "private", "0x7f000001": "usual form"} {
		_, err := c.Do(t.Context(), &upstream.Request{Method: "GET", URL: "https://" + host + "/"})
		wantError(t, err, core.CodeUpstreamUnavailable, want)
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v holds the proxy's password", err)
		}
	}
	at = &url.URL{Scheme: "socks5", Host: at.Host}
	_, err = c.Do(t.Context(), &upstream.Request{Method: "GET", URL: "https://other.example/"})
	wantError(t, err, core.CodeUpstreamUnavailable, "not an http or https proxy")
}

func TestClient_ProxyFromEnvironment(t *testing.T) {
	v := newVendor(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "direct") })
	p := newProxy(t, "")
	t.Setenv("HTTP_PROXY", p.URL)
	t.Setenv("NO_PROXY", ".direct.example")
	c := upstream.New(upstream.Options{DialTimeout: 50 * time.Millisecond})
	t.Cleanup(c.Close)
	for u, want := range map[string]string{"http://vendor.example/": "by proxy", v.URL: "direct"} {
		if _, body := mustWhole(t, c, post(u, "")); body != want {
			t.Errorf("%s: %q, want %q", u, body, want)
		}
	}
	if _, err := c.Do(t.Context(), post("http://x.direct.example/", "")); err == nil || len(p.requests) != 1 {
		t.Errorf("NO_PROXY: %v, the proxy saw %q", err, p.requests)
	}
}

// TestClient_ProxyByTLS speaks TLS to the proxy and through it.
func TestClient_ProxyByTLS(t *testing.T) {
	v := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "by tunnel") }))
	t.Cleanup(v.Close)
	pool := x509.NewCertPool()
	pool.AddCert(v.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", v.TLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		(&rawConn{Conn: c, r: bufio.NewReader(c)}).request()
		up, err := net.Dial("tcp", v.Listener.Addr().String())
		if err != nil {
			return
		}
		defer up.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, c); up.Close() }()
		_, _ = io.Copy(c, up)
	}()
	at := &url.URL{Scheme: "https", Host: l.Addr().String()}
	c := newClient(t, upstream.Options{RootCAs: pool, Proxy: func(*url.URL) (*url.URL, error) { return at, nil }})
	if _, body := mustWhole(t, c, &upstream.Request{Method: "GET", URL: "https://example.com/"}); body != "by tunnel" {
		t.Errorf("got %q", body)
	}
}
