// Package store keeps keys, budgets, the ledger and the audit log in a SQL database,
// SQLite or Postgres. The statements are the same for both, with ? for what is bound;
// what only one of them knows is in sqlite.go and own.go, or in postgres*.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
)

// Store fulfils [core.Store]. Reads go through a pool, all writes through one
// connection: SQLite has one writer at a time, and a queue in the process is
// fairer than its busy handler; on Postgres it is the session that owns the
// database (see Own).
type Store struct {
	now  func() time.Time
	db   engine
	log  atomic.Pointer[slog.Logger]
	read *sql.DB

	turn    chan struct{} // full while an Alone runs here
	writes  sync.Mutex    // held for the whole of a write transaction
	writeDB *sql.DB
	conn    *sql.Conn
	ledger  *ledgerWriter
	closed  bool
	unsure  atomic.Bool // nobody knows whether the last ledger batch is in the database
}

var _ core.Store = (*Store)(nil)

// Open opens the database at url and brings its schema up to date. now stamps
// what the store itself dates (migrations).
//
//	sqlite://PATH?synchronous=full|normal&busy_timeout=5s
//
// has a relative or absolute PATH whose folder is created. synchronous
// defaults to normal: a commit survives the death of the process; full survives
// loss of power too. busy_timeout is how long a write waits for another process.
//
//	postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&pool_max_conns=8
//
// is libpq's form with libpq's parameters, of a database that exists; tables stand in
// the first schema of the search path. pool_max_conns bounds the connections for
// reading; up to three more write, listen and wait for others. Between here and the
// server may be a pooler only if it leaves a session to each connection.
func Open(ctx context.Context, url string, now func() time.Time) (*Store, error) {
	db, err := newEngine(url)
	if err != nil {
		return nil, fmt.Errorf("storage url %q: %w", redact(url), err)
	}
	s := &Store{now: now, db: db, turn: make(chan struct{}, 1)}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", db, explain(err)), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.db.open(ctx, s); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn, s.db, s.now()); err != nil {
		return err
	}
	db, err := s.db.batches(s.conn)
	if err != nil {
		return err
	}
	s.ledger = newLedgerWriter(db)
	if err := s.read.PingContext(ctx); err != nil {
		return err
	}
	return s.db.opened()
}

// LogTo says where failures are logged that no caller hears of; without it nowhere.
func (s *Store) LogTo(log *slog.Logger) { s.log.Store(log) }

// Own makes this process the one gateway of the database until Close, or until
// the process ends in whatever way. A second one would take the exchanges that
// run in the first for those of a dead process, and settle them at their estimate.
func (s *Store) Own() error {
	s.writes.Lock()
	defer s.writes.Unlock()
	return s.db.own(context.Background(), s.conn)
}

// Lost tells, once, that another gateway has come to own the database: nothing
// can be written any more.
func (s *Store) Lost() <-chan error { return s.db.lost() }

// Notices implements [core.NoticeStore].
func (s *Store) Notices(ctx context.Context, tell func(core.NoticeKind)) { s.db.notices(ctx, tell) }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1 FROM heartbeat WHERE id = 1`).Scan(&one); err != nil {
		return fmt.Errorf("database does not answer: %w", explain(err))
	}
	return nil
}

// Close waits for the write in progress and closes all connections. The last of
// them to SQLite copies the write-ahead log into the database and deletes it.
func (s *Store) Close() error {
	errs := []error{s.db.stop()} // before the lock, which what runs beside may wait for
	s.writes.Lock()
	defer s.writes.Unlock()
	s.closed = true
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
	return errors.Join(append(errs, s.db.close())...)
}

// errClosed is what a write finds after Close.
var errClosed = errors.New("the store is closed")

// write runs f in one transaction on the writing connection. Nobody else writes
// meanwhile but ledgers, also none from another process.
func (s *Store) write(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	tx, err := s.begin(ctx)
	if err != nil {
		return unavailable(what, err)
	}
	if err = s.db.writing(ctx, tx); err == nil {
		err = f(tx)
	}
	if err != nil {
		_ = tx.Rollback() // the cause is what matters
		return unavailable(what, err)
	}
	if err := tx.Commit(); err != nil {
		return unavailable(what, err)
	}
	s.db.committed(1024) // or whatever it was
	return nil
}

// begin begins a transaction, on a new connection if it finds the old one gone.
func (s *Store) begin(ctx context.Context) (tx *sql.Tx, err error) {
	for range 2 {
		if s.closed {
			return nil, errClosed
		}
		if err = s.connect(ctx); err != nil {
			return nil, err
		}
		// The rollback is ours to make, not the context's at any moment.
		if tx, err = s.conn.BeginTx(context.WithoutCancel(ctx), nil); err == nil || s.db.alive(s.conn) {
			break
		}
	}
	return tx, err
}

// snapshot runs f in one read transaction, so that its queries see one state.
func (s *Store) snapshot(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
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
