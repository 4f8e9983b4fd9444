// Package carriertest is the suite that every carrier of plugins passes: what
// the contract of package plugin promises (conformance), and that a hostile
// guest can fail its own call and nothing else. A carrier's test says how it is
// opened and how guests are built for it, and calls [Run].
package carriertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
)

// Name is a carrier's.
type Name string

// The carriers.
const (
	Wasm    Name = "wasm"
	Extism  Name = "extism"
	Process Name = "process"
)

// Host is a carrier to test.
type Host struct {
	Name    Name
	Carrier plugin.Carrier
	// Hasty is the same with a start time-out of a second or so.
	Hasty    plugin.Carrier
	File     string // the guest of package guest, for this carrier
	CacheDir string
	// Declares writes a plugin file that describes itself as manifest says and
	// answers {} to each other function of the list; it has no more.
	Declares func(t *testing.T, manifest string, functions []abi.Function) string
}

// Run holds the carrier to everything.
func Run(t *testing.T, h *Host) {
	before := takeCensus(t)
	t.Run("Conformance", h.conformance)
	t.Run("Reload", h.reload)
	t.Run("Hostile", h.hostile)
	t.Run("Files", h.files)
	t.Run("Replies", h.replies)
	before.compare(t)
}

// limits are those of the guests: room for the largest payload, and for two at a time.
func limits(timeout time.Duration) plugin.Limits {
	return plugin.Limits{Timeout: timeout, MaxInstances: 2, MemoryBytes: 32 << 20, OutputBytes: mostOutput}
}

const (
	patient    = time.Minute            // for calls that end by themselves
	short      = 200 * time.Millisecond // for those that do not
	mostOutput = 5 << 20
)

func (h *Host) open(t *testing.T, carrier plugin.Carrier, l plugin.Limits, log func(level, message string)) plugin.Code {
	t.Helper()
	code, err := carrier.Open(t.Context(), h.source(t, l, log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := code.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return code
}

func (h *Host) source(t *testing.T, l plugin.Limits, log func(level, message string)) plugin.Source {
	t.Helper()
	s := plugin.Source{ID: guest.Manifest.ID, Path: h.File, Limits: l, CacheDir: h.CacheDir, Log: log}
	if h.Name != Process {
		module, err := os.ReadFile(h.File)
		if err != nil {
			t.Fatal(err)
		}
		s.Bytes = module
	}
	return s
}

func start(t *testing.T, code plugin.Code, config string) plugin.Plugin {
	t.Helper()
	var raw []byte
	if config != "" {
		raw = []byte(config)
	}
	p, err := code.Start(t.Context(), plugin.Setup{Config: raw})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// do has the guest do what a script says.
func do(ctx context.Context, p plugin.Plugin, script string) (string, error) {
	out, err := p.Call(ctx, abi.Encode, []byte(guest.Prefix+script), nil)
	return string(out), err
}

func mustDo(t *testing.T, p plugin.Plugin, script string) string {
	t.Helper()
	out, err := do(t.Context(), p, script)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return out
}

// faultOf returns the fault that err is, and fails the test when it is none of
// the guest, or of another kind.
func faultOf(t *testing.T, err error, kind plugin.FaultKind) *plugin.Fault {
	t.Helper()
	var f *plugin.Fault
	if !errors.As(err, &f) || f.Kind != kind || f.Plugin != guest.Manifest.ID {
		t.Fatalf("error %v, want a fault of kind %s of the guest", err, kind)
	}
	return f
}

// lines is a log to look at.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) add(level, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, level+" "+message)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.list...)
}

// settle waits until there are n lines and no more come: a process's come later
// than its answers.
func (l *lines) settle(n int) {
	const quiet, most = 300 * time.Millisecond, 10 * time.Second
	have, since := -1, time.Now()
	for begun := since; time.Since(begun) < most && (have < n || time.Since(since) < quiet); time.Sleep(5 * time.Millisecond) {
		if now := len(l.take()); now != have {
			have, since = now, time.Now()
		}
	}
}

// Build builds the guest for a carrier in the folder, and for a Wasm carrier
// compiles it into a cache there.
func Build(folder string, carrier Name) (file, cacheDir string, err error) {
	const sources = "github.com/tokligence/gateway/core/plugin/carriertest/testdata/"
	if carrier == Process {
		file = filepath.Join(folder, "guest")
		return file, "", run(exec.Command("go", "build", "-o", file, sources+"process"))
	}
	file, cacheDir = filepath.Join(folder, "guest.wasm"), filepath.Join(folder, "cache")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", file, sources+string(carrier))
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if err := run(build); err != nil {
		return "", "", err
	}
	// The cache is kept by the version of wazero, which a test's program does not know.
	const version = "-ldflags=-X=github.com/tetratelabs/wazero/internal/version.version=dev"
	return file, cacheDir, run(exec.Command("go", "run", version, sources+"compile", string(carrier), file, cacheDir))
}

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, bytes.TrimSpace(out))
	}
	return nil
}
