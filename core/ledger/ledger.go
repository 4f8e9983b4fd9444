// Package ledger holds money before a request, records it after, and keeps the
// counters that budgets are checked against.
//
// One exchange is Reserve → Begin → Settle, or Reserve → Release. One goroutine
// writes: a batch is whatever waits. The counters in memory always equal the
// sum of the ledger's entries, written or waiting, plus the live holds.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// The values of Options.Durability.
const (
	DurabilityCommit  = "commit"  // Settle returns after the commit
	DurabilityRelaxed = "relaxed" // Settle returns at once; a crash leaves the exchange interrupted at its estimate
)

// Options of Open; zero values are the defaults named here.
type Options struct {
	// NodeID marks open exchanges. Default: a new one.
	NodeID     string
	Durability string // default DurabilityCommit
	// QueueBytes bounds what waits for the database, estimated in memory. Default 64 MiB.
	QueueBytes int64
	// AdmitWait is how long Begin waits for room in the queue. Default 2 s.
	AdmitWait time.Duration
	// RetryMin and RetryMax bound the pause between tries while the database
	// fails; it doubles. Default 50 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// Notice hears when so much of a budget is spent that somebody is to be told,
	// and when one refuses a request; see [core.Budget]. It must not wait. When it
	// is false the same is told again later. Nil: nobody is told.
	Notice func(core.BudgetNotice) bool
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default: nowhere
}

func (o *Options) fill() error {
	switch o.Durability {
	case "":
		o.Durability = DurabilityCommit
	case DurabilityCommit, DurabilityRelaxed:
	default:
		return fmt.Errorf("ledger durability %q: want commit or relaxed", o.Durability)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NodeID == "" {
		o.NodeID = core.NewID(core.PrefixNode, o.Now())
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.AdmitWait <= 0 {
		o.AdmitWait = 2 * time.Second
	}
	if o.RetryMin <= 0 {
		o.RetryMin = 50 * time.Millisecond
	}
	if o.RetryMax <= 0 {
		o.RetryMax = 2 * time.Second
	}
	o.RetryMax = max(o.RetryMin, o.RetryMax)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Ledger is safe for concurrent use. Its one goroutine ends in Close.
type Ledger struct {
	store core.LedgerStore
	o     Options

	mu       sync.Mutex
	accounts map[subject]*account
	queue    []item
	seeds    []*counter
	room     chan struct{} // closed when bytes go down; nil when nobody waits
	closing  bool
	stats    Stats

	wake    chan struct{} // one token: there is work
	giveUp  chan struct{} // closed when Close may wait no longer
	done    chan struct{} // closed when the writer has ended
	writing writer
}

// Stats tell how the writer fares.
type Stats struct {
	Healthy     bool  // the last write worked
	Queued      int   // records that wait, those being written included
	QueuedBytes int64 // their estimated size
	Batches     int64 // written
	Entries     int64 // written
	Interrupted int   // exchanges that a dead process had left open, settled at Open
	PutAside    int64 // entries that the database refused for their values; each is logged
	LastError   error // of the last write that failed
}

// Open settles what dead processes left open, as interrupted entries at their
// reserved estimate, and starts the writer. With one node every open exchange
// belongs to a dead process.
func Open(ctx context.Context, store core.LedgerStore, o Options) (*Ledger, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	l := &Ledger{
		store:    store,
		o:        o,
		accounts: map[subject]*account{},
		wake:     make(chan struct{}, 1),
		giveUp:   make(chan struct{}),
		done:     make(chan struct{}),
	}
	l.stats.Healthy = true
	if err := l.settleDead(ctx); err != nil {
		return nil, fmt.Errorf("settle interrupted exchanges: %w", err)
	}
	go l.run()
	return l, nil
}

func (l *Ledger) settleDead(ctx context.Context) error {
	open, err := l.store.ListOpen(ctx, "")
	if err != nil {
		return err
	}
	const chunk = 500
	for len(open) > 0 {
		n := min(chunk, len(open))
		b := &core.LedgerBatch{}
		for _, o := range open[:n] {
			b.Entries = append(b.Entries, interrupted(o, l.o.Now()))
		}
		res, err := l.store.WriteBatch(ctx, b)
		if err != nil {
			return err
		}
		for i, err := range res.BadEntries {
			return fmt.Errorf("exchange %s: %w", b.Entries[i].ExchangeID, err)
		}
		l.stats.Interrupted += n - len(res.Known)
		open = open[n:]
	}
	if n := l.stats.Interrupted; n > 0 {
		l.o.Log.Warn("exchanges were interrupted by the end of an earlier process; settled at their estimate", "exchanges", n)
	}
	return nil
}

// interrupted is the entry of an exchange whose process died.
func interrupted(o *core.OpenExchange, now time.Time) *core.LedgerEntry {
	u := o.Usage
	u.InputSource, u.OutputSource = core.UsageEstimated, core.UsageEstimated
	return &core.LedgerEntry{
		ID: core.EntryID(o.ExchangeID), ExchangeID: o.ExchangeID, At: o.At, EndedAt: now,
		Key: o.Key, Organization: o.Organization, Team: o.Team, Project: o.Project, User: o.User, ParentKeyID: o.ParentKeyID,
		EndUser: o.EndUser, Tags: o.Tags, Endpoint: o.Endpoint, Stream: o.Stream, RequestedModel: o.RequestedModel, DeployedModel: o.DeployedModel,
		Provider: o.Provider, Deployment: o.Deployment,
		Usage: u, PriceID: o.PriceID, Amount: o.Reserved, Unpriced: o.Unpriced,
		Outcome: core.OutcomeInterrupted,
	}
}

// Stats returns a snapshot.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close stops admission, writes what waits and ends the writer. When ctx ends
// first, the error says how many entries were not written; their exchanges, if
// they were begun, are settled as interrupted by the next Open.
func (l *Ledger) Close(ctx context.Context) error {
	l.mu.Lock()
	already := l.closing
	l.closing = true
	l.mu.Unlock()
	if already {
		<-l.done
		return nil
	}
	l.signal()
	select {
	case <-l.done:
	case <-ctx.Done():
		close(l.giveUp)
		<-l.done
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.stats.Queued; n > 0 {
		return fmt.Errorf("ledger closed with %d records not written: %w", n, errors.Join(ctx.Err(), l.stats.LastError))
	}
	return nil
}

func (l *Ledger) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
