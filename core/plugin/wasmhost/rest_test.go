package wasmhost

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestCode_Rest: code goes with its last instance, whichever pool's that is, and
// is compiled again by the next call. A file that cannot be had fails that call only.
func TestCode_Rest(t *testing.T) {
	module, err := os.ReadFile(guestFile)
	if err != nil {
		t.Fatal(err)
	}
	reads, gone := 0, errors.New("the file is gone")
	var fails error
	opened, err := New().Open(t.Context(), plugin.Source{ID: "provider.guest", Bytes: module, CacheDir: cacheDir,
		Again: func() ([]byte, error) { reads++; return module, fails }})
	if err != nil {
		t.Fatal(err)
	}
	c := opened.(*code)
	start := func(word string) plugin.Plugin {
		p, err := c.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{"word":"` + word + `"}`)})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rest := func(p plugin.Plugin, compiled bool) {
		t.Helper()
		if err := p.Rest(t.Context()); err != nil || (c.engine != nil) != compiled {
			t.Errorf("Rest: %v; compiled code is kept: %v", err, c.engine != nil)
		}
	}
	says := func(p plugin.Plugin, word string) {
		t.Helper()
		if out, err := p.Call(t.Context(), abi.Encode, []byte("do:word"), nil); err != nil || !strings.Contains(string(out), word) {
			t.Errorf("%s, %v, want %s", out, err, word)
		}
	}
	one, two := start("one"), start("two")
	rest(one, true) // the other has an instance
	says(one, "one")
	if reads != 0 {
		t.Error("the file was read although its code was there")
	}
	rest(one, true)
	rest(two, false)
	if !c.Has(abi.Encode) || c.Has("fly") {
		t.Error("at rest the code does not know its functions")
	}
	fails = gone
	var fault *plugin.Fault
	if _, err := one.Call(t.Context(), abi.Encode, []byte("do:word"), nil); !errors.As(err, &fault) || !errors.Is(err, gone) {
		t.Errorf("without its file: %v", err)
	}
	fails, reads = nil, 0
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { says(one, "one"); says(two, "two") })
	}
	callers.Wait()
	if reads != 1 {
		t.Errorf("the file was read %d times for callers at once", reads)
	}
	if s := one.Stats(); s.Calls != 6 || s.Faults != 1 {
		t.Errorf("stats %+v", s)
	}
	rest(one, true)
	rest(two, false)
	for _, p := range []plugin.Plugin{one, two} {
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.configured(t.Context(), &plugin.Setup{}); !errors.Is(err, plugin.ErrClosed) || reads != 1 {
		t.Errorf("an instance of closed code: %v after %d reads", err, reads)
	}
}
