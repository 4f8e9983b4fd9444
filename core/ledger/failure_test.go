package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
)

// eventually waits for a state that another goroutine brings about.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !reached() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// The database fails and recovers: admission refuses, entries are kept, all
// arrive once, nobody restarts anything, and the log has one line each way.
func TestLedger_DatabaseFails(t *testing.T) {
	h := newHouse(t)
	var log logLines
	l := openLedger(t, h, ledger.Options{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond, Log: log.logger()})
	b := keyBudget(core.Dollar, core.PeriodDay)
	r, err := l.Reserve(t.Context(), []*core.Budget{b}, 100, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context(), r, openExchange("exc_0", at, 100)); err != nil {
		t.Fatal(err)
	}
	h.broken.Store(true)
	err = l.Settle(t.Context(), r, entry("exc_0", at, 60), nil)
	if !errors.Is(err, ledger.ErrNotCommitted) || !errors.Is(err, errDisk) {
		t.Errorf("settle while broken: %v", err)
	}
	wantCode(t, err, core.CodeOverloaded)
	for n := 1; n <= 5; n++ {
		if err := l.Settle(t.Context(), nil, entry(fmt.Sprintf("exc_%d", n), at, 10), nil); !errors.Is(err, ledger.ErrNotCommitted) {
			t.Errorf("settle while broken: %v", err)
		}
	}
	wantCode(t, l.Begin(t.Context(), nil, openExchange("exc_x", at, 1)), core.CodeOverloaded)
	_, err = l.Reserve(t.Context(), nil, 1, at)
	if e := wantCode(t, err, core.CodeOverloaded); e.HTTPStatus() != 503 || strings.Contains(e.Message, "fire") {
		t.Errorf("%d %s", e.HTTPStatus(), e.Message)
	}
	if s := l.Stats(); s.Healthy || s.Queued != 6 || s.QueuedBytes <= 0 || !errors.Is(s.LastError, errDisk) {
		t.Errorf("%+v", s)
	}
	// The counter counts what is kept, too.
	if spent, held, _, err := l.Spent(t.Context(), b, at); err != nil || spent != 110 || held != 0 {
		t.Errorf("spent %s, held %s, %v", spent, held, err)
	}
	// So does one that is seeded now.
	if spent, _, _, err := l.Spent(t.Context(), keyBudget(1, core.PeriodNone), at); err != nil || spent != 110 {
		t.Errorf("spent %s, %v", spent, err)
	}
	h.broken.Store(false)
	eventually(t, "healthy", func() bool { return l.Stats().Healthy })
	if err := l.Begin(t.Context(), nil, openExchange("exc_6", at, 1)); err != nil {
		t.Error(err)
	}
	settle(t, l, nil, entry("exc_6", at, 5))
	exact(t, l, h, b, at, 115)
	exact(t, l, h, keyBudget(1, core.PeriodNone), at, 115)
	if s := l.Stats(); s.Queued != 0 || s.QueuedBytes != 0 || s.Entries != 7 {
		t.Errorf("%+v", s)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.lines) != 2 || !strings.Contains(log.lines[0], "cannot be written") || !strings.Contains(log.lines[1], "again") {
		t.Errorf("log: %q", log.lines)
	}
}

// Without anything to write, recovery is found too.
func TestLedger_RecoversIdle(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{RetryMin: time.Millisecond})
	h.broken.Store(true)
	wantCode(t, l.Begin(t.Context(), nil, openExchange("exc_1", at, 1)), core.CodeOverloaded)
	h.broken.Store(false)
	eventually(t, "healthy", func() bool { return l.Stats().Healthy })
	if open, err := h.ListOpen(t.Context(), ""); err != nil || len(open) != 0 {
		t.Errorf("a refused exchange is on record: %v, %v", open, err)
	}
}

// blocked makes a ledger whose writer hangs in a write of one entry, until proceed.
func blocked(t *testing.T, o ledger.Options) (h *house, l *ledger.Ledger, proceed func()) {
	t.Helper()
	h = newHouse(t)
	h.gate = make(chan struct{})
	proceed = sync.OnceFunc(func() { close(h.gate) })
	go func() { h.gate <- struct{}{} }() // lets the first write pass
	o.Durability = ledger.DurabilityRelaxed
	l = openLedger(t, h, o)
	t.Cleanup(proceed)
	settle(t, l, nil, entry("exc_first", at, 1))
	eventually(t, "first written", func() bool { return l.Stats().Entries == 1 })
	settle(t, l, nil, entry("exc_second", at, 1))
	eventually(t, "second being written", func() bool { return h.inside.Load() == 2 })
	return h, l, proceed
}

// A full queue lets admission wait, then refuses; settlements are taken anyhow.
func TestLedger_QueueFull(t *testing.T) {
	_, l, proceed := blocked(t, ledger.Options{QueueBytes: 2000, AdmitWait: 20 * time.Millisecond})
	for n := range 10 {
		settle(t, l, nil, entry(fmt.Sprintf("exc_%d", n), at, 1))
	}
	err := l.Begin(t.Context(), nil, openExchange("exc_x", at, 1))
	if e := wantCode(t, err, core.CodeOverloaded); !strings.Contains(e.Error(), "queue is full") {
		t.Error(e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Begin(ctx, nil, openExchange("exc_y", at, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	proceed()
	eventually(t, "queue empty", func() bool { return l.Stats().Queued == 0 })
	if err := l.Begin(t.Context(), nil, openExchange("exc_z", at, 1)); err != nil {
		t.Error(err)
	}
	if n := l.Stats().Entries; n != 12 {
		t.Errorf("%d entries, want 12", n)
	}
}

// A caller that leaves while its record waits leaves no record.
func TestLedger_BeginAbandoned(t *testing.T) {
	h, l, proceed := blocked(t, ledger.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan error)
	go func() { begun <- l.Begin(ctx, nil, openExchange("exc_x", at, 1)) }()
	eventually(t, "queued", func() bool { return l.Stats().Queued == 2 })
	cancel()
	if err := <-begun; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	proceed()
	eventually(t, "queue empty", func() bool { return l.Stats().Queued == 0 })
	if open, err := h.ListOpen(t.Context(), ""); err != nil || len(open) != 0 {
		t.Errorf("on record: %v, %v", open, err)
	}
}

func TestLedger_Close(t *testing.T) {
	h := newHouse(t)
	l, err := ledger.Open(t.Context(), h, ledger.Options{Durability: ledger.DurabilityRelaxed})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5000 {
		settle(t, l, nil, entry(fmt.Sprintf("exc_%d", n), at, 1))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if sum, err := h.SumAmounts(t.Context(), core.ScopeKey, "key_1", time.Time{}, time.Time{}); err != nil || sum != 5000 {
		t.Errorf("%d of 5000 written, %v", sum, err)
	}
	wantCode(t, l.Begin(t.Context(), nil, openExchange("exc_x", at, 1)), core.CodeOverloaded)
	if err := l.Settle(t.Context(), nil, entry("exc_x", at, 1), nil); !errors.Is(err, ledger.ErrNotCommitted) {
		t.Errorf("settle after close: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestLedger_CloseWhileBroken(t *testing.T) {
	h := newHouse(t)
	l, err := ledger.Open(t.Context(), h, ledger.Options{Durability: ledger.DurabilityRelaxed, RetryMin: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context(), nil, openExchange("exc_1", at, 50)); err != nil {
		t.Fatal(err)
	}
	h.broken.Store(true)
	settle(t, l, nil, entry("exc_1", at, 7))
	eventually(t, "unhealthy", func() bool { return !l.Stats().Healthy })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := l.Close(ctx); err == nil || !strings.Contains(err.Error(), "1 records not written") || !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	h.broken.Store(false)
	exact(t, openLedger(t, h, ledger.Options{}), h, keyBudget(1, core.PeriodDay), at, 50) // interrupted, at its estimate
}

// TestLedger_SettleInstead: an entry whose caller hears of a failure says so when
// it is written after all, at its amount; one whose caller hears of none does not.
func TestLedger_SettleInstead(t *testing.T) {
	called := 0
	instead := func(e *core.LedgerEntry, err error) {
		called++
		e.Outcome, e.Status, e.ErrorCode = core.OutcomeFailed, 503, core.AsError(err).Code
	}
	for _, c := range []struct {
		name, durability string
		broken           bool
		called           int
		outcome          core.Outcome
	}{
		{"committed", ledger.DurabilityCommit, false, 0, core.OutcomeOK},
		{"withheld", ledger.DurabilityCommit, true, 1, core.OutcomeFailed},
		{"answered before", ledger.DurabilityRelaxed, true, 0, core.OutcomeOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			called = 0
			h := newHouse(t)
			l := openLedger(t, h, ledger.Options{Durability: c.durability, RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond})
			h.broken.Store(c.broken)
			err := l.Settle(t.Context(), nil, entry("exc_1", at, 60), instead)
			if errors.Is(err, ledger.ErrNotCommitted) != (c.called > 0) || (err != nil) != (c.called > 0) {
				t.Fatal(err)
			}
			if c.broken { // more than one try fails
				n := h.inside.Load()
				eventually(t, "tried again", func() bool { return h.inside.Load() > n+2 })
			}
			h.broken.Store(false)
			eventually(t, "written", func() bool { return l.Stats().Entries == 1 })
			got, _, err := h.ListEntries(t.Context(), core.EntryFilter{ExchangeID: "exc_1", Limit: 2})
			if err != nil || len(got) != 1 || got[0].Outcome != c.outcome || got[0].Amount != 60 || called != c.called {
				t.Errorf("called %d times: %+v, %v", called, got, err)
			}
			if withheld := got[0].Status == 503 && got[0].ErrorCode == core.CodeOverloaded; withheld != (c.called > 0) {
				t.Errorf("%d %s", got[0].Status, got[0].ErrorCode)
			}
		})
	}
	h := newHouse(t)
	l, err := ledger.Open(t.Context(), h, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := entry("exc_1", at, 60)
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := l.Settle(t.Context(), nil, e, instead); err == nil || e.Outcome != core.OutcomeFailed {
		t.Errorf("after the end: %v, %s", err, e.Outcome)
	}
}

// TestLedger_CorrectWhileBroken: a correction whose commit failed is not lost, and
// counts at once: whoever was told so must not make another.
func TestLedger_CorrectWhileBroken(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	b := keyBudget(core.Dollar, core.PeriodDay)
	if _, _, _, err := l.Spent(t.Context(), b, at); err != nil {
		t.Fatal(err)
	}
	settle(t, l, nil, entry("exc_1", at, 1000))
	h.broken.Store(true)
	c, err := l.Correct(t.Context(), "ent_1", -400, core.Usage{}, "counted too much")
	if !errors.Is(err, ledger.ErrNotCommitted) || c == nil {
		t.Fatalf("%+v, %v", c, err)
	}
	if spent, _, _, err := l.Spent(t.Context(), b, at); err != nil || spent != 600 {
		t.Errorf("%s is spent: %v", spent, err)
	}
	h.broken.Store(false)
	eventually(t, "the database works", func() bool { return l.Stats().Healthy })
	exact(t, l, h, b, at, 600)
	if got, _, err := h.ListEntries(t.Context(), core.EntryFilter{ID: c.ID, Limit: 2}); err != nil || len(got) != 1 || got[0].Corrects != "ent_1" {
		t.Errorf("%+v, %v", got, err)
	}
}
