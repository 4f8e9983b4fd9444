// Package store keeps keys, budgets, the ledger and the audit log in a SQL database. Today
// that is SQLite; the statements are portable, and what only SQLite knows is in
// sqlite.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
)

// Store fulfils [core.Store]. Reads go through a pool, all writes through one
// connection: SQLite has one writer at a time, and a queue in the process is
// fairer than its busy handler.
type Store struct {
	now   func() time.Time
	path  string
	file  *os.File // the database; closed after SQLite's connections, whose locks on it end with that
	read  *sql.DB
	owned *os.File // holds the lock of Own; nil without it

	writes  sync.Mutex // held for the whole of a write transaction
	writeDB *sql.DB
	conn    *sql.Conn
	ledger  *ledgerWriter

	checkpoints *checkpoints
}

var _ core.Store = (*Store)(nil)

// Open opens the database at url, creates it if there is none, and brings its
// schema up to date. now stamps what the store itself dates (migrations).
//
// The only form today is
//
//	sqlite://PATH?synchronous=full|normal&busy_timeout=5s
//
// with a relative or absolute PATH whose folder is created. synchronous
// defaults to normal: a commit survives the death of the process; full survives
// loss of power too. busy_timeout is how long a write waits for another process.
func Open(ctx context.Context, url string, now func() time.Time) (*Store, error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || scheme != "sqlite" {
		return nil, fmt.Errorf("storage url %q: want sqlite://PATH", redact(url))
	}
	o, err := parseSQLite(rest)
	if err != nil {
		return nil, fmt.Errorf("storage url %q: %w", url, err)
	}
	s := &Store{now: now, path: o.path}
	if err := s.openSQLite(ctx, o); err != nil {
		err = errors.Join(fmt.Errorf("open database %s: %w", o.path, explain(err)), s.Close())
		return nil, err
	}
	return s, nil
}

// redact keeps the scheme only: an unknown URL may hold a password.
func redact(url string) string {
	if scheme, _, ok := strings.Cut(url, "://"); ok {
		return scheme + "://…"
	}
	return "…"
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1 FROM heartbeat WHERE id = 1`).Scan(&one); err != nil {
		return fmt.Errorf("database does not answer: %w", explain(err))
	}
	return nil
}

// Close waits for the write in progress and closes all connections. The last of
// them copies the write-ahead log into the database and deletes it.
func (s *Store) Close() error {
	var errs []error
	if s.checkpoints != nil { // before the lock, which the last one may wait for
		errs = append(errs, s.checkpoints.close())
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	if s.ledger != nil {
		errs = append(errs, s.ledger.close())
		s.ledger = nil
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.conn != nil {
		if err := s.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if s.writeDB != nil {
		errs = append(errs, s.writeDB.Close())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
		s.file = nil
	}
	if s.owned != nil { // last: whoever owns the database next finds all of it written
		errs = append(errs, s.owned.Close())
		s.owned = nil
	}
	return errors.Join(errs...)
}

// write runs f in one transaction on the writing connection.
func (s *Store) write(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(what, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the cause is what matters
		return unavailable(what, err)
	}
	if err := tx.Commit(); err != nil {
		return unavailable(what, err)
	}
	s.checkpoints.committed(1024) // or whatever it was
	return nil
}

// snapshot runs f in one read transaction, so that its queries see one state.
func (s *Store) snapshot(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%s: %w", what, explain(err))
	}
	defer func() { _ = tx.Rollback() }() // nothing to keep
	if err := f(tx); err != nil {
		return fmt.Errorf("%s: %w", what, explain(err))
	}
	return nil
}

func notFound(noun, id string) error {
	return core.Errorf(core.CodeNotFound, core.SourceClient, "%s %q does not exist", noun, id)
}

// nanos is how a time is stored; the zero time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func nullNanos(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixNano(), Valid: true}
}

func fromNull(n sql.NullInt64) *time.Time {
	if !n.Valid {
		return nil
	}
	t := time.Unix(0, n.Int64).UTC()
	return &t
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
