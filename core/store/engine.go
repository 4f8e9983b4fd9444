package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// engine is what only one of the databases knows.
type engine interface {
	// examine is [Examine] without the comparison.
	examine(ctx context.Context) (have []int, err error)
	// open sets the store's read and writeDB.
	open(ctx context.Context, s *Store) error
	// connected makes the writing connection ready, also one that replaces another.
	connected(ctx context.Context, conn *sql.Conn) error
	// alive reports whether the writing connection can still be used.
	alive(conn *sql.Conn) bool
	// migrating is called before the schema is looked at: nobody else changes it
	// until tx ends.
	migrating(ctx context.Context, tx *sql.Tx) error
	// translate puts a migration into the database's own words.
	translate(text string) string
	// migrated adds to the schema what only this database needs.
	migrated(ctx context.Context, tx *sql.Tx) error
	// batches runs the ledger's batches on the writing connection.
	batches(conn *sql.Conn) (batchDB, error)
	// opened is called when all of the above is done.
	opened() error

	// writing is called first in every transaction that is no ledger batch.
	writing(ctx context.Context, tx *sql.Tx) error
	// alone is [Store.Alone] among several processes; in this one it is called by
	// one at a time.
	alone(ctx context.Context, f func() error) error
	// committed is called after each commit of so many records, with writes held.
	committed(records int)
	// own is [Store.Own]; writes is held.
	own(ctx context.Context, conn *sql.Conn) error
	// lost is [Store.Lost].
	lost() <-chan error
	// notices is [Store.Notices].
	notices(ctx context.Context, tell func(core.NoticeKind))

	// stop ends what runs beside the store and waits for it.
	stop() error
	// close ends the rest, after all connections.
	close() error
}

// newEngine reads a storage URL. No error holds more of it than its scheme: it
// may have a password in it.
func newEngine(url string) (engine, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	switch scheme {
	case "sqlite":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres(url)
	}
	return nil, errors.New("want sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

// Name is the database of a storage URL for people: without what may be secret.
func Name(url string) string {
	if e, err := newEngine(url); err == nil {
		return fmt.Sprint(e)
	}
	return redact(url)
}

// redact keeps the scheme only: an unknown URL may hold a password.
func redact(url string) string {
	if scheme, _, ok := strings.Cut(url, "://"); ok {
		return scheme + "://…"
	}
	return "…"
}

// explain puts what the operator can do about it before the database's own
// words. To a client an outage is one: it may come again.
func explain(err error) error {
	if why := reason(err); why != "" {
		return &outage{why, err}
	}
	return err
}

// outage is a failure of the database itself.
type outage struct {
	why string
	err error
}

func (o *outage) Error() string { return o.why + ": " + o.err.Error() }
func (o *outage) Unwrap() error { return o.err }

// As makes it CodeOverloaded.
func (o *outage) As(target any) bool {
	e, ok := target.(**core.Error)
	if ok {
		*e = core.Errorf(core.CodeOverloaded, core.SourceGateway, "the database cannot be used: %s", o.why).With(o)
	}
	return ok
}

// reason is "" for an error that is not the database's own failure.
func reason(err error) string {
	if why := sqliteReason(err); why != "" {
		return why
	}
	return postgresReason(err)
}

// unavailable makes a failure of the database itself, whatever was to be
// written, one to come back from later.
func unavailable(what string, err error) error {
	why := reason(err)
	err = fmt.Errorf("%s: %w", what, explain(err))
	if why == "" {
		return err
	}
	return core.Errorf(core.CodeOverloaded, core.SourceGateway, "the database cannot be written: %s", why).With(err)
}

// rowFault reports whether err is about the values of a row, so that a batch can
// be written without the row.
func rowFault(err error) bool { return sqliteRowFault(err) || postgresRowFault(err) }

// isConflict reports whether a row has what must be unique.
func isConflict(err error) bool { return sqliteConflict(err) || postgresConflict(err) }

// connectLimit is how long connecting may take.
const connectLimit = 10 * time.Second

// connect makes the writing connection, again where the last one is gone.
// s.writes is held, or nobody else has s yet.
func (s *Store) connect(ctx context.Context) error {
	if s.conn != nil {
		if s.db.alive(s.conn) {
			return nil
		}
		if s.ledger != nil {
			s.ledger.disconnect()
		}
		_ = s.conn.Close() // it is gone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectLimit)
	defer cancel()
	conn, err := s.writeDB.Conn(ctx)
	if err != nil {
		return err
	}
	if err := s.db.connected(ctx, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.conn = conn
	if s.ledger == nil { // the schema comes first
		return nil
	}
	s.ledger.db, err = s.db.batches(conn)
	return err
}
