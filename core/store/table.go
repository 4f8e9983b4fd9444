package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// table is how the rows of one noun are read and changed that are deleted by
// their deleted_at.
type table[T any] struct {
	noun, name, columns string
	more                string // read behind columns: ", (SELECT …)"
	scan                func(scanner) (*T, error)
	id                  func(*T) string
	unique, taken       string // the member that no two living rows share, and what to say of it
}

// dates are the last columns of such a table.
type dates struct {
	created, updated int64
	deleted          sql.NullInt64
}

func (d *dates) onto(created, updated *time.Time, deleted **time.Time) {
	*created, *updated, *deleted = fromNanos(d.created), fromNanos(d.updated), fromNull(d.deleted)
}

// single reads one row: a pool or a transaction.
type single interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// find returns the row, deleted or not.
func (t *table[T]) find(ctx context.Context, q single, id string) (*T, error) {
	v, err := t.scan(q.QueryRowContext(ctx, "SELECT "+t.columns+t.more+" FROM "+t.name+" WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(t.noun, id)
	}
	if err != nil {
		return nil, fmt.Errorf("find %s %s: %w", t.noun, id, explain(err))
	}
	return v, nil
}

// maybe returns the row, deleted or not; nil when there is none.
func (t *table[T]) maybe(ctx context.Context, q single, id string) (*T, error) {
	if id == "" {
		return nil, nil
	}
	v, err := t.scan(q.QueryRowContext(ctx, "SELECT "+t.columns+t.more+" FROM "+t.name+" WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return v, err
}

// named returns the living row that the member param of something else names.
func (t *table[T]) named(ctx context.Context, q single, param, id string) (*T, error) {
	v, err := t.scan(q.QueryRowContext(ctx, "SELECT "+t.columns+t.more+" FROM "+t.name+" WHERE id = ? AND deleted_at IS NULL", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, core.Invalid(param, "%s %q does not exist", t.noun, id)
	}
	return v, err
}

// list reads a page of the living.
func (t *table[T]) list(ctx context.Context, q querier, w where, p core.Page) ([]*T, string, error) {
	w.add("deleted_at IS NULL")
	return newestFirst(ctx, q, t.columns+t.more, t.name, w, p, t.scan, t.id)
}

// newestFirst reads a page of the rows that w leaves. IDs sort by time, so they are
// the order and the cursor.
func newestFirst[T any](ctx context.Context, q querier, columns, table string, w where, p core.Page, scan func(scanner) (*T, error), id func(*T) string) ([]*T, string, error) {
	if err := checkLimit(p.Limit, maxPage); err != nil {
		return nil, "", err
	}
	if p.Cursor != "" {
		w.add("id < ?", p.Cursor)
	}
	all, err := queryAll(ctx, q, func(rows *sql.Rows) (*T, error) { return scan(rows) },
		"SELECT "+columns+" FROM "+table+w.String()+" ORDER BY id DESC LIMIT "+strconv.Itoa(p.Limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	all, next := page(all, p.Limit, id)
	return all, next, nil
}

// insert adds a row of values in the order of columns, but for deleted_at.
func (t *table[T]) insert(ctx context.Context, tx *sql.Tx, values ...any) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.name+" ("+t.columns+") VALUES ("+strings.Repeat("?,", len(values))+"NULL)", values...)
	return t.conflict(err)
}

// update makes assignments such as "name = ?" in a living row.
func (t *table[T]) update(ctx context.Context, s *Store, id string, set where, now time.Time) (v *T, err error) {
	set.add("updated_at = ?", nanos(now))
	err = s.write(ctx, "update "+t.noun, func(tx *sql.Tx) error {
		err := changeOne(ctx, tx, t.noun, id, "UPDATE "+t.name+" SET "+strings.Join(set.terms, ", ")+
			" WHERE id = ? AND deleted_at IS NULL", append(set.args, id)...)
		if err != nil {
			return t.conflict(err)
		}
		v, err = t.find(ctx, tx, id)
		return err
	})
	return v, err
}

func (t *table[T]) remove(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	return changeOne(ctx, tx, t.noun, id, "UPDATE "+t.name+" SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL",
		nanos(now), nanos(now), id)
}

// conflict tells which member another living row has.
func (t *table[T]) conflict(err error) error {
	if !isConflict(err) {
		return err
	}
	e := core.Errorf(core.CodeConflict, core.SourceClient, "%s already", t.taken).With(err)
	e.Param = t.unique
	return e
}

// changeOne runs a statement that changes the one row with the id.
func changeOne(ctx context.Context, tx *sql.Tx, noun, id, query string, args ...any) error {
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return firstError(err, notFound(noun, id))
	}
	return nil
}

// reach filters what is not within reach. A column that is "" has nothing to
// compare with: it keeps no row.
func (w *where) reach(r *core.Reach, organization, team, user string) {
	if r == nil {
		return
	}
	terms, args := []string{"1 = 0"}, []any{}
	in := func(column string, ids []string) {
		if column != "" && len(ids) > 0 {
			terms = append(terms, column+" IN (?"+strings.Repeat(", ?", len(ids)-1)+")")
			for _, id := range ids {
				args = append(args, id)
			}
		}
	}
	in(organization, r.Organizations)
	in(team, r.Teams)
	if r.UserID != "" {
		in(user, []string{r.UserID})
	}
	if len(terms) > 1 {
		terms = terms[1:]
	}
	w.add("("+strings.Join(terms, " OR ")+")", args...)
}

// inTeam filters by organization and team, those that are not nil. A team is of one
// organization for good: who gives both has asked [Store.apart], and it is enough
// to look at the team.
func (w *where) inTeam(organization, team string, organizationID, teamID *string) {
	w.matches(team, teamID)
	if teamID == nil || *teamID == "" { // "" is in no team
		w.matches(organization, organizationID)
	}
}

// apart reports whether the row of the table is there with something else than
// has says: what is listed by both is nothing then, and may take long to be found so.
// has is what the row has for good: "organization_id" of a team.
func (s *Store) apart(ctx context.Context, table string, id *string, has map[string]*string) (bool, error) {
	var w where
	w.matches("id", id)
	for _, name := range slices.Sorted(maps.Keys(has)) {
		w.matches(name, has[name])
	}
	if id == nil || *id == "" || len(w.terms) == 1 {
		return false, nil
	}
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table+w.String(), w.args...).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", table, explain(err))
	}
	return n == 0, nil
}

// matches filters when value is not nil.
func (w *where) matches(column string, value *string) {
	if value != nil {
		w.add(column+" = ?", *value)
	}
}
