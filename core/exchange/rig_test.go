package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// passthrough is a provider of OpenAI's dialect, without a sandbox. Shape, if there
// is one, has the last word in a plan.
type passthrough struct {
	base  string
	shape func(r *abi.PlanRequest, p *abi.PlanReply)
}

func (p passthrough) Plan(_ context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	plan := &abi.PlanReply{Supported: r.Endpoint == abi.Chat || r.Endpoint == abi.Embeddings || r.Endpoint == abi.CountTokens, URL: p.base, Auth: abi.Auth{Scheme: abi.AuthBearer},
		Request:  abi.RequestPlan{Mode: abi.Passthrough, IncludeUsage: true, OutputCap: "max_tokens"},
		Response: abi.ResponsePlan{Mode: abi.Passthrough}, Stream: abi.StreamPlan{Mode: abi.Passthrough},
		Usage: abi.UsagePaths{Input: []string{"usage.prompt_tokens"}, Output: []string{"usage.completion_tokens"},
			CacheRead: []string{"usage.prompt_tokens_details.cached_tokens"}, InputIncludes: []string{"cache_read"}, Model: []string{"model"}, Service: []string{"service_tier"}},
		Errors: abi.ErrorPaths{Patterns: []abi.ErrorPattern{{Code: abi.ContextWindow, VCode: "context_length_exceeded"},
			{Code: abi.RateLimited, VCode: "insufficient_quota", NoRetry: true}}}}
	if p.shape != nil {
		p.shape(r, plan)
	}
	return plan, nil
}

func (passthrough) Encode(context.Context, *abi.EncodeRequest, *[]byte) (*abi.EncodeReply, error) {
	return nil, io.ErrUnexpectedEOF
}
func (passthrough) Decode(context.Context, *abi.DecodeRequest, *[]byte) (*abi.DecodeReply, error) {
	return nil, io.ErrUnexpectedEOF
}
func (passthrough) Converse(context.Context, *abi.ConverseRequest) (*abi.ConverseReply, error) {
	return nil, io.ErrUnexpectedEOF
}

func (passthrough) DecodeEvents(context.Context, *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	return nil, io.ErrUnexpectedEOF
}
func (passthrough) DecodeError(context.Context, *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	return nil, io.ErrUnexpectedEOF
}
func (passthrough) DecodesErrors() bool { return false }

// rig is a gateway in one process: a real store, ledger and upstream client, and
// a vendor that the test scripts.
type rig struct {
	t         *testing.T
	store     *store.Store
	broken    atomic.Bool // the ledger cannot be written
	ledger    *ledger.Ledger
	exchanger *exchange.Exchanger
	limiter   *limit.Limiter
	hits      atomic.Int64
	flushed   chan struct{}
	bodies    chan string
	observed  chan *exchange.Observed
	vendor    atomic.Pointer[http.HandlerFunc]
	snapshot  *exchange.Snapshot
	before    *exchange.Snapshot // of another provider
	url       string             // of the vendor
}

// disk is a store that cannot be written while it is full.
type disk struct {
	core.LedgerStore
	full *atomic.Bool
}

func (d disk) WriteBatch(ctx context.Context, b *core.LedgerBatch) (core.BatchResult, error) {
	if d.full.Load() {
		return core.BatchResult{}, errors.New("the disk is full")
	}
	return d.LedgerStore.WriteBatch(ctx, b)
}

type observer chan *exchange.Observed

func (o observer) Exchange(x *exchange.Observed) { o <- x }

func newRig(t *testing.T, d core.Deployment, guards *guard.Chain) *rig {
	t.Helper()
	ctx := context.Background()
	r := &rig{t: t, limiter: limit.New(), bodies: make(chan string, 1000), flushed: make(chan struct{}, 1000), observed: make(chan *exchange.Observed, 1000)}
	var err error
	if r.store, err = store.Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "t.db"), time.Now); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if r.ledger, err = ledger.Open(ctx, disk{r.store, &r.broken}, ledger.Options{NodeID: "n", RetryMin: time.Millisecond, Now: time.Now, Log: log}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.hits.Add(1)
		body, _ := io.ReadAll(req.Body)
		r.bodies <- string(body)
		(*r.vendor.Load())(w, req)
	}))
	r.url = server.URL
	client := upstream.New(upstream.Options{})
	r.exchanger = exchange.New(exchange.Options{Ledger: r.ledger, Limiter: r.limiter, Upstream: client, Observe: observer(r.observed), Log: log, Now: time.Now,
		RefuseUnpriced: true, FinishGrace: 100 * time.Millisecond, Cooldown: 50 * time.Millisecond, KeepAlive: time.Minute})
	t.Cleanup(func() {
		client.Close()
		server.CloseClientConnections()
		server.Close()
		if err := r.ledger.Close(ctx); err != nil {
			t.Error(err)
		}
		r.store.Close()
	})
	price, err := priceOf("1.00", "10.00")
	if err != nil {
		t.Fatal(err)
	}
	r.deploy(d, price, guards, nil)
	return r
}

// deploy puts one deployment of the vendor behind the alias m.
func (r *rig) deploy(d core.Deployment, price *core.Price, guards *guard.Chain, shape func(r *abi.PlanRequest, p *abi.PlanReply)) {
	r.deployOf(passthrough{r.url, shape}, d, price, guards)
}

// deployOf is deploy with another provider.
func (r *rig) deployOf(p exchange.Provider, d core.Deployment, price *core.Price, guards *guard.Chain) {
	d.Name, d.Provider, d.Model, d.AllowPrivate = "dep", "provider.test", "vendor-model", true
	target, err := exchange.NewTarget(context.Background(), exchange.Target{Deployment: &d, Price: price, State: new(routing.States).Of("dep"), AllowPrivate: true,
		Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "vendor-MARK2"}}}, p)
	if err != nil {
		r.t.Fatal(err)
	}
	r.snapshot = &exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, []*exchange.Target{target}, nil, guards)}}
	r.exchanger.Swap(r.snapshot)
}

// through puts one deployment of a provider's behind the alias m; price may be nil.
func (r *rig) through(p exchange.Provider, price *core.Price) {
	r.t.Helper()
	target, err := exchange.NewTarget(context.Background(), exchange.Target{Deployment: &core.Deployment{Name: "dep", Provider: "provider.test", Model: "vendor-model", AllowPrivate: true},
		Price: price, State: new(routing.States).Of("dep"), AllowPrivate: true, Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "k"}}}, p)
	if err != nil {
		r.t.Fatal(err)
	}
	r.exchanger.Swap(&exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, []*exchange.Target{target}, nil, nil)}})
}

func priceOf(in, out string) (*core.Price, error) {
	i, err := core.ParseRate(in)
	if err != nil {
		return nil, err
	}
	o, err := core.ParseRate(out)
	return &core.Price{ID: "p", Rates: core.Rates{Input: &i, Output: &o}}, err
}

func (r *rig) answer(f http.HandlerFunc) { r.vendor.Store(&f) }

// key makes a principal with an optional budget in dollars.
func (r *rig) key(budget string, limits core.Limits) *core.Principal {
	now := time.Now()
	k := &core.VirtualKey{ID: core.NewID(core.PrefixKey, now), Name: "k", AllModels: true, Limits: limits, CreatedAt: now, UpdatedAt: now}
	p := &core.Principal{Key: k}
	if budget != "" {
		amount, err := core.ParseDollars(budget)
		if err != nil {
			r.t.Fatal(err)
		}
		p.Budgets = []*core.Budget{{ID: core.NewID(core.PrefixBudget, now), Scope: core.ScopeKey, SubjectID: k.ID, Amount: amount, Period: core.PeriodNone, CreatedAt: now}}
	}
	return p
}

// recorder is a client: it keeps what it is sent and may leave.
type recorder struct {
	mu      sync.Mutex
	status  int
	head    exchange.Head
	body    strings.Builder
	arrived []time.Time
	broken  bool
	onFlush func(text string) error
}

func (c *recorder) Whole(status int, h *exchange.Head, body []byte) error {
	c.status, c.head = status, *h
	c.body.Write(body)
	return nil
}

func (c *recorder) Start(h *exchange.Head) error {
	c.status, c.head = 200, *h
	return nil
}

func (c *recorder) Write(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body.Write(p)
	return nil
}

func (c *recorder) Break() { c.broken = true }

func (c *recorder) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, time.Now())
	if c.onFlush != nil {
		return c.onFlush(c.body.String())
	}
	return nil
}

func (r *rig) do(ctx context.Context, p *core.Principal, endpoint abi.Endpoint, body string, c *recorder) {
	r.exchanger.Do(ctx, p, &exchange.Request{Endpoint: endpoint, Body: []byte(body), Arrived: time.Now(), Header: func(string) string { return "" }}, c)
}

// ask sends one request and returns what the client saw and the ledger's lines of the key.
func (r *rig) ask(p *core.Principal, endpoint abi.Endpoint, body string) (*recorder, []*core.LedgerEntry) {
	c := &recorder{onFlush: func(string) error { r.flushed <- struct{}{}; return nil }}
	r.do(context.Background(), p, endpoint, body, c)
	return c, r.entries(p)
}

func (r *rig) entries(p *core.Principal) []*core.LedgerEntry {
	entries, _, err := r.store.ListEntries(context.Background(), core.EntryFilter{KeyID: p.Key.ID, Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	return entries
}

// raw writes bytes to the vendor's connection as they are: its own head, and no end.
// "WAIT" waits until the client has been sent something.
func (r *rig) raw(parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for _, p := range parts {
			switch p {
			case "WAIT":
				<-r.flushed
			case "RST":
				if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
					return
				}
			default:
				if _, err := conn.Write([]byte(p)); err != nil {
					return
				}
			}
		}
	}
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

// delta is a chat chunk of choice 0.
func delta(text string) string {
	return fmt.Sprintf("data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
}

const (
	finish = "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	usage  = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":31,\"completion_tokens\":8,\"total_tokens\":39}}\n\n"
	done   = "data: [DONE]\n\n"
)
