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
type watch struct {
	flag  interface{ Set(uint64) } // an api.MutableGlobal
	timer *time.Timer

	mu       sync.Mutex
	running  bool
	ctx      context.Context // of the running call
	deadline time.Time
	cause    plugin.FaultKind // why the flag is set; "" is not
}

// start begins to watch a call.
func (w *watch) start(ctx context.Context, timeout time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.ctx, w.deadline = true, ctx, time.Now().Add(timeout)
	if first := min(timeout, glance); w.timer == nil {
		w.timer = time.AfterFunc(first, w.look)
	} else {
		w.timer.Reset(first)
	}
}

// look sets the flag when it is time to. A late one, of a call that has ended,
// sees the state of the present call and so does no harm.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running || w.cause != "" {
		return
	}
	left := time.Until(w.deadline)
	switch {
	case w.ctx.Err() != nil:
		w.cause = plugin.FaultCanceled
	case left <= 0:
		w.cause = plugin.FaultDeadline
	default:
		w.timer.Reset(min(left, glance))
		return
	}
	w.flag.Set(1)
}

// stop ends the watching and tells why the flag was set, if it was. It clears
// the flag: a call that ended all the same before it saw the flag was not
// interrupted, and its instance is as good as ever.
func (w *watch) stop() plugin.FaultKind {
	w.timer.Stop()
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
