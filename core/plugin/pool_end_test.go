package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokligence/gateway/pdk/abi"
)

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
		if s := p.Stats(); !s.BreakerOpen || s.BreakerOpened != 1 || s.OpenedBy == "" || s.Calls != 5 || s.Faults != 5 || s.Instances != 0 {
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
