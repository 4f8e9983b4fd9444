package wasmhost

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue is a conversation of some 100 KB as coding agents have them: files that
// were read and written by tools, prose, a picture.
func dialogue() []byte {
	prose := strings.Repeat(fox+"\n\"quoted\" ", 30)
	b := []byte(`{"model":"m","max_tokens":4096,"messages":[{"role":"system","content":` + quoted(prose) + `}`)
	for i := range 16 {
		n := strconv.Itoa(i)
		b = append(b, `,{"role":"user","content":[{"type":"text","text":`+quoted(prose)+`},{"type":"image_url","image_url":{"url":"data:image/png;base64,`+strings.Repeat("iVBORw0K", 100)+`"}}]}`...)
		b = append(b, `,{"role":"assistant","content":null,"tool_calls":[{"id":"call_`+n+`","type":"function","function":{"name":"write","arguments":`+quoted(`{"path":"a.go","text":`+quoted(prose)+`}`)+`}}]}`...)
		b = append(b, `,{"role":"tool","tool_call_id":"call_`+n+`","content":`+quoted(prose)+`},{"role":"assistant","content":"Done: `+fox+`"}`...)
	}
	return append(b, `,{"role":"user","content":"go on"}]}`...)
}

func quoted(s string) string { return string(scan.AppendString(nil, s)) }

// BenchmarkProvider is what a codec costs with all that the host does around it.
func BenchmarkProvider(b *testing.B) {
	for _, c := range []struct{ name, model, kind, event string }{
		{"openai", "gpt-5-pro", "response.output_text.delta", `{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"t=1700000000000000000 ","logprobs":[],"sequence_number":12,"obfuscation":"aaaaaaaa"}`},
		{"anthropic", "claude-sonnet-4-5", "", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"t=1700000000000000000 "}}`},
		{"cohere", "command-a-03-2025", "", `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"t=1700000000000000000 "}}}}`},
		{"ollama", "qwen3", "", `{"model":"qwen3","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"t=1700000000000000000 "},"done":false}`},
		{"gemini", "gemini-2.5-flash", "", `{"candidates":[{"content":{"role":"model","parts":[{"text":"t=1700000000000000000 "}]},"index":0}],"modelVersion":"m"}`},
		{"bedrock", "us.amazon.nova-pro-v1:0", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"t=1700000000000000000 "}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkProvider(b, c.name, c.model, abi.Event{Name: c.kind, Data: abi.Raw(c.event)})
		})
	}
}

func benchmarkProvider(b *testing.B, name, model string, event abi.Event) {
	file := filepath.Join(b.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/tokligence/gateway/plugins/providers/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build the guest: %v\n%s", err, out)
	}
	loader := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": New()}, Log: func(string, string, string) {}})
	defer loader.Close(context.Background())
	loaded, err := loader.Load(b.Context(), plugin.Declaration{ID: "provider." + name, Source: file, Limits: plugin.Limits{Timeout: time.Minute}, Config: json.RawMessage(`{}`)})
	if err != nil {
		b.Fatal(err)
	}
	p, err := plugin.AsProvider(loaded)
	if err != nil {
		b.Fatal(err)
	}
	d := abi.Deployment{Name: "codec", Model: model, BaseURL: "http://127.0.0.1:19000", Options: abi.Raw(`{}`), CredentialFields: []string{"api_key"}}
	if name == "openai" { // whose codec is that of responses
		d.Options = abi.Raw(`{"chat_over":"responses"}`)
	}
	body := dialogue()
	b.Run("encode_"+strconv.Itoa(len(body)>>10)+"KB", func(b *testing.B) {
		b.ReportAllocs()
		var room []byte
		for b.Loop() {
			if _, err := p.Encode(b.Context(), &abi.EncodeRequest{Endpoint: abi.Chat, Deployment: d, Body: body}, &room); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{1, 50} {
		events := make([]abi.Event, n)
		for i := range events {
			events[i] = event
		}
		b.Run("events_"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.DecodeEvents(b.Context(), &abi.DecodeEventsRequest{Endpoint: abi.Chat, Events: events}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
