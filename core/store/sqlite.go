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

func parseSQLite(rest string) (sqliteOptions, error) {
	o := sqliteOptions{synchronous: "normal", busy: 5 * time.Second}
	path, query, _ := strings.Cut(rest, "?")
	if path == "" || path == ":memory:" {
		return o, errors.New("a file is needed")
	}
	o.path = path
	values, err := url.ParseQuery(query)
	if err != nil {
		return o, err
	}
	for name, v := range values {
		switch name {
		case "synchronous":
			o.synchronous = v[0]
			if o.synchronous != "full" && o.synchronous != "normal" {
				return o, fmt.Errorf("synchronous=%s: want full or normal", o.synchronous)
			}
		case "busy_timeout":
			if o.busy, err = time.ParseDuration(v[0]); err != nil || o.busy < 0 {
				return o, fmt.Errorf("busy_timeout=%s: want a duration such as 5s", v[0])
			}
		default:
			return o, fmt.Errorf("unknown parameter %q", name)
		}
	}
	return o, nil
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

func (s *Store) openSQLite(ctx context.Context, o sqliteOptions) error {
	if err := os.MkdirAll(filepath.Dir(o.path), 0o755); err != nil {
		return err
	}
	// The file holds hashes of secrets and who spent what: the owner's alone.
	var err error
	if s.file, err = os.OpenFile(o.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if s.writeDB, err = sql.Open("sqlite3", o.dsn(false)); err != nil {
		return err
	}
	s.writeDB.SetMaxOpenConns(1)
	if s.conn, err = s.writeDB.Conn(ctx); err != nil {
		return err
	}
	if err := limitLog(ctx, s.conn, logPages); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn, s.now()); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, appendOnly); err != nil {
		return err
	}
	if s.ledger, err = newLedgerWriter(s.conn); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite3", o.dsn(true)); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.read.PingContext(ctx); err != nil {
		return err
	}
	return s.startCheckpoints(o)
}

// appendOnly has the database itself refuse what no method of the store offers.
const appendOnly = `
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;`

// explain puts what the operator can do about it before SQLite's own words.
func explain(err error) error {
	if why := reason(err); why != "" {
		return fmt.Errorf("%s: %w", why, err)
	}
	return err
}

func reason(err error) string {
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

// rowFault reports whether err is about one row's values, so that the
// transaction can go on without the row.
func rowFault(err error) bool {
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

func isConflict(err error) bool {
	var se sqlite3.Error
	return errors.As(err, &se) && se.Code == sqlite3.ErrConstraint &&
		(se.ExtendedCode == sqlite3.ErrConstraintUnique || se.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
