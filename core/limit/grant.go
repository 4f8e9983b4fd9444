package limit

import (
	"time"

	"github.com/tokligence/gateway/core"
)

// Grant is what one exchange has taken. Its methods are safe for concurrent use.
type Grant struct {
	limiter  *Limiter
	holds    []hold
	few      [3]hold // room for holds, so that the common case allocates once
	reserved int64
	now      State
	released bool
}

type hold struct {
	state  *state
	limits core.Limits
	// What the buckets' added was just after the grant.
	requests, tokens int64
}

// State is what x-ratelimit headers tell: of the narrowest subject, the one
// with the least remaining. A limit of 0 means that there is none.
type State struct {
	LimitRequests, RemainingRequests int64
	ResetRequests                    time.Duration // until all requests are available again
	LimitTokens, RemainingTokens     int64
	ResetTokens                      time.Duration
}

// State is as of Acquire or the last Correct.
func (g *Grant) State() State {
	if g == nil {
		return State{}
	}
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	return g.now
}

// Correct replaces the reserved tokens by what was really used. What was
// reserved too much comes back as far as it has not leaked already; what was
// reserved too little is added, even beyond the limit. Correcting again counts
// from the last correction.
func (g *Grant) Correct(now time.Time, actual int64) {
	if g == nil {
		return
	}
	actual = max(actual, 0)
	at := now.UnixNano()
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	for i := range g.holds {
		h := &g.holds[i]
		b := &h.state.tokens
		b.leak(at, h.limits.TPM)
		if actual >= g.reserved {
			b.add(actual - g.reserved)
			continue
		}
		b.giveBack(g.reserved-actual, g.reserved, h.tokens)
	}
	g.reserved = actual
	g.snapshot()
}

// Release gives the parallel slots back. Releasing again changes nothing.
func (g *Grant) Release() {
	if g == nil {
		return
	}
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	g.release()
}

func (g *Grant) release() {
	if g.released {
		return
	}
	g.released = true
	for i := range g.holds {
		g.holds[i].state.parallel--
	}
}

// Undo gives everything back, the request included: another gate has refused
// what this one let through, and a refusal uses nothing up. After Release it
// changes nothing.
func (g *Grant) Undo(now time.Time) {
	if g == nil {
		return
	}
	at := now.UnixNano()
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	if g.released {
		return
	}
	g.release()
	for i := range g.holds {
		h := &g.holds[i]
		h.state.requests.leak(at, h.limits.RPM)
		h.state.requests.giveBack(1, 1, h.requests)
		h.state.tokens.leak(at, h.limits.TPM)
		h.state.tokens.giveBack(g.reserved, g.reserved, h.tokens)
	}
	g.reserved = 0
	g.snapshot()
}

// snapshot fills g.now. The limiter's mutex is held.
func (g *Grant) snapshot() {
	g.now = State{}
	for i := range g.holds {
		h := &g.holds[i]
		if lim := h.limits.RPM; lim > 0 {
			left := max(lim-h.state.requests.used, 0)
			if g.now.LimitRequests == 0 || left < g.now.RemainingRequests {
				g.now.LimitRequests, g.now.RemainingRequests = lim, left
				g.now.ResetRequests = h.state.requests.until(0, lim)
			}
		}
		if lim := h.limits.TPM; lim > 0 {
			left := max(lim-h.state.tokens.used, 0)
			if g.now.LimitTokens == 0 || left < g.now.RemainingTokens {
				g.now.LimitTokens, g.now.RemainingTokens = lim, left
				g.now.ResetTokens = h.state.tokens.until(0, lim)
			}
		}
	}
}
