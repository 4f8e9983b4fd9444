package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/tokligence/gateway/core"
)

const (
	revisionColumns = "number, at, cause, actor_kind, actor_id, actor_name"
	objectColumns   = "id, kind, name, organization_id, team_id, settings, sealed, created_at, updated_at"
)

// AppendRevision implements [core.RevisionStore]. Of two at a time the second
// finds its number taken.
func (s *Store) AppendRevision(ctx context.Context, r *core.Revision) error {
	return s.write(ctx, "append a revision", func(tx *sql.Tx) error {
		var latest int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM config_revisions`).Scan(&latest); err != nil {
			return err
		}
		taken := core.Errorf(core.CodeConflict, core.SourceClient, "the configuration was changed by somebody else at the same time")
		if r.Number != latest+1 {
			return taken
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO config_revisions ("+revisionColumns+", content) VALUES (?,?,?,?,?,?,?)",
			r.Number, nanos(r.At), string(r.Cause), r.Author.Kind, r.Author.ID, clean(r.Author.Name), string(r.Content))
		if isConflict(err) {
			return taken.With(err)
		}
		if err != nil {
			return err
		}
		if err := replaceObjects(ctx, tx, r); err != nil {
			return err
		}
		return tell(ctx, tx, core.NewEvent(core.EventConfigApplied, r.At, core.ConfigEventData{Revision: r.Number}))
	})
}

// replaceObjects ends the objects that the revision has no more or has otherwise,
// and adds its new ones.
func replaceObjects(ctx context.Context, tx *sql.Tx, r *core.Revision) error {
	living, err := objectsOf(ctx, tx, r.Number-1)
	if err != nil {
		return err
	}
	type identity struct {
		kind core.ObjectKind
		name string
	}
	old := make(map[identity]core.ConfigObject, len(living))
	for _, o := range living {
		old[identity{o.Kind, o.Name}] = o
	}
	for _, o := range r.Objects {
		id := identity{o.Kind, o.Name}
		before, there := old[id]
		if there && sameObject(before, o) {
			delete(old, id)
			continue
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO config_objects ("+objectColumns+", since, ended) VALUES (?,?,?,?,?,?,?,?,?, ?,0)",
			o.ID, string(o.Kind), o.Name, o.Owner.OrganizationID, o.Owner.TeamID, string(o.Settings), o.Sealed, nanos(o.CreatedAt), nanos(o.UpdatedAt), r.Number)
		if err != nil {
			return err
		}
	}
	for id := range old {
		_, err := tx.ExecContext(ctx, `UPDATE config_objects SET ended = ? WHERE kind = ? AND name = ? AND ended = 0 AND since < ?`,
			r.Number, string(id.kind), id.name, r.Number)
		if err != nil {
			return err
		}
	}
	return nil
}

// sameObject does not compare sealed texts: what has other secrets was updated at
// another time, and the same ones are sealed anew when the key changes.
func sameObject(a, b core.ConfigObject) bool {
	return a.ID == b.ID && string(a.Settings) == string(b.Settings) && a.CreatedAt.Equal(b.CreatedAt) && a.UpdatedAt.Equal(b.UpdatedAt)
}

// objectsOf reads the objects of a revision, oldest first.
func objectsOf(ctx context.Context, q querier, number int64) ([]core.ConfigObject, error) {
	return queryAll(ctx, q, func(rows *sql.Rows) (core.ConfigObject, error) {
		o := core.ConfigObject{Origin: core.OriginAPI}
		var settings string
		var created, updated int64
		err := rows.Scan(&o.ID, &o.Kind, &o.Name, &o.Owner.OrganizationID, &o.Owner.TeamID, &settings, &o.Sealed, &created, &updated)
		o.Settings, o.CreatedAt, o.UpdatedAt = json.RawMessage(settings), fromNanos(created), fromNanos(updated)
		return o, err
	}, "SELECT "+objectColumns+" FROM config_objects WHERE (ended = 0 OR ended > ?) AND since <= ? ORDER BY created_at, kind, name", number, number)
}

// LatestRevision implements [core.RevisionStore].
func (s *Store) LatestRevision(ctx context.Context) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM config_revisions`).Scan(&n)
	if err != nil {
		err = fmt.Errorf("find the latest revision: %w", explain(err))
	}
	return n, err
}

// FindRevision implements [core.RevisionStore].
func (s *Store) FindRevision(ctx context.Context, number int64) (*core.Revision, error) {
	var r *core.Revision
	err := s.snapshot(ctx, "find revision "+strconv.FormatInt(number, 10), func(tx *sql.Tx) error {
		var content string
		var err error
		if r, err = scanRevision(tx.QueryRowContext(ctx, "SELECT "+revisionColumns+", content FROM config_revisions WHERE number = ?", number), &content); err != nil {
			return err
		}
		r.Content = rawJSON(content)
		r.Objects, err = objectsOf(ctx, tx, number)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "there is no revision %d", number)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ListRevisions implements [core.RevisionStore].
func (s *Store) ListRevisions(ctx context.Context, p core.Page) ([]*core.Revision, string, error) {
	if err := checkLimit(p.Limit, maxPage); err != nil {
		return nil, "", err
	}
	var w where
	if p.Cursor != "" {
		n, err := strconv.ParseInt(p.Cursor, 10, 64)
		if err != nil {
			return nil, "", core.Invalid("cursor", "%q is not a cursor of this list", p.Cursor)
		}
		w.add("number < ?", n)
	}
	scan := func(rows *sql.Rows) (*core.Revision, error) { return scanRevision(rows) }
	all, err := queryAll(ctx, s.read, scan, "SELECT "+revisionColumns+" FROM config_revisions"+w.String()+" ORDER BY number DESC LIMIT "+strconv.Itoa(p.Limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list revisions: %w", err)
	}
	all, next := page(all, p.Limit, func(r *core.Revision) string { return strconv.FormatInt(r.Number, 10) })
	return all, next, nil
}

// scanRevision reads revisionColumns and then more.
func scanRevision(row scanner, more ...any) (*core.Revision, error) {
	var r core.Revision
	var at int64
	err := row.Scan(append([]any{&r.Number, &at, &r.Cause, &r.Author.Kind, &r.Author.ID, &r.Author.Name}, more...)...)
	r.At = fromNanos(at)
	return &r, err
}
