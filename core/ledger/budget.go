package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// subject is whose money a budget limits.
type subject struct {
	scope    core.Scope
	id, user string // user is a member's, and id then the team's
}

// subjectOf is whose money b limits.
func subjectOf(b *core.Budget) subject {
	who := subject{scope: b.Scope, id: b.SubjectID}
	if b.Scope == core.ScopeMember {
		who.id, who.user, _ = strings.Cut(b.SubjectID, "/")
	}
	return who
}

// scopes lists the levels at which an entry is counted.
var scopes = [...]core.Scope{core.ScopeKey, core.ScopeMember, core.ScopeProject, core.ScopeTeam, core.ScopeUser, core.ScopeOrganization}

// payer is the subject of e at the scope; its id is "" when e has none.
func payer(scope core.Scope, e *core.LedgerEntry) subject {
	who := subject{scope: scope}
	switch scope {
	case core.ScopeKey:
		who.id = e.Key.ID
	case core.ScopeMember:
		if e.User.ID != "" {
			who.id, who.user = e.Team.ID, e.User.ID
		}
	case core.ScopeProject:
		who.id = e.Project.ID
	case core.ScopeTeam:
		who.id = e.Team.ID
	case core.ScopeUser:
		who.id = e.User.ID
	case core.ScopeOrganization:
		who.id = e.Organization.ID
	}
	return who
}

// account is one subject's holds and counters. A hold or an amount counts in
// every counter whose window contains its instant, also in one of a budget that
// was set while the exchange was under way.
type account struct {
	counters []*counter
	live     map[*Reservation]struct{}
}

// counter is what a subject has spent and holds in one window. It belongs to
// the window, not to a budget: a budget that is replaced finds the same sums.
type counter struct {
	subject    subject
	budgeted   core.BudgetSubject // the same, in the store's words
	period     core.Period
	timezone   string
	start, end time.Time // both zero: all time

	spent, held core.Nano
	counting    bool          // amounts recorded from here on are added
	seeded      chan struct{} // closed when spent is complete or err set
	err         error
	alerts      alerts
}

func (c *counter) contains(at time.Time) bool {
	return c.end.IsZero() || !at.Before(c.start) && at.Before(c.end)
}

func (c *counter) ready() bool {
	select {
	case <-c.seeded:
		return true
	default:
		return false
	}
}

func (c *counter) fail(err error) {
	c.err = err
	close(c.seeded)
}

// Reservation is money held for one exchange. Its fields do not change.
type Reservation struct {
	// Granted is what is held: the worst case, or less where a budget's policy is shrink.
	Granted core.Nano

	at       time.Time
	accounts []*account
	held     bool // guarded by Ledger.mu, as is settled
	settled  bool
}

// Reserve holds worst against every budget or, as an error, against none:
// CodeBudgetExceeded when one cannot cover it, CodeOverloaded when the ledger
// cannot be read or written. now is the instant at which the exchange counts; it
// should be the entry's At. A worst case of zero always fits.
//
// However many reserve at once, spent plus held passes no budget.
func (l *Ledger) Reserve(ctx context.Context, budgets []*core.Budget, worst core.Nano, now time.Time) (*Reservation, error) {
	if worst < 0 {
		return nil, errors.New("reserve: the worst case is negative")
	}
	r := &Reservation{Granted: worst, at: now}
	for {
		l.mu.Lock()
		if err := l.refusal(); err != nil {
			l.mu.Unlock()
			return nil, err
		}
		wait, err := l.tryReserve(r, budgets, worst)
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if wait == nil {
			return r, nil
		}
		if err := l.await(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// tryReserve holds, or refuses, or names a counter to wait for. l.mu is held.
func (l *Ledger) tryReserve(r *Reservation, budgets []*core.Budget, worst core.Nano) (wait *counter, err error) {
	granted := worst
	for _, b := range budgets {
		c, err := l.counter(b, r.at)
		if err != nil {
			return nil, err
		}
		if !c.ready() {
			wait = c
			continue
		}
		if c.alerts.see(b); c.spent >= c.alerts.next {
			l.tellThresholds(c, r.at)
		}
		if room := b.Amount - c.spent - c.held; b.Policy == core.BudgetShrink && room < granted && room > 0 {
			granted = room
		}
	}
	if wait != nil {
		return wait, nil
	}
	for _, b := range budgets {
		c, err := l.counter(b, r.at)
		if err != nil {
			return nil, err
		}
		if room := b.Amount - c.spent - c.held; granted > 0 && granted > room {
			l.tellRefusal(c, r.at)
			return nil, exceeded(b, c, worst, room, r.at)
		}
	}
	r.Granted = granted
	l.hold(r, budgets)
	return nil, nil
}

// hold counts r in its accounts. l.mu is held.
func (l *Ledger) hold(r *Reservation, budgets []*core.Budget) {
	if len(budgets) == 0 {
		return
	}
	r.held = true
	for _, b := range budgets {
		a := l.accounts[subjectOf(b)]
		if _, twice := a.live[r]; twice {
			continue
		}
		a.live[r] = struct{}{}
		r.accounts = append(r.accounts, a)
		for _, c := range a.counters {
			if c.contains(r.at) {
				c.held += r.Granted
			}
		}
	}
}

// unhold is the reverse; nil and what holds nothing are fine. l.mu is held.
func (l *Ledger) unhold(r *Reservation) {
	if r == nil || !r.held {
		return
	}
	r.held = false
	for _, a := range r.accounts {
		delete(a.live, r)
		for _, c := range a.counters {
			if c.contains(r.at) {
				c.held -= r.Granted
			}
		}
	}
}

// Release gives the hold back, for an exchange that gets no entry. Releasing
// again, or after Settle, changes nothing.
func (l *Ledger) Release(r *Reservation) {
	l.mu.Lock()
	l.unhold(r)
	l.mu.Unlock()
}

// apply adds amount to the counters that e falls into. l.mu is held.
func (l *Ledger) apply(e *core.LedgerEntry, amount core.Nano) {
	for _, scope := range scopes {
		if who := payer(scope, e); who.id != "" {
			l.count(l.accounts[who], e, amount)
		}
	}
	if e.ParentKeyID != "" {
		l.count(l.accounts[parent(e)], e, amount)
	}
}

// count adds amount in one account, nil for none. l.mu is held.
func (l *Ledger) count(a *account, e *core.LedgerEntry, amount core.Nano) {
	if a == nil {
		return
	}
	for _, c := range a.counters {
		if c.counting && c.contains(e.At) {
			if c.spent += amount; c.spent >= c.alerts.next {
				l.tellThresholds(c, e.EndedAt)
			}
		}
	}
}

// parent is the key that made the temporary one of e: it pays too.
func parent(e *core.LedgerEntry) subject { return subject{scope: core.ScopeKey, id: e.ParentKeyID} }

// exceeded tells the client of its own budget only: what is left of another's
// would tell what others spent.
func exceeded(b *core.Budget, c *counter, worst, room core.Nano, now time.Time) *core.Error {
	left := ""
	if !c.end.IsZero() {
		left = " until " + c.end.Format(time.RFC3339)
	}
	e := core.Errorf(core.CodeBudgetExceeded, core.SourceGateway,
		"budget exceeded: this request may cost up to $%s and $%s of the %s's budget of $%s is left%s",
		worst, max(room, 0), b.Scope, b.Amount, left)
	if b.Scope != core.ScopeKey {
		e.Message = fmt.Sprintf("budget exceeded: this request may cost up to $%s, which the %s's budget does not cover%s", worst, b.Scope, left)
	}
	e.NoRetry = true
	if !c.end.IsZero() {
		e.RetryAfter = c.end.Sub(now)
	}
	return e
}

// counter finds the counter of b's window at now, or makes one and has it
// seeded. l.mu is held.
func (l *Ledger) counter(b *core.Budget, now time.Time) (*counter, error) {
	who := subjectOf(b)
	a := l.accounts[who]
	if a == nil {
		a = &account{live: map[*Reservation]struct{}{}}
		l.accounts[who] = a
	}
	for _, c := range a.counters {
		if c.period == b.Period && c.timezone == b.Timezone && c.contains(now) {
			return c, nil
		}
	}
	start, end, err := b.Window(now)
	if err != nil {
		return nil, err
	}
	c := &counter{subject: who, budgeted: core.BudgetSubject{Scope: b.Scope, ID: b.SubjectID}, period: b.Period, timezone: b.Timezone, start: start, end: end, seeded: make(chan struct{}), alerts: alerts{next: math.MaxInt64}}
	for r := range a.live {
		if c.contains(r.at) {
			c.held += r.Granted
		}
	}
	a.dropPast(now)
	a.counters = append(a.counters, c)
	l.seeds = append(l.seeds, c)
	l.signal()
	return c, nil
}

// dropPast forgets counters of windows that are over. Should one be asked for
// again, by a clock set back, it is seeded anew.
func (a *account) dropPast(now time.Time) {
	kept := a.counters[:0]
	for _, c := range a.counters {
		if c.end.IsZero() || now.Before(c.end) || !c.ready() {
			kept = append(kept, c)
		}
	}
	clear(a.counters[len(kept):])
	a.counters = kept
}

// await waits until c is seeded.
func (l *Ledger) await(ctx context.Context, c *counter) error {
	select {
	case <-c.seeded:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seed completes counters from the ledger. It runs in the writer, so that no
// entry is committed between the look at what waits (taken is what the writer
// has in hand) and the sum of what is written: each entry counts exactly once.
func (l *Ledger) seed(counters []*counter, taken []item) {
	for _, c := range counters {
		l.mu.Lock()
		for _, waiting := range [][]item{l.writing.retry, taken, l.queue} {
			for _, it := range waiting {
				if e := it.entry; e != nil && (payer(c.subject.scope, e) == c.subject || e.ParentKeyID != "" && parent(e) == c.subject) && c.contains(e.At) {
					c.spent += e.Amount
				}
			}
		}
		c.counting = true
		l.mu.Unlock()
		sum, err := l.store.SumAmounts(context.Background(), c.budgeted.Scope, c.budgeted.ID, c.start, c.end)
		l.mu.Lock()
		if err != nil {
			l.forget(c)
			c.fail(overloaded("the gateway cannot read its ledger", fmt.Errorf("seed budget counter: %w", err)))
		} else {
			c.spent += sum
			close(c.seeded)
		}
		l.mu.Unlock()
	}
}

// forget removes a counter that could not be seeded. l.mu is held.
func (l *Ledger) forget(c *counter) {
	a := l.accounts[c.subject]
	kept := a.counters[:0]
	for _, other := range a.counters {
		if other != c {
			kept = append(kept, other)
		}
	}
	clear(a.counters[len(kept):])
	a.counters = kept
}

// together is how many budgets Prepare looks up in one turn of the writer: for
// so long no entry is committed.
const together = 25

// Prepare lets Spent of each budget answer at once: what is not known yet is
// looked up by turns of many.
func (l *Ledger) Prepare(ctx context.Context, budgets []*core.Budget, now time.Time) error {
	for turn := range slices.Chunk(budgets, together) {
		counters, err := l.countersOf(turn, now)
		if err != nil {
			return err
		}
		for _, c := range counters {
			if err := l.await(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Ledger) countersOf(budgets []*core.Budget, now time.Time) (counters []*counter, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range budgets {
		c, err := l.counter(b, now)
		if err != nil {
			return nil, err
		}
		counters = append(counters, c)
	}
	return counters, nil
}

// Spent tells what of b is spent and held in its window at now, and when the
// window ends (zero: never).
func (l *Ledger) Spent(ctx context.Context, b *core.Budget, now time.Time) (spent, reserved core.Nano, resetsAt time.Time, err error) {
	for {
		l.mu.Lock()
		c, err := l.counter(b, now)
		if err == nil && c.ready() && c.err == nil {
			spent, reserved, resetsAt = c.spent, c.held, c.end
			l.mu.Unlock()
			return spent, reserved, resetsAt, nil
		}
		l.mu.Unlock()
		if err == nil {
			err = l.await(ctx, c)
		}
		if err != nil {
			return 0, 0, time.Time{}, err
		}
	}
}
