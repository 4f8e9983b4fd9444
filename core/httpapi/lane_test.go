package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
)

// scripted is an exchanger that does what a test wants.
type scripted struct {
	do func(ctx context.Context, req *exchange.Request, reply exchange.Reply)
}

func (s *scripted) Do(ctx context.Context, _ *core.Principal, req *exchange.Request, reply exchange.Reply) {
	s.do(ctx, req, reply)
}

func (s *scripted) Realtime(context.Context, *core.Principal, *exchange.Session, exchange.Reply) {}
func (s *scripted) Snapshot() *exchange.Snapshot                                                 { return &exchange.Snapshot{} }

func (s *scripted) Authenticate(_ context.Context, secret string, _ func() netip.Addr, _ time.Time) (*core.Principal, error) {
	if secret != "sk-1" {
		return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "wrong key")
	}
	return &core.Principal{Key: &core.VirtualKey{ID: "key_1"}}, nil
}

// echo answers with what it was asked.
func echo(_ context.Context, req *exchange.Request, reply exchange.Reply) {
	h := &exchange.Head{ExchangeID: "exc_1", Attempts: 2, Notices: []string{"a", "b\r\nX-Evil: 1"}, More: []exchange.HeaderField{{Name: "X-More", Value: "1"}}}
	text := fmt.Sprintf(`{"endpoint":%q,"trace":%q,"body":%q}`, req.Endpoint, req.Header("traceparent"), req.Body)
	if !strings.Contains(string(req.Body), "stream") {
		_ = reply.Whole(200, h, []byte(text))
		return
	}
	_ = reply.Start(h)
	for _, part := range strings.SplitAfter(text, ",") {
		_ = reply.Write([]byte(part))
		_ = reply.Write([]byte("\n"))
		_ = reply.Flush()
	}
}

func options(s *scripted) Options {
	return Options{Exchange: s, Keys: s, MaxBody: 1 << 20, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Ready: func(context.Context) []string { return nil }}
}

// startLanes serves s on an address of its own.
func startLanes(t *testing.T, s *scripted) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(options(s))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != http.ErrServerClosed {
			t.Errorf("serve ended with %v", err)
		}
		<-srv.ended // every lane
	})
	return srv, l.Addr().String()
}

func dial(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// told sums an answer up: what two servers must agree on.
func told(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return "no answer"
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "cut: " + err.Error()
	}
	if resp.Header.Get("Date") == "" && resp.StatusCode != 400 {
		t.Error("no date")
	}
	resp.Header.Del("Date")
	if strings.HasPrefix(resp.Header.Get("X-Tokligence-Exchange-Id"), core.PrefixExchange) {
		resp.Header.Set("X-Tokligence-Exchange-Id", "exc")
	}
	text := string(body)
	if i := strings.Index(text, `"request_id":"exc_`); i >= 0 {
		text = text[:i]
	}
	return fmt.Sprintf("%d %v %v %v close=%v %s", resp.StatusCode, resp.Header, resp.ContentLength, resp.TransferEncoding, resp.Close, text)
}

func ask(path, body string, fields ...string) string {
	head := "POST " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-1\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// requests are what clients send on one connection.
var requests = map[string][]string{
	"one":                   {ask("/v1/chat/completions", "hello")},
	"every endpoint":        {ask("/v1/messages?beta=true", "1"), ask("/v1/embeddings", "2"), ask("/v1/messages/count_tokens", "3"), ask("/v1/images/generations", "4")},
	"a stream between":      {ask("/v1/chat/completions", "a"), ask("/v1/messages", "stream,b"), ask("/v1/chat/completions", "c")},
	"names in any case":     {"POST /v1/chat/completions HTTP/1.1\r\nHOST: x\r\nx-api-key:sk-1\r\nTraceParent:\t 00-1 \r\ncontent-LENGTH: 1\r\n\r\nx"},
	"a body of many reads":  {ask("/v1/chat/completions", strings.Repeat("0123456789", 20_000)), ask("/v1/chat/completions", "after")},
	"a long head":           {ask("/v1/chat/completions", "x", "X-Long: "+strings.Repeat("y", 20_000)), ask("/v1/chat/completions", "after")},
	"close":                 {ask("/v1/chat/completions", "x", "Connection: close"), ask("/v1/chat/completions", "never")},
	"wrong key":             {strings.Replace(ask("/v1/chat/completions", "x"), "sk-1", "sk-2", 1), ask("/v1/chat/completions", "after")},
	"over the limit":        {ask("/v1/chat/completions", strings.Repeat("x", 1<<20+1))},
	"then another path":     {ask("/v1/chat/completions", "x"), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", ask("/v1/chat/completions", "again")},
	"chunked":               {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
	"length and chunked":    {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
	"two lengths":           {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
	"a signed length":       {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-1\r\nContent-Length: +3\r\n\r\nabc"},
	"a space before colon":  {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key : sk-1\r\nContent-Length: 3\r\n\r\nabc"},
	"a folded field":        {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\n\r\nabc"},
	"no host":               {"POST /v1/chat/completions HTTP/1.1\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\n\r\nabc"},
	"two hosts":             {"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\n\r\nabc"},
	"no length":             {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-1\r\n\r\n"},
	"line feeds alone":      {"POST /v1/chat/completions HTTP/1.1\nHost: x\nX-Api-Key: sk-1\nContent-Length: 3\n\nabc"},
	"HTTP/1.0":              {"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nX-Api-Key: sk-1\r\nContent-Length: 3\r\n\r\nabc"},
	"another method":        {"GET /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n"},
	"a path that is not":    {ask("/v1/nothing", "x")},
	"an absolute target":    {ask("http://x/v1/chat/completions", "x")},
	"no HTTP":               {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n more than a preface"},
	"an expectation":        {ask("/v1/chat/completions", "x", "Expect: something")},
	"a control in a value":  {ask("/v1/chat/completions", "x", "X-A: \x01")},
	"a NUL in a name":       {ask("/v1/chat/completions", "x", "X-\x00A: 1")},
	"a hundred fields more": {ask("/v1/chat/completions", "x", strings.TrimSuffix(strings.Repeat("X-A: 1\r\n", 150), "\r\n"))},
}

// A lane answers as net/http does, whole or in pieces, one by one or all at once.
func TestLane_LikeNetHTTP(t *testing.T) {
	s := &scripted{do: echo}
	_, lanes := startLanes(t, s)
	plain := httptest.NewServer(New(options(s)))
	t.Cleanup(plain.Close)
	for name, list := range requests {
		t.Run(name, func(t *testing.T) {
			var want []string
			c, r := dial(t, plain.Listener.Addr().String())
			for _, text := range list {
				_, _ = io.WriteString(c, text) // a connection that was closed shows at the answer
				want = append(want, told(t, r))
			}
			check := func(how string, got []string) {
				for i := range want {
					if got[i] != want[i] {
						t.Errorf("%s, request %d:\n got %.300s\nwant %.300s", how, i, got[i], want[i])
					}
				}
			}
			var got []string
			c, r = dial(t, lanes)
			for _, text := range list {
				_, _ = io.WriteString(c, text)
				got = append(got, told(t, r))
			}
			check("one by one", got)

			c, r = dial(t, lanes)
			go func() { _, _ = io.WriteString(c, strings.Join(list, "")) }()
			got = nil
			for range list {
				got = append(got, told(t, r))
			}
			check("all at once", got)
			// Whoever is refused in the middle of its request may find the connection reset.
			refused := slices.ContainsFunc(want, func(w string) bool { return !strings.HasPrefix(w, "200 ") })
			if all := strings.Join(list, ""); len(all) < 2000 && !refused {
				c, r = dial(t, lanes)
				go func() {
					for i := range len(all) {
						if _, err := io.WriteString(c, all[i:i+1]); err != nil {
							return
						}
					}
				}()
				got = nil
				for range list {
					got = append(got, told(t, r))
				}
				check("byte by byte", got)
			}
		})
	}
}

// HTTP/2 without TLS comes to the same address.
func TestLane_HTTP2(t *testing.T) {
	_, addr := startLanes(t, &scripted{do: echo})
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &h2c}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest("POST", "http://"+addr+"/v1/chat/completions", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "sk-1")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
}

// An exchange ends when its client leaves, before an answer and within a stream.
func TestLane_ClientLeaves(t *testing.T) {
	for name, stream := range map[string]bool{"waiting": false, "streaming": true} {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan error, 1)
			_, addr := startLanes(t, &scripted{do: func(ctx context.Context, _ *exchange.Request, reply exchange.Reply) {
				if stream {
					_ = reply.Start(&exchange.Head{})
					_ = reply.Write([]byte("data: 1\n\n"))
					_ = reply.Flush()
				}
				close(began)
				<-ctx.Done()
				ended <- ctx.Err()
			}})
			c, _ := dial(t, addr)
			send(t, c, ask("/v1/chat/completions", "x"))
			<-began
			c.Close()
			if err := <-ended; err != context.Canceled {
				t.Error(err)
			}
		})
	}
}

// What a client sends while its exchange runs is its next request.
func TestLane_SendsEarly(t *testing.T) {
	release := make(chan struct{})
	s, addr := startLanes(t, &scripted{do: func(ctx context.Context, req *exchange.Request, reply exchange.Reply) {
		if string(req.Body) == "first" {
			<-release
		}
		echo(ctx, req, reply)
	}})
	c, r := dial(t, addr)
	send(t, c, ask("/v1/chat/completions", "first"))
	until(t, "the watch reads", func() bool { return watching(s) })
	send(t, c, ask("/v1/chat/completions", "second"))
	until(t, "the watch has read", func() bool { return !watching(s) })
	close(release)
	for _, want := range []string{"first", "second"} {
		if got := told(t, r); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// watching reports whether the one lane's watch is reading.
func watching(s *Server) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.lanes {
		l.watch.mu.Lock()
		defer l.watch.mu.Unlock()
		return l.watch.done != nil && l.watch.early == nil
	}
	return false
}

// until waits for something that another goroutine brings about.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// TestLane_RefusedLate: a client that sends all of a body that is far too large
// reads the refusal after it.
func TestLane_RefusedLate(t *testing.T) {
	_, addr := startLanes(t, &scripted{do: echo})
	c, r := dial(t, addr)
	send(t, c, ask("/v1/chat/completions", strings.Repeat("x", 24<<20))) // more than the system keeps
	if got := told(t, r); !strings.HasPrefix(got, "413 ") {
		t.Errorf("got %s", got)
	}
}

// A refused client that is still sending sees the answer.
func TestLane_RefusedWhileSending(t *testing.T) {
	_, addr := startLanes(t, &scripted{do: echo})
	c, r := dial(t, addr)
	text := ask("/v1/chat/completions", strings.Repeat("x", 200_000))
	text = strings.Replace(text, "sk-1", "sk-2", 1)
	send(t, c, text[:1000])
	got := told(t, r)
	if !strings.HasPrefix(got, "401 ") || !strings.Contains(got, "close=true") {
		t.Errorf("got %s", got)
	}
	_, _ = io.WriteString(c, text[1000:]) // may fail or not
	if _, err := r.ReadByte(); err == nil {
		t.Error("more was said")
	}
}

func TestLane_Shutdown(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	s, addr := startLanes(t, &scripted{do: func(ctx context.Context, req *exchange.Request, reply exchange.Reply) {
		if string(req.Body) == "slow" {
			close(began)
			<-release
		}
		echo(ctx, req, reply)
	}})
	idle, idleReader := dial(t, addr)
	send(t, idle, ask("/v1/chat/completions", "x"))
	told(t, idleReader)
	busy, busyReader := dial(t, addr)
	send(t, busy, ask("/v1/chat/completions", "slow"))
	<-began

	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(short); err != context.DeadlineExceeded {
		t.Errorf("a shutdown over a running exchange: %v", err)
	}
	if _, err := idleReader.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection is open: %v", err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a new connection is taken")
	}
	close(release)
	if got := told(t, busyReader); !strings.HasPrefix(got, "200 ") {
		t.Errorf("the running exchange: %s", got)
	}
	if _, err := busyReader.ReadByte(); err != io.EOF {
		t.Errorf("its connection stays open: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A panic ends its own connection and nothing else.
func TestLane_Panic(t *testing.T) {
	_, addr := startLanes(t, &scripted{do: func(ctx context.Context, req *exchange.Request, reply exchange.Reply) {
		if string(req.Body) == "boom" {
			panic("boom")
		}
		echo(ctx, req, reply)
	}})
	c, r := dial(t, addr)
	send(t, c, ask("/v1/chat/completions", "boom"))
	if got := told(t, r); got != "no answer" {
		t.Error(got)
	}
	c, r = dial(t, addr)
	send(t, c, ask("/v1/chat/completions", "x"))
	if got := told(t, r); !strings.HasPrefix(got, "200 ") {
		t.Error(got)
	}
}

// What a lane takes for a request, net/http takes for the same one: nobody can
// hide a request in another.
func FuzzLaneHead(f *testing.F) {
	for _, list := range requests {
		for _, text := range list {
			if len(text) < 2000 {
				f.Add([]byte(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h laneHead
		size, verdict := h.find(text, 0)
		for cut := range min(len(text), 64) { // in two reads
			if from, v := h.find(text[:cut], 0); v == headPart {
				if s2, v2 := h.find(text, from); s2 != size && v2 == headWhole || v2 != verdict {
					t.Fatalf("cut at %d: %d %v, whole: %d %v", cut, s2, v2, size, verdict)
				}
			}
		}
		if verdict != headWhole || !h.parse(text[:size]) {
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(text[:size]) + strings.Repeat("x", 100))))
		if err != nil {
			t.Fatalf("net/http refuses what a lane takes: %v\n%q", err, text[:size])
		}
		if a, _ := find(req.URL.Path); req.Method != "POST" || a != h.asked || req.ContentLength != h.length || len(req.TransferEncoding) > 0 || req.Close != h.close {
			t.Errorf("net/http reads %s %s %d %v %v\na lane %v %d %v", req.Method, req.URL.Path, req.ContentLength, req.TransferEncoding, req.Close, h.asked, h.length, h.close)
		}
		for _, name := range append(keyHeaders[:], "Authorization", "Traceparent", "Anthropic-Version") {
			if got, want := h.get(name), req.Header.Get(name); got != want {
				t.Errorf("%s: %q, net/http reads %q", name, got, want)
			}
		}
	})
}
