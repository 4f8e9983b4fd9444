package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version int
	name    string
	text    string
}

// migrations reads the embedded files, whose names begin with their number.
// Numbers rise, maybe by more than one: changes made at the same time take theirs beforehand,
// and the lower may come later.
func migrations() ([]migration, error) {
	files, err := migrationFiles.ReadDir("migrations") // sorted by name
	if err != nil {
		return nil, err
	}
	var list []migration
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		v, err := strconv.Atoi(number)
		if err != nil || v <= latest(list) {
			return nil, fmt.Errorf("migration %s: want a number above %d", f.Name(), latest(list))
		}
		text, err := migrationFiles.ReadFile(path.Join("migrations", f.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, migration{v, f.Name(), string(text)})
	}
	return list, nil
}

// latest is the version that all of the list lead to.
func latest(list []migration) int {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].version
}

// known refuses a schema that a newer program has made, whatever number its
// changes have.
func known(have []int, list []migration) error {
	for _, v := range have {
		if !slices.ContainsFunc(list, func(m migration) bool { return m.version == v }) {
			return fmt.Errorf("its schema has version %d, this program knows %d and not that: use the newer program or restore a backup", v, latest(list))
		}
	}
	return nil
}

// migrate brings the schema up to date, all steps in one transaction: a
// process that dies or a step that fails leaves the database as it was.
func migrate(ctx context.Context, conn *sql.Conn, db engine, now time.Time) error {
	list, err := migrations()
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	if err := db.migrating(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, db.translate(`CREATE TABLE IF NOT EXISTS schema_migrations (
		version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)`)); err != nil {
		return err
	}
	have, err := readVersions(ctx, tx)
	if err != nil {
		return err
	}
	if err := known(have, list); err != nil {
		return err
	}
	for _, m := range list {
		if slices.Contains(have, m.version) {
			continue
		}
		if _, err := tx.ExecContext(ctx, db.translate(m.text)); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)`,
			m.version, m.name, nanos(now)); err != nil {
			return err
		}
	}
	if err := db.migrated(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}
