package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

const hourNanos = int64(time.Hour)

// rollupKey is one combination of dimensions in one hour.
type rollupKey struct {
	hour int64
	row  *dimensionRow
}

type rollupSums struct{ requests, input, output, amount, unpriced int64 }

// count adds e to the batch's sums, which are written once per combination. A
// correction moves tokens and money, but is no request.
func (w *ledgerWriter) count(e *core.LedgerEntry, row *dimensionRow) {
	at := nanos(e.At)
	k := rollupKey{at - at%hourNanos, row}
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

// flushSums writes the sums and begins anew: always in the same order, so that two
// processes that count the same combinations do not wait for each other in a circle.
func (w *ledgerWriter) flushSums() error {
	w.keys = w.keys[:0]
	for k := range w.sums {
		w.keys = append(w.keys, k)
	}
	slices.SortFunc(w.keys, func(a, b rollupKey) int { return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.row.id, b.row.id)) })
	for _, k := range w.keys {
		d, s := k.row, w.sums[k]
		w.args = append(w.args[:0], k.hour, d.organization.ID, d.team.ID, d.project.ID, d.user.ID, d.key.ID, d.requestedModel, d.provider,
			d.deployment, string(d.outcome), s.requests, s.input, s.output, s.amount, s.unpriced)
		if err := w.db.run(doRollup, w.args...); err != nil {
			return err
		}
	}
	w.forgetSums()
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
