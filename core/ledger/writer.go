package ledger

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/tokligence/gateway/core"
)

// maxBatch bounds one transaction; what is beyond waits for the next.
const maxBatch = 2048

// item is one record in the queue: an open exchange or an entry.
type item struct {
	open  *core.OpenExchange
	entry *core.LedgerEntry
	w     *waiter // nil when nobody waits
	// instead changes the entry when its waiter is told of a failure; may be nil.
	instead Instead
	size    int64
}

// writer is the state of the one goroutine that writes; only ended is shared
// (under Ledger.mu).
type writer struct {
	ended bool
	spare []item // the queue's other buffer
	retry []item // entries of a failed batch, to be written before anything else
	batch core.LedgerBatch
	items []item // of batch.Open and then of batch.Entries
	pause time.Duration
	after time.Time // no try before; zero while healthy
}

// push queues an item. l.mu is held.
func (l *Ledger) push(it item) {
	l.queue = append(l.queue, it)
	l.stats.Queued++
	l.stats.QueuedBytes += it.size
}

// run writes until Close, and then until nothing waits.
func (l *Ledger) run() {
	defer close(l.done)
	for {
		runtime.Gosched() // whoever is about to queue a record may do so: larger batches, fewer commits
		job, ok := l.next()
		if !ok {
			return
		}
		l.seed(job.seeds, job.items)
		// While the database fails, an empty batch finds out when it works again.
		if len(job.items) > 0 || len(l.writing.retry) > 0 || !l.writing.after.IsZero() {
			l.write(job.items)
		}
		if job.items != nil {
			clear(job.items)
			l.writing.spare = job.items[:0]
		}
	}
}

type work struct {
	items []item
	seeds []*counter
}

// next waits for work; ok is false when the writer shall end.
func (l *Ledger) next() (work, bool) {
	w := &l.writing
	for {
		l.mu.Lock()
		due := w.after.IsZero() || !time.Now().Before(w.after)
		if len(l.seeds) > 0 || due && (len(l.queue) > 0 || !w.after.IsZero()) {
			job := work{seeds: l.seeds}
			l.seeds = nil
			if due {
				job.items = l.takeItems()
			}
			l.mu.Unlock()
			return job, true
		}
		if l.closing && len(l.queue) == 0 && len(w.retry) == 0 || w.ended {
			w.ended = true
			l.mu.Unlock()
			return work{}, false
		}
		l.mu.Unlock()
		l.sleep()
	}
}

// takeItems empties the queue into a batch's worth. l.mu is held.
func (l *Ledger) takeItems() []item {
	w := &l.writing
	items := l.queue
	l.queue = w.spare[:0]
	w.spare = nil
	if len(items) > maxBatch {
		l.queue = append(l.queue, items[maxBatch:]...)
		clear(items[maxBatch:])
		items = items[:maxBatch]
	}
	kept := items[:0]
	for i, it := range items {
		if it.w != nil && it.w.abandoned { // an open record that nobody waits for any more
			l.leave(items[i : i+1])
			continue
		}
		if it.w != nil {
			it.w.taken = true
		}
		kept = append(kept, it)
	}
	clear(items[len(kept):])
	return kept
}

// sleep waits for a signal, the end of a pause, or the order to give up.
func (l *Ledger) sleep() {
	var pause <-chan time.Time
	if after := l.writing.after; !after.IsZero() {
		timer := time.NewTimer(time.Until(after))
		defer timer.Stop()
		pause = timer.C
	}
	select {
	case <-l.wake:
	case <-pause:
	case <-l.giveUp:
		l.mu.Lock()
		l.writing.ended = true
		l.failQueue()
		l.mu.Unlock()
	}
}

// failQueue answers everybody who waits at the end of a Close that ran out of
// time. The records stay counted in Stats. l.mu is held.
func (l *Ledger) failQueue() {
	for _, it := range l.queue {
		if it.w != nil && it.w.abandoned {
			continue
		}
		it.answer(overloaded("the gateway is shutting down", ErrNotCommitted))
	}
	l.queue = nil
	for _, c := range l.seeds {
		c.fail(overloaded("the gateway is shutting down", nil))
	}
	l.seeds = nil
}

func (it *item) answer(err error) {
	if it.w == nil {
		return
	}
	if err != nil && it.instead != nil {
		it.instead(it.entry, err)
	}
	it.w.ch <- err
	it.w = nil
}

// write stores the retained entries and items in one transaction.
func (l *Ledger) write(items []item) {
	w := &l.writing
	w.gather(items)
	res, err := l.store.WriteBatch(context.Background(), &w.batch)
	if err != nil {
		l.writeFailed(err)
	} else {
		l.written(res)
	}
	clear(w.batch.Open)
	clear(w.batch.Entries)
	clear(w.items)
}

// gather lays out the batch: w.items[i] is batch.Open[i], and after those batch.Entries.
func (w *writer) gather(items []item) {
	w.batch.Open, w.batch.Entries, w.items = w.batch.Open[:0], w.batch.Entries[:0], w.items[:0]
	for _, it := range items {
		if it.open != nil {
			w.batch.Open = append(w.batch.Open, it.open)
			w.items = append(w.items, it)
		}
	}
	for _, list := range [][]item{w.retry, items} {
		for _, it := range list {
			if it.entry != nil {
				w.batch.Entries = append(w.batch.Entries, it.entry)
				w.items = append(w.items, it)
			}
		}
	}
}

// written answers everybody in the batch.
func (l *Ledger) written(res core.BatchResult) {
	w := &l.writing
	opens := len(w.batch.Open)
	clear(w.retry)
	w.retry = w.retry[:0]

	l.mu.Lock()
	recovered := !l.stats.Healthy
	l.stats.Healthy = true
	l.stats.Batches++
	l.stats.Entries += int64(len(w.batch.Entries) - len(res.Known) - len(res.BadEntries))
	l.stats.PutAside += int64(len(res.BadEntries))
	for i := range res.Known {
		l.apply(w.batch.Entries[i], -w.batch.Entries[i].Amount)
	}
	for i := range res.BadEntries {
		l.apply(w.batch.Entries[i], -w.batch.Entries[i].Amount)
	}
	l.leave(w.items)
	l.mu.Unlock()
	w.pause, w.after = 0, time.Time{}

	for i := range w.items {
		var err error
		if i >= opens {
			err = refused(res.BadEntries[i-opens])
		}
		w.items[i].answer(err)
	}
	if recovered {
		l.o.Log.Info("the ledger can be written again; requests are admitted")
	}
	for i, err := range res.BadEntries {
		e := w.batch.Entries[i]
		l.o.Log.Error("the database refused a ledger entry for its values; it is not in the ledger",
			"exchange", e.ExchangeID, "key", e.Key.ID, "amount", e.Amount.String(), "error", err)
	}
}

func refused(err error) error {
	if err == nil {
		return nil
	}
	return core.AsError(fmt.Errorf("the database refused the record: %w", err))
}

// writeFailed keeps the entries, refuses the open exchanges, and plans the next try.
func (l *Ledger) writeFailed(cause error) {
	w := &l.writing
	opens := len(w.batch.Open)
	w.pause = min(max(2*w.pause, l.o.RetryMin), l.o.RetryMax)
	w.after = time.Now().Add(w.pause)

	l.mu.Lock()
	first := l.stats.Healthy
	l.stats.Healthy, l.stats.LastError = false, cause
	l.leave(w.items[:opens])
	l.mu.Unlock()

	for i := range w.items[:opens] {
		w.items[i].answer(overloaded("the gateway cannot write its ledger", cause))
	}
	clear(w.retry)
	w.retry = w.retry[:0]
	for i := range w.items[opens:] {
		it := w.items[opens+i]
		it.answer(overloaded("the gateway cannot write its ledger", fmt.Errorf("%w: %w", ErrNotCommitted, cause)))
		w.retry = append(w.retry, it)
	}
	if first {
		l.o.Log.Error("the ledger cannot be written; new requests are refused until it can", "error", cause, "kept_entries", len(w.retry))
	}
}

// leave takes items out of the count and lets in who waits for room. l.mu is held.
func (l *Ledger) leave(items []item) {
	for i := range items {
		l.stats.QueuedBytes -= items[i].size
	}
	l.stats.Queued -= len(items)
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}
