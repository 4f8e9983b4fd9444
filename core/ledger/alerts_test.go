package ledger_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
)

// ear remembers what it was told. It has no room while it is full.
type ear struct {
	mu   sync.Mutex
	told []string
	full bool
}

func (e *ear) hear(n core.BudgetNotice) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full {
		return false
	}
	e.told = append(e.told, fmt.Sprintf("%s %d%% %d", n.Budget.Scope, n.Percent, n.Spent))
	return true
}

func (e *ear) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	slices.Sort(e.told)
	got := strings.Join(e.told, ", ")
	e.told = nil
	return got
}

func TestLedger_Thresholds(t *testing.T) {
	h, heard := newHouse(t), &ear{}
	o := ledger.Options{Notice: heard.hear}
	l := openLedger(t, h.Store, o)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	key := keyBudget(1000, core.PeriodDay)
	key.Thresholds = []int{50, 80, 100}
	team := &core.Budget{ID: "bud_2", Scope: core.ScopeTeam, SubjectID: "tea_1", Amount: 2000, Period: core.PeriodNone, Thresholds: []int{49}}
	n := 0
	spend := func(l *ledger.Ledger, amount core.Nano, at time.Time, budgets ...*core.Budget) {
		t.Helper()
		r, err := l.Reserve(t.Context(), budgets, 0, at)
		if err != nil {
			t.Fatal(err)
		}
		n++
		e := entry(fmt.Sprintf("exc_%d", n), at, amount)
		e.Team.ID = "tea_1"
		settle(t, l, r, e)
	}
	want := func(what, want string) {
		t.Helper()
		if got := heard.take(); got != want {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	spend(l, 499, now, key, team)
	want("just below", "")
	spend(l, 1, now, key, team)
	want("at a half", "key 50% 500")
	spend(l, 100, now, key, team)
	want("in between", "")
	heard.full = true
	spend(l, 400, now, key, team)
	heard.full = false
	want("without room", "")
	spend(l, 0, now, key, team)
	want("with room again", "key 100% 1000, key 80% 1000, team 49% 1000")
	again := *key // as another key of the same owner has it
	spend(l, 10, now, &again, team)
	want("a copy", "")

	for range 2 {
		_, err := l.Reserve(t.Context(), []*core.Budget{key, team}, 5, now)
		wantCode(t, err, core.CodeBudgetExceeded)
	}
	want("refused twice", "key 0% 1010")
	again.Amount, again.Thresholds = 2000, []int{50}
	spend(l, 0, now, &again)
	want("another amount", "key 50% 1010")
	spend(l, 600, now.Add(24*time.Hour), key)
	want("the next day", "key 50% 600")

	l2 := openLedger(t, h.Store, o) // as after a start: it is for the hearer to know it already
	spend(l2, 0, now, key, team)
	want("after a start", "key 100% 1010, key 50% 1010, key 80% 1010, team 49% 1610")

	nothing := keyBudget(0, core.PeriodHour)
	nothing.Thresholds = []int{1}
	spend(l, 0, now, nothing)
	huge := keyBudget(math.MaxInt64, core.PeriodWeek)
	huge.Thresholds = []int{1, 1000}
	spend(l, 0, now, huge)
	want("nothing and all", "")
}

// TestLedger_ThresholdOnce: however many spend at once, each threshold is told once.
func TestLedger_ThresholdOnce(t *testing.T) {
	h, heard := newHouse(t), &ear{}
	l := openLedger(t, h.Store, ledger.Options{Notice: heard.hear})
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			b := keyBudget(100, core.PeriodDay)
			b.Thresholds = []int{10, 50, 100}
			r, err := l.Reserve(t.Context(), []*core.Budget{b}, 1, now)
			if err != nil {
				t.Error(err)
				return
			}
			settle(t, l, r, entry(fmt.Sprintf("exc_%d", i), now, 1))
		})
	}
	all.Wait()
	if got := heard.take(); got != "key 10% 10, key 100% 100, key 50% 50" {
		t.Errorf("told %s", got)
	}
}
