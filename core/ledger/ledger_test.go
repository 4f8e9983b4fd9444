package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/store"
)

var at = time.Date(2026, 11, 25, 10, 30, 0, 0, time.UTC)

// house is a real store behind a switch that makes its writes fail.
type house struct {
	core.Store
	broken atomic.Bool
	gate   chan struct{} // when not nil, every write waits for it
	inside atomic.Int32  // writes that have begun
}

var errDisk = errors.New("the disk is on fire")

func (h *house) WriteBatch(ctx context.Context, b *core.LedgerBatch) (core.BatchResult, error) {
	h.inside.Add(1)
	if h.gate != nil {
		<-h.gate
	}
	if h.broken.Load() {
		return core.BatchResult{}, errDisk
	}
	return h.Store.WriteBatch(ctx, b)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &house{Store: s}
}

func openLedger(t *testing.T, s core.LedgerStore, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = l.Close(ctx)
	})
	return l
}

func keyBudget(amount core.Nano, period core.Period) *core.Budget {
	return &core.Budget{ID: "bud_1", Scope: core.ScopeKey, SubjectID: "key_1", Amount: amount, Period: period}
}

func wantCode(t *testing.T, err error, code core.Code) *core.Error {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	return e
}

// exact fails unless the counter equals the ledger's sum and nothing is held.
func exact(t *testing.T, l *ledger.Ledger, s core.Store, b *core.Budget, now time.Time, want core.Nano) {
	t.Helper()
	start, end, err := b.Window(now)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := s.SumAmounts(t.Context(), b.Scope, b.SubjectID, start, end)
	if err != nil {
		t.Fatal(err)
	}
	spent, held, _, err := l.Spent(t.Context(), b, now)
	if err != nil || spent != sum || held != 0 || sum != want {
		t.Errorf("counter %s, held %s, ledger %s, want %s; %v", spent, held, sum, want, err)
	}
	if diffs, err := s.Verify(t.Context()); err != nil || len(diffs) != 0 {
		t.Errorf("verify: %v, %v", diffs, err)
	}
}

func settle(t *testing.T, l *ledger.Ledger, r *ledger.Reservation, e *core.LedgerEntry) {
	t.Helper()
	if err := l.Settle(t.Context(), r, e, nil); err != nil {
		t.Fatal(err)
	}
}

// C50: of many at once exactly as many pass as there is room for.
func TestLedger_ReserveIsExact(t *testing.T) {
	for _, c := range []struct{ callers, room int }{{20, 1}, {200, 7}, {200, 200}, {200, 0}} {
		t.Run(fmt.Sprintf("%d of %d", c.room, c.callers), func(t *testing.T) {
			h := newHouse(t)
			l := openLedger(t, h, ledger.Options{})
			const worst = core.Nano(6_000_000)
			b := keyBudget(worst*core.Nano(c.room)+worst-1, core.PeriodDay)
			var admitted, refused atomic.Int64
			var wg sync.WaitGroup
			release := make(chan struct{})
			for n := range c.callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					<-release
					r, err := l.Reserve(t.Context(), []*core.Budget{b}, worst, at)
					if err != nil {
						var e *core.Error
						if !errors.As(err, &e) || e.Code != core.CodeBudgetExceeded {
							t.Error(err)
						}
						refused.Add(1)
						return
					}
					admitted.Add(1)
					id := fmt.Sprintf("exc_%d", n)
					if err := l.Begin(t.Context(), r, openExchange(id, at, worst)); err != nil {
						t.Error(err)
					}
					// All hold at once before any settles.
					for admitted.Load()+refused.Load() < int64(c.callers) {
						time.Sleep(time.Millisecond)
					}
					if err := l.Settle(t.Context(), r, entry(id, at, worst), nil); err != nil {
						t.Error(err)
					}
				}()
			}
			close(release)
			wg.Wait()
			if got := int(admitted.Load()); got != c.room {
				t.Errorf("%d admitted, want %d", got, c.room)
			}
			exact(t, l, h, b, at, worst*core.Nano(c.room))
		})
	}
}

func TestLedger_Reserve(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	b := keyBudget(10_000_000, core.PeriodDay)
	other := &core.Budget{ID: "bud_2", Scope: core.ScopeKey, SubjectID: "key_2", Amount: 1_000_000, Period: core.PeriodNone}
	reserve := func(worst core.Nano, budgets ...*core.Budget) (*ledger.Reservation, error) {
		return l.Reserve(t.Context(), budgets, worst, at)
	}
	held := func(b *core.Budget, want core.Nano) {
		t.Helper()
		if _, got, _, err := l.Spent(t.Context(), b, at); err != nil || got != want {
			t.Errorf("held %s, %v; want %s", got, err, want)
		}
	}
	// C44: a long prompt does not fit; a short one does.
	_, err := reserve(900_000_000, b)
	e := wantCode(t, err, core.CodeBudgetExceeded)
	if !e.NoRetry || e.HTTPStatus() != 402 || e.RetryAfter != 13*time.Hour+30*time.Minute || strings.Contains(e.Message, "key_1") {
		t.Errorf("%+v", e)
	}
	// All or nothing: the second budget refuses, the first holds nothing.
	_, err = reserve(2_000_000, b, other)
	if e := wantCode(t, err, core.CodeBudgetExceeded); e.RetryAfter != 0 {
		t.Errorf("a budget without end names a time: %v", e.RetryAfter)
	}
	held(b, 0)
	r, err := reserve(900_000, b, other)
	if err != nil || r.Granted != 900_000 {
		t.Fatal(r, err)
	}
	held(b, 900_000)
	held(other, 900_000)
	l.Release(r)
	l.Release(r)
	held(b, 0)
	held(other, 0)
	l.Release(nil)

	shrink := *b
	shrink.Policy = core.BudgetShrink
	r, err = reserve(30_000_000, &shrink)
	if err != nil || r.Granted != 10_000_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = reserve(1, &shrink) // spent: nothing left to shrink to
	wantCode(t, err, core.CodeBudgetExceeded)
	if free, err := reserve(0, b); err != nil || free.Granted != 0 {
		t.Errorf("a free model is refused: %v", err)
	}
	l.Release(r)
	if r, err := reserve(5); err != nil || r.Granted != 5 {
		t.Errorf("without budgets: %+v, %v", r, err)
	}
	if _, err := reserve(-1, b); err == nil {
		t.Error("a negative worst case is admitted")
	}
}

// C58: a new window starts at zero; what began in the old one counts there.
func TestLedger_WindowRollsOver(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	b := keyBudget(1_000_000, core.PeriodDay)
	b.Timezone = "Asia/Tokyo"
	before := time.Date(2026, 5, 11, 14, 59, 59, 0, time.UTC)
	after := before.Add(2 * time.Second)
	r, err := l.Reserve(t.Context(), []*core.Budget{b}, 1_000_000, before)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Reserve(t.Context(), []*core.Budget{b}, 1, before)
	wantCode(t, err, core.CodeBudgetExceeded)
	r2, err := l.Reserve(t.Context(), []*core.Budget{b}, 600_000, after)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, l, r, entry("exc_1", before, 1_000_000))
	if spent, held, resets, err := l.Spent(t.Context(), b, after); err != nil || spent != 0 || held != 600_000 ||
		!resets.Equal(time.Date(2026, 5, 12, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("new window: spent %s, held %s, resets %s, %v", spent, held, resets, err)
	}
	settle(t, l, r2, entry("exc_2", after, 500_000))
	exact(t, l, h, b, after, 500_000)
	exact(t, l, h, b, before, 1_000_000)
}

func TestLedger_SettleTwice(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	b := keyBudget(core.Dollar, core.PeriodMonth)
	r, err := l.Reserve(t.Context(), []*core.Budget{b}, 500, at)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, l, r, entry("exc_1", at, 300))
	settle(t, l, r, entry("exc_1", at, 300))   // the same reservation
	settle(t, l, nil, entry("exc_1", at, 999)) // none
	r2, err := l.Reserve(t.Context(), []*core.Budget{b}, 500, at)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, l, r2, entry("exc_1", at, 300)) // another
	l.Release(r)
	exact(t, l, h, b, at, 300)
	if err := l.Settle(t.Context(), nil, &core.LedgerEntry{}, nil); err == nil {
		t.Error("an entry without an exchange is accepted")
	}
}

// The client has left: the entry is written all the same.
func TestLedger_SettleAfterCancel(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Settle(ctx, nil, entry("exc_1", at, 7), nil); err != nil {
		t.Error(err)
	}
	exact(t, l, h, keyBudget(1, core.PeriodNone), at, 7)
}

func TestLedger_Correct(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{Now: func() time.Time { return at.Add(48 * time.Hour) }})
	b := keyBudget(core.Dollar, core.PeriodDay)
	if _, _, _, err := l.Spent(t.Context(), b, at); err != nil {
		t.Fatal(err)
	}
	settle(t, l, nil, entry("exc_1", at, 1000))
	c, err := l.Correct(t.Context(), "ent_1", -400, core.Usage{Output: -21}, "counted too much")
	if err != nil || c.Corrects != "ent_1" || c.Outcome != core.OutcomeCorrection || !c.At.Equal(at) {
		t.Fatalf("%+v, %v", c, err)
	}
	exact(t, l, h, b, at, 600)
	_, err = l.Correct(t.Context(), "ent_none", 1, core.Usage{}, "")
	wantCode(t, err, core.CodeNotFound)
	_, err = l.Correct(t.Context(), c.ID, 1, core.Usage{}, "")
	wantCode(t, err, core.CodeInvalidRequest)
}

// C98: counters are seeded from the ledger and live holds, at any moment.
func TestLedger_CountersAlwaysEqualTheLedger(t *testing.T) {
	h := newHouse(t)
	for round := range 3 {
		l, err := ledger.Open(t.Context(), h, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for caller := range 16 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				rng := rand.New(rand.NewPCG(uint64(round), uint64(caller)))
				for n := range 40 {
					// Budgets come and change while exchanges run: each new period is a new counter.
					b := keyBudget(core.Dollar, []core.Period{core.PeriodNone, core.PeriodDay, core.PeriodWeek, core.PeriodMonth, core.PeriodHour}[(n/8+caller)%5])
					id := fmt.Sprintf("exc_%d_%d_%d", round, caller, n)
					r, err := l.Reserve(t.Context(), []*core.Budget{b}, 100_000, at)
					if err != nil {
						t.Error(err)
						return
					}
					switch rng.IntN(4) {
					case 0:
						l.Release(r)
						r = nil
					case 1:
						if err := l.Begin(t.Context(), r, openExchange(id, at, 0)); err != nil {
							t.Error(err)
						}
					}
					if err := l.Settle(t.Context(), r, entry(id, at, 100_000), nil); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		wg.Wait()
		want := core.Nano((round + 1) * 16 * 40 * 100_000)
		for _, p := range []core.Period{core.PeriodNone, core.PeriodHour, core.PeriodDay, core.PeriodWeek, core.PeriodMonth} {
			exact(t, l, h, keyBudget(core.Dollar, p), at, want)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A budget that is set while an exchange runs sees that exchange's hold and amount.
func TestLedger_BudgetSetMeanwhile(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	month := keyBudget(core.Dollar, core.PeriodMonth)
	r, err := l.Reserve(t.Context(), []*core.Budget{month}, 500, at)
	if err != nil {
		t.Fatal(err)
	}
	day := keyBudget(600, core.PeriodDay)
	_, err = l.Reserve(t.Context(), []*core.Budget{day}, 200, at)
	wantCode(t, err, core.CodeBudgetExceeded)
	settle(t, l, r, entry("exc_1", at, 450))
	exact(t, l, h, day, at, 450)
	exact(t, l, h, month, at, 450)
}

func TestLedger_Interrupted(t *testing.T) {
	h := newHouse(t)
	b := &core.LedgerBatch{Open: []*core.OpenExchange{openExchange("exc_1", at, 6000), openExchange("exc_2", at, 7000)}}
	b.Open[0].NodeID, b.Open[1].NodeID = "nod_mine", "nod_other"
	b.Open[0].EndUser, b.Open[0].Tags = "ada", []string{"batch", "eu"}
	if _, err := h.WriteBatch(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, h, ledger.Options{NodeID: "nod_mine"})
	if n := l.Stats().Interrupted; n != 2 {
		t.Errorf("%d interrupted, want 2: also those of this node's earlier life", n)
	}
	exact(t, l, h, keyBudget(1, core.PeriodDay), at, 13000)
	got, _, err := h.ListEntries(t.Context(), core.EntryFilter{ExchangeID: "exc_1", Limit: 1})
	if err != nil || len(got) != 1 || got[0].Outcome != core.OutcomeInterrupted || !got[0].Usage.Estimated() || got[0].Amount != 6000 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(got) == 1 && (got[0].EndUser != "ada" || !slices.Equal(got[0].Tags, []string{"batch", "eu"})) {
		t.Errorf("of %q with %q", got[0].EndUser, got[0].Tags)
	}
	if open, err := h.ListOpen(t.Context(), ""); err != nil || len(open) != 0 {
		t.Errorf("still open: %v, %v", open, err)
	}
	// A settlement that comes too late changes nothing.
	settle(t, l, nil, entry("exc_1", at, 1))
	exact(t, l, h, keyBudget(1, core.PeriodDay), at, 13000)
}

func TestOpen_Options(t *testing.T) {
	if _, err := ledger.Open(t.Context(), newHouse(t), ledger.Options{Durability: "maybe"}); err == nil || !strings.Contains(err.Error(), `"maybe"`) {
		t.Error(err)
	}
}

// logLines counts what is logged.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
