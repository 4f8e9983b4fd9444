package exchange_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// noDisk is a store that forgets what it is told.
type noDisk struct{ core.LedgerStore }

func (noDisk) WriteBatch(context.Context, *core.LedgerBatch) (core.BatchResult, error) {
	return core.BatchResult{}, nil
}
func (noDisk) ListOpen(context.Context, string) ([]*core.OpenExchange, error) { return nil, nil }
func (noDisk) SumAmounts(context.Context, core.Scope, string, time.Time, time.Time) (core.Nano, error) {
	return 0, nil
}

// noNet is a vendor without a network, that always says the same.
type noNet struct{ body string }

func (v noNet) Do(context.Context, *upstream.Request) (*upstream.Response, error) {
	return &upstream.Response{Status: 200, Headers: []upstream.Header{{Name: "content-type", Value: "application/json"}}, Body: answered{strings.NewReader(v.body)}}, nil
}
func (noNet) Close() {}

type answered struct{ io.Reader }

func (answered) SetIdleTimeout(time.Duration) {}
func (answered) Close() error                 { return nil }

type nobody struct{}

func (nobody) Exchange(*exchange.Observed)          {}
func (nobody) Profile(string) []byte                { return nil }
func (nobody) Names() []string                      { return nil }
func (nobody) Open(string) (data []byte, err error) { return nil, errors.ErrUnsupported }

// asker is a client that wants a whole answer and looks at its status alone.
type asker struct{ status int }

func (a *asker) Whole(status int, _ *exchange.Head, _ []byte) error {
	a.status = status
	return nil
}
func (*asker) Start(*exchange.Head) error { return errors.ErrUnsupported }
func (*asker) Write([]byte) error         { return errors.ErrUnsupported }
func (*asker) Flush() error               { return errors.ErrUnsupported }
func (*asker) Break()                     {}

// canned is a plugin that answers each function with a text of its own, so that
// what is measured is the host's part of a call.
type canned map[abi.Function]string

func (c canned) Open(context.Context, plugin.Source) (plugin.Code, error) { return cannedCode(c), nil }

type cannedCode canned

func (c cannedCode) Has(f abi.Function) bool     { return c[f] != "" }
func (c cannedCode) Close(context.Context) error { return nil }
func (c cannedCode) Start(ctx context.Context, _ plugin.Setup) (plugin.Plugin, error) {
	return plugin.StartPool(ctx, plugin.PoolConfig{ID: "provider.canned", Open: func(context.Context) (plugin.Instance, error) { return cannedInstance(c), nil }})
}

type cannedInstance canned

func (c cannedInstance) Call(_ context.Context, f abi.Function, _, dst []byte) ([]byte, error) {
	return append(dst, c[f]...), nil
}
func (cannedInstance) MemoryBytes() int64          { return 0 }
func (cannedInstance) Close(context.Context) error { return nil }

const fox, ipsum = "the quick brown fox jumps over the lazy dog ", "lorem ipsum dolor sit amet "

var (
	prose  = strings.Repeat(fox, 23)
	answer = strings.Repeat(ipsum, 38)
	codec  = canned{
		abi.Describe:  `{"id":"provider.canned","version":"1.0.0","kind":"provider","abi":1}`,
		abi.Configure: `{}`,
		abi.Plan: `{"supported":true,"url":"https://vendor.example/v1/messages","auth":{"scheme":"bearer"},"request":{"mode":"transform"},` +
			`"response":{"mode":"transform"},"stream":{"mode":"passthrough"}}`,
		abi.Encode: `{"body":{"model":"vendor-model","max_tokens":512,"temperature":0.7,"stop_sequences":["END"],"system":[{"type":"text","text":"You are a weather assistant. Answer in one sentence."}],"messages":[` +
			`{"role":"user","content":[{"type":"text","text":"` + prose[:528] + `"},{"type":"image","source":{"type":"url","url":"https://example.com/sky.png"}}]},` +
			`{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Berlin","unit":"celsius"}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"21 degrees, clear sky"},{"type":"text","text":"` + prose[:352] + `"}]}],` +
			`"tools":[{"name":"weather","description":"Current weather of a city","input_schema":{"type":"object","properties":{"city":{"type":"string","description":"name of the city"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}]}}`,
		abi.Decode: `{"body":{"choices":[{"index":0,"message":{"role":"assistant","content":"` + answer + `"},"logprobs":null,"finish_reason":"stop"}]},"usage":{"input":256,"output":256},"model":"mock"}`,
	}
)

// BenchmarkExchange is a whole exchange but for the network, the disk and the
// guest: what the host does itself, passing a body on and having a codec make it.
func BenchmarkExchange(b *testing.B) {
	ctx := context.Background()
	file := filepath.Join(b.TempDir(), "plugin.wasm")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	loaded, err := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": codec}, Builtins: nobody{}, Log: func(string, string, string) {}}).
		Load(ctx, plugin.Declaration{ID: "provider.canned", Source: file})
	if err != nil {
		b.Fatal(err)
	}
	transform, err := plugin.AsProvider(loaded)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		provider exchange.Provider
		request  string
		answer   string
	}{
		{"passthrough", passthrough{base: "https://vendor.example"}, `{"model":"m","messages":[{"role":"user","content":"` + prose + `"}]}`,
			`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"` + answer + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":256,"completion_tokens":256,"total_tokens":512}}`},
		{"codec", transform, `{"model":"m","max_tokens":512,"temperature":0.7,"stop":["END"],"messages":[{"role":"system","content":"You are a weather assistant. Answer in one sentence."},` +
			`{"role":"user","content":[{"type":"text","text":"` + prose[:528] + `"},{"type":"image_url","image_url":{"url":"https://example.com/sky.png"}}]},` +
			`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Berlin\",\"unit\":\"celsius\"}"}}]},` +
			`{"role":"tool","tool_call_id":"call_1","content":"21 degrees, clear sky"},{"role":"user","content":"` + prose[:352] + `"}],` +
			`"tools":[{"type":"function","function":{"name":"weather","description":"Current weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string","description":"name of the city"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}}]}`,
			`{"id":"msg_1","type":"message","role":"assistant","model":"mock","content":[{"type":"text","text":"` + answer + `"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":256,"output_tokens":256}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			l, err := ledger.Open(ctx, noDisk{}, ledger.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close(ctx)
			price, err := priceOf("1.00", "3.00")
			if err != nil {
				b.Fatal(err)
			}
			target, err := exchange.NewTarget(ctx, exchange.Target{Deployment: &core.Deployment{Name: "dep", Provider: "provider.canned", Model: "vendor-model", BaseURL: "https://vendor.example"},
				Price: price, State: new(routing.States).Of("dep"), Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "k"}}}, c.provider)
			if err != nil {
				b.Fatal(err)
			}
			x := exchange.New(exchange.Options{Ledger: l, Limiter: limit.New(), Upstream: noNet{c.answer}, Observe: nobody{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
			x.Swap(&exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, []*exchange.Target{target}, nil, nil)}})
			p := &core.Principal{Key: &core.VirtualKey{ID: "key_1", AllModels: true, Limits: core.Limits{RPM: 1e8, TPM: 1e12, Parallel: 1e5}},
				Budgets: []*core.Budget{{ID: "bud_1", Scope: core.ScopeKey, SubjectID: "key_1", Amount: 1 << 60, Period: core.PeriodMonth}}}
			body := []byte(c.request)
			var client asker
			none := func(string) string { return "" }
			b.ReportAllocs()
			for b.Loop() {
				x.Do(ctx, p, &exchange.Request{Endpoint: abi.Chat, Body: body, Arrived: time.Now(), Header: none}, &client)
				if client.status != 200 {
					b.Fatal(client.status)
				}
			}
		})
	}
}
