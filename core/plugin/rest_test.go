package plugin

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPool_Rest: what lies idle goes and comes again with the next call; what
// runs stays, and so do the counters.
func TestPool_Rest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		y := &yard{do: func(g *guest, _ context.Context, input string) ([]byte, error) {
			if input == "hold" {
				<-release
			}
			return []byte{byte('0' + g.number)}, nil
		}}
		shared := errors.New("what they share is not freed")
		var rests []int // guests alive at each
		p := NewPool(PoolConfig{ID: "provider.x", Open: y.open, Limits: Limits{MaxInstances: 2, MemoryBytes: 1000},
			Rest: func(context.Context) error {
				opened, closed := y.counts()
				rests = append(rests, opened-len(closed))
				if len(rests) == 3 {
					return shared
				}
				return nil
			}})
		call := func(input, want string) {
			t.Helper()
			if out, err := p.Call(t.Context(), abi.Plan, []byte(input), nil); err != nil || string(out) != want {
				t.Errorf("%s: %s, %v, want guest %s", input, out, err, want)
			}
		}
		held := make(chan struct{})
		go func() { call("hold", "1"); close(held) }()
		synctest.Wait()
		call("", "2")
		if err := p.Rest(t.Context()); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.Instances != 1 || s.Idle != 0 || s.Calls != 1 || s.Discarded != 0 {
			t.Errorf("with a call under way: %+v", s)
		}
		close(release)
		<-held
		call("", "1") // which was not closed
		if err := p.Rest(t.Context()); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.Instances != 0 || s.Idle != 0 || s.Calls != 3 {
			t.Errorf("at rest: %+v", s)
		}
		call("", "3")
		if err := p.Rest(t.Context()); !errors.Is(err, shared) {
			t.Errorf("Rest: %v", err)
		}
		if err := p.Close(t.Context()); err != nil { // nothing is left to close
			t.Error(err)
		}
		if _, closed := y.counts(); !slices.Equal(closed, []int{2, 1, 3}) || !slices.Equal(rests, []int{1, 0, 0}) {
			t.Errorf("closed %v; alive at each rest %v", closed, rests)
		}
	})
}

// TestPool_RestNot: a carrier that cannot have its code again keeps its instances.
func TestPool_RestNot(t *testing.T) {
	y := &yard{}
	p := newPool(y, 1)
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Rest(t.Context()); err != nil || p.Stats().Idle != 1 {
		t.Errorf("%v, %+v", err, p.Stats())
	}
}
