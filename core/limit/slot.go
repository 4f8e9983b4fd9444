package limit

import (
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

// AcquireSlot takes a parallel slot from every subject, or from none, and neither
// request nor tokens: of what lasts, and whose parts count as requests of their own.
// Of the grant only Release means anything.
func (l *Limiter) AcquireSlot(now time.Time, subjects []Subject) (*Grant, error) {
	if !slices.ContainsFunc(subjects, func(s Subject) bool { return s.Limits.Parallel > 0 }) {
		return nil, nil
	}
	g := &Grant{limiter: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	g.look(now.UnixNano(), subjects)
	for i := range g.holds {
		h := &g.holds[i]
		if err := h.state.refuse(core.Limits{Parallel: h.limits.Parallel}, 0); err != nil {
			return nil, err
		}
	}
	for i := range g.holds {
		g.holds[i].state.parallel++
	}
	return g, nil
}
