package wasmhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest"
	"github.com/tokligence/gateway/pdk/abi"
)

// The guest of package carriertest, built once, and its compiled code.
var guestFile, cacheDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "wasmhost")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if guestFile, cacheDir, err = carriertest.Build(dir, carriertest.Wasm); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func TestCarrier(t *testing.T) {
	carriertest.Run(t, &carriertest.Host{
		Name: carriertest.Wasm, Carrier: New(), Hasty: carrier{time.Second}, File: guestFile, CacheDir: cacheDir,
		Declares: carriertest.WriteWasm,
	})
}

func openCode(t testing.TB) plugin.Code {
	t.Helper()
	module, err := os.ReadFile(guestFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New().Open(t.Context(), plugin.Source{
		ID: "provider.guest", Bytes: module, CacheDir: cacheDir, Limits: plugin.Limits{Timeout: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func open(t testing.TB) plugin.Plugin {
	t.Helper()
	p, err := openCode(t).Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// TestCall_Collector: a loop does not hold up a collection, which stops the
// world, nor keeps the timer from running.
func TestCall_Collector(t *testing.T) {
	p := open(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			runtime.GC()
		}
	})
	_, err := p.Call(t.Context(), abi.Encode, []byte("do:loop"), nil)
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
	i, err := openCode(t).(*code).configured(t.Context(), &plugin.Setup{}) // without a pool, which would retire it
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close(context.Background())
	input := []byte("do:litter " + strings.Repeat("x", 10<<10))
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

// TestWatch_Next: a call does not wait for the timer of the one before it when
// its own time is over earlier.
func TestWatch_Next(t *testing.T) {
	stopped := make(chan bool)
	w := watch{flag: flagFunc(func(v uint64) { stopped <- v == 1 })}
	w.start(t.Context(), time.Hour)
	w.stop()
	w.start(t.Context(), time.Microsecond)
	if !<-stopped || !w.stopped() {
		t.Error("the call was not stopped")
	}
}

func BenchmarkCall(b *testing.B) {
	p := open(b)
	for _, c := range []struct {
		name string
		n    int
	}{{"empty", 0}, {"echo 1 KB", 1 << 10}, {"echo 100 KB", 100 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			input, dst := bytes.Repeat([]byte{'x'}, c.n), make([]byte, 0, c.n)
			for b.Loop() {
				if _, err := p.Call(b.Context(), abi.Decode, input, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	module, err := os.ReadFile(guestFile)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		code, err := New().Open(b.Context(), plugin.Source{ID: "provider.guest", Bytes: module, CacheDir: cacheDir})
		if err != nil {
			b.Fatal(err)
		}
		code.Close(b.Context())
	}
}

func BenchmarkStart(b *testing.B) {
	code := openCode(b)
	for b.Loop() {
		p, err := code.Start(b.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
		if err != nil {
			b.Fatal(err)
		}
		p.Close(b.Context())
	}
}
