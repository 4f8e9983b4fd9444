// Package routing turns a model alias into deployments to try, best first: it
// keeps what is known of each deployment's health and asks the strategy.
package routing

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

// failuresToCool is how many failures in a row without an answer between them
// cool a deployment down. A vendor's rate limit or refusal of our credential
// does so at once.
const failuresToCool = 3

// State is what is known of one deployment. It outlives configuration
// revisions, so that a reload forgets no cool-down. Safe for concurrent use.
type State struct {
	name     string
	tell     func(Change) // of the States; nil tells nobody
	inFlight atomic.Int64

	mu        sync.Mutex
	until     time.Time // cooling down before this
	trial     bool      // cooled down, one exchange is on trial
	unwell    bool      // it cooled down and has not answered since
	failures  int       // in a row
	lastError string
	latency   ewma // ms
	firstByte ewma // ms
	errors    ewma // share
	minute    time.Time
	requests  int64
	tokens    int64
}

// ewma is a moving average in which the newest of about ten values counts most.
type ewma struct {
	value float64
	any   bool
}

func (e *ewma) add(v float64) {
	if !e.any {
		e.value, e.any = v, true
		return
	}
	const weight = 0.2
	e.value += weight * (v - e.value)
}

// Health is a snapshot of a State.
type Health struct {
	Deployment   string
	InFlight     int64
	CoolingUntil time.Time // zero when not cooling
	LastError    string
	LatencyMS    float64
	FirstByteMS  float64
	ErrorShare   float64
	Requests     int64 // in the running minute
	Tokens       int64
}

// Health reads the state at now.
func (s *State) Health(now time.Time) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(now)
	h := Health{Deployment: s.name, InFlight: s.inFlight.Load(), LastError: s.lastError,
		LatencyMS: s.latency.value, FirstByteMS: s.firstByte.value, ErrorShare: s.errors.value,
		Requests: s.requests, Tokens: s.tokens}
	if s.until.After(now) {
		h.CoolingUntil = s.until
	}
	return h
}

func (s *State) roll(now time.Time) {
	if m := now.Truncate(time.Minute); !m.Equal(s.minute) {
		s.minute, s.requests, s.tokens = m, 0, 0
	}
}

// Begin counts an attempt as in flight. End must follow.
func (s *State) Begin(now time.Time) {
	s.inFlight.Add(1)
	s.mu.Lock()
	s.roll(now)
	s.requests++
	s.trial = !s.until.IsZero() && !s.until.After(now)
	s.mu.Unlock()
}

// Result is how an attempt ended.
type Result struct {
	Latency   time.Duration
	FirstByte time.Duration // 0 for an answer that was no stream
	Tokens    int64
	// Err is nil for an answer, and for a client that left or asked nonsense:
	// neither says anything of the deployment.
	Err *core.Error
	// Neutral marks an end that says nothing of the deployment.
	Neutral bool
}

// End counts the attempt as over. After a failure that another deployment may
// make good, the deployment cools down: for as long as the vendor asked, else
// for cooldown, and never shorter than it already does.
func (s *State) End(now time.Time, r Result, cooldown time.Duration) (cooling bool) {
	s.inFlight.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roll(now)
	s.tokens += r.Tokens
	if r.Neutral || r.Err != nil && !r.Err.Retryable() {
		return false
	}
	if r.Err == nil {
		s.failures, s.trial, s.lastError, s.until = 0, false, "", laterOnly(s.until, now)
		if s.unwell && s.until.IsZero() {
			s.change(Change{Deployment: s.name, At: now})
		}
		s.errors.add(0)
		s.latency.add(ms(r.Latency))
		if r.FirstByte > 0 {
			s.firstByte.add(ms(r.FirstByte))
		}
		return false
	}
	s.failures++
	s.errors.add(1)
	s.lastError = string(r.Err.Code)
	atOnce := r.Err.Code == core.CodeRateLimited || r.Err.Code == core.CodeUpstreamCredential
	if !atOnce && !s.trial && s.failures < failuresToCool {
		return false
	}
	wait := cooldown
	if r.Err.RetryAfter > 0 {
		wait = r.Err.RetryAfter
	}
	if until := now.Add(wait); until.After(s.until) {
		s.until = until
	}
	s.trial = false
	if !s.unwell {
		s.change(Change{Deployment: s.name, CoolingUntil: s.until, Error: r.Err.Code, At: now})
	}
	return true
}

// Change is a deployment that cools down, or, with a zero CoolingUntil, answers again.
type Change struct {
	Deployment   string
	CoolingUntil time.Time
	Error        core.Code
	At           time.Time
}

// change tells of one. s.mu is held.
func (s *State) change(c Change) {
	s.unwell = !c.CoolingUntil.IsZero()
	if s.tell != nil {
		s.tell(c)
	}
}

// laterOnly keeps a cool-down that is still running: an old exchange that ends
// well does not lift what a newer one caused.
func laterOnly(until, now time.Time) time.Time {
	if until.After(now) {
		return until
	}
	return time.Time{}
}

func ms(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// States keeps one State per deployment name for the life of the process.
type States struct {
	// Tell hears of changes; it must not wait. It is set before the first Of.
	Tell func(Change)

	mu sync.Mutex
	m  map[string]*State
}

// Of returns the deployment's state, a new one at first.
func (s *States) Of(deployment string) *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[string]*State)
	}
	st := s.m[deployment]
	if st == nil {
		st = &State{name: deployment, tell: s.Tell}
		s.m[deployment] = st
	}
	return st
}
