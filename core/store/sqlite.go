package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/tokligence/gateway/core"
)

type sqliteOptions struct {
	path        string
	synchronous string
	busy        time.Duration
}

// sqlite is one file, and the store on it.
type sqlite struct {
	sqliteOptions
	store       *Store
	file        *os.File // the database; closed after SQLite's connections, whose locks on it end with that
	owned       *os.File // holds the lock of own; nil without it
	checkpoints *checkpoints
}

// String is the file.
func (e *sqlite) String() string { return e.path }

func parseSQLite(rest string) (*sqlite, error) {
	o := sqliteOptions{synchronous: "normal", busy: 5 * time.Second}
	path, query, _ := strings.Cut(rest, "?")
	if path == "" || path == ":memory:" {
		return nil, errors.New("a file is needed")
	}
	o.path = path
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	for name, v := range values {
		switch name {
		case "synchronous":
			o.synchronous = v[0]
			if o.synchronous != "full" && o.synchronous != "normal" {
				return nil, fmt.Errorf("synchronous=%s: want full or normal", o.synchronous)
			}
		case "busy_timeout":
			if o.busy, err = time.ParseDuration(v[0]); err != nil || o.busy < 0 {
				return nil, fmt.Errorf("busy_timeout=%s: want a duration such as 5s", v[0])
			}
		default:
			return nil, fmt.Errorf("unknown parameter %q", name)
		}
	}
	return &sqlite{sqliteOptions: o}, nil
}

// dsn is the driver's form. Pragmas are per connection, so they stand here.
func (o sqliteOptions) dsn(readOnly bool) string {
	q := url.Values{
		"_busy_timeout": {strconv.FormatInt(o.busy.Milliseconds(), 10)},
		"_foreign_keys": {"on"},
		"_synchronous":  {strings.ToUpper(o.synchronous)},
	}
	if readOnly {
		q.Set("_query_only", "on")
	} else {
		q.Set("_journal_mode", "WAL")
		q.Set("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: o.path}).EscapedPath() + "?" + q.Encode()
}

func (e *sqlite) open(_ context.Context, s *Store) error {
	e.store = s
	if err := os.MkdirAll(filepath.Dir(e.path), 0o755); err != nil {
		return err
	}
	// The file holds hashes of secrets and who spent what: the owner's alone.
	var err error
	if e.file, err = os.OpenFile(e.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if s.writeDB, err = sql.Open("sqlite3", e.dsn(false)); err != nil {
		return err
	}
	s.writeDB.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite3", e.dsn(true)); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

func (e *sqlite) connected(ctx context.Context, conn *sql.Conn) error {
	return limitLog(ctx, conn, logPages)
}

func (e *sqlite) alive(*sql.Conn) bool { return true }

// migrating: the file's one write lock is the transaction's.
func (e *sqlite) migrating(context.Context, *sql.Tx) error { return nil }

func (e *sqlite) translate(text string) string {
	return strings.ReplaceAll(text, "/* clustered */", "WITHOUT ROWID")
}

func (e *sqlite) migrated(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, appendOnly)
	return err
}

func (e *sqlite) opened() error { return e.startCheckpoints() }

// writing: nobody else writes while the transaction lives.
func (e *sqlite) writing(context.Context, *sql.Tx) error { return nil }

func (e *sqlite) committed(records int) { e.checkpoints.committed(records) }

// lost is never: the lock ends with the process.
func (e *sqlite) lost() <-chan error { return nil }

// notices: nobody else changes the file.
func (e *sqlite) notices(ctx context.Context, _ func(core.NoticeKind)) { <-ctx.Done() }

func (e *sqlite) stop() error {
	if e.checkpoints == nil {
		return nil
	}
	return e.checkpoints.close()
}

func (e *sqlite) close() error {
	var errs []error
	if e.file != nil {
		errs = append(errs, e.file.Close())
		e.file = nil
	}
	if e.owned != nil { // last: whoever owns the database next finds all of it written
		errs = append(errs, e.owned.Close())
		e.owned = nil
	}
	return errors.Join(errs...)
}

// appendOnly has the database itself refuse what no method of the store offers.
const appendOnly = `
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;`

func sqliteReason(err error) string {
	var se sqlite3.Error
	switch {
	case errors.Is(err, os.ErrPermission):
		return "no permission"
	case !errors.As(err, &se):
		return ""
	}
	switch se.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "the database is locked by another process"
	case sqlite3.ErrReadonly:
		return "the database file or its folder is read-only"
	case sqlite3.ErrFull:
		return "the disk is full"
	case sqlite3.ErrNotADB, sqlite3.ErrCorrupt:
		return "the file is damaged or not a database"
	case sqlite3.ErrCantOpen:
		return "the file cannot be opened"
	case sqlite3.ErrIoErr:
		// To SQLite a quota or a limit on file sizes is no full disk, to the operator it is.
		if se.SystemErrno == syscall.EDQUOT || se.SystemErrno == syscall.EFBIG {
			return "the disk is full"
		}
		return "the disk fails"
	}
	return ""
}

func sqliteRowFault(err error) bool {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code {
	case sqlite3.ErrConstraint, sqlite3.ErrTooBig, sqlite3.ErrMismatch, sqlite3.ErrRange:
		return true
	}
	return false
}

func sqliteConflict(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) && se.Code == sqlite3.ErrConstraint &&
		(se.ExtendedCode == sqlite3.ErrConstraintUnique || se.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
