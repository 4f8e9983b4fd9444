package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tokligence/gateway/core"
)

// postgres is one database, and the store in one of its schemas.
type postgres struct {
	config  *pgx.ConnConfig
	readers int
	store   *Store
	schema  int32 // what it is called in advisory locks
	owner   owner
	turns   *sql.DB // one connection, for alone
}

// String is where the database is, without who opens it and how.
func (e *postgres) String() string {
	return net.JoinHostPort(e.config.Host, strconv.Itoa(int(e.config.Port))) + "/" + e.config.Database
}

// parsePostgres reads a URL. pgx's own errors quote it.
func parsePostgres(url string) (*postgres, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("it is no valid postgres URL, or names a file that cannot be read")
	}
	e := &postgres{config: config, readers: max(8, 2*runtime.GOMAXPROCS(0))}
	if n, ok := config.RuntimeParams["pool_max_conns"]; ok {
		delete(config.RuntimeParams, "pool_max_conns")
		if e.readers, err = strconv.Atoi(n); err != nil || e.readers < 1 {
			return nil, errors.New("pool_max_conns is not a number of connections")
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit / 2
	}
	if config.RuntimeParams["application_name"] == "" {
		host, _ := os.Hostname() // "" says less
		config.RuntimeParams["application_name"] = fmt.Sprintf("tokligence %d@%.30s", os.Getpid(), host)
	}
	dialer := &net.Dialer{Control: userTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.DialFunc = dialer.DialContext
	return e, nil
}

func (e *postgres) open(ctx context.Context, s *Store) error {
	e.store = s
	e.owner.init()
	s.writeDB = sql.OpenDB(&connector{stdlib.GetConnector(*e.config), true})
	s.writeDB.SetMaxOpenConns(1)
	s.read = sql.OpenDB(&connector{stdlib.GetConnector(*e.config), false})
	s.read.SetMaxOpenConns(e.readers)
	s.read.SetMaxIdleConns(e.readers)
	s.read.SetConnMaxIdleTime(5 * time.Minute)
	e.turns = sql.OpenDB(&connector{stdlib.GetConnector(*e.config), false})
	e.turns.SetMaxOpenConns(1)
	e.turns.SetConnMaxIdleTime(5 * time.Minute)
	return nil
}

// The advisory locks' first halves; the second names the schema.
const (
	lockSchema = 0x746f6b00 + iota // whoever migrates
	lockOwner                      // the gateway, as long as it runs
	lockWrites                     // one transaction that is no ledger batch
	lockAlone                      // whoever changes something alone
)

// onConnect has a lock that another process holds fail what is written, as on
// SQLite, and the server notice within deadAfter that this machine is gone.
const onConnect = `SET lock_timeout = '5s'; SET tcp_user_timeout = '20s';
	SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`

// deadAfter is when a network is taken for broken that does not answer. Left to
// itself the operating system takes a quarter of an hour.
const deadAfter = 20 * time.Second

func (e *postgres) connected(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, onConnect); err != nil {
		return err
	}
	if e.schema == 0 {
		var name sql.NullString
		if err := conn.QueryRowContext(ctx, `SELECT current_schema()`).Scan(&name); err != nil {
			return err
		}
		if !name.Valid {
			return errors.New("no schema of the search path exists")
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(name.String)) // never fails
		e.schema = int32(h.Sum32())
	}
	return e.ownAgain(ctx, conn)
}

func (e *postgres) alive(conn *sql.Conn) bool {
	return conn.Raw(func(raw any) error {
		if raw.(*portableConn).Conn.Conn().IsClosed() {
			return io.EOF
		}
		return nil
	}) == nil
}

func (e *postgres) migrating(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = 0`); err != nil { // another gateway may have much to do
		return err
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, ?)`, lockSchema, e.schema)
	return err
}

// writing makes the transaction the only one of its sort, also among several
// processes: what it checks stays so until it ends, as it does on SQLite.
func (e *postgres) writing(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, ?)`, lockWrites, e.schema)
	return err
}

func (e *postgres) committed(int) {}

func (e *postgres) opened() error { return nil }

func (e *postgres) stop() error {
	e.owner.stop()
	return nil
}

func (e *postgres) close() error {
	if e.turns == nil {
		return nil
	}
	return e.turns.Close()
}

func (e *postgres) examine(ctx context.Context) (have []int, err error) {
	db := sql.OpenDB(&connector{stdlib.GetConnector(*e.config), false})
	defer db.Close()
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT to_regclass('schema_migrations') IS NOT NULL`).Scan(&there); err != nil || !there {
		return nil, err
	}
	return readVersions(ctx, db)
}

var (
	comments  = regexp.MustCompile(`--[^\n]*|/\*[^*]*\*/`)
	textType  = regexp.MustCompile(`\bTEXT\b`)
	numbering = regexp.MustCompile(`\bINTEGER PRIMARY KEY\b`)
)

// translate has texts ordered by their bytes, as SQLite does, whatever the
// database's own order: ids and cursors are compared.
func (e *postgres) translate(text string) string {
	text = comments.ReplaceAllString(text, "")
	text = numbering.ReplaceAllString(text, "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
	return textType.ReplaceAllString(text, `TEXT COLLATE "C"`)
}

// onPostgres has the database itself refuse what no method of the store offers,
// and take note of what other processes have to hear of.
const onPostgres = `
CREATE OR REPLACE FUNCTION tokligence_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TABLE IF NOT EXISTS notices (kind TEXT COLLATE "C" PRIMARY KEY, seq BIGINT NOT NULL);
CREATE OR REPLACE FUNCTION tokligence_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.notices AS n (kind, seq) VALUES ($1, 1) ON CONFLICT (kind) DO UPDATE SET seq = n.seq + 1', TG_TABLE_SCHEMA)
		USING TG_ARGV[0];
	PERFORM pg_notify('tokligence', TG_TABLE_SCHEMA);
	RETURN NULL;
END $$;`

// noticed are the tables whose changes other processes are told of, and as what.
var noticed = map[string]core.NoticeKind{
	"virtual_keys": core.NoticeKeys, "key_secrets": core.NoticeKeys, "budgets": core.NoticeKeys,
	"organizations": core.NoticeKeys, "teams": core.NoticeKeys, "users": core.NoticeKeys, "model_groups": core.NoticeKeys, "projects": core.NoticeKeys,
	"config_revisions": core.NoticeConfig,
}

func (e *postgres) migrated(ctx context.Context, tx *sql.Tx) error {
	have := map[string]bool{}
	names, err := queryAll(ctx, tx, scanText, `SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND NOT t.tgisinternal`)
	if err != nil {
		return err
	}
	for _, name := range names {
		have[name] = true
	}
	create := func(name, text string) error {
		if have[name] { // creating it once more would wait for all who use the table
			return nil
		}
		_, err := tx.ExecContext(ctx, "CREATE TRIGGER "+name+" "+text)
		return err
	}
	if _, err := tx.ExecContext(ctx, onPostgres); err != nil {
		return err
	}
	if err := create("audit_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION tokligence_append_only()"); err != nil {
		return err
	}
	for table, kind := range noticed {
		if err := create(table+"_notice", "AFTER INSERT OR UPDATE OR DELETE ON "+table+
			" EXECUTE FUNCTION tokligence_notice('"+string(kind)+"')"); err != nil {
			return err
		}
	}
	return nil
}

// postgresReason says what the operator can do about it.
func postgresReason(err error) string {
	if c := code(err); c != "" {
		return codeReason(c)
	}
	var ce *pgconn.ConnectError
	var ne net.Error
	switch {
	case errors.As(err, &ce):
		return "the database cannot be reached"
	case errors.Is(err, errTaken):
		return "another gateway owns it"
	case pgconn.Timeout(err), errors.As(err, &ne), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, sql.ErrConnDone), isBroken(err):
		return "the connection to the database was lost"
	}
	return ""
}

// codeReason reads a SQLSTATE (Postgres, appendix A).
func codeReason(code string) string {
	switch code {
	case "3D000":
		return "the database does not exist"
	case "42501":
		return "no permission"
	case "25006":
		return "the database is read-only"
	case "53100":
		return "the disk is full"
	case "53300":
		return "the database has no connection left"
	case "55P03":
		return "the database is locked by another process"
	case "57P01", "57P02", "57P03":
		return "the database stops or starts"
	case "57014":
		return "the database took too long"
	}
	switch code[:min(2, len(code))] {
	case "08":
		return "the connection to the database was lost"
	case "28":
		return "the database refuses the user or the password"
	case "40":
		return "another process was in the way"
	case "53":
		return "the database has no room left"
	case "58", "XX":
		return "the database fails"
	}
	return ""
}

// code is the SQLSTATE of an error that the server has told, else "".
func code(err error) string {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return ""
	}
	return pe.Code
}

func postgresRowFault(err error) bool {
	c := code(err)
	return strings.HasPrefix(c, "22") || strings.HasPrefix(c, "23") || strings.HasPrefix(c, "54")
}

func postgresConflict(err error) bool { return code(err) == "23505" }

// isDeadlock reports whether transactions waited for each other and this one was ended.
func isDeadlock(err error) bool { return strings.HasPrefix(code(err), "40") }
