package httpapi

import (
	"net"
	"sync"
	"time"
)

// watchAfter is how long an exchange must last before its client is watched: a
// client that leaves an exchange of a few milliseconds leaves nothing to stop.
const watchAfter = 50 * time.Millisecond

// watch notices that the client leaves while its exchange runs, by reading:
// what ends the read ends the exchange's context. A byte that comes instead is
// the next request's first.
//
// An exchange that ends leaves the timer set for the next one, which mostly begins
// before it fires: setting and stopping it costs each a microsecond.
type watch struct {
	conn   net.Conn
	cancel func()

	mu      sync.Mutex
	timer   *time.Timer
	set     bool // the timer is
	running bool // between start and stop
	since   time.Time
	done    chan struct{}
	early   []byte // read too soon, at most one byte
}

func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.since = true, time.Now()
	switch {
	case w.set:
	case w.timer == nil:
		w.timer = time.AfterFunc(watchAfter, w.read)
	default:
		w.timer.Reset(watchAfter)
	}
	w.set = true
}

// read waits for the client to say or do something, once the exchange has lasted.
func (w *watch) read() {
	w.mu.Lock()
	w.set = false
	if !w.running || w.done != nil {
		w.mu.Unlock()
		return
	}
	if left := watchAfter - time.Since(w.since); left > 0 { // the timer was another's
		w.set = true
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	done := make(chan struct{})
	w.done = done
	_ = w.conn.SetReadDeadline(time.Time{}) // a closed connection fails at the read
	w.mu.Unlock()
	defer close(done)
	one := make([]byte, 1)
	n, err := w.conn.Read(one)
	w.mu.Lock()
	defer w.mu.Unlock()
	if n == 1 {
		w.early = one
		return
	}
	if err != nil && w.running {
		w.cancel()
	}
}

// stop ends the watch before the connection is read again, and reports whether
// the connection's read deadline was moved.
func (w *watch) stop() (moved bool) {
	w.mu.Lock()
	w.running = false
	done := w.done
	if done != nil {
		_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // ends the read
	}
	w.mu.Unlock()
	if done == nil {
		return false
	}
	<-done
	w.done = nil
	return true
}

// give adds what came too soon to the bytes to be read.
func (w *watch) give(buf []byte) []byte {
	buf = append(buf, w.early...)
	w.early = nil
	return buf
}
