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
