package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Examine looks at a database that may be in use, and changes nothing: which
// version its schema has (0 for none yet), and which this program needs. A file that is none of
// the gateway's, or a newer program's schema, is an error.
func Examine(ctx context.Context, url string) (have, need int, err error) {
	e, err := newEngine(url)
	if err != nil {
		return 0, 0, fmt.Errorf("storage url %q: %w", redact(url), err)
	}
	list, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	if have, err = e.examine(ctx); err != nil {
		return 0, 0, fmt.Errorf("read database %s: %w", e, explain(err))
	}
	return have, latest(list), known(have, latest(list))
}

// readVersion reads the version of a schema that is there.
func readVersion(ctx context.Context, q single) (have int, err error) {
	err = q.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&have)
	return have, err
}

func (e *sqlite) examine(ctx context.Context) (have int, err error) {
	db, err := sql.Open("sqlite3", e.dsn(true)+"&mode=ro")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return readVersion(ctx, db)
}
