package store

import (
	"context"
	"database/sql"
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
	var w where
	w.matches("name", f.Name)
	w.matches("email", f.Email)
	if f.OrganizationID != nil || f.TeamID != nil {
		members, args := membersOf(f)
		w.add("id IN ("+members+")", args...)
	}
	if r := f.Reach; r != nil {
		var m where
		m.reach(r, "organization_id", "team_id", "user_id")
		w.add("(id = ? OR id IN (SELECT user_id FROM memberships WHERE deleted_at IS NULL AND "+m.terms[0]+"))", append([]any{r.UserID}, m.args...)...)
	}
	return users.list(ctx, s.read, w, f.Page)
}

// membersOf selects the ids of those who have a membership where f says. With
// no other filter it is a page of them: an organization may have very many.
func membersOf(f core.UserFilter) (query string, args []any) {
	var m where
	m.add("deleted_at IS NULL")
	m.matches("organization_id", f.OrganizationID)
	m.matches("team_id", f.TeamID)
	page := ""
	if f.Name == nil && f.Email == nil && f.Reach == nil {
		if f.Cursor != "" {
			m.add("user_id < ?", f.Cursor)
		}
		page = " ORDER BY user_id DESC LIMIT " + strconv.Itoa(f.Limit+1)
	}
	return "SELECT DISTINCT user_id FROM memberships" + m.String() + page, m.args
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
