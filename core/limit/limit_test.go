package limit

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

var start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

func one(l core.Limits) []Subject { return []Subject{{ID: "key_1", Limits: l}} }

func refusal(t *testing.T, err error) *core.Error {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Code != core.CodeRateLimited || e.Source != core.SourceGateway || e.Retryable() || e.RetryAfter <= 0 {
		t.Fatalf("got %+v, want our rate_limited with RetryAfter", err)
	}
	return e
}

// Each step happens at its second; want is the wait of a refusal in
// milliseconds, 0 for admitted.
func TestLimiter_Acquire(t *testing.T) {
	type step struct {
		at             float64
		tokens, actual int64 // actual < 0: not corrected
		want           float64
		left           int64 // remaining tokens, or requests when there is no token limit
	}
	for _, c := range []struct {
		name   string
		limits core.Limits
		steps  []step
	}{
		{"C101 tokens and requests have windows of their own", core.Limits{RPM: 500, TPM: 1000}, []step{
			{0, 900, -1, 0, 100}, {61, 200, -1, 0, 800}, {62, 200, -1, 0, 616}, {125, 200, -1, 0, 800},
		}},
		{"requests", core.Limits{RPM: 2}, []step{
			{0, 0, -1, 0, 1}, {0, 0, -1, 0, 0}, {0, 0, -1, 30_000, 0}, {29.999, 0, -1, 1, 0}, {30, 0, -1, 0, 0}, {31, 0, -1, 29_000, 0},
		}},
		{"a refusal uses nothing up", core.Limits{RPM: 1}, []step{
			{0, 0, -1, 0, 0}, {59, 0, -1, 1000, 0}, {59, 0, -1, 1000, 0}, {59, 0, -1, 1000, 0}, {60, 0, -1, 0, 0},
		}},
		{"tokens come back when fewer were used", core.Limits{TPM: 1000}, []step{
			{0, 1000, 100, 0, 900}, {0, 900, -1, 0, 0}, {0, 1, -1, 60, 0},
		}},
		{"tokens used beyond the reservation are owed", core.Limits{TPM: 1000}, []step{
			{0, 100, 1600, 0, 0}, {30, 1, -1, 6060, 0}, {36.06, 1, -1, 0, 0},
		}},
		{"more than a minute's worth never passes", core.Limits{TPM: 1000}, []step{{0, 1001, -1, 60_000, 0}, {0, 1000, -1, 0, 0}}},
		{"a clock that goes back gives nothing", core.Limits{RPM: 1}, []step{{10, 0, -1, 0, 0}, {5, 0, -1, 60_000, 0}, {70, 0, -1, 0, 0}}},
		{"no limits", core.Limits{}, []step{{0, 1 << 50, -1, 0, 0}, {0, 1 << 50, -1, 0, 0}}},
		{"huge limit", core.Limits{TPM: math.MaxInt64}, []step{{0, 1 << 40, -1, 0, math.MaxInt64 - 1<<40}, {60, 1, -1, 0, math.MaxInt64 - 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New()
			for i, s := range c.steps {
				now := start.Add(time.Duration(math.Round(s.at * 1e9)))
				g, err := l.Acquire(now, one(c.limits), s.tokens)
				if s.want > 0 {
					if e := refusal(t, err); e.RetryAfter != time.Duration(s.want*1e6) {
						t.Errorf("step %d: retry after %v, want %v ms", i, e.RetryAfter, s.want)
					}
					continue
				}
				if err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				if s.actual >= 0 {
					g.Correct(now, s.actual)
				}
				g.Release()
				state := g.State()
				left := state.RemainingTokens
				if c.limits.TPM == 0 {
					left = state.RemainingRequests
				}
				if left != s.left {
					t.Errorf("step %d: %d remaining, want %d", i, left, s.left)
				}
			}
		})
	}
}

// What has leaked is not given back a second time.
func TestGrant_CorrectAfterLeak(t *testing.T) {
	l := New()
	lim := core.Limits{TPM: 1000}
	g, err := l.Acquire(start, one(lim), 1000)
	if err != nil {
		t.Fatal(err)
	}
	later := start.Add(time.Minute)
	if _, err := l.Acquire(later, one(lim), 700); err != nil {
		t.Fatal(err)
	}
	g.Correct(later, 10) // all 1000 have leaked: nothing comes back
	if left := g.State().RemainingTokens; left != 300 {
		t.Errorf("%d remaining, want 300", left)
	}
	g.Correct(later, 60) // and from there on it counts
	if left := g.State().RemainingTokens; left != 250 {
		t.Errorf("%d remaining, want 250", left)
	}
}

// C100: slots come back, once each.
func TestGrant_Release(t *testing.T) {
	l := New()
	lim := core.Limits{Parallel: 3}
	var grants []*Grant
	for range 3 {
		g, err := l.Acquire(start, one(lim), 0)
		if err != nil {
			t.Fatal(err)
		}
		grants = append(grants, g)
	}
	_, err := l.Acquire(start, one(lim), 0)
	if e := refusal(t, err); e.RetryAfter != time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	grants[0].Release()
	grants[0].Release()
	if n := l.InFlight("key_1"); n != 2 {
		t.Errorf("%d in flight after releasing one twice", n)
	}
	if _, err := l.Acquire(start, one(lim), 0); err != nil {
		t.Error(err)
	}
	refusal(t, func() error { _, err := l.Acquire(start, one(lim), 0); return err }())
}

// All subjects or none; the headers are the narrowest's.
func TestLimiter_AllOrNothing(t *testing.T) {
	l := New()
	wide, narrow := Subject{"key_1", core.Limits{RPM: 100, TPM: 1000}}, Subject{"dep:a", core.Limits{RPM: 2, Parallel: 1}}
	g, err := l.Acquire(start, []Subject{wide, narrow}, 400)
	if err != nil {
		t.Fatal(err)
	}
	want := State{LimitRequests: 2, RemainingRequests: 1, ResetRequests: 30 * time.Second, LimitTokens: 1000, RemainingTokens: 600, ResetTokens: 24 * time.Second}
	if got := g.State(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for range 5 {
		refusal(t, func() error { _, err := l.Acquire(start, []Subject{wide, narrow}, 400); return err }())
	}
	g, err = l.Acquire(start, []Subject{wide}, 600)
	if err != nil {
		t.Fatal("the refusals used something up: ", err)
	}
	if got := g.State(); got.RemainingRequests != 98 || got.RemainingTokens != 0 {
		t.Errorf("%+v", got)
	}
	if n := l.InFlight("key_1"); n != 2 {
		t.Errorf("%d in flight", n)
	}
}

func TestLimiter_Parallel(t *testing.T) {
	l := New()
	lim := core.Limits{RPM: 50, TPM: 100_000, Parallel: 1000}
	var passed, running, most atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			g, err := l.Acquire(start, one(lim), 100)
			if err != nil {
				return
			}
			passed.Add(1)
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			g.Correct(start, 150)
			_ = g.State()
			running.Add(-1)
			g.Release()
			g.Release()
		}()
	}
	wg.Wait()
	if n := passed.Load(); n != 50 {
		t.Errorf("%d passed, want exactly 50", n)
	}
	if n := l.InFlight("key_1"); n != 0 {
		t.Errorf("%d in flight at the end", n)
	}
}

// In the long run no more passes than the limit, however the calls fall.
func TestLimiter_LongRun(t *testing.T) {
	l := New()
	now := start
	passed := 0
	for i := range 100_000 {
		now = now.Add(time.Duration(i*7919%23) * time.Millisecond)
		if g, err := l.Acquire(now, one(core.Limits{RPM: 97}), 0); err == nil {
			passed++
			g.Release()
		}
	}
	minutes := now.Sub(start).Minutes()
	if most := 97 + 97*minutes; float64(passed) > most || float64(passed) < 97*minutes {
		t.Errorf("%d passed in %.1f minutes; want %.0f to %.0f", passed, minutes, 97*minutes, most)
	}
}

func TestLimiter_Sweep(t *testing.T) {
	l := New()
	busy, err := l.Acquire(start, []Subject{{"busy", core.Limits{Parallel: 1}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 * firstSweep {
		g, err := l.Acquire(start.Add(time.Duration(n)*time.Minute), []Subject{{fmt.Sprint(n), core.Limits{RPM: 1}}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		g.Release()
	}
	if n := len(l.subjects); n > firstSweep {
		t.Errorf("%d subjects are kept", n)
	}
	busy.Release()
	if n := l.InFlight("busy"); n != 0 {
		t.Error("a subject in use was forgotten")
	}
}

func BenchmarkLimiter(b *testing.B) {
	l := New()
	subjects := []Subject{{"key_1", core.Limits{RPM: 1 << 40, TPM: 1 << 50, Parallel: 100}}, {"dep:a", core.Limits{RPM: 1 << 40}}}
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		g, err := l.Acquire(now, subjects, 100)
		if err != nil {
			b.Fatal(err)
		}
		g.Correct(now, 50)
		g.Release()
	}
}
