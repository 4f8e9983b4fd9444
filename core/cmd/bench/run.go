package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type options struct {
	gateway string
	rounds  int
	length  time.Duration
	only    string
}

// scenario is one load, sent to the proxy and to the gateway in turn.
type scenario struct {
	name string
	load load
	// model is the gateway's alias; the proxy's mock takes any.
	model string
	slow  bool // against the slow mock
	// limit says what the gateway may cost beside the proxy, for the report.
	limit string
	unit  string // "request" or "chunk"
}

const prompt = "the quick brown fox jumps over the lazy dog "

func chat(bytes int, stream bool) string {
	text := strings.Repeat(prompt, bytes/len(prompt)+1)[:bytes]
	body := `{"model":"MODEL","messages":[{"role":"user","content":"` + text + `"}]`
	if stream {
		body += `,"stream":true`
	}
	return body + "}"
}

// conversation is about 2 KB with all that a codec has to rebuild.
var conversation = `{"model":"MODEL","max_tokens":512,"temperature":0.7,"stop":["END"],"messages":[{"role":"system","content":"You are a weather assistant. Answer in one sentence."},` +
	`{"role":"user","content":[{"type":"text","text":"` + strings.Repeat(prompt, 12) + `"},{"type":"image_url","image_url":{"url":"https://example.com/sky.png"}}]},` +
	`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Berlin\",\"unit\":\"celsius\"}"}}]},` +
	`{"role":"tool","tool_call_id":"call_1","content":"21 degrees, clear sky"},{"role":"user","content":"` + strings.Repeat(prompt, 8) + `"}],` +
	`"tools":[{"type":"function","function":{"name":"weather","description":"Current weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string","description":"name of the city"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}}]}`

func scenarios() []scenario {
	return []scenario{
		{name: "1 KB, 32 connections", model: "pass", unit: "request", limit: "≤ 1.2 ×", load: load{workers: 32, body: chat(1024, false)}},
		{name: "100 KB, 32 connections", model: "pass", unit: "request", limit: "≤ 1.5 ×", load: load{workers: 32, body: chat(100<<10, false)}},
		{name: "streams, 32 connections", model: "pass", unit: "chunk", limit: "≤ 2 ×", load: load{workers: 32, body: chat(1024, true)}},
		{name: "500 streams, 10 chunks/s each", model: "pass-slow", slow: true, unit: "chunk", limit: "≤ 2 ×, ≤ 60 KiB a stream",
			load: load{workers: 500, body: chat(1024, true), stagger: 10 * time.Millisecond}},
		{name: "2 KB through the Anthropic codec", model: "codec", unit: "request", limit: "≤ + 150 µs", load: load{workers: 32, body: conversation}},
		{name: "streams through the Anthropic codec", model: "codec", unit: "chunk", limit: "≤ 15 µs", load: load{workers: 32, body: chat(1024, true)}},
	}
}

// figures of one scenario and server, one value a round.
type figures struct {
	tally
	cpu, rate, p50, p99, memory []float64
}

func (f *figures) add(c figure) {
	f.cpu, f.rate = append(f.cpu, c.cpu), append(f.rate, c.rate)
	f.p50, f.p99, f.memory = append(f.p50, c.p50), append(f.p99, c.p99), append(f.memory, c.memory)
	f.tally.add(c.tally)
}

type figure struct {
	tally
	cpu      float64 // µs of CPU a unit
	rate     float64 // units a second
	p50, p99 float64 // µs: latency of a request, transit of a chunk
	memory   float64 // KiB gained under load
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return s[len(s)/2]
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "tokligence-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if o.gateway, err = filepath.Abs(o.gateway); err != nil {
		return err
	}
	mock, err := start(ctx, dir, nil, self, "mock", "0s")
	if err != nil {
		return err
	}
	defer mock.stop()
	slow, err := start(ctx, dir, nil, self, "mock", "100ms")
	if err != nil {
		return err
	}
	defer slow.stop()
	b := &bench{options: o, dir: dir, self: self, mock: mock.addr, slowMock: slow.addr}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	rows := make(map[string]*figures)
	for range o.rounds {
		for _, s := range scenarios() {
			if o.only != "" && !strings.Contains(s.name, o.only) {
				continue
			}
			for _, target := range [...]string{"proxy", "gateway"} {
				f, err := b.measure(ctx, s, target)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, target, err)
				}
				key := s.name + target
				if rows[key] == nil {
					rows[key] = &figures{}
				}
				rows[key].add(f)
			}
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("no load has %q in its name", o.only)
	}
	if err := report(rows); err != nil || o.only != "" {
		return err
	}
	return b.lifetime(ctx)
}

// report prints the table; its error tells of answers that were not whole.
func report(rows map[string]*figures) (failed error) {
	fmt.Println("| load | | CPU µs | beside the proxy | limit | a second | p50 µs | p99 µs | KiB a stream | errors |")
	fmt.Println("|---|---|---:|---:|---|---:|---:|---:|---:|---:|")
	for _, s := range scenarios() {
		p, g := rows[s.name+"proxy"], rows[s.name+"gateway"]
		if p == nil {
			continue
		}
		base := median(p.cpu)
		for _, t := range []struct {
			name, limit string
			f           *figures
		}{{"proxy", "", p}, {"gateway", s.limit, g}} {
			beside, memory := "", ""
			if t.f == g {
				beside = fmt.Sprintf("%.2f ×, %+.1f µs", median(g.cpu)/base, median(g.cpu)-base)
			}
			if s.slow {
				memory = fmt.Sprintf("%.0f", median(t.f.memory)/float64(s.load.workers))
			}
			fmt.Printf("| %s | %s | %.1f | %s | %s | %.0f | %.0f | %.0f | %s | %d of %d |\n", s.name, t.name,
				median(t.f.cpu), beside, t.limit, median(t.f.rate), median(t.f.p50), median(t.f.p99), memory, t.f.errors, t.f.errors+t.f.whole)
			if err := t.f.failed(); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s, %s: %w", s.name, t.name, err))
			}
		}
	}
	return failed
}
