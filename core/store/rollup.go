package store

import (
	"database/sql/driver"
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

func (w *ledgerWriter) flushSums() error {
	for k, s := range w.sums {
		d := k.row
		for i, v := range [...]driver.Value{k.hour, d.organization.ID, d.team.ID, d.user.ID, d.key.ID, d.requestedModel, d.provider,
			d.deployment, string(d.outcome), s.requests, s.input, s.output, s.amount, s.unpriced} {
			w.rollup.args[i].Value = v
		}
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
