package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// TestPool_Order: instances are opened when needed and the last one back is the first out again.
func TestPool_Order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{})}
		y := &yard{do: func(g *guest, _ context.Context, input string) ([]byte, error) {
			if c := release[input]; c != nil {
				<-c
			}
			return fmt.Append(nil, g.number), nil
		}}
		p := newPool(y, 8)
		if err := errors.Join(p.Warm(t.Context()), p.Warm(t.Context())); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			p.Call(t.Context(), abi.Plan, nil, nil)
		}
		if opened, _ := y.counts(); opened != 1 {
			t.Errorf("%d opened for one call at a time", opened)
		}
		for _, input := range []string{"a", "b"} {
			go p.Call(t.Context(), abi.Plan, []byte(input), nil)
			synctest.Wait()
		}
		for i, input := range []string{"b", "a"} {
			close(release[input])
			synctest.Wait()
			if out, err := p.Call(t.Context(), abi.Plan, nil, nil); err != nil || string(out) != []string{"2", "1"}[i] {
				t.Errorf("after %s came back: guest %s, %v", input, out, err)
			}
		}
	})
}

// TestPool_WaitersInOrder: the next waiter gets the instance that came back, or
// opens one in the place of a lost one.
func TestPool_WaitersInOrder(t *testing.T) {
	for name, fault := range map[string]error{"instance": nil, "leave to open one": errors.New("broken")} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { waitersInOrder(t, fault) }) })
	}
}

func waitersInOrder(t *testing.T, fault error) {
	release := make(chan struct{})
	var order []string
	y := &yard{do: func(_ *guest, _ context.Context, input string) ([]byte, error) {
		order = append(order, input)
		<-release
		return nil, fault
	}}
	p := newPool(y, 1)
	gone, leave := context.WithCancel(t.Context())
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	callers := []struct {
		name string
		ctx  context.Context
		err  error
	}{
		{"first", t.Context(), nil},
		{"second", t.Context(), nil},
		{"third", t.Context(), nil},
		{"gone", gone, nil},
		{"short", short, nil},
	}
	for _, i := range []int{0, 1, 3, 4, 2} {
		c := &callers[i]
		go func() { _, c.err = p.Call(c.ctx, abi.Plan, []byte(c.name), nil) }()
		synctest.Wait()
	}
	leave()
	synctest.Wait()
	time.Sleep(time.Second) // of the bubble's clock
	synctest.Wait()
	close(release)
	synctest.Wait()
	if got := strings.Join(order, " "); got != "first second third" {
		t.Errorf("order %s", got)
	}
	wantFault(t, callers[3].err, FaultCanceled)
	wantFault(t, callers[4].err, FaultBusy)
	for _, c := range callers[:3] {
		if !errors.Is(c.err, fault) {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	if s := p.Stats(); s.Waits != 4 || s.Calls != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestPool_TurnNotLost: a waiter whose turn comes while it leaves hands it on.
func TestPool_TurnNotLost(t *testing.T) {
	for name, fault := range map[string]error{"instance": nil, "leave to open one": errors.New("broken")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				y := &yard{}
				y.do = func(_ *guest, _ context.Context, input string) ([]byte, error) {
					if input == "hold" {
						<-release
						return nil, fault
					}
					return nil, nil
				}
				p := newPool(y, 1)
				go p.Call(t.Context(), abi.Plan, []byte("hold"), nil)
				synctest.Wait()
				p.mu.Lock()
				ready := make(chan turn, 1)
				place := p.waiters.PushBack(ready)
				p.mu.Unlock()
				next := make(chan error, 1)
				go func() {
					_, err := p.Call(t.Context(), abi.Plan, nil, nil)
					next <- err
				}()
				synctest.Wait()
				close(release)
				synctest.Wait()
				closeAll(p.leave(place, ready))
				if err := <-next; err != nil {
					t.Error(err)
				}
				if s := p.Stats(); s.Instances != 1 || s.Idle != 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
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

func TestPool_Retire(t *testing.T) {
	for _, c := range []struct {
		name   string
		config PoolConfig
		memory int64
		want   string // guests of four calls
	}{
		{"neither", PoolConfig{}, 500, "1111"},
		{"memory above half of the limit", PoolConfig{}, 501, "1234"},
		{"memory above a set bound", PoolConfig{RetireBytes: 10}, 11, "1234"},
		{"calls", PoolConfig{RetireCalls: 2}, 0, "1122"},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := &yard{do: func(g *guest, _ context.Context, _ string) ([]byte, error) {
				g.memory.Store(c.memory)
				return fmt.Append(nil, g.number), nil
			}}
			c.config.ID, c.config.Open = "provider.x", y.open
			c.config.Limits = Limits{MaxInstances: 1, MemoryBytes: 1000}
			p := NewPool(c.config)
			var got []byte
			for range 4 {
				out, err := p.Call(t.Context(), abi.Plan, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, out...)
			}
			if string(got) != c.want {
				t.Errorf("guests %s, want %s", got, c.want)
			}
			opened, closed := y.counts()
			if s := p.Stats(); opened-len(closed) != s.Instances || s.Discarded != uint64(len(closed)) || s.Faults != 0 {
				t.Errorf("%d opened, %d closed; stats %+v", opened, len(closed), s)
			}
		})
	}
}

// TestPool_IdleGo: after a peak the instances that nobody needs are closed.
func TestPool_IdleGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		y := &yard{do: hold(release)}
		p := newPool(y, 8)
		for range 5 {
			go p.Call(t.Context(), abi.Plan, nil, nil)
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		if s := p.Stats(); s.Instances != 5 || s.Idle != 5 {
			t.Fatalf("stats %+v", s)
		}
		time.Sleep(idleFor - time.Second)
		p.Call(t.Context(), abi.Plan, nil, nil)
		if s := p.Stats(); s.Instances != 5 {
			t.Errorf("closed too early: %+v", s)
		}
		time.Sleep(time.Second)
		p.Call(t.Context(), abi.Plan, nil, nil)
		if s := p.Stats(); s.Instances != keepIdle || s.Idle != keepIdle || s.Discarded != 0 {
			t.Errorf("stats %+v", s)
		}
		if _, closed := y.counts(); len(closed) != 5-keepIdle {
			t.Errorf("closed %v", closed)
		}
	})
}

func TestPool_OpenFails(t *testing.T) {
	broken := errors.New("no memory")
	y := &yard{fail: broken}
	p := newPool(y, 1)
	if err := p.Warm(t.Context()); err != broken {
		t.Errorf("Warm: %v", err)
	}
	y.fail = broken
	if _, err := p.Call(t.Context(), abi.Plan, nil, nil); !errors.Is(wantFault(t, err, FaultTrap), broken) {
		t.Errorf("Call: %v", err)
	}
	if _, err := p.Call(t.Context(), abi.Plan, nil, nil); err != nil {
		t.Errorf("the place is lost: %v", err)
	}
	if s := p.Stats(); s.Faults != 1 || s.Calls != 2 || s.Discarded != 0 || s.Instances != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestPool_CarrierPanics(t *testing.T) {
	y := &yard{do: func(*guest, context.Context, string) ([]byte, error) { panic("bug") }}
	p := newPool(y, 1)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		p.Call(t.Context(), abi.Plan, nil, nil)
	}()
	y.do = nil
	if out, err := p.Call(t.Context(), abi.Plan, nil, nil); err != nil || string(out) != "2" {
		t.Errorf("the place is lost: %s, %v", out, err)
	}
}

func TestPool_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		y := &yard{do: hold(release)}
		p := newPool(y, 1)
		results := make(chan error, 2)
		for range 2 { // one runs, one waits
			go func() {
				_, err := p.Call(t.Context(), abi.Plan, nil, nil)
				results <- err
			}()
			synctest.Wait()
		}
		hurried, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Close(hurried); !errors.Is(err, context.Canceled) {
			t.Errorf("Close of a busy pool: %v", err)
		}
		closed := make(chan error, 1)
		go func() { closed <- p.Close(t.Context()) }()
		synctest.Wait()
		if _, err := p.Call(t.Context(), abi.Plan, nil, nil); !errors.Is(wantFault(t, err, FaultBusy), ErrClosed) {
			t.Errorf("call after Close: %v", err)
		}
		select {
		case <-closed:
			t.Error("Close did not wait")
		default:
		}
		close(release)
		if err := errors.Join(<-results, <-results, <-closed, p.Close(t.Context())); err != nil {
			t.Error(err)
		}
		if opened, gone := y.counts(); opened != 1 || len(gone) != 1 {
			t.Errorf("%d opened, closed %v", opened, gone)
		}
		if s := p.Stats(); s.Instances != 0 || s.Idle != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestPool_Breaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		fault := &Fault{Kind: FaultTrap, Err: errors.New("broken")}
		y := &yard{}
		y.do = func(_ *guest, _ context.Context, input string) ([]byte, error) {
			if input == "hold" {
				<-release
			}
			if strings.HasPrefix(input, "good") {
				return nil, nil
			}
			return nil, fault
		}
		p := newPool(y, 1)
		call := func(input string) error {
			_, err := p.Call(t.Context(), abi.Plan, []byte(input), nil)
			return err
		}
		for range 4 {
			wantFault(t, call("bad"), FaultTrap)
		}
		var results [3]error
		for i, input := range []string{"hold", "good", "good"} {
			go func() { results[i] = call(input) }()
			synctest.Wait()
		}
		close(release) // the fifth fault: those who wait are told at once
		synctest.Wait()
		wantFault(t, results[0], FaultTrap)
		wantFault(t, results[1], FaultBreaker)
		wantFault(t, results[2], FaultBreaker)
		wantFault(t, call("good"), FaultBreaker)
		if s := p.Stats(); !s.BreakerOpen || s.Calls != 5 || s.Faults != 5 || s.Instances != 0 {
			t.Errorf("stats %+v", s)
		}

		time.Sleep(time.Second)
		left, cancel := context.WithCancel(t.Context())
		cancel()
		fault = &Fault{Kind: FaultCanceled, Err: left.Err()} // shows nothing of the plugin
		wantFault(t, call("bad"), FaultCanceled)
		if err := call("good"); err != nil {
			t.Errorf("trial: %v", err)
		}
		if s := p.Stats(); s.BreakerOpen || s.Faults != 5 {
			t.Errorf("stats %+v", s)
		}
	})
}

func BenchmarkPool(b *testing.B) {
	y := &yard{do: func(*guest, context.Context, string) ([]byte, error) { return nil, nil }}
	p := newPool(y, 4)
	b.ReportAllocs()
	for b.Loop() {
		p.Call(b.Context(), abi.Plan, nil, nil)
	}
}
