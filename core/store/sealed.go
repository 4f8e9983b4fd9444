package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
)

// sealedColumn is a column with sealed texts. NULL and "" are none. Whoever seals
// does so at the place of kind and id.
type sealedColumn struct{ kind, table, id, column string }

// sealedColumns are all there are: a table that keeps a secret has its line
// here, and is then sealed anew when the key changes.
var sealedColumns = []sealedColumn{
	{"webhook", "webhooks", "id", "sealed"},
	{"mail", "deliveries", "id", "sealed"},
	{"answer", "claims", "id", "sealed"},
	{"response", "responses", "id", "sealed"},
	{"credential", "config_objects", "id", "sealed"},
}

var _ core.SealedStore = (*Store)(nil)

// ListSealed implements [core.SealedStore].
func (s *Store) ListSealed(ctx context.Context, p core.Page) ([]core.SealedValue, string, error) {
	return s.listSealed(ctx, sealedColumns, p)
}

// sealedCursor is the last text of a page. One object may have several: a table
// may keep what was.
type sealedCursor struct {
	Kind, ID, Sealed string
}

func (s *Store) listSealed(ctx context.Context, columns []sealedColumn, p core.Page) ([]core.SealedValue, string, error) {
	if err := checkLimit(p.Limit, maxPage); err != nil {
		return nil, "", err
	}
	var after sealedCursor
	if p.Cursor != "" {
		if err := json.Unmarshal([]byte(p.Cursor), &after); err != nil {
			return nil, "", core.Invalid("cursor", "is not one of this list")
		}
		columns = columns[max(0, slices.IndexFunc(columns, func(c sealedColumn) bool { return c.kind == after.Kind })):]
	}
	for i, c := range columns {
		var w where
		w.add(c.column + " <> ''") // NULL is not either
		if i == 0 && p.Cursor != "" {
			w.add("("+c.id+" > ? OR "+c.id+" = ? AND "+c.column+" > ?)", after.ID, after.ID, after.Sealed)
		}
		scan := func(rows *sql.Rows) (v core.SealedValue, err error) {
			v.At.Kind = c.kind
			err = rows.Scan(&v.At.ID, &v.Sealed)
			return v, err
		}
		values, err := queryAll(ctx, s.read, scan, "SELECT DISTINCT "+c.id+", "+c.column+" FROM "+c.table+w.String()+
			" ORDER BY "+c.id+", "+c.column+" LIMIT "+strconv.Itoa(p.Limit), w.args...)
		if err != nil {
			return nil, "", fmt.Errorf("list sealed %s: %w", c.table, err)
		}
		if n := len(values); n > 0 {
			last := values[n-1]
			return values, mustJSON(sealedCursor{last.At.Kind, last.At.ID, last.Sealed}), nil
		}
	}
	return nil, "", nil
}

// ReplaceSealed implements [core.SealedStore].
func (s *Store) ReplaceSealed(ctx context.Context, changes []core.SealedChange) (int, error) {
	return s.replaceSealed(ctx, sealedColumns, changes)
}

func (s *Store) replaceSealed(ctx context.Context, columns []sealedColumn, changes []core.SealedChange) (replaced int, err error) {
	err = s.write(ctx, "replace sealed texts", func(tx *sql.Tx) error {
		replaced = 0
		for _, change := range changes {
			i := slices.IndexFunc(columns, func(c sealedColumn) bool { return c.kind == change.At.Kind })
			if i < 0 {
				return fmt.Errorf("no column holds secrets of the kind %q", change.At.Kind)
			}
			c := columns[i]
			res, err := tx.ExecContext(ctx, "UPDATE "+c.table+" SET "+c.column+" = ? WHERE "+c.id+" = ? AND "+c.column+" = ?",
				change.New, change.At.ID, change.Old)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			replaced += int(min(n, 1)) // the same text in several rows is one
		}
		return nil
	})
	return replaced, err
}
