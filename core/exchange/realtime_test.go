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
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/httpapi"
	"github.com/tokligence/gateway/core/socket"
	"github.com/tokligence/gateway/pdk/abi"
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
	p.Usage = abi.UsagePaths{Input: []string{"usage.input_tokens", "response.usage.input_tokens"}, CacheRead: []string{in + "cached_tokens"},
		AudioInput:    []string{"usage.input_token_details.audio_tokens", in + "audio_tokens - " + in + "cached_tokens_details.audio_tokens"},
		InputIncludes: []string{"cache_read", "audio_input"}, Output: []string{"usage.output_tokens", "response.usage.output_tokens"},
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
	return &core.Price{ID: "p", Rates: core.Rates{Input: rate("4"), CacheRead: rate("0.4"), Output: rate("16"), AudioInput: rate("32"), AudioOutput: rate("64")}}
}

func newStage(t *testing.T, budget string, limits core.Limits, guards *guard.Chain) *stage {
	s := &stage{rig: newRig(t, core.Deployment{}, nil), vendors: make(chan *socket.Conn, 100), heads: make(chan http.Header, 100)}
	s.deploy(core.Deployment{}, speech(t), guards, speaker)
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

// play runs a script: a line for each message, of who says it or hears it, and one
// for each entry and close. See testdata/realtime.
func (s *stage) play(ctx context.Context, script io.Reader) {
	s.t.Helper()
	lines := bufio.NewScanner(script)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		verb, rest, _ := strings.Cut(line, " ")
		if err := s.act(ctx, verb, strings.TrimSpace(rest)); err != nil {
			s.t.Fatalf("line %d, %s: %v", n, line, err)
		}
	}
}

func (s *stage) act(ctx context.Context, verb, rest string) error {
	ends := map[byte]*socket.Conn{'c': s.client, 'v': s.vendor}
	switch verb {
	case "", "#", "budget", "rpm", "stops", "swaps", "media":
		return nil
	case "c>", "v>":
		return ends[verb[0]].Write(ctx, true, []byte(rest))
	case "c<", "v<":
		_, got, err := ends[verb[0]].Read(ctx)
		if err != nil {
			return err
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
	case "entry":
		return s.entry(rest)
	case "open":
		return s.onRecord(ctx, rest)
	}
	return errors.New("no such verb")
}

// entry compares the next entry with what a line says of it.
func (s *stage) entry(want string) error {
	e := (<-s.observed).Entry
	u := e.Usage
	got := fmt.Sprintf("%s %d in=%d cached=%d heard=%d out=%d said=%d ms=%d %s/%s $%s", e.Outcome, e.Status, u.Input, u.CacheRead, u.AudioInput, u.Output, u.AudioOutput, u.Milliseconds, u.InputSource, u.OutputSource, e.Amount)
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
		list = append(list, guard.Attachment{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: stages}, Guardrail: p})
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

func TestRealtime_Scripts(t *testing.T) {
	files, err := filepath.Glob("testdata/realtime/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			rpm, _ := strconv.ParseInt(setting(string(text), "rpm"), 10, 64)
			s := newStage(t, setting(string(text), "budget"), core.Limits{RPM: rpm, Parallel: 1}, guardsOf(string(text)))
			s.connect(ctx)
			s.play(ctx, strings.NewReader(string(text)))
			s.client.Cut()
			s.vendor.Cut()
			if n := len(s.observed); n != 0 {
				t.Errorf("%d entries more than the script says", n)
			}
			s.idle()
		})
	}
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

func TestRealtime_Handshakes(t *testing.T) {
	refused := map[string]struct {
		path    string
		headers map[string]string
		status  int
		text    string
	}{
		"no key":          {"/v1/realtime?model=m", nil, 401, "virtual key"},
		"no such model":   {"/v1/realtime?model=x", bearer, 404, `\"x\" does not exist`},
		"no model":        {"/v1/realtime", bearer, 400, "must name a model"},
		"a call":          {"/v1/realtime?model=m&call_id=rtc_1", bearer, 400, `\"call_id\" of the address is not passed on`},
		"no realtime":     {"/v1/realtime?model=chat", bearer, 400, "does not serve this endpoint"},
		"a vendor's 503":  {"/v1/realtime?model=down", bearer, 503, "the vendor is down"},
		"a wrong browser": {"/v1/realtime?model=m", map[string]string{"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.nobody"}, 401, "virtual key"},
	}
	accepted := map[string]struct {
		path     string
		headers  map[string]string
		protocol string
		beta     string
	}{
		"bearer":      {"/v1/realtime?model=m", bearer, "", ""},
		"fallback":    {"/v1/realtime?model=backed", bearer, "", ""},
		"api-key":     {"/openai/realtime?api-version=2024-10-01-preview&deployment=m", map[string]string{"api-key": "sk-client-MARK1"}, "", ""},
		"azure v1":    {"/openai/v1/realtime?model=m", map[string]string{"api-key": "sk-client-MARK1"}, "", ""},
		"browser":     {"/v1/realtime?model=m", map[string]string{"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.sk-client-MARK1, openai-beta.realtime-v1", "Origin": "https://elsewhere.example"}, "realtime", "realtime=v1"},
		"beta header": {"/v1/realtime?model=m", map[string]string{"Authorization": "Bearer sk-client-MARK1", "OpenAI-Beta": "realtime=v1"}, "", "realtime=v1"},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s := newStage(t, "", core.Limits{}, nil)
	s.others()
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			_, resp, err := s.handshake(ctx, c.path, c.headers)
			if err == nil || resp == nil {
				t.Fatal("it was accepted", err)
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || !strings.Contains(string(body), c.text) || strings.Contains(string(body), "MARK") {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
		})
	}
	for name, c := range accepted {
		t.Run(name, func(t *testing.T) {
			k := &keyed{headers: c.headers}
			conn, err := socket.Dial(ctx, &http.Client{Transport: k}, s.url+c.path, 1<<20)
			if err != nil || k.protocol != c.protocol {
				t.Fatal(k.protocol, err)
			}
			defer conn.Cut()
			head := <-s.heads
			vendor := <-s.vendors
			defer vendor.Cut()
			for name, values := range head {
				if strings.Contains(strings.Join(values, ","), "MARK1") {
					t.Errorf("the vendor was told the client's key in %s", name)
				}
			}
			if got := head.Get("Authorization"); got != "Bearer vendor-MARK2" {
				t.Errorf("Authorization: %s", got)
			}
			if got := head.Get("OpenAI-Beta"); got != c.beta {
				t.Errorf("OpenAI-Beta: %q", got)
			}
		})
	}
}

// TestRealtime_BudgetHoldsTogether has many sessions ask at once for what the budget
// covers a few times.
func TestRealtime_BudgetHoldsTogether(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	const sessions, each = 12, 1000 // output tokens, of $64 a million
	s := newStage(t, "0.20", core.Limits{}, nil)
	var passed, refused atomic.Int64
	var all sync.WaitGroup
	for range sessions {
		all.Add(1)
		go func() {
			defer all.Done()
			client, _, err := s.handshake(ctx, "/v1/realtime?model=m", bearer)
			if err != nil {
				t.Error(err)
				return
			}
			defer client.Cut()
			if err := client.Write(ctx, true, []byte(`{"type":"response.create","response":{"max_output_tokens":1000}}`)); err != nil {
				t.Error(err)
				return
			}
			for {
				_, got, err := client.Read(ctx)
				switch {
				case err != nil:
					t.Error(err)
					return
				case strings.Contains(string(got), "insufficient_quota"):
					refused.Add(1)
					return
				case strings.Contains(string(got), "response.done"):
					passed.Add(1)
					return
				}
			}
		}()
	}
	held := make(chan struct{})
	go func() { // the vendors, who answer when all have asked
		for range sessions {
			v := <-s.vendors
			go func() {
				if _, _, err := v.Read(ctx); err != nil {
					return // it was refused
				}
				<-held
				_ = v.Write(ctx, true, []byte(`{"type":"response.created","response":{"id":"r"}}`))
				_ = v.Write(ctx, true, fmt.Appendf(nil, `{"type":"response.done","response":{"id":"r","status":"completed","usage":{"input_tokens":0,"output_tokens":%d,"output_token_details":{"audio_tokens":%d}}}}`, each, each))
				_, _, _ = v.Read(ctx)
			}()
		}
	}()
	for refused.Load() < sessions-3 {
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			t.Fatalf("%d refused", refused.Load())
		}
	}
	close(held)
	all.Wait()
	if passed.Load() != 3 || refused.Load() != sessions-3 { // three times $0.064
		t.Errorf("%d passed, %d refused", passed.Load(), refused.Load())
	}
}

// TestRealtime_LeavesNothing opens and ends sessions in every way, and counts.
func TestRealtime_LeavesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	s := newStage(t, "", core.Limits{Parallel: 1}, nil)
	ways := []func(){
		func() { s.client.Close(1000, "") }, func() { s.client.Cut() },
		func() { s.vendor.Close(1011, "") }, func() { s.vendor.Cut() },
	}
	round := func() {
		for _, end := range ways {
			s.connect(ctx)
			if err := s.act(ctx, "v>", `{"type":"response.created","response":{"id":"r"}}`); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.client.Read(ctx); err != nil {
				t.Fatal(err)
			}
			for _, side := range [...]*socket.Conn{s.client, s.vendor} { // both read, so that closes are answered
				go func() {
					for {
						if _, _, err := side.Read(ctx); err != nil {
							return
						}
					}
				}()
			}
			end()
			s.idle()
			s.client.Cut()
			s.vendor.Cut()
			if e := (<-s.observed).Entry; e.Outcome != core.OutcomeClientClosed && e.Outcome != core.OutcomeInterrupted {
				t.Errorf("the response that was under way is %s", e.Outcome)
			}
		}
	}
	round() // what is kept, of the pools of connections, is there after one
	before := runtime.NumGoroutine()
	for range 5 {
		round()
	}
	for runtime.NumGoroutine() > before+2 {
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
	}
}

// TestRealtime_TooLong sends more in one message than is taken: both sides are told.
func TestRealtime_TooLong(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s := newStage(t, "", core.Limits{}, nil)
	s.connect(ctx)
	go func() { _ = s.client.Write(ctx, true, []byte(`"`+strings.Repeat("A", exchange.MaxMessage+1)+`"`)) }() // it is cut off
	for name, side := range map[string]*socket.Conn{"client": s.client, "vendor": s.vendor} {
		var c *socket.Closed
		if _, _, err := side.Read(ctx); !errors.As(err, &c) || c.Code != socket.CodeTooBig {
			t.Errorf("the %s hears %v", name, err)
		}
	}
}

// TestRealtime_SlowClient has a vendor say more than a client takes: it is made to
// wait, and nothing is kept for the client in the meantime.
func TestRealtime_SlowClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	s := newStage(t, "", core.Limits{}, nil)
	s.connect(ctx)
	event := fmt.Appendf(nil, `{"type":"response.output_audio.delta","response_id":"r","delta":%q}`, strings.Repeat("A", 256<<10))
	const events = 200 // 50 MiB, more than sockets hold
	var sent atomic.Int64
	done := make(chan error, 1)
	go func() {
		for range events {
			if err := s.vendor.Write(ctx, true, event); err != nil {
				done <- err
				return
			}
			sent.Add(1)
		}
		done <- nil
	}()
	for last := int64(-1); sent.Load() != last; time.Sleep(300 * time.Millisecond) { // until the vendor stands still
		last = sent.Load()
	}
	if n := sent.Load(); n == events {
		t.Error("the vendor did not have to wait")
	}
	for range events {
		if _, got, err := s.client.Read(ctx); err != nil || len(got) != len(event) {
			t.Fatal(len(got), err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
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
