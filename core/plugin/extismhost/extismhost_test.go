package extismhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
)

// hostile is the guest of testdata/hostile, built once; cacheDir its compiled code.
var (
	hostile  []byte
	cacheDir string
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "extismhost")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		cacheDir = filepath.Join(dir, "cache")
		file := filepath.Join(dir, "hostile.wasm")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", file, "./testdata/hostile")
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build the guest: %v\n%s", err, out))
		}
		if hostile, err = os.ReadFile(file); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func open(t testing.TB, s plugin.Source) plugin.Plugin {
	t.Helper()
	s.ID, s.Bytes, s.CacheDir = "guardrail.hostile", hostile, cacheDir
	if s.Limits.Timeout == 0 {
		s.Limits.Timeout = time.Minute
	}
	code, err := New().Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := code.Start(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(context.Background()), code.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestCall_Faults(t *testing.T) {
	for _, c := range []struct {
		name, input string
		timeout     time.Duration
		kind        plugin.FaultKind
		text        string // in the error
		stderr      string
	}{
		{"loop", "loop", 100 * time.Millisecond, plugin.FaultDeadline, "deadline", ""},
		{"panic", "panic", 0, plugin.FaultTrap, "", "out of cheese"},
		{"exit", "exit 3", 0, plugin.FaultExit, "code 3", ""},
		{"exit with code 0", "exit 0", 0, plugin.FaultExit, "code 0", ""},
		{"stack overflow", "recurse", 0, plugin.FaultTrap, "", ""},
		{"memory", "allocate", 0, plugin.FaultTrap, "", ""},
		{"oversize", "bytes 1001", 0, plugin.FaultOutput, "1001 bytes", ""},
		{"variables", "var", 0, plugin.FaultTrap, "Vars are disabled", ""},
		{"http", "http", 0, plugin.FaultTrap, "is not allowed", ""},
		{"large input", "x " + strings.Repeat("x", 17<<20), 0, plugin.FaultTrap, "input of", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, plugin.Source{Limits: plugin.Limits{
				Timeout: c.timeout, MaxInstances: 1, OutputBytes: 1000, MemoryBytes: 32 << 20,
			}})
			dst, err := p.Call(t.Context(), abi.Inspect, []byte(c.input), []byte("kept"))
			var f *plugin.Fault
			if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("error %v, want kind %s with %q", err, c.kind, c.text)
			}
			if !strings.Contains(f.Stderr, c.stderr) {
				t.Errorf("stderr %q, want %q in it", f.Stderr, c.stderr)
			}
			if f.Plugin != "guardrail.hostile" || f.Function != abi.Inspect || string(dst) != "kept" {
				t.Errorf("fault of %q %q with %q", f.Plugin, f.Function, dst)
			}
			out, err := p.Call(t.Context(), abi.Inspect, []byte("hello"), nil)
			if err != nil || string(out) != "hello" {
				t.Errorf("next call: %q, %v", out, err)
			}
			if s := p.Stats(); s.Faults != 1 || s.Discarded != 1 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// TestCall_Refusal: a guest's own error leaves its instance in use.
func TestCall_Refusal(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 1}})
	for input, want := range map[string]abi.Error{
		"refuse": {Code: abi.InvalidRequest, Message: "no", Param: "messages"},
		"fail":   {Code: abi.PluginFailed, Message: "plain words"},
		"silent": {Code: abi.PluginFailed, Message: "inspect returned 2 without an error"},
	} {
		_, err := p.Call(t.Context(), abi.Inspect, []byte(input), nil)
		var e *abi.Error
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%s: %v, want %v", input, err, &want)
		}
	}
	out, err := p.Call(t.Context(), abi.Inspect, []byte("hello"), nil)
	if s := p.Stats(); err != nil || string(out) != "hello" || s.Discarded != 0 {
		t.Errorf("next call: %q, %v; stats %+v", out, err, s)
	}
}

// TestCall_Sandbox: a guest sees nothing of the host but true time and chance.
func TestCall_Sandbox(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 1}})
	ask := func(p plugin.Plugin, input string) string {
		out, err := p.Call(t.Context(), abi.Inspect, []byte(input), nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := ask(p, "env"); got != "[]" {
		t.Errorf("environment %s", got)
	}
	if got := ask(p, "file"); !strings.Contains(got, "Bad file number") {
		t.Errorf("reading a file: %s", got)
	}
	if year, _ := strconv.Atoi(ask(p, "year")); year < 2025 {
		t.Errorf("the year is %d", year)
	}
	if a, b := ask(p, "random"), ask(open(t, plugin.Source{}), "random"); a == b {
		t.Errorf("two instances drew the same: %s", a)
	}
}

func TestCall_Canceled(t *testing.T) {
	p := open(t, plugin.Source{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Call(ctx, abi.Inspect, []byte("loop"), nil)
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultCanceled {
		t.Errorf("error %v", err)
	}
	if s := p.Stats(); s.Faults != 0 {
		t.Errorf("the caller's leaving counts as the plugin's fault: %+v", s)
	}
}

// TestCall_Parallel: no two callers share an instance.
func TestCall_Parallel(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 2}})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				want := fmt.Sprintf("caller %d, call %d", g, i)
				if out, err := p.Call(t.Context(), abi.Inspect, []byte(want), nil); err != nil || string(out) != want {
					t.Errorf("%q, %v; want %q", out, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestCall_Log(t *testing.T) {
	var lines []string
	p := open(t, plugin.Source{
		Limits: plugin.Limits{MaxInstances: 1},
		Log:    func(level, message string) { lines = append(lines, level+" "+message) },
	})
	for range 2 {
		if _, err := p.Call(t.Context(), abi.Inspect, []byte("log"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) != 2*guestlog.LinesPerCall+1 || lines[0] != "warn beware" || lines[guestlog.LinesPerCall] != "warn 980 lines were left out" {
		t.Errorf("log %q", lines)
	}
}

func TestStart_Config(t *testing.T) {
	code, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.hostile", Bytes: hostile, CacheDir: cacheDir})
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close(context.Background())
	if !code.Has(abi.Inspect) || code.Has(abi.Rank) {
		t.Error("Has does not follow the exports")
	}
	_, err = code.Start(t.Context(), json.RawMessage(`{"word":"bad"}`))
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Plugin != "guardrail.hostile" || len(e.Problems) != 1 || e.Problems[0].Path != "word" {
		t.Errorf("error %v", err)
	}
}

// TestOpen_Refused: modules written by hand, each with one thing wrong.
func TestOpen_Refused(t *testing.T) {
	header := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content string) []byte { return append([]byte{id, byte(len(content))}, content...) }
	module := func(sections ...[]byte) []byte { return append(bytes.Clone(header), bytes.Join(sections, nil)...) }
	for _, c := range []struct {
		name   string
		module []byte
		text   string
	}{
		{"no module", []byte("GIF89a"), "invalid magic"},
		{"no exports", header, "does not export tok_describe"},
		{"import of the wasm carrier", module(
			section(1, "\x01\x60\x00\x01\x7f"),
			section(2, "\x01\x0atokligence\x0cinput_length\x00\x00"),
		), "imports tokligence.input_length"},
		{"wrong signature", module(
			section(1, "\x01\x60\x01\x7f\x00"), // (i32) → ()
			section(3, "\x01\x00"),
			section(7, "\x01\x0ctok_describe\x00\x00"),
			section(10, "\x01\x02\x00\x0b"),
		), "export tok_describe must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.x", Bytes: c.module})
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "guardrail.x") {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b, plugin.Source{})
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Call(b.Context(), abi.Plan, nil, nil); err != nil {
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
