package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bench keeps what a run needs.
type bench struct {
	options
	dir, self      string
	mock, slowMock string // addresses; the slow one sends a chunk every 100 ms
	key            string // virtual key with a budget and limits, as in production
}

const adminKey = "sk-bench-admin-key-0123456789abcdef"

// gatewayConfig has all that a production gateway does switched on.
func (b *bench) gatewayConfig() string {
	return strings.NewReplacer("SLOW_MOCK", b.slowMock, "MOCK", b.mock).Replace(`
[server]
listen = "127.0.0.1:0"

[[plugin]]
id = "provider.openai"
source = "builtin:openai"

[[plugin]]
id = "provider.anthropic"
source = "builtin:anthropic"

[[credential]]
name = "mock-openai"
provider = "provider.openai"
api_key = "env:BENCH_KEY"

[[credential]]
name = "mock-anthropic"
provider = "provider.anthropic"
api_key = "env:BENCH_KEY"

[[deployment]]
name = "pass"
provider = "provider.openai"
model = "mock"
credential = "mock-openai"
base_url = "http://MOCK/v1"
allow_private = true
price = { input = "1.00", output = "3.00" }

[[deployment]]
name = "pass-slow"
provider = "provider.openai"
model = "mock"
credential = "mock-openai"
base_url = "http://SLOW_MOCK/v1"
allow_private = true
price = { input = "1.00", output = "3.00" }

[[deployment]]
name = "codec"
provider = "provider.anthropic"
model = "mock"
credential = "mock-anthropic"
base_url = "http://MOCK"
allow_private = true
price = { input = "1.00", output = "3.00" }

[[model]]
name = "pass"
deployments = ["pass"]

[[model]]
name = "pass-slow"
deployments = ["pass-slow"]

[[model]]
name = "codec"
deployments = ["codec"]
`)
}

// prepare writes the configuration, compiles the plugins into the cache and makes the key.
func (b *bench) prepare(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(b.dir, "gateway.toml"), []byte(b.gatewayConfig()), 0o600); err != nil {
		return err
	}
	p, err := b.startGateway(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/api/v1/keys", strings.NewReader(
		`{"name":"bench","all_models":true,"budget":{"amount":"1000000.00","period":"month"},"limits":{"rpm":100000000,"tpm":1000000000000,"parallel":100000}}`))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var made struct{ Secret string }
	if err := json.Unmarshal(body, &made); err != nil || made.Secret == "" {
		return fmt.Errorf("making a key: %s: %s", resp.Status, bytes.TrimSpace(body))
	}
	b.key = made.Secret
	return nil
}

func (b *bench) startGateway(ctx context.Context) (*process, error) {
	return start(ctx, b.dir, []string{"BENCH_KEY=none", "TOKLIGENCE_ADMIN_KEY=" + adminKey}, b.gateway, "serve", "-c", "gateway.toml")
}

func (b *bench) startTarget(ctx context.Context, s scenario, target string) (*process, error) {
	if target == "gateway" {
		return b.startGateway(ctx)
	}
	upstream := b.mock
	if s.slow {
		upstream = b.slowMock
	}
	return start(ctx, b.dir, nil, b.self, "proxy", "http://"+upstream)
}

// measure starts the target afresh, warms it and takes one figure.
func (b *bench) measure(ctx context.Context, s scenario, target string) (figure, error) {
	p, err := b.startTarget(ctx, s, target)
	if err != nil {
		return figure{}, err
	}
	defer p.stop()
	l := s.load
	l.body = strings.Replace(l.body, "MODEL", s.model, 1)
	warm := time.Second + time.Duration(l.workers)*l.stagger
	if s.slow {
		warm += time.Second
	}
	from := time.Now().Add(warm)
	until := from.Add(b.length)
	idle := p.memory()
	var cpu time.Duration
	var peak int64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		time.Sleep(time.Until(from))
		before := p.cpu()
		for time.Now().Before(until) {
			peak = max(peak, p.memory())
			time.Sleep(min(100*time.Millisecond, time.Until(until)))
		}
		cpu = p.cpu() - before
	}()
	r := l.apply(ctx, p.addr, "/v1/chat/completions", b.key, from, until)
	if err := ctx.Err(); err != nil {
		return figure{}, err
	}
	<-watched
	units, spread := r.requests, r.latency
	if s.unit == "chunk" {
		units, spread = r.chunks, r.transit
	}
	f := figure{tally: r.tally, memory: float64(peak - idle), rate: float64(units) / b.length.Seconds()}
	if units > 0 {
		f.cpu = float64(cpu.Microseconds()) / float64(units)
		f.p50, f.p99 = micro(spread, 50), micro(spread, 99)
	}
	return f, nil
}

func micro(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[len(sorted)*percent/100].Microseconds())
}

// lifetime measures what is not a rate: start, idle memory, and growth over
// 100,000 requests.
func (b *bench) lifetime(ctx context.Context) error {
	began := time.Now()
	p, err := b.startGateway(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	ask := load{workers: 32, body: strings.Replace(chat(1024, false), "MODEL", "pass", 1)}
	w := &worker{addr: p.addr, request: request(p.addr, "/v1/chat/completions", b.key, ask.body)}
	err = w.once(began.Add(time.Minute))
	w.close()
	if err != nil {
		return fmt.Errorf("the first request: %w", err)
	}
	first := time.Since(began)
	time.Sleep(3 * time.Second)
	idle := p.memory()
	growth := make([]int64, 2)
	total := 0
	for i := range growth {
		for n := 0; n < 50_000; {
			now := time.Now()
			r := ask.apply(ctx, p.addr, "/v1/chat/completions", b.key, now, now.Add(2*time.Second))
			if err := r.failed(); err != nil {
				return err
			}
			n += r.requests
			total += r.requests
		}
		growth[i] = p.memory()
	}
	fmt.Printf("\nStart to first answer, warm cache: %d ms (limit 500). Idle: %.0f MiB (limit 60). After the first half of %d requests %.0f MiB, after the second %.0f MiB.\n",
		first.Milliseconds(), float64(idle)/1024, total, float64(growth[0])/1024, float64(growth[1])/1024)
	return nil
}
