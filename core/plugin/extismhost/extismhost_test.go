package extismhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest"
	"github.com/tokligence/gateway/core/plugin/carriertest/module"
	"github.com/tokligence/gateway/pdk/abi"
)

// The guest of package carriertest, built once, and its compiled code.
var guestFile, cacheDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "extismhost")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if guestFile, cacheDir, err = carriertest.Build(dir, carriertest.Extism); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func TestCarrier(t *testing.T) {
	carriertest.Run(t, &carriertest.Host{
		Name: carriertest.Extism, Carrier: New(), Hasty: carrier{time.Second}, File: guestFile, CacheDir: cacheDir,
		Declares: carriertest.WriteExtism,
	})
}

func openCode(t testing.TB) *code {
	t.Helper()
	module, err := os.ReadFile(guestFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New().Open(t.Context(), plugin.Source{
		ID: "provider.guest", Bytes: module, CacheDir: cacheDir, Limits: plugin.Limits{Timeout: time.Minute, MaxInstances: 1, MemoryBytes: 32 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c.(*code)
}

func open(t testing.TB, c *code) plugin.Plugin {
	t.Helper()
	p, err := c.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// TestCall_Kernel: what only this carrier's guests can ask for is refused.
func TestCall_Kernel(t *testing.T) {
	code := openCode(t)
	for _, c := range []struct{ name, input, text string }{
		{"variables", "var", "Vars are disabled"},
		{"http", "http http://127.0.0.1:1/", "is not allowed"},
		{"large input", strings.Repeat("x", 17<<20), "an input of 17825792 bytes; memory_bytes allows 16777216"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, code)
			dst, err := p.Call(t.Context(), abi.Inspect, []byte(c.input), []byte("kept"))
			var f *plugin.Fault
			if !errors.As(err, &f) || f.Kind != plugin.FaultTrap || !strings.Contains(err.Error(), c.text) || string(dst) != "kept" {
				t.Fatalf("%q, error %v, want %q", dst, err, c.text)
			}
			out, err := p.Call(t.Context(), abi.Inspect, []byte("hello"), nil)
			if s := p.Stats(); err != nil || string(out) != "hello" || s.Discarded != 1 {
				t.Errorf("next call: %q, %v; stats %+v", out, err, s)
			}
		})
	}
}

// TestCall_Silent: a result says that the call failed, with an error or without.
func TestCall_Silent(t *testing.T) {
	p := open(t, openCode(t))
	for input, want := range map[string]abi.Error{
		"silent":         {Code: abi.PluginFailed, Message: "inspect returned 2 without an error"},
		"error-and-zero": {Code: abi.PluginFailed, Message: "an error all the same"},
	} {
		_, err := p.Call(t.Context(), abi.Inspect, []byte(input), nil)
		var e *abi.Error
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%s: %v, want %v", input, err, &want)
		}
	}
}

// TestInstance_Memory: the guest's own memory counts as the kernel's does, and
// an instance that keeps too much is retired.
func TestInstance_Memory(t *testing.T) {
	code := openCode(t)
	i, err := code.instantiate(t.Context(), &plugin.Setup{}) // without a pool, which would retire it
	if err != nil {
		t.Fatal(err)
	}
	grown := func(script string) int64 {
		before := i.MemoryBytes()
		if _, err := i.Call(t.Context(), abi.Inspect, []byte(script), nil); err != nil {
			t.Fatal(err)
		}
		return i.MemoryBytes() - before
	}
	if n := i.MemoryBytes(); n < 1<<20 {
		t.Errorf("%d bytes at first: less than a Go guest begins with", n)
	}
	grown("do:say hello")
	if n := grown("do:keep 8388608"); n < 8<<20 || n > 16<<20 {
		t.Errorf("it grew by %d bytes when the guest kept 8 MiB", n)
	}
	if n := grown(strings.Repeat("x", 4<<20)); n < 8<<20 {
		t.Errorf("it grew by %d bytes when the kernel took 4 MiB and gave them back", n)
	}
	if err := i.Close(t.Context()); err != nil || i.MemoryBytes() != 0 {
		t.Errorf("%d bytes after Close, %v", i.MemoryBytes(), err)
	}
	p := open(t, code)
	for _, discarded := range []uint64{0, 1} {
		if s := p.Stats(); s.Discarded != discarded {
			t.Errorf("stats %+v, want %d discarded", s, discarded)
		}
		if _, err := p.Call(t.Context(), abi.Inspect, []byte("do:keep 16777216"), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStart_Bounded: what runs by itself has an end too.
func TestStart_Bounded(t *testing.T) {
	const zero, loop = "\x41\x00\x0b", "\x03\x40\x0c\x00\x0b\x0b"
	text := module.Header + module.Section(module.Types, "\x60\x00\x01\x7f", "\x60\x00\x00") +
		module.Section(module.Functions, "\x00", "\x01") +
		module.Section(module.Exports, module.Export("tok_describe", module.Func, 0), module.Export("tok_configure", module.Func, 0)) +
		"\x08\x01\x01" + module.Section(module.Code, module.Body(zero), module.Body(loop))
	c, err := carrier{50 * time.Millisecond}.Open(t.Context(), plugin.Source{
		ID: "guardrail.x", Bytes: []byte(text), Limits: plugin.Limits{Timeout: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	_, err = c.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultDeadline || !strings.Contains(err.Error(), "plugin guardrail.x: start: deadline: it ran longer than 50ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = c.Start(ctx, plugin.Setup{Config: json.RawMessage(`{}`)}); !errors.As(err, &f) || f.Kind != plugin.FaultCanceled {
		t.Errorf("when the caller had left: %v", err)
	}
}

// TestOpen_Refused: modules written by hand, each with one thing wrong.
func TestOpen_Refused(t *testing.T) {
	for _, c := range []struct{ name, module, text string }{
		{"no module", "GIF89a", "invalid magic"},
		{"no exports", module.Header, "does not export tok_describe"},
		{"import of the wasm carrier", module.Header + module.Section(module.Types, "\x60\x00\x01\x7f") +
			module.Section(module.Imports, module.Import("tokligence", "input_length", 0)), "imports tokligence.input_length"},
		{"wrong signature", module.Header + module.Section(module.Types, "\x60\x01\x7f\x00") + module.Section(module.Functions, "\x00") +
			module.Section(module.Exports, module.Export("tok_describe", module.Func, 0)) +
			module.Section(module.Code, module.Body(module.End)), "export tok_describe must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.x", Bytes: []byte(c.module)})
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "guardrail.x") {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b, openCode(b))
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Call(b.Context(), abi.Decode, nil, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{200, 1 << 10, 10 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			input := bytes.Repeat([]byte{'x'}, n)
			for b.Loop() {
				if _, err := p.Call(b.Context(), abi.Inspect, input, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
