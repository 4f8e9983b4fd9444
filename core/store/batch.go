package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokligence/gateway/core"
)

// ledgerWriter writes the ledger's batches, and remembers what it knows of the
// tables.
type ledgerWriter struct {
	db     batchDB // nil without a connection
	known  map[dimensions]*dimensionRow
	index  *openIndex // nil when it must be read anew
	sums   map[rollupKey]*rollupSums
	free   []*rollupSums
	unsure *unsureBatch // nil unless nobody knows what became of the last commit

	// Of the batch in progress.
	committing bool
	added      []string // entries
	written    []slotUse

	// Reused.
	rows []*dimensionRow
	keys []rollupKey
	args []any
	text []byte
}

func newLedgerWriter(db batchDB) *ledgerWriter {
	return &ledgerWriter{db: db, known: map[dimensions]*dimensionRow{}, sums: map[rollupKey]*rollupSums{}}
}

func (w *ledgerWriter) close() error {
	if w.db == nil {
		return nil
	}
	return w.db.close()
}

// disconnect is for a connection that is gone.
func (w *ledgerWriter) disconnect() {
	_ = w.close() // nothing is left to be closed
	w.db = nil
	w.forget()
}

// unsureBatch is what a commit may have written whose connection ended before
// the answer came. Whoever gave the batch gives its entries again, and has
// refused the exchanges that it was to open.
type unsureBatch struct {
	added map[string]bool // entries that were not in the ledger before
	open  map[slotUse]bool
}

// slotUse is one writing of a slot.
type slotUse struct {
	slot
	seq int64
}

// WriteBatch implements [core.LedgerStore].
func (s *Store) WriteBatch(ctx context.Context, b *core.LedgerBatch) (core.BatchResult, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	careful := false
	for try := 1; ; try++ {
		res, err := s.writeBatch(ctx, b, careful)
		if err == nil {
			s.unsure.Store(false)
			s.db.committed(len(b.Open) + len(b.Entries))
			return res, nil
		}
		gone := s.conn != nil && !s.db.alive(s.conn)
		if w := s.ledger; w != nil {
			if gone && w.committing || w.unsure != nil { // still, or again
				w.doubt()
				s.unsure.Store(true)
			}
			w.forget()
		}
		switch {
		case rowFault(err) && !careful:
			careful = true
		case try == 1 && (gone || isDeadlock(err)): // the second time it may do
		default:
			return core.BatchResult{}, fmt.Errorf("write ledger batch: %w", explain(err))
		}
	}
}

// writeBatch tries once. Careful, it leaves out the entries whose values the
// database refuses.
func (s *Store) writeBatch(ctx context.Context, b *core.LedgerBatch, careful bool) (res core.BatchResult, err error) {
	if s.closed {
		return res, errClosed
	}
	if err := s.connect(ctx); err != nil {
		return res, err
	}
	w := s.ledger
	w.committing = false
	if err := w.readIndex(ctx, s.conn); err != nil {
		return res, err
	}
	err = s.conn.Raw(func(any) (err error) {
		res, err = w.write(b, careful)
		return err
	})
	return res, err
}

// forget drops what the writer knows: a rollback may have made it untrue.
func (w *ledgerWriter) forget() {
	clear(w.known)
	w.index = nil
}

func (w *ledgerWriter) write(b *core.LedgerBatch, careful bool) (res core.BatchResult, err error) {
	w.added, w.written = w.added[:0], w.written[:0]
	if err := w.db.begin(); err != nil {
		return res, err
	}
	defer func() {
		w.forgetSums()
		if err != nil {
			err = errors.Join(err, w.db.rollback())
		}
	}()
	if len(b.Open)+len(b.Entries) == 0 {
		if err := w.db.run(doTouch); err != nil {
			return res, err
		}
	}
	if err := w.dropStale(); err != nil {
		return res, err
	}
	if err := w.addOpen(b.Open); err != nil {
		return res, err
	}
	if careful {
		err = w.addCarefully(b.Entries, &res)
	} else {
		err = w.addEntries(b.Entries, 0, &res)
	}
	if err != nil {
		return res, err
	}
	if err := w.flushSums(); err != nil {
		return res, err
	}
	w.committing = true
	if err := w.db.commit(); err != nil {
		return res, err
	}
	w.unsure = nil
	if careful {
		w.forget() // of an entry that was left out
	}
	return res, nil
}

// doubt remembers what the last commit was to write.
func (w *ledgerWriter) doubt() {
	if w.unsure == nil {
		w.unsure = &unsureBatch{map[string]bool{}, map[slotUse]bool{}}
	}
	for _, id := range w.added {
		w.unsure.added[id] = true
	}
	for _, at := range w.written {
		w.unsure.open[at] = true
	}
}

// checkIDs refuses an entry that could not be told from another exchange's.
func checkIDs(e *core.LedgerEntry) error {
	own := core.EntryID(e.ExchangeID)
	switch {
	case e.Corrects == "" && e.ID != own:
		return fmt.Errorf("entry %q: the id does not follow from exchange %q", e.ID, e.ExchangeID)
	case e.Corrects != "" && e.Corrects != own:
		return fmt.Errorf("entry %q: it corrects %q, which is not of exchange %q", e.ID, e.Corrects, e.ExchangeID)
	}
	return nil
}

// note sets m[i], making the map that is rarely needed.
func note[V any](m *map[int]V, i int, v V) {
	if *m == nil {
		*m = map[int]V{}
	}
	(*m)[i] = v
}

// addEntries stores the entries, the first of which is number from of its batch,
// takes their open records away and counts them for the rollups.
func (w *ledgerWriter) addEntries(entries []*core.LedgerEntry, from int, res *core.BatchResult) error {
	rows, err := resolve(w, entries, entryDimensions)
	if err != nil {
		return err
	}
	ran := 0
	for i, e := range entries {
		if err := checkIDs(e); err != nil {
			note(&res.BadEntries, from+i, err)
			continue
		}
		if err := w.db.run(doEntry, w.entryArgs(e, rows[i])...); err != nil {
			return err
		}
		ran++
	}
	changed, err := w.db.flush()
	if err != nil {
		return err
	}
	changed = changed[len(changed)-ran:] // what stands before is not of entries
	for i, e := range entries {
		if res.BadEntries[from+i] != nil {
			continue
		}
		if !w.entered(e, rows[i], changed[0] > 0) {
			note(&res.Known, from+i, true)
		}
		changed = changed[1:]
	}
	return nil
}

// entered takes an entry into account that the ledger has now, and reports
// whether it has it from this batch, or one that was given before in its place.
func (w *ledgerWriter) entered(e *core.LedgerEntry, row *dimensionRow, added bool) bool {
	if e.Corrects == "" {
		w.index.settle(clean(e.ExchangeID))
	}
	id := clean(e.ID)
	before := w.unsure != nil && w.unsure.added[id] // and counted, by the commit in doubt
	switch {
	case added:
		w.count(e, row)
	case !before:
		return false
	}
	if before {
		delete(w.unsure.added, id) // another one with the id is known
	}
	w.added = append(w.added, id)
	return true
}

// addCarefully adds one entry after the other, but for those whose values the
// database refuses.
func (w *ledgerWriter) addCarefully(entries []*core.LedgerEntry, res *core.BatchResult) error {
	for i := range entries {
		before := len(w.added)
		err := w.db.run(doSavepoint)
		if err == nil {
			err = w.addEntries(entries[i:i+1], i, res)
		}
		if err == nil {
			err = w.flushSums()
		}
		if err == nil {
			err = w.db.run(doRelease)
		}
		if err == nil {
			_, err = w.db.flush()
		}
		if err == nil {
			continue
		}
		if !rowFault(err) {
			return err
		}
		if err := w.db.run(doBack); err != nil {
			return err
		}
		if _, err := w.db.flush(); err != nil {
			return err
		}
		clear(w.known)
		w.forgetSums()
		w.added = w.added[:before]
		note(&res.BadEntries, i, err)
	}
	return nil
}

// entryArgs are what doEntry binds; they are good until the next call.
func (w *ledgerWriter) entryArgs(e *core.LedgerEntry, row *dimensionRow) []any {
	w.text = appendDetail(w.text[:0], e)
	w.args = append(w.args[:0], clean(e.ID), clean(e.Corrects), row.id, row.key.ID, nanos(e.At), nanos(e.EndedAt),
		e.Usage.InputTokens(), e.Usage.OutputTokens(), int64(e.Amount), int64(e.Latency), int64(e.FirstByte),
		clean(e.EndUser), string(w.text))
	return w.args
}
