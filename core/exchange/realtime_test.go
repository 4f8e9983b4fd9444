package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	"github.com/tokligence/gateway/core/socket"
)

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
			s := newStage(t, setting(string(text), "budget"), core.Limits{RPM: rpm, Parallel: 1}, guardsOf(string(text)), setting(string(text), "translated") != "")
			if setting(string(text), "policy") == "shrink" {
				s.principal.Load().Budgets[0].Policy = core.BudgetShrink
			}
			if prices := setting(string(text), "sold"); prices != "" {
				s.sell(prices)
			}
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

// TestRealtime_SoldBySound refuses sessions that a budget does not cover the beginning of.
func TestRealtime_SoldBySound(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for name, c := range map[string]struct {
		budget, prices string
		status         int
	}{
		"too little": {"0.04", "0.01 0.004", 402},
		"no price":   {"1.00", " 0.004", 403},
	} {
		s := newStage(t, c.budget, core.Limits{Parallel: 1}, nil)
		s.sell(c.prices)
		_, resp, err := s.handshake(ctx, "/v1/realtime?model=m", bearer)
		if err == nil || resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
		(<-s.vendors).Cut()
		s.idle()
		if err := s.onRecord(ctx, "0"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
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
