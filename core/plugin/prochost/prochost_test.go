//go:build unix

package prochost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/process"
)

// TestMain makes the test's own program the plugin: the host starts it with the
// handshake's cookie and nothing else.
func TestMain(m *testing.M) {
	if os.Getenv(process.CookieKey) != "" {
		process.Serve(hostile{})
		return
	}
	os.Exit(m.Run())
}

// hostile does what the input of an inspect call says.
type hostile struct{}

func (hostile) Call(f abi.Function, dst, input []byte) ([]byte, error) {
	switch f {
	case abi.Describe:
		return append(dst, `{"id":"guardrail.hostile","functions":["describe","configure","inspect"]}`...), nil
	case abi.Configure:
		if bytes.Contains(input, []byte("bad")) {
			return append(dst, `{"problems":[{"path":"word","message":"is bad"}]}`...), nil
		}
		return append(dst, `{}`...), nil
	}
	do, arg, _ := strings.Cut(string(input), " ")
	switch do {
	case "loop":
		for {
		}
	case "panic":
		panic("out of cheese")
	case "crash":
		go func() { panic("out of cheese, elsewhere") }()
		select {}
	case "exit":
		os.Exit(3)
	case "bytes":
		n, _ := strconv.Atoi(arg)
		return append(dst, make([]byte, n)...), nil
	case "refuse":
		return dst, &abi.Error{Code: abi.InvalidRequest, Message: "no \xff", Param: "messages"}
	case "fail":
		return dst, errors.New("plain words")
	case "env":
		b, err := json.Marshal(os.Environ())
		return append(dst, b...), err
	case "pid":
		return fmt.Appendf(dst, "%d", os.Getpid()), nil
	case "flood":
		for range 100_000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("flood ", 10))
		}
		fmt.Fprintln(os.Stderr, "warn: the last word")
		return append(dst, '0'), nil
	}
	return append(dst, input...), nil
}

func self(t testing.TB) string {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, s plugin.Source) plugin.Plugin {
	t.Helper()
	s.ID, s.Path = "guardrail.hostile", self(t)
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
		{"loop", "loop", 100 * time.Millisecond, plugin.FaultDeadline, "", ""},
		{"panic", "panic", 0, plugin.FaultTrap, "out of cheese", "hostile.Call"},
		{"crash", "crash", 0, plugin.FaultExit, "exit status 2", "out of cheese, elsewhere"},
		{"exit", "exit", 0, plugin.FaultExit, "exit status 3", ""},
		{"oversize", "bytes 1001", 0, plugin.FaultOutput, "1001 bytes", ""},
		{"far oversize", "bytes 1000000", 0, plugin.FaultOutput, "larger than max", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, plugin.Source{Limits: plugin.Limits{Timeout: c.timeout, MaxInstances: 1, OutputBytes: 1000}})
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

// TestCall_Refusal: a plugin's own error leaves the process running.
func TestCall_Refusal(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{MaxInstances: 1}})
	before, _ := p.Call(t.Context(), abi.Inspect, []byte("pid"), nil)
	for input, want := range map[string]abi.Error{
		"refuse": {Code: abi.InvalidRequest, Message: "no \uFFFD", Param: "messages"},
		"fail":   {Code: abi.PluginFailed, Message: "plain words"},
	} {
		_, err := p.Call(t.Context(), abi.Inspect, []byte(input), nil)
		var e *abi.Error
		if !errors.As(err, &e) || *e != want {
			t.Errorf("%s: %v, want %v", input, err, &want)
		}
	}
	if after, _ := p.Call(t.Context(), abi.Inspect, []byte("pid"), nil); !bytes.Equal(before, after) {
		t.Errorf("process %s became %s", before, after)
	}
}

// TestCall_KilledMidCall: a kill from outside fails that call at once, and no other.
func TestCall_KilledMidCall(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{Timeout: time.Minute, MaxInstances: 1}})
	out, err := p.Call(t.Context(), abi.Inspect, []byte("pid"), nil)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(out))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := p.Call(t.Context(), abi.Inspect, []byte("loop"), nil)
		ended <- err
	}()
	for p.Stats().Idle > 0 { // until the call has the process
		time.Sleep(time.Millisecond)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var f *plugin.Fault
	if err := <-ended; !errors.As(err, &f) || f.Kind != plugin.FaultExit || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
	if _, err := p.Call(t.Context(), abi.Inspect, []byte("x"), nil); err != nil {
		t.Errorf("next call: %v", err)
	}
}

// TestCall_KilledBetween: a process that ends while it lies idle fails no call.
func TestCall_KilledBetween(t *testing.T) {
	var mu sync.Mutex
	var log string
	opened, err := New().Open(t.Context(), plugin.Source{
		ID: "guardrail.hostile", Path: self(t),
		Limits: plugin.Limits{Timeout: 5 * time.Second},
		Log:    func(level, message string) { mu.Lock(); log += level + " " + message + "\n"; mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	i, err := opened.(*code).configured(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(context.Background())
	proc := i.(*restarting).proc
	if err := proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-proc.done
	if out, err := i.Call(t.Context(), abi.Inspect, []byte("hello"), nil); err != nil || string(out) != "hello" {
		t.Errorf("next call: %q, %v", out, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := "warn the process ended between two calls: signal: killed"; !strings.Contains(log, want) {
		t.Errorf("log %q lacks %q", log, want)
	}
}

func TestCall_Canceled(t *testing.T) {
	p := open(t, plugin.Source{Limits: plugin.Limits{Timeout: time.Minute}})
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

// TestCall_Environment: a program sees nothing of the gateway's environment.
func TestCall_Environment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	p := open(t, plugin.Source{})
	out, err := p.Call(t.Context(), abi.Inspect, []byte("env"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	for _, kv := range env {
		if !strings.HasPrefix(kv, "PLUGIN_") && !strings.HasPrefix(kv, process.CookieKey+"=") {
			t.Errorf("the program sees %s", kv)
		}
	}
}

// TestCall_StderrFlood: the log gets a bounded part and is told of the rest.
func TestCall_StderrFlood(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	p := open(t, plugin.Source{
		Limits: plugin.Limits{MaxInstances: 1},
		Log: func(level, message string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, level+" "+message)
		},
	})
	for range 2 {
		if _, err := p.Call(t.Context(), abi.Inspect, []byte("flood"), nil); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if n := len(lines); n < guestlog.LinesPerCall || n > 5*guestlog.LinesPerCall {
		t.Errorf("%d lines in the log", n)
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "left out") {
		t.Errorf("nobody is told of the lines left out: %s", all)
	}
}

func TestStart_Config(t *testing.T) {
	code, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.hostile", Path: self(t)})
	if err != nil {
		t.Fatal(err)
	}
	if !code.Has(abi.Inspect) || code.Has(abi.Rank) {
		t.Error("Has does not follow the manifest")
	}
	_, err = code.Start(t.Context(), json.RawMessage(`{"word":"bad"}`))
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Plugin != "guardrail.hostile" || len(e.Problems) != 1 || e.Problems[0].Path != "word" {
		t.Errorf("error %v", err)
	}
}

// TestOpen_Refused: what is no plugin, or not the pinned one, is refused with the reason.
func TestOpen_Refused(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "plugin")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum := func(text string) string {
		h := sha256.Sum256([]byte("#!/bin/sh\n" + text + "\n"))
		return hex.EncodeToString(h[:])
	}
	wrong := strings.Repeat("0", 64)
	for _, c := range []struct {
		name   string
		source plugin.Source
		texts  []string
	}{
		{"absent", plugin.Source{Path: "no/such/file"}, []string{"no such file"}},
		{"folder", plugin.Source{Path: t.TempDir()}, []string{"is not a file"}},
		{"wrong checksum", plugin.Source{Path: script("exit 7"), SHA256: wrong}, []string{wrong, sum("exit 7")}},
		{"ends at once", plugin.Source{Path: script("echo oh dear >&2; exit 7"), SHA256: sum("echo oh dear >&2; exit 7")}, []string{"start: exit", "oh dear"}},
		{"never shakes hands", plugin.Source{Path: script("exec /bin/sleep 60")}, []string{"no handshake within 300ms"}},
		{"leaves a child with its pipes", plugin.Source{Path: script("/bin/sleep 60 & exit 0")}, []string{"start: exit"}},
		{"other words", plugin.Source{Path: script("echo hello; exec /bin/sleep 60")}, []string{"hello"}},
		{"another ABI", plugin.Source{Path: script("echo '1|99|unix|/none|grpc|'; exec /bin/sleep 60")}, []string{"99", "1"}},
		{"a line without end", plugin.Source{Path: script("exec /bin/cat /dev/zero")}, []string{"start: exit"}},
		{"listens nowhere", plugin.Source{Path: script("echo '1|1|unix|/none|grpc|'; exec /bin/sleep 60")}, []string{"no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.ID = "guardrail.x"
			begun := time.Now()
			_, err := carrier{startTimeout: 300 * time.Millisecond}.Open(t.Context(), c.source)
			if err == nil {
				t.Fatal("opened")
			}
			if n := strings.Count(err.Error(), "guardrail.x"); n != 1 {
				t.Errorf("error %q names the plugin %d times", err, n)
			}
			for _, text := range c.texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestClose_LeavesNothing: no process, goroutine or file outlives its plugin.
func TestClose_LeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := runtime.NumGoroutine()
	code, err := New().Open(t.Context(), plugin.Source{ID: "guardrail.hostile", Path: self(t)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := code.Start(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Call(t.Context(), abi.Inspect, []byte("pid"), nil)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(string(out))
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: %v", pid, err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			t.Fatalf("%d goroutines became %d", before, runtime.NumGoroutine())
		}
	}
}

// TestServe_EndsWithInput: a process does not outlive a gateway that was killed.
func TestServe_EndsWithInput(t *testing.T) {
	p, err := start(self(t), []string{process.CookieKey + "=" + process.CookieValue})
	if err != nil {
		t.Fatal(err)
	}
	defer p.closePipes()
	defer p.kill()
	p.input.Close()
	select {
	case <-p.done:
		if p.state() != "exit status 0" {
			t.Error(p.state())
		}
	case <-time.After(10 * time.Second):
		t.Error("the process goes on without its host")
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b, plugin.Source{})
	for _, n := range []int{0, 200, 1 << 10, 10 << 10, 100 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			input := bytes.Repeat([]byte{'x'}, n)
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = p.Call(b.Context(), abi.Inspect, input, dst[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
