package wasmhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
		dir, err := os.MkdirTemp("", "wasmhost")
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
	s.ID, s.Bytes, s.CacheDir = "provider.hostile", hostile, cacheDir
	if s.Limits.Timeout == 0 {
		s.Limits.Timeout = 10 * time.Second
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
	const short = 100 * time.Millisecond
	for _, c := range []struct {
		name, input string
		timeout     time.Duration
		kind        plugin.FaultKind
		text        string // in the error
		stderr      string
	}{
		{"loop", "loop", short, plugin.FaultDeadline, "longer than 100ms", ""},
		{"loop that writes", "shout", short, plugin.FaultDeadline, "longer than 100ms", "la la la"},
		{"loop that copies memory", "copy", short, plugin.FaultDeadline, "longer than 100ms", ""},
		{"loop that draws randomness", "draw", short, plugin.FaultDeadline, "longer than 100ms", ""},
		{"panic", "panic", 0, plugin.FaultTrap, "unreachable", "out of cheese"},
		{"exit", "exit:3", 0, plugin.FaultExit, "code 3", ""},
		{"exit with code 0", "exit:0", 0, plugin.FaultExit, "code 0", ""},
		{"stack overflow", "recurse", 0, plugin.FaultTrap, "", ""},
		{"memory", "allocate", 0, plugin.FaultTrap, "", "goroutine"},
		{"oversize", "bytes:1001", 0, plugin.FaultOutput, "1001 bytes", ""},
		{"oversize in parts", "flood", 0, plugin.FaultOutput, "the limit is 1000", ""},
		{"malformed error", "malformed", 0, plugin.FaultOutput, "its error", ""},
		{"error without a document", "result:1", 0, plugin.FaultOutput, "its error", ""},
		{"unknown result", "result:7", 0, plugin.FaultContract, "returned 7", ""},
		{"negative result", "result:-1", 0, plugin.FaultContract, "returned -1", ""},
		{"pointer", "pointer", 0, plugin.FaultTrap, "outside of the guest's memory", ""},
		{"long read", "long read", 0, plugin.FaultTrap, "input_read of 10 bytes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, plugin.Source{Limits: plugin.Limits{
				Timeout: c.timeout, MaxInstances: 1, OutputBytes: 1000, MemoryBytes: 32 << 20,
			}})
			begin := time.Now()
			dst, err := p.Call(t.Context(), abi.Encode, []byte(c.input), []byte("kept"))
			if took := time.Since(begin); took > c.timeout+5*time.Second {
				t.Errorf("the call took %v", took)
			}
			var f *plugin.Fault
			if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("error %v, want kind %s with %q", err, c.kind, c.text)
			}
			if !strings.Contains(f.Stderr, c.stderr) {
				t.Errorf("stderr %q, want %q in it", f.Stderr, c.stderr)
			}
			if f.Plugin != "provider.hostile" || f.Function != abi.Encode || string(dst) != "kept" {
				t.Errorf("fault of %q %q with %q", f.Plugin, f.Function, dst)
			}
			out, err := p.Call(t.Context(), abi.Encode, []byte("hello"), []byte("kept "))
			if err != nil || string(out) != "kept hello" {
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
	want := abi.Error{Code: abi.InvalidRequest, Message: "no", Param: "messages"}
	_, err := p.Call(t.Context(), abi.Encode, []byte("refuse"), []byte("x"))
	var e *abi.Error
	if !errors.As(err, &e) || *e != want {
		t.Errorf("%v, want %v", err, &want)
	}
	out, err := p.Call(t.Context(), abi.Encode, []byte("hello"), nil)
	if s := p.Stats(); err != nil || string(out) != "hello" || s.Discarded != 0 || s.Faults != 0 {
		t.Errorf("next call: %q, %v; stats %+v", out, err, s)
	}
}

// TestCall_Sandbox: a guest sees nothing of the host but true time and chance.
func TestCall_Sandbox(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 1}})
	ask := func(p plugin.Plugin, input string) string {
		out, err := p.Call(t.Context(), abi.Encode, []byte(input), nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for input, want := range map[string]string{
		"env":                "[] 0",
		"file":               "Bad file number",
		"write file":         "Bad file number",
		"socket:127.0.0.1:1": "refused",
	} {
		if got := ask(p, input); !strings.Contains(got, want) {
			t.Errorf("%s: %s", input, got)
		}
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
	_, err := p.Call(ctx, abi.Encode, []byte("loop"), nil)
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultCanceled {
		t.Errorf("error %v", err)
	}
	if s := p.Stats(); s.Faults != 0 {
		t.Errorf("the caller's leaving counts as the plugin's fault: %+v", s)
	}
}

// TestCall_Parallel: no two callers share an instance, also when others are stopped.
func TestCall_Parallel(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 3}})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 100 {
				want := strings.Repeat(fmt.Sprintf("caller %d, call %d;", g, i), 1+i)
				if out, err := p.Call(t.Context(), abi.Decode, []byte(want), nil); err != nil || string(out) != want {
					t.Errorf("%q, %v; want %q", out, err, want)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if out, err := p.Call(ctx, abi.Encode, []byte("loop"), nil); err == nil {
				t.Errorf("a loop answered %q", out)
			}
		})
	}
	wg.Wait()
}

// TestCall_Collector: a loop does not hold up a collection, which stops the
// world, nor keeps the timer from running.
func TestCall_Collector(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{Timeout: 200 * time.Millisecond}})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			runtime.GC()
		}
	})
	_, err := p.Call(t.Context(), abi.Encode, []byte("loop"), nil)
	wg.Wait()
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != plugin.FaultDeadline {
		t.Errorf("error %v", err)
	}
}

// TestCall_Litter: the collector of a Go guest keeps up. With a clock that is not
// true it stalls for good after some hundred collections, and memory grows by
// all that is allocated.
func TestCall_Litter(t *testing.T) {
	c, err := New().Open(t.Context(), plugin.Source{ID: "provider.hostile", Bytes: hostile, CacheDir: cacheDir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	i, err := c.(*code).configured(t.Context(), nil) // without a pool, which would retire it
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(context.Background())
	input := []byte("litter:" + strings.Repeat("x", 10<<10))
	early := int64(0)
	for n := range 20_000 {
		if _, err := i.Call(t.Context(), abi.Encode, input, nil); err != nil {
			t.Fatal(err)
		}
		if n == 2000 {
			early = i.MemoryBytes()
		}
	}
	if late := i.MemoryBytes(); late > early+4<<20 {
		t.Errorf("%d bytes of memory after 2,000 calls, %d after 20,000", early, late)
	}
}

func TestCall_Log(t *testing.T) {
	var lines []string
	p := open(t, plugin.Source{
		Limits: plugin.Limits{MaxInstances: 1},
		Log:    func(level, message string) { lines = append(lines, level+" "+message) },
	})
	for range 2 {
		if _, err := p.Call(t.Context(), abi.Encode, []byte("log"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) != 2*guestlog.LinesPerCall+1 || lines[0] != "warn beware" || lines[guestlog.LinesPerCall] != "warn 980 lines were left out" {
		t.Errorf("log %q", lines)
	}
}

func TestStart_Config(t *testing.T) {
	code, err := New().Open(t.Context(), plugin.Source{ID: "provider.hostile", Bytes: hostile, CacheDir: cacheDir})
	if err != nil {
		t.Fatal(err)
	}
	defer code.Close(context.Background())
	if !code.Has(abi.Encode) || code.Has(abi.Rank) {
		t.Error("Has does not follow the exports")
	}
	_, err = code.Start(t.Context(), json.RawMessage(`{"word":"bad"}`))
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Plugin != "provider.hostile" || len(e.Problems) != 1 || e.Problems[0].Path != "word" {
		t.Errorf("error %v", err)
	}
	p, err := code.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	if out, err := p.Call(t.Context(), abi.Describe, nil, nil); err != nil || !strings.Contains(string(out), "provider.hostile") {
		t.Errorf("describe: %s, %v", out, err)
	}
	var f *plugin.Fault
	if _, err := p.Call(t.Context(), abi.Rank, nil, nil); !errors.As(err, &f) || f.Kind != plugin.FaultContract {
		t.Errorf("a function that is not there: %v", err)
	}
}

// TestWatch_Late: a timer that fires after its call does not stop the next one.
func TestWatch_Late(t *testing.T) {
	var set []uint64
	w := watch{flag: flagFunc(func(v uint64) { set = append(set, v) })}
	w.start(t.Context(), time.Hour)
	w.look()
	if cause := w.stop(); cause != "" || len(set) > 0 {
		t.Errorf("cause %q, flag %v", cause, set)
	}
	w.look()
	ctx, cancel := context.WithCancel(t.Context())
	w.start(ctx, time.Hour)
	cancel()
	w.look()
	w.look()
	if cause := w.stop(); cause != plugin.FaultCanceled || fmt.Sprint(set) != "[1 0]" {
		t.Errorf("cause %q, flag %v", cause, set)
	}
	w.start(t.Context(), -1)
	w.look()
	if cause := w.stop(); cause != plugin.FaultDeadline || fmt.Sprint(set) != "[1 0 1 0]" {
		t.Errorf("cause %q, flag %v", cause, set)
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b, plugin.Source{})
	for _, c := range []struct {
		name string
		f    abi.Function
		n    int
	}{{"empty", abi.Plan, 0}, {"echo 1 KB", abi.Decode, 1 << 10}, {"echo 100 KB", abi.Decode, 100 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			input, dst := bytes.Repeat([]byte{'x'}, c.n), make([]byte, 0, c.n)
			for b.Loop() {
				if _, err := p.Call(b.Context(), c.f, input, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	open(b, plugin.Source{}) // fills the cache
	for b.Loop() {
		code, err := New().Open(b.Context(), plugin.Source{ID: "provider.hostile", Bytes: hostile, CacheDir: cacheDir})
		if err != nil {
			b.Fatal(err)
		}
		code.Close(b.Context())
	}
}

func BenchmarkStart(b *testing.B) {
	code, err := New().Open(b.Context(), plugin.Source{ID: "provider.hostile", Bytes: hostile, CacheDir: cacheDir})
	if err != nil {
		b.Fatal(err)
	}
	defer code.Close(context.Background())
	for b.Loop() {
		p, err := code.Start(b.Context(), json.RawMessage(`{}`))
		if err != nil {
			b.Fatal(err)
		}
		p.Close(b.Context())
	}
}
