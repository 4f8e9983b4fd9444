package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

var users = table[core.User]{
	noun: "user", name: "users", unique: "email", taken: "a user has this address",
	columns: "id, name, email, role, " + ceilingColumns + ", created_at, updated_at, deleted_at",
	id:      func(u *core.User) string { return u.ID },
	scan: func(row scanner) (*core.User, error) {
		var u core.User
		var d dates
		err := row.Scan(slices.Concat([]any{&u.ID, &u.Name, &u.Email, &u.Role}, ceilingTargets(&u.Ceiling), []any{&d.created, &d.updated, &d.deleted})...)
		d.onto(&u.CreatedAt, &u.UpdatedAt, &u.DeletedAt)
		return &u, err
	},
}

// CreateUser implements [core.UserStore].
func (s *Store) CreateUser(ctx context.Context, u *core.User) error {
	return s.write(ctx, "create user", func(tx *sql.Tx) error { return insertUser(ctx, tx, u) })
}

func insertUser(ctx context.Context, tx *sql.Tx, u *core.User) error {
	if err := users.insert(ctx, tx, slices.Concat([]any{u.ID, clean(u.Name), u.Email, string(u.Role)}, ceilingValues(&u.Ceiling), []any{nanos(u.CreatedAt), nanos(u.UpdatedAt)})...); err != nil {
		return err
	}
	return tell(ctx, tx, userEvent(core.EventUserCreated, u, u.CreatedAt))
}

func userEvent(what core.EventType, u *core.User, at time.Time) *core.Event {
	e := core.NewEvent(what, at, core.UserEventData{ID: u.ID, Name: clean(u.Name), Email: u.Email})
	e.UserID = u.ID
	return e
}

// FindUserByID implements [core.UserStore].
func (s *Store) FindUserByID(ctx context.Context, id string) (*core.User, error) {
	return users.find(ctx, s.read, id)
}

// ListUsers implements [core.UserStore].
func (s *Store) ListUsers(ctx context.Context, f core.UserFilter) ([]*core.User, string, error) {
	if apart, err := s.apart(ctx, "teams", f.TeamID, map[string]*string{"organization_id": f.OrganizationID}); apart || err != nil {
		return nil, "", err
	}
	w, err := s.userWhere(ctx, f)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	if r := f.Reach; r != nil {
		var m where
		m.reach(r, "organization_id", "team_id", "user_id")
		w.add("(id = ? OR id IN (SELECT user_id FROM memberships WHERE deleted_at IS NULL AND "+m.terms[0]+"))", append([]any{r.UserID}, m.args...)...)
	}
	return users.list(ctx, s.read, w, f.Page)
}

// crowd is how many are too many to look at each.
const crowd = 5000

// userWhere begins with what fewer have: one address, one name, or memberships in
// one place. An organization may have very many, and so may a name.
func (s *Store) userWhere(ctx context.Context, f core.UserFilter) (w where, err error) {
	w.matches("email", f.Email)
	if f.OrganizationID == nil && f.TeamID == nil {
		w.matches("name", f.Name)
		return w, nil
	}
	var m where
	m.add("m.deleted_at IS NULL")
	m.inTeam("m.organization_id", "m.team_id", f.OrganizationID, f.TeamID)
	from := "SELECT m.user_id FROM memberships m" + m.String()
	switch {
	case f.Email != nil:
		w.matches("name || ''", f.Name)
	case f.Name != nil:
		few, err := s.fewer(ctx, from, m.args, "SELECT id FROM users WHERE deleted_at IS NULL AND name = ?", *f.Name)
		if err != nil {
			return w, err
		}
		if few {
			w.matches("name || ''", f.Name)
			w.add("id IN ("+from+")", m.args...)
			return w, nil
		}
		w.matches("name", f.Name)
	case f.Reach == nil: // nothing else narrows: a page of them
		if f.Cursor != "" {
			m.add("m.user_id < ?", f.Cursor)
		}
		w.add("id IN (SELECT DISTINCT m.user_id FROM memberships m"+m.String()+" ORDER BY m.user_id DESC LIMIT "+strconv.Itoa(f.Limit+1)+")", m.args...)
		return w, nil
	}
	w.add("EXISTS ("+from+" AND m.user_id = users.id)", m.args...)
	return w, nil
}

// fewer reports whether the first query has no crowd, and the second has one.
func (s *Store) fewer(ctx context.Context, first string, args []any, second string, arg any) (bool, error) {
	count := func(query string, args ...any) (n int, err error) {
		query = "SELECT COUNT(*) FROM (" + query + " LIMIT " + strconv.Itoa(crowd) + ") few"
		err = s.read.QueryRowContext(ctx, query, args...).Scan(&n)
		return n, err
	}
	n, err := count(second, arg)
	if err != nil || n < crowd {
		return false, explain(err)
	}
	n, err = count(first, args...)
	return n < crowd, explain(err)
}

// UpdateUser implements [core.UserStore].
func (s *Store) UpdateUser(ctx context.Context, id string, u core.UserUpdate, now time.Time) (*core.User, error) {
	var set where
	if u.Name != nil {
		set.add("name = ?", clean(*u.Name))
	}
	if u.Email != nil {
		set.add("email = ?", *u.Email)
	}
	if u.Role != nil {
		set.add("role = ?", string(*u.Role))
	}
	set.ceiling(u.CeilingUpdate)
	return users.update(ctx, s, id, set, now)
}

// DeleteUser implements [core.UserStore].
func (s *Store) DeleteUser(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete user", func(tx *sql.Tx) error {
		if err := refuseWhileUsed(ctx, tx, "user", "user_id", id, "virtual_keys"); err != nil {
			return err
		}
		if err := users.remove(ctx, tx, id, now); err != nil {
			return err
		}
		if err := shutOut(ctx, tx, id); err != nil {
			return err
		}
		if err := endMemberships(ctx, tx, "user_id", id, now); err != nil {
			return err
		}
		u, err := users.find(ctx, tx, id)
		if err != nil {
			return err
		}
		return tell(ctx, tx, userEvent(core.EventUserDeleted, u, now))
	})
}
