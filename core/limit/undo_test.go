package limit

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// What was taken back is there for the next, and what has leaked meanwhile is
// not given twice.
func TestGrant_Undo(t *testing.T) {
	l := New()
	limits := one(core.Limits{RPM: 2, TPM: 100, Parallel: 2})
	take := func(at time.Duration) *Grant {
		t.Helper()
		g, err := l.Acquire(start.Add(at), limits, 50)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	refused := func(at time.Duration) {
		t.Helper()
		_, err := l.Acquire(start.Add(at), limits, 50)
		refusal(t, err)
	}
	kept := take(0)
	for range 5 {
		g := take(0)
		g.Undo(start)
		g.Undo(start)
		g.Release()
		if s := g.State(); s.RemainingRequests != 1 || s.RemainingTokens != 50 || l.InFlight("key_1") != 1 {
			t.Fatalf("%+v, %d in flight", s, l.InFlight("key_1"))
		}
	}
	second := take(0)
	refused(0)
	// A minute later both have leaked; undoing one then frees its slot only.
	second.Undo(start.Add(time.Minute))
	kept.Release()
	take(time.Minute)
	take(time.Minute)
	refused(time.Minute)
}
