package wasmhost

import (
	"context"
	"sync"
	"time"

	"github.com/tokligence/gateway/core/plugin"
)

// glance is how often a running call's context is looked at. Most calls end
// earlier, and so never pay for being told of their caller's leaving.
const glance = 5 * time.Millisecond

// watch ends calls of one instance by setting the flag that is in its code.
// The guest reads it without synchronisation, which is one load of a word.
//
// A call that ends leaves the timer set: the next one mostly comes before it
// fires, and setting it and stopping it would cost each call half a microsecond.
type watch struct {
	flag  interface{ Set(uint64) } // an api.MutableGlobal
	timer *time.Timer

	mu       sync.Mutex
	next     time.Time // when the timer fires; zero is never
	running  bool
	ctx      context.Context // of the running call
	deadline time.Time
	cause    plugin.FaultKind // why the flag is set; "" is not
}

// start begins to watch a call.
func (w *watch) start(ctx context.Context, timeout time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.running, w.ctx, w.deadline = true, ctx, now.Add(timeout)
	if w.next.IsZero() || w.deadline.Before(w.next) {
		w.set(now, min(timeout, glance))
	}
}

func (w *watch) set(now time.Time, after time.Duration) {
	w.next = now.Add(after)
	if w.timer == nil {
		w.timer = time.AfterFunc(after, w.look)
	} else {
		w.timer.Reset(after)
	}
}

// look sets the flag when it is time to. What it sees is the state of the
// present call, which need not be the one that set the timer.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = time.Time{}
	if !w.running || w.cause != "" {
		return
	}
	now := time.Now()
	left := w.deadline.Sub(now)
	switch {
	case w.ctx.Err() != nil:
		w.cause = plugin.FaultCanceled
	case left <= 0:
		w.cause = plugin.FaultDeadline
	default:
		w.set(now, min(left, glance))
		return
	}
	w.flag.Set(1)
}

// stop ends the watching and tells why the flag was set, if it was. It clears
// the flag: a call that ended all the same before it saw the flag was not
// interrupted, and its instance is as good as ever.
func (w *watch) stop() plugin.FaultKind {
	w.mu.Lock()
	defer w.mu.Unlock()
	cause := w.cause
	w.running, w.ctx, w.cause = false, nil, ""
	if cause != "" {
		w.flag.Set(0)
	}
	return cause
}

// stopped reports whether the flag is set.
func (w *watch) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause != ""
}
