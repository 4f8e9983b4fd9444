package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/httpapi"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

const (
	secret   = "sk-tok-client-0123456789abcdef"
	adminKey = "sk-tok-admin-0123456789abcdef"
	maxBody  = 1 << 20

	hello       = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	helloStream = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	message     = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	wholeAnswer = `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`
	streamHead  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
	chunk       = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"}}]}\n\n"
	finish      = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
)

// passthrough is a provider of OpenAI's dialect, without a sandbox.
type passthrough struct {
	exchange.Provider
	base string
}

func (p passthrough) Plan(_ context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	return &abi.PlanReply{Supported: r.Endpoint == abi.Chat, URL: p.base, Auth: abi.Auth{Scheme: abi.AuthNone},
		Request:  abi.RequestPlan{Mode: abi.Passthrough},
		Response: abi.ResponsePlan{Mode: abi.Passthrough}, Stream: abi.StreamPlan{Mode: abi.Passthrough},
		Usage: abi.UsagePaths{Input: []string{"usage.prompt_tokens"}, Output: []string{"usage.completion_tokens"}}}, nil
}

func (passthrough) DecodesErrors() bool { return false }

// rig is the client side over a real exchanger, store and keys, in each way of
// HTTP that the gateway speaks. The vendor is scripted.
type rig struct {
	t       *testing.T
	store   *store.Store
	vendor  atomic.Pointer[http.HandlerFunc]
	heard   chan *http.Request // what the vendor was asked
	options httpapi.Options
	unready []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctx := context.Background()
	r := &rig{t: t, heard: make(chan *http.Request, 1000)}
	var err error
	if r.store, err = store.Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	book, err := ledger.Open(ctx, r.store, ledger.Options{NodeID: "n", Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	service := keys.New(r.store, r.store, time.Now)
	for _, spec := range []keys.Spec{{Name: "client", Models: []string{"m"}, Secret: secret}, {Name: "admin", AllModels: true, Role: core.RoleAdmin, Secret: adminKey}} {
		if _, _, err := service.Create(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body) // or the server would not see the gateway leave
		req.Body = io.NopCloser(bytes.NewReader(body))
		r.heard <- req
		(*r.vendor.Load())(w, req)
	}))
	client := upstream.New(upstream.Options{})
	x := exchange.New(exchange.Options{Ledger: book, Limiter: limit.New(), Upstream: client, Observe: deaf{}, Log: log, Now: time.Now,
		FinishGrace: 50 * time.Millisecond, Cooldown: time.Millisecond})
	t.Cleanup(func() {
		client.Close()
		vendor.CloseClientConnections()
		vendor.Close()
		if err := book.Close(ctx); err != nil {
			t.Error(err)
		}
		r.store.Close()
	})
	routes := map[string]*exchange.Route{}
	for _, name := range []string{"m", "vendor/other"} {
		d := &core.Deployment{Name: name, Provider: "provider.test", Model: name, AllowPrivate: true, Timeouts: core.Timeouts{Total: 600 * time.Millisecond, FirstToken: 600 * time.Millisecond}}
		target, err := exchange.NewTarget(ctx, exchange.Target{Deployment: d, State: new(routing.States).Of(name), AllowPrivate: true}, passthrough{base: vendor.URL})
		if err != nil {
			t.Fatal(err)
		}
		routes[name] = exchange.NewRoute(core.Model{Name: name}, []*exchange.Target{target}, nil, nil)
	}
	routes["idle"] = exchange.NewRoute(core.Model{Name: "idle"}, []*exchange.Target{{Deployment: &core.Deployment{Name: "idle"}, NotConfigured: "its credential is missing", State: new(routing.States).Of("idle")}}, nil, nil)
	x.Swap(&exchange.Snapshot{Routes: routes})
	say := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	}
	r.options = httpapi.Options{Exchange: x, Keys: service, MaxBody: maxBody, BodyPatience: 200 * time.Millisecond, Now: time.Now, Log: log,
		Ready: func(context.Context) []string { return r.unready }, Metrics: say("metrics"), Admin: say("admin")}
	r.answer(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, wholeAnswer) })
	return r
}

type deaf struct{}

func (deaf) Exchange(*exchange.Observed) {}

func (r *rig) answer(f http.HandlerFunc) { r.vendor.Store(&f) }

// raw has the vendor write bytes as they are and close.
func (r *rig) raw(parts ...string) {
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for _, p := range parts {
			if _, err := io.WriteString(conn, p); err != nil {
				return
			}
		}
	})
}

// way is one way of HTTP to the gateway.
type way struct {
	name   string
	url    string
	client *http.Client
}

// ways starts the handler as the program does and returns a client for each protocol.
func (r *rig) ways() []way {
	r.t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	serve := func(secure bool) *httptest.Server {
		s := httptest.NewUnstartedServer(httpapi.New(r.options))
		s.Config.Protocols = &protocols
		if secure {
			s.EnableHTTP2 = true
			s.StartTLS()
		} else {
			s.Start()
		}
		r.t.Cleanup(s.Close)
		return s
	}
	plain, secure := serve(false), serve(true)
	var h1, h2, h2c http.Protocols
	h1.SetHTTP1(true)
	h2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	client := func(p *http.Protocols) *http.Client {
		tr := &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{RootCAs: pool}, DisableCompression: true}
		r.t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	own := "http://" + r.serve()
	return []way{{"own server", own, client(&h1)}, {"own server, h2c", own, client(&h2c)},
		{"HTTP/1.1", plain.URL, client(&h1)}, {"h2c", plain.URL, client(&h2c)}, {"h2", secure.URL, client(&h2)}}
}

// serve starts the program's own server and returns its address.
func (r *rig) serve() string {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	s := httpapi.NewServer(r.options)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	r.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			r.t.Error(err)
		}
		<-ended
	})
	return l.Addr().String()
}

// each runs f over every protocol.
func (r *rig) each(f func(t *testing.T, w way)) {
	for _, w := range r.ways() {
		r.t.Run(w.name, func(t *testing.T) { f(t, w) })
	}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; headers are name, value, name, value ….
func (w way) ask(t *testing.T, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, w.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

// post sends a body with the client's key.
func (w way) post(t *testing.T, path, body string, headers ...string) answer {
	t.Helper()
	return w.ask(t, "POST", path, strings.NewReader(body), append([]string{"Authorization", "Bearer " + secret}, headers...)...)
}

// dial opens a bare connection to the first way and sends text.
func (w way) dial(t *testing.T, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// isError holds an answer to a status and an error body of the dialect that the path speaks.
func (a answer) isError(t *testing.T, status int, anthropic bool, kind string) {
	t.Helper()
	want := `"type":"` + kind + `"`
	shape := `{"error":{"message":"`
	if anthropic {
		shape = `{"type":"error","error":{"type":"` + kind + `","message":"`
	}
	if a.status != status || !strings.HasPrefix(a.body, shape) || !strings.Contains(a.body, want) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %q %s, want %d with %s", a.status, a.header.Get("Content-Type"), a.body, status, want)
	}
	if !strings.HasPrefix(a.header.Get("X-Tokligence-Exchange-Id"), core.PrefixExchange) {
		t.Errorf("no exchange id: %v", a.header)
	}
	if strings.Contains(a.body, secret) {
		t.Errorf("the key is in %s", a.body)
	}
}
