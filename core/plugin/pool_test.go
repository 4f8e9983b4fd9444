package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// yard opens guests for a pool and knows what became of them.
type yard struct {
	do func(g *guest, ctx context.Context, input string) ([]byte, error) // nil answers with the guest's number

	mu     sync.Mutex
	opened int
	closed []int
	fail   error // of the next opening
}

type guest struct {
	*yard
	number int
	memory atomic.Int64
	busy   atomic.Bool
	used   int // unguarded on purpose: the race detector sees a shared guest
}

func (y *yard) open(context.Context) (Instance, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if err := y.fail; err != nil {
		y.fail = nil
		return nil, err
	}
	y.opened++
	return &guest{yard: y, number: y.opened}, nil
}

func (y *yard) counts() (opened int, closed []int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.opened, slices.Clone(y.closed)
}

func (g *guest) Call(ctx context.Context, _ abi.Function, input, dst []byte) ([]byte, error) {
	if !g.busy.CompareAndSwap(false, true) {
		return dst, errors.New("two callers at once")
	}
	defer g.busy.Store(false)
	g.used++
	if g.do == nil {
		return fmt.Append(dst, g.number), nil
	}
	return g.do(g, ctx, string(input))
}

func (g *guest) MemoryBytes() int64 { return g.memory.Load() }

func (g *guest) Close(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy.Load() {
		return fmt.Errorf("guest %d closed in use", g.number)
	}
	g.closed = append(g.closed, g.number)
	return nil
}

func newPool(y *yard, instances int) *Pool {
	return NewPool(PoolConfig{ID: "provider.x", Open: y.open, Limits: Limits{MaxInstances: instances, MemoryBytes: 1000}})
}

// hold is a guest's work that lasts until it is let go.
func hold(release <-chan struct{}) func(*guest, context.Context, string) ([]byte, error) {
	return func(*guest, context.Context, string) ([]byte, error) {
		<-release
		return nil, nil
	}
}

func wantFault(t *testing.T, err error, kind FaultKind) *Fault {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) || f.Kind != kind || f.Plugin != "provider.x" {
		t.Fatalf("error %v, want a fault of kind %s", err, kind)
	}
	return f
}

func TestPool_Exclusive(t *testing.T) {
	y := &yard{}
	p := newPool(y, 3)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				if out, err := p.Call(t.Context(), abi.Plan, nil, []byte("#")); err != nil || len(out) != 2 {
					t.Errorf("%q, %v", out, err)
				}
			}
		})
	}
	wg.Wait()
	s := p.Stats()
	if opened, _ := y.counts(); opened > 3 || s.Instances != opened || s.Idle != opened {
		t.Errorf("%d opened; stats %+v", opened, s)
	}
	if s.Calls != 3200 || s.Faults != 0 || s.Discarded != 0 {
		t.Errorf("stats %+v", s)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if opened, closed := y.counts(); len(closed) != opened {
		t.Errorf("%d of %d closed", len(closed), opened)
	}
}

func TestPool_Outcomes(t *testing.T) {
	refusal := &abi.Error{Code: abi.InvalidRequest, Message: "no"}
	for _, c := range []struct {
		name      string
		err       error
		kind      FaultKind // "" keeps the instance
		faults    uint64
		discarded uint64
	}{
		{"refusal", refusal, "", 0, 0},
		{"wrapped refusal", fmt.Errorf("plan: %w", refusal), "", 0, 0},
		{"fault", &Fault{Kind: FaultDeadline, Err: errors.New("slow"), Stderr: "la"}, FaultDeadline, 1, 1},
		{"any other error", errors.New("pipe broke"), FaultTrap, 1, 1},
		{"the caller left", &Fault{Kind: FaultCanceled, Err: context.Canceled}, FaultCanceled, 0, 1},
		{"the caller left, unnamed", fmt.Errorf("call: %w", context.Canceled), FaultCanceled, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := &yard{}
			y.do = func(_ *guest, _ context.Context, input string) ([]byte, error) {
				if input == "fail" {
					return []byte("half"), c.err
				}
				return nil, nil
			}
			p := newPool(y, 1)
			out, err := p.Call(t.Context(), abi.Encode, []byte("fail"), []byte("kept"))
			if string(out) != "kept" {
				t.Errorf("output %q", out)
			}
			if c.kind == "" {
				var got *abi.Error
				if !errors.As(err, &got) || got != refusal {
					t.Errorf("error %v", err)
				}
			} else if f := wantFault(t, err, c.kind); f.Function != abi.Encode {
				t.Errorf("function %q", f.Function)
			}
			if _, err := p.Call(t.Context(), abi.Encode, nil, nil); err != nil {
				t.Errorf("next call: %v", err)
			}
			s := p.Stats()
			if s.Faults != c.faults || s.Discarded != c.discarded || s.Calls != 2 || s.Instances != 1 {
				t.Errorf("stats %+v", s)
			}
			if (s.LastFault != "") != (c.faults > 0) {
				t.Errorf("last fault %q", s.LastFault)
			}
			if _, closed := y.counts(); uint64(len(closed)) != c.discarded {
				t.Errorf("closed %v", closed)
			}
		})
	}
}

func BenchmarkPool(b *testing.B) {
	y := &yard{do: func(*guest, context.Context, string) ([]byte, error) { return nil, nil }}
	p := newPool(y, 4)
	b.ReportAllocs()
	for b.Loop() {
		p.Call(b.Context(), abi.Plan, nil, nil)
	}
}
