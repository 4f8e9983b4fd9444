package exchange

import (
	"sync"
	"time"

	"github.com/tokligence/gateway/core/sse"
)

// outlet is the client's end of a stream. While the vendor is silent it keeps
// the client's connection alive with comments; the mutex is for that timer,
// the only other writer.
type outlet struct {
	mu    sync.Mutex
	timer *time.Timer
	last  time.Time // of the last write
	ended bool
	early Head // what is known when the timer starts: the exchange's own head goes on changing

	started   bool // the client has the head
	committed bool // and a part of the answer: from here on nobody else can answer
}

// holdOpen starts the timer. The client's head goes out with the first comment if
// nothing else has sent it.
func (r *run) holdOpen() {
	o := &r.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.early = r.x.now(), r.head
	o.timer = time.AfterFunc(r.x.KeepAlive, r.sendKeepAlive)
}

func (r *run) sendKeepAlive() {
	o := &r.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	now := r.x.now()
	if silent := now.Sub(o.last); silent < r.x.KeepAlive {
		o.timer.Reset(r.x.KeepAlive - silent)
		return
	}
	if r.startLocked(&o.early) == nil && r.reply.Write([]byte(sse.KeepAlive)) == nil && r.reply.Flush() == nil {
		o.timer.Reset(r.x.KeepAlive)
	}
	o.last = now
}

// stopKeepAlive ends the timer's part in the stream for good.
func (r *run) stopKeepAlive() {
	if r.out.timer == nil {
		return
	}
	r.out.timer.Stop()
	r.out.mu.Lock()
	r.out.ended = true
	r.out.mu.Unlock()
}

func (r *run) startLocked(h *Head) error {
	if r.out.started {
		return nil
	}
	r.out.started = true
	return r.reply.Start(h)
}

// send writes event text and hands it to the network at once.
func (r *run) send(p []byte) error {
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	r.out.last = r.x.now()
	r.out.committed = true
	if !r.out.started {
		r.describe()
		if r.vendor.own() {
			r.head.ContentType = r.eventType()
		}
		if r.head.Attempts = len(r.entry.Attempts); !r.settled {
			r.head.Attempts++ // the one that answers is still under way
		}
	}
	if err := r.startLocked(&r.head); err != nil {
		return err
	}
	if err := r.reply.Write(p); err != nil {
		return err
	}
	return r.reply.Flush()
}
