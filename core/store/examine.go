package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Examine looks at a database that may be in use, and changes nothing: how many
// changes its schema has seen (0: there is none yet), and how many the next start
// will make. A file that is none of the
// gateway's, or a newer program's schema, is an error.
func Examine(ctx context.Context, url string) (have, missing int, err error) {
	e, err := newEngine(url)
	if err != nil {
		return 0, 0, fmt.Errorf("storage url %q: %w", redact(url), err)
	}
	list, err := migrations()
	if err != nil {
		return 0, 0, err
	}
	versions, err := e.examine(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read database %s: %w", e, explain(err))
	}
	return len(versions), len(list) - len(versions), known(versions, list)
}

// readVersions reads which changes a schema that is there has seen.
func readVersions(ctx context.Context, q querier) ([]int, error) {
	scan := func(rows *sql.Rows) (v int, err error) { return v, rows.Scan(&v) }
	return queryAll(ctx, q, scan, `SELECT version FROM schema_migrations ORDER BY version`)
}

func (e *sqlite) examine(ctx context.Context) (have []int, err error) {
	db, err := sql.Open("sqlite3", e.dsn(true)+"&mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return readVersions(ctx, db)
}
