package ledger

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

// alerts are what is told of a counter: the thresholds of the budget that was
// last checked against it, each once, and the first refusal. To know that there
// is nothing to tell costs a comparison.
type alerts struct {
	budget  *core.Budget // nil: none was checked yet
	told    int          // so many of its thresholds
	next    core.Nano    // what is spent at the next one; the largest amount when there is none
	refused bool
}

// see takes the budget over. Keys that share one have a copy each.
func (a *alerts) see(b *core.Budget) {
	if a.budget == b {
		return
	}
	same := a.budget != nil && a.budget.Amount == b.Amount && slices.Equal(a.budget.Thresholds, b.Thresholds)
	if a.budget = b; same {
		return
	}
	a.told, a.refused = 0, false
	a.aim()
}

// aim finds the next threshold. A budget of nothing has none: it is spent from the start.
func (a *alerts) aim() {
	a.next = math.MaxInt64
	if b := a.budget; a.told < len(b.Thresholds) && b.Amount > 0 {
		a.next = share(b.Amount, b.Thresholds[a.told])
	}
}

// share is so many percent of the amount, rounded up.
func share(amount core.Nano, percent int) core.Nano {
	high, low := bits.Mul64(uint64(amount), uint64(percent))
	low, carry := bits.Add64(low, 99, 0)
	high += carry
	if high >= 100 {
		return math.MaxInt64
	}
	n, _ := bits.Div64(high, low, 100)
	return core.Nano(min(n, math.MaxInt64))
}

// tellThresholds tells of all thresholds that were reached. What finds no room is
// tried again with the next amount. l.mu is held.
func (l *Ledger) tellThresholds(c *counter, at time.Time) {
	for a := &c.alerts; c.spent >= a.next; a.aim() {
		if !l.tell(c, a.budget.Thresholds[a.told], at) {
			return
		}
		a.told++
	}
}

// tellRefusal tells that the budget refused a request. l.mu is held.
func (l *Ledger) tellRefusal(c *counter, at time.Time) {
	if a := &c.alerts; !a.refused {
		a.refused = l.tell(c, 0, at)
	}
}

func (l *Ledger) tell(c *counter, percent int, at time.Time) bool {
	if l.o.Notice == nil {
		return true
	}
	return l.o.Notice(core.BudgetNotice{Budget: c.alerts.budget, Percent: percent, Spent: c.spent, Reserved: c.held, Start: c.start, End: c.end, At: at})
}
