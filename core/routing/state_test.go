package routing

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// TestState_Tell: a deployment that cools down is told once, and once that it
// answers again; a trial that fails is no news.
func TestState_Tell(t *testing.T) {
	var told string
	states := States{Tell: func(c Change) { told += fmt.Sprintf("%s %v %s;", c.Deployment, !c.CoolingUntil.IsZero(), c.Error) }}
	s := states.Of("d")
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	fails := &core.Error{Code: core.CodeUpstreamUnavailable, Source: core.SourceUpstream}
	limited := &core.Error{Code: core.CodeRateLimited, Source: core.SourceUpstream}
	for i, c := range []struct {
		err     *core.Error
		neutral bool
		pass    time.Duration
		want    string
	}{
		{err: nil, want: ""},
		{err: fails}, {err: fails},
		{err: fails, want: "d true upstream_unavailable;"},
		{err: limited, want: ""},                         // it cools already
		{err: nil, want: ""},                             // an old exchange that ends well
		{neutral: true, pass: time.Minute, want: ""},     // its client left
		{err: fails, want: ""},                           // the trial failed
		{err: nil, pass: time.Minute, want: "d false ;"}, // the next did not
		{err: nil, want: ""},                             //
		{err: limited, want: "d true rate_limited;"},     // at once
		{err: nil, pass: time.Hour, want: "d false ;"},   //
	} {
		now = now.Add(c.pass)
		told = ""
		s.Begin(now)
		s.End(now, Result{Err: c.err, Neutral: c.neutral}, 10*time.Second)
		if told != c.want {
			t.Errorf("%d: told %q, want %q", i, told, c.want)
		}
	}
}
