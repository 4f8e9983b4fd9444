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
	insertEntry = `INSERT INTO entries (
		id, exchange_id, corrects, at, ended_at,
		key_id, key_name, organization_id, organization_name, team_id, team_name, user_id, user_name,
		end_user, endpoint, stream, requested_model, deployed_model, served_model, provider, deployment,
		input_tokens, output_tokens, usage, price_id, amount, unpriced,
		outcome, status, error_code, cache_hit, latency, first_byte, detail)
		VALUES (?,?,?,?,?, ?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?, ?,?,?,?,?,?, ?,?,?,?,?,?,?)
		ON CONFLICT DO NOTHING`
	// An exchange that is begun again may have another deployment and estimate.
	insertOpen = `INSERT INTO open_exchanges (` + openColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (exchange_id) DO UPDATE SET node_id = excluded.node_id,
			deployed_model = excluded.deployed_model, provider = excluded.provider, deployment = excluded.deployment,
			price_id = excluded.price_id, usage = excluded.usage, reserved = excluded.reserved, unpriced = excluded.unpriced`
	deleteOpen   = `DELETE FROM open_exchanges WHERE exchange_id = ?`
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

// ledgerWriter holds the prepared statements of the ledger's batches. It goes
// past database/sql, whose checks would be half the cost of a small insert.
type ledgerWriter struct {
	conn                               *sqlite3.SQLiteConn
	begin, commit, rollback, heartbeat *statement
	entry, open, closeOpen, rollup     *statement
	sums                               map[rollupKey]*rollupSums
	free                               []*rollupSums
}

type statement struct {
	stmt driver.StmtExecContext
	args []driver.NamedValue // reused
}

func newLedgerWriter(conn *sql.Conn) (*ledgerWriter, error) {
	w := &ledgerWriter{sums: map[rollupKey]*rollupSums{}}
	err := conn.Raw(func(raw any) error {
		w.conn = raw.(*sqlite3.SQLiteConn)
		for _, p := range []struct {
			to  **statement
			sql string
		}{
			{&w.begin, "BEGIN IMMEDIATE"}, {&w.commit, "COMMIT"}, {&w.rollback, "ROLLBACK"}, {&w.heartbeat, touchHeartbeat},
			{&w.entry, insertEntry}, {&w.open, insertOpen}, {&w.closeOpen, deleteOpen}, {&w.rollup, upsertRollup},
		} {
			stmt, err := w.conn.Prepare(p.sql)
			if err != nil {
				return errors.Join(err, w.close())
			}
			st := &statement{stmt: stmt.(driver.StmtExecContext), args: make([]driver.NamedValue, stmt.NumInput())}
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
	for _, st := range []*statement{w.begin, w.commit, w.rollback, w.heartbeat, w.entry, w.open, w.closeOpen, w.rollup} {
		if st != nil {
			errs = append(errs, st.stmt.(driver.Stmt).Close())
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

// WriteBatch implements [core.LedgerStore].
func (s *Store) WriteBatch(_ context.Context, b *core.LedgerBatch) (core.BatchResult, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	if s.ledger == nil {
		return core.BatchResult{}, errors.New("write ledger batch: the store is closed")
	}
	var res core.BatchResult
	err := s.conn.Raw(func(any) error {
		var err error
		res, err = s.ledger.write(b)
		return err
	})
	if err != nil {
		return core.BatchResult{}, fmt.Errorf("write ledger batch: %w", explain(err))
	}
	return res, nil
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
	for i, o := range b.Open {
		if err := w.addOpen(o); rowFault(err) {
			note(&res.BadOpen, i, err)
		} else if err != nil {
			return res, err
		}
	}
	for i, e := range b.Entries {
		if e.Corrects == "" && e.ID != core.EntryID(e.ExchangeID) {
			note(&res.BadEntries, i, fmt.Errorf("entry %q: the id does not follow from exchange %q", e.ID, e.ExchangeID))
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

// note sets m[i], making the map that is rarely needed.
func note[V any](m *map[int]V, i int, v V) {
	if *m == nil {
		*m = map[int]V{}
	}
	(*m)[i] = v
}

func (w *ledgerWriter) addOpen(o *core.OpenExchange) error {
	b := binder{args: w.open.args}
	b.text(o.ExchangeID)
	b.text(o.NodeID)
	b.number(nanos(o.At))
	b.named(o.Key)
	b.named(o.Organization)
	b.named(o.Team)
	b.named(o.User)
	b.text(o.Endpoint)
	b.number(flag(o.Stream))
	b.text(o.RequestedModel)
	b.text(o.DeployedModel)
	b.text(o.Provider)
	b.text(o.Deployment)
	b.text(o.PriceID)
	b.json(usageJSON(&o.Usage))
	b.number(int64(o.Reserved))
	b.number(flag(o.Unpriced))
	_, err := w.open.exec()
	return err
}

// binder fills a statement's arguments in order.
type binder struct {
	args []driver.NamedValue
	n    int
}

func (b *binder) put(v driver.Value) { b.args[b.n].Value = v; b.n++ }
func (b *binder) text(s string)      { b.put(clean(s)) }
func (b *binder) json(s string)      { b.put(s) }
func (b *binder) number(n int64)     { b.put(n) }
func (b *binder) named(n core.Named) { b.text(n.ID); b.text(n.Name) }

// addEntry stores the entry, takes its open record away and counts it in the
// rollups. added is false when the ledger had it already.
func (w *ledgerWriter) addEntry(e *core.LedgerEntry) (added bool, err error) {
	bindEntry(w.entry.args, e)
	changed, err := w.entry.exec()
	if err != nil {
		return false, err
	}
	if e.Corrects == "" {
		w.closeOpen.args[0].Value = clean(e.ExchangeID)
		if _, err := w.closeOpen.exec(); err != nil {
			return false, err
		}
	}
	if changed == 0 {
		return false, nil
	}
	w.count(e)
	return true, nil
}

func bindEntry(args []driver.NamedValue, e *core.LedgerEntry) {
	b := binder{args: args}
	b.text(e.ID)
	b.text(e.ExchangeID)
	b.text(e.Corrects)
	b.number(nanos(e.At))
	b.number(nanos(e.EndedAt))
	b.named(e.Key)
	b.named(e.Organization)
	b.named(e.Team)
	b.named(e.User)
	b.text(e.EndUser)
	b.text(e.Endpoint)
	b.number(flag(e.Stream))
	b.text(e.RequestedModel)
	b.text(e.DeployedModel)
	b.text(e.ServedModel)
	b.text(e.Provider)
	b.text(e.Deployment)
	b.number(e.Usage.InputTokens())
	b.number(e.Usage.OutputTokens())
	b.json(usageJSON(&e.Usage))
	b.text(e.PriceID)
	b.number(int64(e.Amount))
	b.number(flag(e.Unpriced))
	b.text(string(e.Outcome))
	b.number(int64(e.Status))
	b.text(string(e.ErrorCode))
	b.number(flag(e.CacheHit))
	b.number(int64(e.Latency))
	b.number(int64(e.FirstByte))
	b.json(detailJSON(e))
}
