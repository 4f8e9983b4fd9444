package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"

	"github.com/tokligence/gateway/core"
)

const (
	insertEntry = `INSERT INTO entries (id, corrects, dimensions_id, key_id, at, ended_at,
		input_tokens, output_tokens, amount, latency, first_byte, end_user, detail)
		VALUES (?,?,?,?,?,?, ?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`
	upsertRollup = `INSERT INTO rollups (
		hour, organization_id, team_id, user_id, key_id, model, provider, deployment, outcome,
		requests, input_tokens, output_tokens, amount, unpriced)
		VALUES (?,?,?,?,?,?,?,?,?, ?,?,?,?,?)
		ON CONFLICT (hour, organization_id, team_id, user_id, key_id, model, provider, deployment, outcome) DO UPDATE SET
			requests = rollups.requests + excluded.requests,
			input_tokens = rollups.input_tokens + excluded.input_tokens,
			output_tokens = rollups.output_tokens + excluded.output_tokens,
			amount = rollups.amount + excluded.amount,
			unpriced = rollups.unpriced + excluded.unpriced`
	touchHeartbeat = `UPDATE heartbeat SET beat = beat + 1 WHERE id = 1`
)

// ledgerWriter holds the prepared statements of the ledger's batches, and what
// it knows of the tables. It goes past database/sql, whose checks would be half
// the cost of a small insert.
type ledgerWriter struct {
	conn                               *sqlite3.SQLiteConn
	begin, commit, rollback, heartbeat *statement
	addDimensions, findDimensions      *statement
	entry, open, dropOpen, rollup      *statement
	known                              map[dimensions]*dimensionRow
	index                              *openIndex // nil when it must be read anew
	sums                               map[rollupKey]*rollupSums
	free                               []*rollupSums
	text                               []byte // reused
}

type statement struct {
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue // reused
}

func newLedgerWriter(conn *sql.Conn) (*ledgerWriter, error) {
	w := &ledgerWriter{known: map[dimensions]*dimensionRow{}, sums: map[rollupKey]*rollupSums{}}
	err := conn.Raw(func(raw any) error {
		w.conn = raw.(*sqlite3.SQLiteConn)
		for _, p := range []struct {
			to  **statement
			sql string
		}{
			{&w.begin, "BEGIN IMMEDIATE"}, {&w.commit, "COMMIT"}, {&w.rollback, "ROLLBACK"}, {&w.heartbeat, touchHeartbeat},
			{&w.addDimensions, insertDimensions}, {&w.findDimensions, selectDimensions},
			{&w.entry, insertEntry}, {&w.open, writeOpen}, {&w.dropOpen, deleteOpen}, {&w.rollup, upsertRollup},
		} {
			stmt, err := w.conn.Prepare(p.sql)
			if err != nil {
				return errors.Join(err, w.close())
			}
			st := &statement{stmt: stmt.(*sqlite3.SQLiteStmt), args: make([]driver.NamedValue, stmt.NumInput())}
			for i := range st.args {
				st.args[i].Ordinal = i + 1
			}
			*p.to = st
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (w *ledgerWriter) close() error {
	var errs []error
	for _, st := range []*statement{w.begin, w.commit, w.rollback, w.heartbeat, w.addDimensions, w.findDimensions,
		w.entry, w.open, w.dropOpen, w.rollup} {
		if st != nil {
			errs = append(errs, st.stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// exec runs the statement with s.args and tells how many rows changed. The
// context cannot be cancelled: a batch is short, and the driver would pay a
// goroutine for each statement.
func (s *statement) exec() (int64, error) {
	res, err := s.stmt.ExecContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// number runs a query for one integer.
func (s *statement) number() (int64, error) {
	rows, err := s.stmt.QueryContext(context.Background(), s.args)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%v is no integer", row[0])
	}
	return n, nil
}

// WriteBatch implements [core.LedgerStore].
func (s *Store) WriteBatch(ctx context.Context, b *core.LedgerBatch) (core.BatchResult, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	w := s.ledger
	if w == nil {
		return core.BatchResult{}, errors.New("write ledger batch: the store is closed")
	}
	var res core.BatchResult
	err := w.readIndex(ctx, s.conn)
	if err == nil {
		err = s.conn.Raw(func(any) (err error) {
			res, err = w.write(b)
			return err
		})
	}
	if err != nil {
		w.forget()
		return core.BatchResult{}, fmt.Errorf("write ledger batch: %w", explain(err))
	}
	s.checkpoints.committed(len(b.Open) + len(b.Entries))
	return res, nil
}

// forget drops what the writer knows: a rollback may have made it untrue.
func (w *ledgerWriter) forget() {
	clear(w.known)
	w.index = nil
}

func (w *ledgerWriter) write(b *core.LedgerBatch) (res core.BatchResult, err error) {
	if _, err := w.begin.exec(); err != nil {
		return res, err
	}
	defer func() {
		w.forgetSums()
		// A full disk may have rolled back by itself already.
		if err != nil && !w.conn.AutoCommit() {
			_, rollbackErr := w.rollback.exec()
			err = errors.Join(err, rollbackErr)
		}
	}()
	if len(b.Open)+len(b.Entries) == 0 {
		if _, err := w.heartbeat.exec(); err != nil {
			return res, err
		}
	}
	if err := w.dropStale(); err != nil {
		return res, err
	}
	if err := w.addOpen(b.Open); err != nil {
		return res, err
	}
	for i, e := range b.Entries {
		if err := checkIDs(e); err != nil {
			note(&res.BadEntries, i, err)
			continue
		}
		added, err := w.addEntry(e)
		switch {
		case rowFault(err):
			note(&res.BadEntries, i, err)
		case err != nil:
			return res, err
		case !added:
			note(&res.Known, i, true)
		}
	}
	if err := w.flushSums(); err != nil {
		return res, err
	}
	_, err = w.commit.exec()
	return res, err
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

// addEntry stores the entry, takes its open record away and counts it in the
// rollups. added is false when the ledger had it already.
func (w *ledgerWriter) addEntry(e *core.LedgerEntry) (added bool, err error) {
	row, err := w.dimension(entryDimensions(e))
	if err != nil {
		return false, err
	}
	w.bindEntry(e, row)
	changed, err := w.entry.exec()
	if err != nil {
		return false, err
	}
	if e.Corrects == "" {
		w.index.settle(clean(e.ExchangeID))
	}
	if changed == 0 {
		return false, nil
	}
	w.count(e, row)
	return true, nil
}

func (w *ledgerWriter) bindEntry(e *core.LedgerEntry, row *dimensionRow) {
	w.text = appendDetail(w.text[:0], e)
	for i, v := range [...]driver.Value{clean(e.ID), clean(e.Corrects), row.id, row.key.ID, nanos(e.At), nanos(e.EndedAt),
		e.Usage.InputTokens(), e.Usage.OutputTokens(), int64(e.Amount), int64(e.Latency), int64(e.FirstByte),
		clean(e.EndUser), string(w.text)} {
		w.entry.args[i].Value = v
	}
}
