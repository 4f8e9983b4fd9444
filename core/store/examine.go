package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Examine looks at a database that may be in use, and changes nothing: which
// version its schema has, and which this program needs. A file that is none of
// the gateway's, or a newer program's, is an error.
func Examine(ctx context.Context, url string) (have, need int, err error) {
	_, rest, _ := strings.Cut(url, "://")
	o, err := parseSQLite(rest)
	if err != nil {
		return 0, 0, fmt.Errorf("storage url %q: %w", redact(url), err)
	}
	list, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	db, err := sql.Open("sqlite3", o.dsn(true)+"&mode=ro")
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&have); err != nil {
		return 0, 0, fmt.Errorf("read database %s: %w", o.path, explain(err))
	}
	return have, latest(list), known(have, latest(list))
}
