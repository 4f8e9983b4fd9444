package store

import (
	"time"

	"github.com/tokligence/gateway/core"
)

const hourNanos = int64(time.Hour)

// rollupKey is one combination of dimensions in one hour.
type rollupKey struct {
	hour                                                       int64
	organization, team, user, key, model, provider, deployment string
	outcome                                                    core.Outcome
}

type rollupSums struct{ requests, input, output, amount, unpriced int64 }

// count adds e to the batch's sums, which are written once per combination. A
// correction moves tokens and money, but is no request.
func (w *ledgerWriter) count(e *core.LedgerEntry) {
	at := nanos(e.At)
	k := rollupKey{at - at%hourNanos, clean(e.Organization.ID), clean(e.Team.ID), clean(e.User.ID), clean(e.Key.ID),
		clean(e.RequestedModel), clean(e.Provider), clean(e.Deployment), core.Outcome(clean(string(e.Outcome)))}
	s := w.sums[k]
	if s == nil {
		if n := len(w.free); n > 0 {
			s, w.free = w.free[n-1], w.free[:n-1]
		} else {
			s = new(rollupSums)
		}
		w.sums[k] = s
	}
	if e.Corrects == "" {
		s.requests++
		s.unpriced += flag(e.Unpriced)
	}
	s.input += e.Usage.InputTokens()
	s.output += e.Usage.OutputTokens()
	s.amount += int64(e.Amount)
}

func (w *ledgerWriter) flushSums() error {
	for k, s := range w.sums {
		a := w.rollup.args
		for i, v := range [...]string{k.organization, k.team, k.user, k.key, k.model, k.provider, k.deployment, string(k.outcome)} {
			a[i+1].Value = v
		}
		a[0].Value, a[9].Value, a[10].Value, a[11].Value = k.hour, s.requests, s.input, s.output
		a[12].Value, a[13].Value = s.amount, s.unpriced
		if _, err := w.rollup.exec(); err != nil {
			return err
		}
	}
	return nil
}

// forgetSums empties the batch's sums, whether they were written or not.
func (w *ledgerWriter) forgetSums() {
	for k, s := range w.sums {
		*s = rollupSums{}
		w.free = append(w.free, s)
		delete(w.sums, k)
	}
}
