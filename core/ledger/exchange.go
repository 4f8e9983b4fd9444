package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// ErrNotCommitted is what Settle's error wraps when the database failed: the
// entry is kept in memory and written as soon as the database works again.
var ErrNotCommitted = errors.New("ledger entry is not committed yet")

func overloaded(message string, cause error) *core.Error {
	return core.Errorf(core.CodeOverloaded, core.SourceGateway, "%s", message).With(cause)
}

// Begin puts the exchange on record before the vendor is called. It returns nil
// if and only if the record is committed; otherwise there is no record and the
// vendor must not be called. Beginning again replaces the record. It fills in
// NodeID and, from r, a zero Reserved.
//
// It waits for room in the queue (Options.AdmitWait) and for the commit; it is
// CodeOverloaded while the database fails or the queue is full, and ctx's error
// when ctx ends before the writer has taken the record up.
func (l *Ledger) Begin(ctx context.Context, r *Reservation, open *core.OpenExchange) error {
	if open.ExchangeID == "" {
		return errors.New("begin exchange: no exchange id")
	}
	open.NodeID = l.o.NodeID
	if r != nil && open.Reserved == 0 {
		open.Reserved = r.Granted
	}
	it := item{open: open, size: openSize(open), w: takeWaiter()}
	if err := l.enqueueOpen(ctx, it); err != nil {
		it.w.release()
		return err
	}
	select {
	case err := <-it.w.ch:
		it.w.release()
		return err
	case <-ctx.Done():
	}
	l.mu.Lock()
	taken := it.w.taken
	if !taken {
		it.w.abandoned = true
	}
	l.mu.Unlock()
	if !taken {
		return ctx.Err()
	}
	// The writer has it: what it answers is the truth, whatever ctx says.
	err := <-it.w.ch
	it.w.release()
	return err
}

// enqueueOpen adds an open record, waiting for room.
func (l *Ledger) enqueueOpen(ctx context.Context, it item) error {
	var limit <-chan time.Time
	for {
		l.mu.Lock()
		if err := l.refusal(); err != nil {
			l.mu.Unlock()
			return err
		}
		if l.stats.QueuedBytes+it.size <= l.o.QueueBytes {
			l.push(it)
			l.mu.Unlock()
			l.signal()
			return nil
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		if limit == nil {
			timer := time.NewTimer(l.o.AdmitWait)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-room:
		case <-limit:
			return overloaded("the gateway is overloaded", errors.New("the ledger's queue is full"))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refusal tells why nothing new is admitted; nil when it is. l.mu is held.
func (l *Ledger) refusal() *core.Error {
	switch {
	case l.closing:
		return overloaded("the gateway is shutting down", nil)
	case !l.stats.Healthy:
		return overloaded("the gateway cannot write its ledger", l.stats.LastError)
	}
	return nil
}

// Settle writes the exchange's entry and turns the hold into its amount. r may
// be nil when nothing was reserved; Begin need not have been called. Settling
// again, with the same reservation or another, changes nothing.
//
// The entry is taken in any case, also when ctx has ended: it must not be
// changed afterwards. With DurabilityCommit, Settle returns after the commit,
// or with an error that wraps ErrNotCommitted when the database failed; the
// entry is then retried until it is written. Before an error is returned,
// instead changes the entry to say what the client gets for it: outcome, status
// and code, never the amount. nil leaves the entry as it is.
func (l *Ledger) Settle(_ context.Context, r *Reservation, e *core.LedgerEntry, instead Instead) error {
	if e.ExchangeID == "" {
		l.Release(r)
		return errors.New("settle exchange: no exchange id")
	}
	if e.ID == "" {
		e.ID = core.EntryID(e.ExchangeID)
	}
	return l.record(r, e, instead)
}

// Instead makes of an entry one whose answer was withheld because of err. It is
// called at most once, by the writer: it must not wait.
type Instead func(e *core.LedgerEntry, err error)

// Correct writes an entry that amends an earlier one: by adds to its amount
// (negative gives back), in the hour and budget window of that entry. usage is
// the difference in tokens. It returns the correction's entry.
//
// The entry counts from then on, whatever the database does: with an error that wraps
// ErrNotCommitted it is kept like any other and written as soon as the database works,
// for nobody knows whether a commit that failed was made. Whoever gets that error must
// not correct again, and finds the correction by its id.
func (l *Ledger) Correct(ctx context.Context, entryID string, by core.Nano, usage core.Usage, reason string) (*core.LedgerEntry, error) {
	found, _, err := l.store.ListEntries(ctx, core.EntryFilter{ID: entryID, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("correct %s: %w", entryID, err)
	}
	if len(found) == 0 {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "ledger entry %q does not exist", entryID)
	}
	if found[0].Corrects != "" {
		return nil, core.Invalid("id", "%q is itself a correction; correct %q", entryID, found[0].Corrects)
	}
	c := *found[0]
	now := l.o.Now()
	c.ID, c.Corrects, c.EndedAt = core.NewID(core.PrefixEntry, now), entryID, now
	c.Amount, c.Usage, c.Reason, c.Outcome = by, usage, reason, core.OutcomeCorrection
	c.Attempts, c.Findings, c.Latency, c.FirstByte, c.Unpriced = nil, nil, 0, 0, false
	return &c, l.record(nil, &c, nil)
}

// record counts e, gives the hold back and queues e, all in one step.
func (l *Ledger) record(r *Reservation, e *core.LedgerEntry, instead Instead) error {
	it := item{entry: e, size: entrySize(e)}
	if l.o.Durability == DurabilityCommit {
		it.w, it.instead = takeWaiter(), instead
	}
	l.mu.Lock()
	if l.writing.ended {
		l.mu.Unlock()
		err := overloaded("the gateway is shutting down", fmt.Errorf("settle %s: the ledger is closed: %w", e.ExchangeID, ErrNotCommitted))
		if instead != nil {
			instead(e, err)
		}
		return err
	}
	if r != nil && r.settled {
		l.mu.Unlock()
		return nil
	}
	l.unhold(r)
	if r != nil {
		r.settled = true
	}
	l.apply(e, e.Amount)
	l.push(it)
	l.mu.Unlock()
	l.signal()
	if it.w == nil {
		return nil
	}
	err := <-it.w.ch
	it.w.release()
	return err
}

// waiter is one caller waiting for its record's commit; reused.
type waiter struct {
	ch               chan error // room for one answer, so the writer never waits
	taken, abandoned bool       // guarded by Ledger.mu
}

var waiters = sync.Pool{New: func() any { return &waiter{ch: make(chan error, 1)} }}

func takeWaiter() *waiter {
	w := waiters.Get().(*waiter)
	w.taken, w.abandoned = false, false
	return w
}

// release returns w when no answer can come any more.
func (w *waiter) release() { waiters.Put(w) }

func openSize(o *core.OpenExchange) int64 {
	n := 512 + len(o.ExchangeID) + len(o.Key.Name) + len(o.EndUser) + len(o.RequestedModel) + len(o.DeployedModel) + len(o.Deployment)
	for _, s := range o.Tags {
		n += 16 + len(s)
	}
	return int64(n)
}

// entrySize estimates the memory of an entry, so that few long ones count like many short ones.
func entrySize(e *core.LedgerEntry) int64 {
	n := 1024 + len(e.ExchangeID) + len(e.EndUser) + len(e.RequestedModel) + len(e.Reason) + 96*len(e.Attempts)
	for _, list := range [][]string{e.Tags, e.Findings} {
		for _, s := range list {
			n += 16 + len(s)
		}
	}
	return int64(n)
}
