package core

import (
	"context"
	"fmt"
	"time"
)

// Scope is the level at which a budget or limit stands.
type Scope string

// The scopes. Only those that something uses exist.
const (
	ScopeKey Scope = "key"
)

// Period is how often a budget starts anew.
type Period string

// The periods. PeriodNone never starts anew.
const (
	PeriodNone  Period = "none"
	PeriodHour  Period = "hour"
	PeriodDay   Period = "day"
	PeriodWeek  Period = "week"
	PeriodMonth Period = "month"
)

// Budget is money allowed per period at one level. A budget is passed by no
// exchange: the worst case is reserved first (see the ledger package).
type Budget struct {
	ID        string `json:"id"`
	Scope     Scope  `json:"scope"`
	SubjectID string `json:"subject_id"`
	Amount    Nano   `json:"amount"`
	Period    Period `json:"period"`
	Timezone  string `json:"timezone"` // IANA name; "" is UTC
	// Policy is what happens when the worst case does not fit but the budget is
	// not spent: strict refuses, shrink lowers the output cap to what is left.
	Policy    BudgetPolicy `json:"policy"`
	CreatedAt time.Time    `json:"created_at"`
}

// BudgetPolicy says what to do when a worst case does not fit.
type BudgetPolicy string

// The policies; the empty one is strict.
const (
	BudgetStrict BudgetPolicy = "strict"
	BudgetShrink BudgetPolicy = "shrink"
)

// Validate reports the first fault as CodeInvalidRequest with the field as Param.
func (b *Budget) Validate() error {
	if b.Amount < 0 {
		return Invalid("budget.amount", "must not be negative")
	}
	switch b.Period {
	case PeriodNone, PeriodHour, PeriodDay, PeriodWeek, PeriodMonth:
	default:
		return Invalid("budget.period", "%q is not one of none, hour, day, week, month", string(b.Period))
	}
	switch b.Policy {
	case "", BudgetStrict, BudgetShrink:
	default:
		return Invalid("budget.policy", "%q is not one of strict, shrink", string(b.Policy))
	}
	if _, err := time.LoadLocation(b.Timezone); err != nil {
		return Invalid("budget.timezone", "%q is not an IANA time zone", b.Timezone)
	}
	return nil
}

// Window returns the period around now as [start, end). For PeriodNone start
// is the zero time and end is zero too. Boundaries are local midnights (weeks
// begin on Monday), so a day may have 23 or 25 hours.
func (b *Budget) Window(now time.Time) (start, end time.Time, err error) {
	loc, err := time.LoadLocation(b.Timezone)
	if err != nil {
		return start, end, fmt.Errorf("budget %s: %w", b.ID, err)
	}
	t := now.In(loc)
	y, m, d := t.Date()
	switch b.Period {
	case PeriodNone, "":
		return time.Time{}, time.Time{}, nil
	case PeriodHour:
		start = now.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
		return start.UTC(), start.Add(time.Hour).UTC(), nil
	case PeriodDay:
		start, end = time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	case PeriodWeek:
		d -= (int(t.Weekday()) + 6) % 7
		start, end = time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+7, 0, 0, 0, 0, loc)
	case PeriodMonth:
		start, end = time.Date(y, m, 1, 0, 0, 0, 0, loc), time.Date(y, m+1, 1, 0, 0, 0, 0, loc)
	default:
		return start, end, fmt.Errorf("budget %s: unknown period %q", b.ID, b.Period)
	}
	return start.UTC(), end.UTC(), nil
}

// BudgetStore keeps budgets. Same rules as KeyStore.
type BudgetStore interface {
	// SetBudget creates the budget or replaces the one of the same scope and subject.
	SetBudget(ctx context.Context, b *Budget) error
	// ListBudgets returns those of one subject, or all for subject "".
	ListBudgets(ctx context.Context, scope Scope, subject string) ([]*Budget, error)
	DeleteBudget(ctx context.Context, id string) error
}
