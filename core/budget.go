package core

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Scope is the level at which a budget or limit stands.
type Scope string

// The scopes, narrowest first. Only those that something uses exist.
const (
	ScopeKey          Scope = "key"
	ScopeMember       Scope = "member" // a user within a team; the subject is [MemberSubject]
	ScopeProject      Scope = "project"
	ScopeTeam         Scope = "team"
	ScopeUser         Scope = "user"
	ScopeOrganization Scope = "organization"
)

// BudgetSubject is whose money a budget limits.
type BudgetSubject struct {
	Scope Scope
	ID    string
}

// MemberSubject is the subject of ScopeMember: it is the same before and after
// somebody left the team and came back.
func MemberSubject(teamID, userID string) string { return teamID + "/" + userID }

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
	Policy BudgetPolicy `json:"policy"`
	// Thresholds are the percentages of the amount at which an event tells what is
	// spent, rising. They refuse nothing. None is none.
	Thresholds []int     `json:"thresholds"`
	CreatedAt  time.Time `json:"created_at"`
}

// DefaultThresholds are those of a new budget for which none are given.
func DefaultThresholds() []int { return []int{80, 100} }

const (
	maxThresholds = 10
	maxThreshold  = 1000 // percent
)

func checkThresholds(list []int) error {
	if len(list) > maxThresholds {
		return Invalid("budget.thresholds", "must be %d at most", maxThresholds)
	}
	for i, p := range list {
		if p < 1 || p > maxThreshold {
			return Invalid("budget.thresholds", "must be percentages from 1 to %d", maxThreshold)
		}
		if i > 0 && p <= list[i-1] {
			return Invalid("budget.thresholds", "must rise")
		}
	}
	return nil
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
	if err := checkThresholds(b.Thresholds); err != nil {
		return err
	}
	if _, err := location(b.Timezone); err != nil {
		return Invalid("budget.timezone", "%q is not an IANA time zone", b.Timezone)
	}
	return nil
}

// Window returns the period around now as [start, end). For PeriodNone start
// is the zero time and end is zero too. Boundaries are local midnights (weeks
// begin on Monday), so a day may have 23 or 25 hours. Where the clock skips
// midnight, the day begins at its first instant.
func (b *Budget) Window(now time.Time) (start, end time.Time, err error) {
	loc, err := location(b.Timezone)
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
		end = start.Add(time.Hour)
	case PeriodDay:
		start, end = dayStart(y, m, d, loc), dayStart(y, m, d+1, loc)
	case PeriodWeek:
		d -= (int(t.Weekday()) + 6) % 7
		start, end = dayStart(y, m, d, loc), dayStart(y, m, d+7, loc)
	case PeriodMonth:
		start, end = dayStart(y, m, 1, loc), dayStart(y, m+1, 1, loc)
	default:
		return start, end, fmt.Errorf("budget %s: unknown period %q", b.ID, b.Period)
	}
	return start.UTC(), end.UTC(), nil
}

// dayStart is the first instant of a local day. [time.Date] may answer with the
// day before when a clock change skips midnight.
func dayStart(y int, m time.Month, d int, loc *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, loc)
	noon := time.Date(y, m, d, 12, 0, 0, 0, loc)
	if t.Day() == noon.Day() {
		return t
	}
	_, change := t.ZoneBounds()
	return change
}

// locations remembers loaded zones: time.LoadLocation reads a file each time.
// Only names that exist are kept, so the map is bounded by the zone database.
var locations sync.Map // string → *time.Location

func location(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if loc, ok := locations.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	locations.Store(name, loc)
	return loc, nil
}

// BudgetStore keeps budgets. Same rules as KeyStore.
type BudgetStore interface {
	// SetBudget creates the budget or replaces the one of the same scope and subject.
	SetBudget(ctx context.Context, b *Budget) error
	// ListBudgets returns those of one subject, or all for subject "".
	ListBudgets(ctx context.Context, scope Scope, subject string) ([]*Budget, error)
	// FindBudgets returns those that the subjects have, in the subjects' order.
	FindBudgets(ctx context.Context, subjects []BudgetSubject) ([]*Budget, error)
	DeleteBudget(ctx context.Context, id string) error
}
