package carriertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
)

// loader loads the guest as what kind says it is; "" leaves it as it is.
func (h *Host) loader(t *testing.T, kind abi.Kind, log func(plugin, level, message string)) *plugin.Loader {
	t.Helper()
	var carrier plugin.Carrier = h.Carrier
	if kind != "" {
		carrier = disguise{h.Carrier, kind}
	}
	l := plugin.NewLoader(plugin.Options{
		Carriers: map[string]plugin.Carrier{string(h.Name): carrier}, Builtins: none{}, CacheDir: h.CacheDir, Log: log,
	})
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (h *Host) declaration(kind abi.Kind) plugin.Declaration {
	return plugin.Declaration{ID: string(kind) + ".guest", Source: h.File, Carrier: string(h.Name), Limits: limits(patient), AllowHosts: guest.Manifest.Capabilities.Hosts}
}

type none struct{}

func (none) Names() []string { return nil }
func (none) Open(name string) ([]byte, error) {
	return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

// disguise has the guest say that it is of another kind: it answers the
// functions of all, and compiling it once for each takes long.
type disguise struct {
	plugin.Carrier
	kind abi.Kind
}

type disguisedCode struct {
	plugin.Code
	kind abi.Kind
}

type disguisedPlugin struct {
	plugin.Plugin
	kind abi.Kind
}

func (d disguise) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	code, err := d.Carrier.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	return disguisedCode{code, d.kind}, nil
}

func (d disguisedCode) Start(ctx context.Context, config json.RawMessage) (plugin.Plugin, error) {
	p, err := d.Code.Start(ctx, config)
	if err != nil || config != nil {
		return p, err
	}
	return disguisedPlugin{p, d.kind}, nil
}

func (d disguisedPlugin) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	out, err := d.Plugin.Call(ctx, f, input, nil)
	var m abi.Manifest
	if err := errors.Join(err, json.Unmarshal(out, &m)); err != nil {
		return dst, err
	}
	m.ID, m.Kind = string(d.kind)+".guest", d.kind
	b, err := json.Marshal(m)
	return append(dst, b...), err
}

// reload swaps what callers use again and again. No call fails: those under
// way end on what they began with, and that is closed when the last has ended.
func (h *Host) reload(t *testing.T) {
	const callers, rounds = 4, 6
	held := h.holding(t)
	defer held.release()
	l := h.loader(t, "", func(_, level, message string) { held.log(level, message) })
	load := func(word string) *plugin.Loaded {
		d := h.declaration(abi.KindProvider)
		d.Limits.MaxInstances = callers + 1
		d.Config = []byte(`{"word":"` + word + `"}`)
		p, err := l.Load(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var mu sync.RWMutex // as the gateway's pointer with its counter of users
	current := load("0")
	first := current
	old := make(chan string)
	go func() {
		out, err := do(t.Context(), first.Plugin, "hold "+held.file)
		old <- fmt.Sprint(out, err)
	}()
	<-held.entered

	var calls atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range callers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.RLock()
				p := current
				want := string(p.Declaration.Config)
				out, err := do(t.Context(), p.Plugin, "word")
				mu.RUnlock()
				calls.Add(1)
				if err != nil || want != `{"word":"`+out+`"}` {
					t.Errorf("%q, %v with %s", out, err, want)
					return
				}
			}
		})
	}
	released := make(chan struct{})
	for round := 1; round <= rounds; round++ {
		next := load(fmt.Sprint(round))
		mu.Lock()
		before := current
		current = next
		mu.Unlock()
		if round == 1 { // it waits for the call that is held
			go func() { first.Release(); close(released) }()
			continue
		}
		before.Release()
	}
	for seen := calls.Load(); calls.Load() < seen+callers; {
		if t.Failed() {
			break
		}
		mustDo(t, current.Plugin, "say still here")
	}
	close(stop)
	wg.Wait()
	select {
	case <-released:
		t.Error("the old plugin was closed with a call under way")
	default:
	}
	held.release()
	if out := <-old; out != "held<nil>" {
		t.Errorf("the call that was under way: %s", out)
	}
	<-released
	current.Release()
	if left := l.Loaded(); len(left) != 0 {
		t.Errorf("%d plugins are still loaded", len(left))
	}
}
