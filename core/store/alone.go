package store

import "context"

// Alone implements [core.Store].
func (s *Store) Alone(ctx context.Context, f func() error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	return s.db.alone(ctx, f)
}

// A SQLite database belongs to one process.
func (e *sqlite) alone(_ context.Context, f func() error) error { return f() }

// alone holds a lock of the database. It is a transaction's, on a connection of
// its own: a session's would be lost behind a pooler. Should that connection
// break, the lock is gone before f is done, and what f writes is still whole.
func (e *postgres) alone(ctx context.Context, f func() error) error {
	tx, err := e.turns.BeginTx(context.WithoutCancel(ctx), nil) // the end is ours to choose, and not the context's
	if err != nil {
		return unavailable("wait for others who change something", err)
	}
	defer func() { _ = tx.Rollback() }() // there is nothing in it
	if _, err = tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err == nil {
		_, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, ?)`, lockAlone, e.schema)
	}
	if err != nil {
		return unavailable("wait for others who change something", err)
	}
	return f()
}
