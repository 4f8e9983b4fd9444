package wasmhost

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// conversation is a request of 2 KB with all that a codec has to rebuild.
var conversation = `{"endpoint":"chat","stream":false,"deployment":{"name":"codec","model":"claude-sonnet-4-5","base_url":"http://127.0.0.1:19000","credential_fields":["api_key"]},"body":` +
	`{"model":"MODEL","max_tokens":512,"temperature":0.7,"stop":["END"],"messages":[{"role":"system","content":"You are a weather assistant. Answer in one sentence."},` +
	`{"role":"user","content":[{"type":"text","text":"` + strings.Repeat(fox, 12) + `"},{"type":"image_url","image_url":{"url":"https://example.com/sky.png"}}]},` +
	`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Berlin\",\"unit\":\"celsius\"}"}}]},` +
	`{"role":"tool","tool_call_id":"call_1","content":"21 degrees, clear sky"},{"role":"user","content":"` + strings.Repeat(fox, 8) + `"}],` +
	`"tools":[{"type":"function","function":{"name":"weather","description":"Current weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string","description":"name of the city"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}}]}}`

const fox = "the quick brown fox jumps over the lazy dog "

var guestCalls = []struct {
	name     string
	function abi.Function
	input    string
}{
	{"encode", abi.Encode, conversation},
	{"decode", abi.Decode, `{"endpoint":"chat","deployment":{"name":"codec","model":"claude-sonnet-4-5","base_url":"http://127.0.0.1:19000","credential_fields":["api_key"]},"status":200,"headers":{"content-type":"application/json"},"body":` +
		`{"id":"msg_1","type":"message","role":"assistant","model":"mock","content":[{"type":"text","text":"` + strings.Repeat("lorem ipsum dolor sit amet ", 38)[:1024] +
		`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":256,"output_tokens":256}}}`},
	{"event", abi.DecodeEvents, `{"endpoint":"chat","events":[{"name":"content_block_delta","data":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"t=1700000000000000000 "}}}]}`},
	{"error", abi.DecodeError, `{"status":0,"body":{}}`},
}

// BenchmarkGuest is what a codec costs in its sandbox.
func BenchmarkGuest(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/tokligence/gateway/plugins/providers/anthropic")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build the guest: %v\n%s", err, out)
	}
	module, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	code, err := New().Open(b.Context(), plugin.Source{ID: "provider.anthropic", Bytes: module, Limits: plugin.Limits{Timeout: time.Minute}})
	if err != nil {
		b.Fatal(err)
	}
	defer code.Close(context.Background())
	p, err := code.Start(b.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(context.Background())
	for _, c := range guestCalls {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				if out, err = p.Call(b.Context(), c.function, []byte(c.input), out[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
