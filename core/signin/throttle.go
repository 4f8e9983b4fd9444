package signin

import (
	"net/netip"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// throttle lets attempts that fail wait, longer each time. It is kept in memory:
// a restart forgets it, and each node counts for itself.
type throttle struct {
	mu sync.Mutex
	m  map[string]*failures
}

// failures are those of one subject.
type failures struct {
	count int
	until time.Time // no attempt before
	last  time.Time
}

// subject is what attempts are counted by: free of them cost no wait; the waits
// after that double from a second to longest.
type subject struct {
	key     string
	free    int
	longest time.Duration
}

// attempt are the subjects of one: the account from the address, so that nobody
// keeps others out of theirs from elsewhere; the account from everywhere; the
// address at all accounts.
func attempt(account string, from netip.Addr) []subject {
	if from.Is6() { // a host has a whole network
		p, _ := from.Prefix(64) // of a valid address
		from = p.Addr()
	}
	address := from.String()
	return []subject{
		{"both " + account + " " + address, 5, 15 * time.Minute},
		{"account " + account, 100, time.Minute},
		{"address " + address, 30, 15 * time.Minute},
	}
}

// resetAttempt are the subjects of asking for a new password: nobody's mailbox
// is to be filled.
func resetAttempt(account string, from netip.Addr) []subject {
	return []subject{{"reset " + account, 3, 15 * time.Minute}, attempt("", from)[2]}
}

const (
	maxSubjects = 20_000
	forgetAfter = time.Hour
)

// begin counts an attempt as failed, before it is known: attempts at the same
// time are as many as one after the other. Refused ones do not count.
func (t *throttle) begin(subjects []subject, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string]*failures{}
	}
	for _, s := range subjects {
		if f := t.m[s.key]; f != nil && now.Before(f.until) {
			return &core.Error{Code: core.CodeRateLimited, Source: core.SourceClient, Message: "too many failed attempts; wait before the next", RetryAfter: f.until.Sub(now)}
		}
	}
	for _, s := range subjects {
		f := t.m[s.key]
		if f == nil || now.Sub(f.last) > forgetAfter {
			t.makeRoom(now)
			f = &failures{}
			t.m[s.key] = f
		}
		f.count++
		f.last = now
		if over := f.count - s.free; over >= 0 {
			f.until = now.Add(min(s.longest, time.Second<<min(over, 20)))
		}
	}
	return nil
}

// succeed forgets the failures of the first subject and the attempt's own of the others.
func (t *throttle) succeed(subjects []subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, s := range subjects {
		f := t.m[s.key]
		switch {
		case f == nil:
		case i == 0 || f.count == 1:
			delete(t.m, s.key)
		default:
			f.count--
			f.until = time.Time{}
		}
	}
}

// makeRoom forgets what is old, and where nothing is, a few that the map's order names.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.m) < maxSubjects {
		return
	}
	looked := 0
	for key, f := range t.m {
		if looked++; looked > 64 {
			return
		}
		if now.Sub(f.last) > forgetAfter || looked > 60 {
			delete(t.m, key)
		}
	}
}
