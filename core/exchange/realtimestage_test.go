package exchange_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/httpapi"
	"github.com/tokligence/gateway/core/socket"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// speaker is a deployment of a vendor that has the realtime endpoint, with the usage
// paths that the openai plugin gives for it.
func speaker(r *abi.PlanRequest, p *abi.PlanReply) {
	if r.Endpoint != abi.Realtime {
		return
	}
	p.Supported, p.Method, p.URL = true, "GET", p.URL+"/realtime?model=vendor-model"
	p.Request = abi.RequestPlan{Mode: abi.Passthrough, ForwardHeaders: []string{"openai-beta"}}
	in, out := "response.usage.input_token_details.", "response.usage.output_token_details."
	p.Usage = abi.UsagePaths{Input: []string{"usage.input_tokens", "response.usage.input_tokens"}, CacheRead: []string{in + "cached_tokens - " + in + "cached_tokens_details.audio_tokens - " + in + "cached_tokens_details.image_tokens"},
		AudioCached: []string{in + "cached_tokens_details.audio_tokens"}, ImageCached: []string{in + "cached_tokens_details.image_tokens"},
		AudioInput:    []string{"usage.input_token_details.audio_tokens", in + "audio_tokens - " + in + "cached_tokens_details.audio_tokens"},
		InputIncludes: []string{"cache_read", "audio_cache_read", "image_cache_read", "audio_input"}, Output: []string{"usage.output_tokens", "response.usage.output_tokens"},
		AudioOutput: []string{out + "audio_tokens"}, OutputIncludes: []string{"audio_output"}, Seconds: []string{"usage.seconds"}}
}

// stage is a gateway with a vendor that the test plays, and a client that it plays too.
type stage struct {
	*rig
	url       string
	principal atomic.Pointer[core.Principal] // nil: the key is nobody's any more
	vendors   chan *socket.Conn
	heads     chan http.Header // of the vendor's handshakes
	client    *socket.Conn
	vendor    *socket.Conn
	heard     []byte // that the vendor was told last
}

// Authenticate implements [httpapi.Authenticator].
func (s *stage) Authenticate(_ context.Context, secret string, _ func() netip.Addr, _ time.Time) (*core.Principal, error) {
	if p := s.principal.Load(); p != nil && secret == "sk-client-MARK1" {
		return p, nil
	}
	return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "this virtual key is not known")
}

func speech(t *testing.T) *core.Price {
	t.Helper()
	rate := func(s string) *core.Rate {
		r, err := core.ParseRate(s)
		if err != nil {
			t.Fatal(err)
		}
		return &r
	}
	return &core.Price{ID: "p", Rates: core.Rates{Input: rate("4"), CacheRead: rate("0.4"), Output: rate("16"), AudioInput: rate("32"), AudioCached: rate("1"), AudioOutput: rate("64")}}
}

// newStage has a vendor that speaks OpenAI's events, or with translated one of an interpreter.
func newStage(t *testing.T, budget string, limits core.Limits, guards *guard.Chain, translated ...bool) *stage {
	s := &stage{rig: newRig(t, core.Deployment{}, nil), vendors: make(chan *socket.Conn, 100), heads: make(chan http.Header, 100)}
	s.deploy(core.Deployment{}, speech(t), guards, speaker)
	if slices.Contains(translated, true) {
		s.deployOf(interpreter{passthrough{s.rig.url, speaker}}, core.Deployment{}, speech(t), guards)
	}
	s.answer(func(w http.ResponseWriter, req *http.Request) {
		s.heads <- req.Header.Clone()
		conn, err := socket.Accept(w, req, 1<<20)
		if err != nil {
			t.Error(err)
			return
		}
		s.vendors <- conn
	})
	s.principal.Store(s.key(budget, limits))
	server := httptest.NewServer(httpapi.New(httpapi.Options{Exchange: s.exchanger, Keys: s, MaxBody: 1 << 20, Now: time.Now, Log: slog.New(slog.DiscardHandler), Ready: func(context.Context) []string { return nil }}))
	s.url = server.URL
	t.Cleanup(server.Close)
	return s
}

// sell has the vendor sell sessions by their sound, at dollars for a second and for a text.
func (s *stage) sell(prices string) {
	s.t.Helper()
	second, message, _ := strings.Cut(prices, " ")
	rates := map[string]string{"second": second, "message": message}
	p := &core.Price{ID: "p"}
	for name, to := range map[string]**core.Rate{"second": &p.Rates.Second, "message": &p.Rates.Message} {
		if rates[name] == "" {
			continue
		}
		r, err := core.ParseRate(rates[name])
		if err != nil {
			s.t.Fatal(err)
		}
		r *= 1e6
		*to = &r
	}
	s.deploy(core.Deployment{}, p, nil, func(r *abi.PlanRequest, p *abi.PlanReply) {
		speaker(r, p)
		p.Usage.Seconds = []string{"$sound"}
	})
}

// handshake is a client's request, of which the vendor has not heard yet.
func (s *stage) handshake(ctx context.Context, path string, headers map[string]string) (*socket.Conn, *http.Response, error) {
	t := &keyed{headers: headers}
	conn, err := socket.Dial(ctx, &http.Client{Transport: t}, s.url+path, 1<<20)
	return conn, t.last, err
}

// keyed adds headers to a handshake, and keeps its answer.
type keyed struct {
	headers  map[string]string
	last     *http.Response
	protocol string // that was chosen
}

func (k *keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	for name, value := range k.headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil { // the header would be of what this library has offered
		k.last, k.protocol = resp, resp.Header.Get("Sec-WebSocket-Protocol")
		resp.Header.Del("Sec-WebSocket-Protocol")
	}
	return resp, err
}

var bearer = map[string]string{"Authorization": "Bearer sk-client-MARK1"}

func (s *stage) connect(ctx context.Context) {
	s.t.Helper()
	var err error
	if s.client, _, err = s.handshake(ctx, "/v1/realtime?model=m", bearer); err != nil {
		s.t.Fatal(err)
	}
	s.vendor = <-s.vendors
}

// aSecond is a second of sound, in 16 bits of 24 kHz.
var aSecond = strings.Repeat("A", 64000)

// play runs a script: a line for each message, of who says it or hears it, and one
// for each entry and close. See testdata/realtime.
func (s *stage) play(ctx context.Context, script io.Reader) {
	s.t.Helper()
	lines := bufio.NewScanner(script)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		verb, rest, _ := strings.Cut(strings.ReplaceAll(line, "$second", aSecond), " ")
		if err := s.act(ctx, verb, strings.TrimSpace(rest)); err != nil {
			s.t.Fatalf("line %d, %s: %v", n, line, err)
		}
	}
}

func (s *stage) act(ctx context.Context, verb, rest string) error {
	ends := map[byte]*socket.Conn{'c': s.client, 'v': s.vendor}
	switch verb {
	case "", "#", "budget", "rpm", "stops", "swaps", "media", "sold", "policy", "translated":
		return nil
	case "c>", "v>":
		rest = strings.ReplaceAll(rest, "$event_id", scan.GetString(s.heard, "event_id"))
		rest = strings.ReplaceAll(rest, "$metadata", string(scan.Get(s.heard, "response", "metadata")))
		return ends[verb[0]].Write(ctx, true, []byte(rest))
	case "c<", "v<":
		_, got, err := ends[verb[0]].Read(ctx)
		if err != nil {
			return err
		}
		if verb == "v<" {
			s.heard = got
		}
		return alike(got, rest)
	case "cx", "vx": // closes
		code, _ := strconv.Atoi(rest)
		ends[verb[0]].Close(code, "bye")
		return nil
	case "cX", "vX": // is closed
		_, got, err := ends[verb[0]].Read(ctx)
		var c *socket.Closed
		if !errors.As(err, &c) || strconv.Itoa(c.Code) != rest {
			return fmt.Errorf("got %s, %v", got, err)
		}
		return nil
	case "blocked":
		s.principal.Store(nil)
		return nil
	case "guards":
		s.deploy(core.Deployment{}, speech(s.t), guardsOf(rest), speaker)
		return nil
	case "broken":
		s.broken.Store(true)
		return nil
	case "mended":
		return s.mended(ctx)
	case "entry":
		return s.entry(rest)
	case "open":
		return s.onRecord(ctx, rest)
	case "held":
		return s.onHold(ctx, rest)
	}
	return errors.New("no such verb")
}

// mended has the ledger write again, and waits until it has.
func (s *stage) mended(ctx context.Context) error {
	for s.broken.Store(false); s.ledger.Stats().Queued > 0; runtime.Gosched() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// entry compares the next entry with what a line says of it.
func (s *stage) entry(want string) error {
	e := (<-s.observed).Entry
	u := e.Usage
	got := fmt.Sprintf("%s %d in=%d cached=%d heard=%d out=%d said=%d ms=%d %s/%s $%s", e.Outcome, e.Status, u.Input, u.Cached(), u.AudioInput, u.Output, u.AudioOutput, u.Milliseconds, u.InputSource, u.OutputSource, e.Amount)
	if e.Unpriced {
		got += " unpriced"
	}
	if got != want {
		return fmt.Errorf("got %s", got)
	}
	kept, _, err := s.store.ListEntries(context.Background(), core.EntryFilter{ID: e.ID, Limit: 2})
	if err != nil || len(kept) != 1 || kept[0].Amount != e.Amount {
		return fmt.Errorf("in the ledger: %v, %v", kept, err)
	}
	return nil
}

// onRecord compares how many exchanges a crash would now leave as interrupted, each
// at what is held for it.
func (s *stage) onRecord(ctx context.Context, want string) error {
	open, err := s.store.ListOpen(ctx, "")
	if err != nil || strconv.Itoa(len(open)) != want {
		return fmt.Errorf("%d, %v", len(open), err)
	}
	for _, o := range open {
		if o.Reserved == 0 || o.Endpoint != "realtime" || o.Usage.Output == 0 {
			return fmt.Errorf("%+v", o)
		}
	}
	return nil
}

// onHold compares the amount at which a crash would now leave the one exchange that is open.
func (s *stage) onHold(ctx context.Context, want string) error {
	open, err := s.store.ListOpen(ctx, "")
	if err != nil || len(open) != 1 || open[0].Reserved.String() != "$"+want && open[0].Reserved.String() != want {
		return fmt.Errorf("%+v, %v", open, err)
	}
	return nil
}

// alike compares JSON values; "*" in what is wanted stands for anything.
func alike(got []byte, want string) error {
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		return fmt.Errorf("got %s: %w", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return err
	}
	if !matches(g, w) {
		return fmt.Errorf("got %s", got)
	}
	return nil
}

func matches(got, want any) bool {
	if want == "*" {
		return true
	}
	g, ok := got.(map[string]any)
	w, also := want.(map[string]any)
	if !ok || !also {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		return string(a) == string(b)
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			return false
		}
	}
	for name := range w {
		v, ok := g[name]
		if !ok || !matches(v, w[name]) {
			return false
		}
	}
	return true
}

// guardsOf are the guardrails of a script: one that blocks a word, or changes it to
// stars, and one that takes no media.
func guardsOf(script string) *guard.Chain {
	var list []guard.Attachment
	attach := func(p guard.Plugin, stages ...string) {
		list = append(list, guard.Attachment{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: stages, Config: json.RawMessage(strconv.Quote(fmt.Sprint(p)))}, Guardrail: p})
	}
	if word := setting(script, "stops"); word != "" {
		attach(stops(word), "input", "stream")
	}
	if word := setting(script, "swaps"); word != "" {
		attach(swaps{word, "***"}, "input", "stream")
	}
	if setting(script, "media") == "refuse" {
		attach(moods{}, "input")
		list[len(list)-1].RefuseMedia = true
	}
	return guard.NewChain(list, nil, slog.New(slog.DiscardHandler))
}

// setting reads what a script says of the key before its first line is played.
func setting(script, name string) string {
	_, rest, found := strings.Cut("\n"+script, "\n"+name+" ")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// idle waits until no session holds the key's slot.
func (s *stage) idle() {
	s.t.Helper()
	for id := s.key0(); s.limiter.InFlight(id) > 0; {
		runtime.Gosched()
	}
}

func (s *stage) key0() string {
	if p := s.principal.Load(); p != nil {
		return p.Key.ID
	}
	return ""
}

// others adds models that sessions are not opened with.
func (s *stage) others() {
	s.t.Helper()
	down := s.snapshot.Routes["m"]
	s.deploy(core.Deployment{}, speech(s.t), nil, nil)
	chat := s.snapshot.Routes["m"]
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"error":{"message":"the vendor is down","type":"server_error"}}`)
	}))
	s.t.Cleanup(failing.Close)
	s.deploy(core.Deployment{}, speech(s.t), nil, func(r *abi.PlanRequest, p *abi.PlanReply) {
		speaker(r, p)
		if r.Endpoint == abi.Realtime {
			p.URL = failing.URL
		}
	})
	s.snapshot.Routes["down"], s.snapshot.Routes["m"] = s.snapshot.Routes["m"], down
	s.snapshot.Routes["backed"] = exchange.NewRoute(core.Model{Name: "backed", Fallbacks: []string{"m"}}, s.snapshot.Routes["down"].Targets, nil, nil)
	s.snapshot.Routes["chat"] = chat
	s.exchanger.Swap(s.snapshot)
}
