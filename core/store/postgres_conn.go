package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes connections that take the store's statements.
type connector struct {
	driver.Connector
	steady bool
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &portableConn{conn.(*stdlib.Conn), c.steady}, nil
}

// portableConn takes statements with ? for what is bound. A steady one ends what
// was begun though its caller has left: pgx closes a connection whose context
// ends in the middle, and the one that writes holds the lock of Own. steadyLimit
// bounds that; a ledger that is summed up anew takes long.
type portableConn struct {
	*stdlib.Conn
	steady bool
}

const steadyLimit = 15 * time.Minute

func (c *portableConn) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if !c.steady {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), steadyLimit)
}

func (c *portableConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *portableConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, numbered(query))
}

func (c *portableConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, cancel := c.context(ctx)
	defer cancel()
	return c.Conn.ExecContext(ctx, numbered(query), args)
}

func (c *portableConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, cancel := c.context(ctx)
	rows, err := c.Conn.QueryContext(ctx, numbered(query), args)
	if err != nil {
		cancel()
		return nil, err
	}
	return &steadyRows{rows, cancel}, nil
}

type steadyRows struct {
	driver.Rows
	cancel context.CancelFunc
}

func (r *steadyRows) Close() error {
	defer r.cancel()
	return r.Rows.Close()
}

func (c *portableConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if !c.steady {
		return c.Conn.BeginTx(ctx, o)
	}
	_, err := c.end("begin")
	return c, err
}

// Commit implements [driver.Tx] for a steady connection.
func (c *portableConn) Commit() error {
	tag, err := c.end("commit")
	if err == nil && tag != "COMMIT" {
		err = errors.New("the transaction had failed and was rolled back")
	}
	return err
}

// Rollback implements [driver.Tx] for a steady connection.
func (c *portableConn) Rollback() error {
	_, err := c.end("rollback")
	return err
}

// end runs a statement about a transaction.
func (c *portableConn) end(statement string) (tag string, err error) {
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return "", driver.ErrBadConn
	}
	ctx, cancel := context.WithTimeout(context.Background(), steadyLimit)
	defer cancel()
	t, err := conn.Exec(ctx, statement)
	return t.String(), err
}

// CheckNamedValue lets through what SQLite's driver does, and makes texts storable.
func (c *portableConn) CheckNamedValue(v *driver.NamedValue) error {
	value, err := driver.DefaultParameterConverter.ConvertValue(v.Value)
	switch x := value.(type) {
	case bool:
		value = flag(x)
	case string:
		if !plain(x) {
			value = storable(x)
		}
	}
	v.Value = value
	return err
}

func isBroken(err error) bool { return errors.Is(err, driver.ErrBadConn) }

// texts caches what numbered has made of statements.
var texts struct {
	sync.RWMutex
	m map[string]string
}

// maxTexts bounds the cache; the store has some hundred statements and their variants.
const maxTexts = 4096

// numbered writes $1, $2 … for each ? that is no part of a quotation or comment.
func numbered(query string) string {
	if strings.IndexByte(query, '?') < 0 {
		return query
	}
	texts.RLock()
	text, ok := texts.m[query]
	texts.RUnlock()
	if ok {
		return text
	}
	text = number(query)
	texts.Lock()
	defer texts.Unlock()
	if texts.m == nil || len(texts.m) >= maxTexts {
		texts.m = map[string]string{}
	}
	texts.m[strings.Clone(query)] = text
	return text
}

func number(query string) string {
	b := make([]byte, 0, len(query)+16)
	for n, i := 0, 0; i < len(query); {
		if query[i] == '?' {
			n++
			b = strconv.AppendInt(append(b, '$'), int64(n), 10)
			i++
			continue
		}
		end := i + opaque(query[i:])
		b = append(b, query[i:end]...)
		i = end
	}
	return string(b)
}

// opaque is the length of the quotation or comment that s begins with, or 1. All
// of s belongs to one that does not end.
func opaque(s string) int {
	open, close := s[:1], ""
	switch {
	case open == "'", open == `"`: // a doubled one within begins another quotation, which is the same
		close = open
	case strings.HasPrefix(s, "--"):
		open, close = "--", "\n"
	case strings.HasPrefix(s, "/*"):
		open, close = "/*", "*/"
	default:
		return 1
	}
	if end := strings.Index(s[len(open):], close); end >= 0 {
		return len(open) + end + len(close)
	}
	return len(s)
}
