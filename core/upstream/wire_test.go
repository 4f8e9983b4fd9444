package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tokligence/gateway/core"
)

// script is a connection that gives what it holds, in portions.
type script struct {
	net.Conn
	r      io.Reader
	closed bool
}

func (s *script) Read(p []byte) (int, error)       { return s.r.Read(p) }
func (s *script) Close() error                     { s.closed = true; return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// parsed is an answer read from bytes.
type parsed struct {
	status  int
	headers []Header
	body    string
	err     error // of the head or of the body
	reused  bool
}

func parseAnswer(r io.Reader, method string) (p parsed) {
	s := &script{r: r}
	c := New(Options{}).(*client)
	k := newConn(s, s)
	a, err := k.readHead(method)
	if err != nil {
		return parsed{err: err}
	}
	if err := a.begin(context.Background(), c, new(pool), k); err != nil {
		return parsed{status: a.Status, err: err}
	}
	b, err := io.ReadAll(a.Body)
	return parsed{a.Status, a.Headers, string(b), err, err == nil && !s.closed}
}

const ok = "HTTP/1.1 200 OK\r\n"

func TestAnswer(t *testing.T) {
	fill := strings.Repeat("x", 1000)
	cases := []struct {
		name, in string
		body     string
		reused   bool
		err      string // of the head or of the body
	}{
		{"length", ok + "Content-Length: 3\r\n\r\nabc", "abc", true, ""},
		{"no phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", true, ""},
		{"lone LF", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "abc", true, ""},
		{"until close", ok + "\r\nabc", "abc", false, ""},
		{"close said", ok + "Connection: x, Close\r\nContent-Length: 3\r\n\r\nabc", "abc", false, ""},
		{"more than said", ok + "Content-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n", "abc", false, ""},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", false, ""},
		{"old, kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", "abc", true, ""},
		{"chunks", ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n00A ;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", "a0123456789", true, ""},
		{"trailers", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ: 0\r\n\r\n", "a", true, ""},
		{"both framings", ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab", false, ""},
		{"equal lengths", ok + "Content-Length: 3, 3\r\nContent-Length: 3\r\n\r\nabc", "abc", true, ""},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok + "Content-Length: 1\r\n\r\na", "a", true, ""},
		{"large head", ok + strings.Repeat("X-Fill: "+fill+"\r\n", 50) + "Content-Length: 1\r\n\r\na", "a", true, ""},
		{"latin-1 value", ok + "X: \xe9\tz\r\nContent-Length: 0\r\n\r\n", "", true, ""},
		{"identity", ok + "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\na", "a", true, ""},

		{"different lengths", ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "", false, "content-length"},
		{"different lengths in one", ok + "Content-Length: 3, 4\r\n\r\nabcd", "", false, "content-length"},
		{"negative length", ok + "Content-Length: -3\r\n\r\n", "", false, "content-length"},
		{"signed length", ok + "Content-Length: +3\r\n\r\nabc", "", false, "content-length"},
		{"empty length", ok + "Content-Length:\r\n\r\n", "", false, "content-length"},
		{"length with a tail", ok + "Content-Length: 3x\r\n\r\nabc", "", false, "content-length"},
		{"length that overflows", ok + "Content-Length: 9223372036854775808\r\n\r\nabc", "", false, "content-length"},
		{"other coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "", false, "transfer-encoding"},
		{"two codings", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", false, "transfer-encoding"},
		{"old and chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", false, "transfer-encoding"},
		{"folded line", ok + "X: a\r\n b: c\r\nContent-Length: 0\r\n\r\n", "", false, "bad header"},
		{"blank before colon", ok + "Content-Length : 0\r\n\r\n", "", false, "bad header"},
		{"no colon", ok + "Content-Length\r\n\r\n", "", false, "without colon"},
		{"no name", ok + ": x\r\n\r\n", "", false, "bad header"},
		{"lone CR in a value", ok + "X: a\rContent-Length: 0\r\n\r\n", "", false, "bad header"},
		{"NUL", ok + "X: \x00\r\n\r\n", "", false, "bad header"},
		{"head without end", ok + strings.Repeat("X-Fill: "+fill+"\r\n", 70), "", false, "too large"},
		{"line without end", ok + "X: " + strings.Repeat("x", 70<<10), "", false, "too large"},
		{"endless interim", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20), "", false, "interim"},
		{"other protocol", "HTTP/1.1 101 Switching\r\n\r\n", "", false, "switches"},
		{"HTTP/2", "HTTP/2 200\r\n\r\n", "", false, "status line"},
		{"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "", false, "status line"},
		{"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "", false, "status line"},
		{"short status", "HTTP/1.1 20 OK\r\n\r\n", "", false, "status"},
		{"status of letters", "HTTP/1.1 2x0 OK\r\n\r\n", "", false, "status"},
		{"status 099", "HTTP/1.1 099 OK\r\n\r\n", "", false, "status"},
		{"nothing", "", "", false, "unexpected EOF"},
		{"cut head", ok + "Content-", "", false, "unexpected EOF"},
		{"unasked encoding", ok + "Content-Encoding: br\r\nContent-Length: 1\r\n\r\na", "", false, "content-encoding"},
		{"no gzip", ok + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n01234567890123456789", "", false, "gzip"},

		{"chunk size of letters", ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "", false, "chunk size"},
		{"chunk size signed", ok + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", "", false, "chunk size"},
		{"chunk size empty", ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", "", false, "chunk size"},
		{"chunk size that overflows", ok + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", "", false, "chunk size"},
		{"chunk line by LF", ok + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "", false, "chunk size"},
		{"CR in a chunk extension", ok + "Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n0\r\n\r\n", "", false, "chunk size"},
		{"long chunk extension", ok + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat(fill, 5) + "\r\na\r\n0\r\n\r\n", "", false, "chunk size"},
		{"chunk longer than said", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "a", false, "longer"},
		{"chunk that ends otherwise", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\n0\r\n\r\n", "a", false, "longer"},
		{"endless trailers", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: "+fill+"\r\n", 80), "", false, "trailers"},
	}
	for _, cs := range cases {
		readers := map[string]io.Reader{"whole": strings.NewReader(cs.in), "byte by byte": iotest.OneByteReader(strings.NewReader(cs.in)),
			"half": iotest.HalfReader(strings.NewReader(cs.in)), "end with data": iotest.DataErrReader(strings.NewReader(cs.in))}
		for how, r := range readers {
			p := parseAnswer(r, "POST")
			if p.body != cs.body || (p.err == nil) != (cs.err == "") || p.err != nil && !strings.Contains(p.err.Error(), cs.err) {
				t.Errorf("%s, %s: %q, %v; want %q, %q", cs.name, how, p.body, p.err, cs.body, cs.err)
			}
			if p.reused != cs.reused && (how == "whole" || cs.name != "more than said") {
				t.Errorf("%s, %s: reused %v", cs.name, how, p.reused)
			}
		}
	}
}

func TestAnswer_Headers(t *testing.T) {
	p := parseAnswer(strings.NewReader(ok+"X-One:  a \r\nx-two:\r\nX-ONE: b:c\r\nContent-Length: 0\r\n\r\n"), "GET")
	want := []Header{{"x-one", "a"}, {"x-two", ""}, {"x-one", "b:c"}, {"content-length", "0"}}
	if p.err != nil || !slices.Equal(p.headers, want) {
		t.Errorf("got %q, %v; want %q", p.headers, p.err, want)
	}
}

// TestBody_HandsOutAtOnce: a read returns what is there, over chunks, and does
// not wait for the next.
func TestBody_HandsOutAtOnce(t *testing.T) {
	reads := []string{ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n3", "\r\nde", "f\r", "\n0\r\n", "\r\n"}
	s := &script{r: &portions{reads}}
	k := newConn(s, s)
	a, err := k.readHead("GET")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.begin(t.Context(), New(Options{}).(*client), new(pool), k); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"abc", "de", "f", ""} {
		n, err := a.Body.Read(make([]byte, 0, 100)[:100])
		if n != len(want) || (err == io.EOF) != (want == "") {
			t.Errorf("read %d bytes, %v; want %q", n, err, want)
		}
	}
}

type portions struct{ rest []string }

func (p *portions) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[0])
	p.rest = p.rest[1:]
	return n, nil
}

// TestClient_DialChecksAddress: a harmless name is refused for what it resolves
// to, at the moment of connecting (C86).
func TestClient_DialChecksAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := New(Options{}).(*client)
	to := &target{server: "harmless.example", addr: l.Addr().String()}
	if k, err := c.dial(t.Context(), to, false); err == nil || !strings.Contains(err.Error(), "is private") {
		t.Errorf("%v, %v; want it refused", k, err)
	}
	k, err := c.dial(t.Context(), to, true)
	if err != nil {
		t.Fatal(err)
	}
	k.discard()
}

// FuzzAnswer holds the parser against net/http's: what both accept means the
// same, whatever the portions in which it comes.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(ok+"Content-Length: 3\r\n\r\nabc"), false)
	f.Add([]byte(ok+"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.0 200 OK\r\nX: a\r\n b\r\n\r\nabc"), true)
	f.Add([]byte("HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"), true)
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\n"+ok+"Content-Length: 1, 1\r\n\r\na"), true)
	f.Fuzz(func(t *testing.T, raw []byte, head bool) {
		method := "POST"
		if head {
			method = "HEAD"
		}
		ours := parseAnswer(bytes.NewReader(raw), method)
		bits := parseAnswer(iotest.OneByteReader(bytes.NewReader(raw)), method)
		if ours.status != bits.status || ours.body != bits.body || fmt.Sprint(ours.err) != fmt.Sprint(bits.err) {
			t.Fatalf("whole %+v\nbyte by byte %+v", ours, bits)
		}
		var e *core.Error
		if ours.err != nil && ours.err != io.ErrUnexpectedEOF && !errors.As(ours.err, &e) {
			t.Fatalf("error of another kind: %v", ours.err)
		}
		if ours.err != nil {
			return
		}
		in := bufio.NewReader(bytes.NewReader(raw))
		theirs, err := http.ReadResponse(in, &http.Request{Method: method})
		for err == nil && theirs.StatusCode < 200 {
			theirs, err = http.ReadResponse(in, &http.Request{Method: method})
		}
		if err != nil {
			return
		}
		body, err := io.ReadAll(theirs.Body)
		if err != nil || theirs.Header.Get("Content-Encoding") != "" {
			return
		}
		if theirs.StatusCode != ours.status || string(body) != ours.body {
			t.Fatalf("net/http: %d %q\nours: %+v", theirs.StatusCode, body, ours)
		}
		for _, h := range ours.headers {
			if h.Name == "transfer-encoding" || h.Name == "connection" || h.Name == "trailer" || h.Name == "content-length" {
				continue // net/http takes these away
			}
			if !slices.Contains(theirs.Header[http.CanonicalHeaderKey(h.Name)], h.Value) {
				t.Fatalf("net/http has no %q: %v", h, theirs.Header)
			}
		}
	})
}
