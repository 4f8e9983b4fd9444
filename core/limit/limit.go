// Package limit keeps rates and parallel slots in memory: requests and tokens
// per sliding minute and exchanges at the same time, for any number of subjects
// at once.
//
// A rate is a bucket that leaks its limit per minute, continuously (GCRA): as
// much as the limit may come at once, and never more than the limit per minute
// in the long run. Requests and tokens each have a bucket of their own. All
// arithmetic is in integers, so waits are exact to the nanosecond.
package limit

import (
	"slices"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// Subject is one thing with limits: a key, a deployment, …. ID must be unique
// over all kinds ("key_…", "dep:name").
type Subject struct {
	ID     string
	Limits core.Limits
}

// Limiter is safe for concurrent use.
type Limiter struct {
	mu       sync.Mutex
	subjects map[string]*state
	sweepAt  int // number of subjects at which idle ones are looked for
}

// state is what one subject has used.
type state struct {
	requests, tokens bucket
	parallel         int64
}

const firstSweep = 1024

// New makes an empty limiter.
func New() *Limiter {
	return &Limiter{subjects: map[string]*state{}, sweepAt: firstSweep}
}

// Acquire takes one request, tokens and a parallel slot from every subject, or
// from none: the error is CodeRateLimited with the exact RetryAfter, at least
// one nanosecond. tokens is an estimate; see [Grant.Correct]. A request of more
// tokens than a whole minute's limit can never pass and says so (NoRetry). The
// grant is nil, which has all its methods, when no subject has limits.
func (l *Limiter) Acquire(now time.Time, subjects []Subject, tokens int64) (*Grant, error) {
	if !slices.ContainsFunc(subjects, func(s Subject) bool { return s.Limits != (core.Limits{}) }) {
		return nil, nil
	}
	tokens = max(tokens, 0)
	at := now.UnixNano()
	g := &Grant{limiter: l, reserved: tokens}
	g.holds = g.few[:0]
	l.mu.Lock()
	defer l.mu.Unlock()
	g.look(at, subjects)
	var refused *core.Error
	for i := range g.holds {
		h := &g.holds[i]
		if err := h.state.refuse(h.limits, tokens); err != nil && (refused == nil || err.RetryAfter > refused.RetryAfter) {
			refused = err
		}
	}
	if refused != nil {
		return nil, refused
	}
	for i := range g.holds {
		h := &g.holds[i]
		h.state.parallel++
		h.state.requests.add(1)
		h.state.tokens.add(tokens)
		h.requests, h.tokens = h.state.requests.added, h.state.tokens.added
	}
	g.snapshot()
	return g, nil
}

// State tells how the subjects stand, for a refusal's headers.
func (l *Limiter) State(now time.Time, subjects []Subject) State {
	g := &Grant{limiter: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.look(now.UnixNano(), subjects)
	g.snapshot()
	return g.now
}

// look lists the subjects that have limits, as they stand at a time. The
// limiter is locked.
func (g *Grant) look(at int64, subjects []Subject) {
	for _, s := range subjects {
		if s.Limits == (core.Limits{}) {
			continue
		}
		st := g.limiter.state(s.ID, at)
		st.requests.leak(at, s.Limits.RPM)
		st.tokens.leak(at, s.Limits.TPM)
		g.holds = append(g.holds, hold{state: st, limits: s.Limits})
	}
}

// refuse tells why one more request does not fit; nil when it does.
func (s *state) refuse(lim core.Limits, tokens int64) *core.Error {
	if lim.TPM > 0 && tokens > lim.TPM {
		e := core.Errorf(core.CodeRateLimited, core.SourceGateway,
			"this request needs %d tokens, more than the limit of %d tokens per minute", tokens, lim.TPM)
		e.RetryAfter, e.NoRetry = time.Minute, true
		return e
	}
	var err *core.Error
	longer := func(wait time.Duration, format string, limit int64) {
		if wait > 0 && (err == nil || wait > err.RetryAfter) {
			err = core.Errorf(core.CodeRateLimited, core.SourceGateway, format, limit)
			err.RetryAfter = wait
		}
	}
	if lim.Parallel > 0 && s.parallel >= lim.Parallel {
		// When a running exchange ends is unknown; a second is a polite guess.
		longer(time.Second, "limit of %d parallel requests reached", lim.Parallel)
	}
	if lim.RPM > 0 {
		longer(s.requests.wait(1, lim.RPM), "limit of %d requests per minute reached", lim.RPM)
	}
	if lim.TPM > 0 {
		longer(s.tokens.wait(tokens, lim.TPM), "limit of %d tokens per minute reached", lim.TPM)
	}
	return err
}

// state finds or makes a subject's. Idle ones go when their number has
// doubled, so that the map stays in proportion to what is in use. l.mu is held.
func (l *Limiter) state(id string, at int64) *state {
	if st := l.subjects[id]; st != nil {
		return st
	}
	if len(l.subjects) >= l.sweepAt {
		for id, st := range l.subjects {
			if st.idle(at) {
				delete(l.subjects, id)
			}
		}
		l.sweepAt = max(firstSweep, 2*len(l.subjects))
	}
	st := &state{}
	l.subjects[id] = st
	return st
}

// idle reports whether forgetting s changes nothing: a bucket that is not over
// its limit is empty after a minute without use. Tokens may be over the limit
// after a correction, so a long pause is asked for.
func (s *state) idle(at int64) bool {
	return s.parallel == 0 && at-max(s.requests.last, s.tokens.last) > int64(time.Hour)
}

// InFlight is the number of slots that the subject holds.
func (l *Limiter) InFlight(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st := l.subjects[id]; st != nil {
		return st.parallel
	}
	return 0
}
