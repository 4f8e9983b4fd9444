package carriertest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

const reloadCallers, reloads = 4, 6

// current is what callers use now, as the gateway's snapshot with its users.
type current struct {
	mu     sync.RWMutex
	loaded *plugin.Loaded
}

// swap puts in the next and returns the one before, which nobody has begun to use since.
func (c *current) swap(next *plugin.Loaded) (before *plugin.Loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.loaded = c.loaded, next
	return before
}

// call asks for the configured word and looks that it is that of the
// configuration at hand.
func (c *current) call(t *testing.T) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out, err := do(t.Context(), c.loaded.Plugin, "word")
	if want := string(c.loaded.Declaration.Config); err != nil || want != `{"word":"`+out+`"}` {
		t.Errorf("%q, %v with %s", out, err, want)
		return false
	}
	return true
}

// reload swaps what callers use again and again. No call fails, and one that is
// under way all the while ends on what it began with, which is closed then.
func (h *Host) reload(t *testing.T) {
	held := h.holding(t)
	defer held.release()
	l := h.loader(t, "", func(_, level, message string) { held.log(level, message) })
	load := func(word int) *plugin.Loaded {
		d := h.declaration(abi.KindProvider)
		d.Limits.MaxInstances = reloadCallers
		d.Config = fmt.Appendf(nil, `{"word":"%d"}`, word)
		p, err := l.Load(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := load(0)
	old := make(chan string)
	go func() {
		out, err := do(t.Context(), first.Plugin, "hold "+held.file)
		old <- fmt.Sprint(out, err)
	}()
	<-held.entered

	released := make(chan struct{})
	c := &current{loaded: load(1)}
	go func() { first.Release(); close(released) }()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range reloadCallers {
		callers.Go(func() {
			for c.call(t) {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for word := range reloads {
		c.swap(load(word + 2)).Release()
	}
	close(stop)
	callers.Wait()
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
	c.loaded.Release()
	if left := l.Loaded(); len(left) != 0 {
		t.Errorf("%d plugins are still loaded", len(left))
	}
}
