package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/tokligence/gateway/core"
)

var memberships = table[core.Membership]{
	noun: "membership", name: "memberships", unique: "user_id", taken: "the user is a member there",
	columns: "id, user_id, organization_id, team_id, role, created_at, updated_at, deleted_at",
	more: `, (SELECT name FROM users WHERE id = memberships.user_id), (SELECT name FROM organizations WHERE id = memberships.organization_id),
		COALESCE((SELECT name FROM teams WHERE id = memberships.team_id), '')`,
	id: func(m *core.Membership) string { return m.ID },
	scan: func(row scanner) (*core.Membership, error) {
		var m core.Membership
		var d dates
		err := row.Scan(&m.ID, &m.UserID, &m.OrganizationID, &m.TeamID, &m.Role, &d.created, &d.updated, &d.deleted, &m.UserName, &m.OrganizationName, &m.TeamName)
		d.onto(&m.CreatedAt, &m.UpdatedAt, &m.DeletedAt)
		return &m, err
	},
}

// CreateMembership implements [core.MembershipStore].
func (s *Store) CreateMembership(ctx context.Context, m *core.Membership) error {
	return s.write(ctx, "create membership", func(tx *sql.Tx) error {
		if _, err := users.named(ctx, tx, "user_id", m.UserID); err != nil {
			return err
		}
		if m.OrganizationID == "" && m.TeamID == "" {
			return core.Invalid("organization_id", "or team_id is required")
		}
		if err := settlePlace(ctx, tx, &m.OrganizationID, m.TeamID); err != nil {
			return err
		}
		if err := memberships.insert(ctx, tx, m.ID, m.UserID, m.OrganizationID, m.TeamID, string(m.Role), nanos(m.CreatedAt), nanos(m.UpdatedAt)); err != nil {
			return err
		}
		made, err := memberships.find(ctx, tx, m.ID)
		if err == nil {
			*m = *made
		}
		return err
	})
}

// FindMembershipByID implements [core.MembershipStore].
func (s *Store) FindMembershipByID(ctx context.Context, id string) (*core.Membership, error) {
	return memberships.find(ctx, s.read, id)
}

// ListMemberships implements [core.MembershipStore].
func (s *Store) ListMemberships(ctx context.Context, f core.MembershipFilter) ([]*core.Membership, string, error) {
	if apart, err := s.apart(ctx, "teams", f.TeamID, map[string]*string{"organization_id": f.OrganizationID}); apart || err != nil {
		return nil, "", err
	}
	var w where
	hide := ""
	if f.UserID != nil { // who has few memberships: an expression uses no index
		hide = " || ''"
	}
	w.inTeam("organization_id"+hide, "team_id"+hide, f.OrganizationID, f.TeamID)
	w.matches("user_id", f.UserID)
	w.reach(f.Reach, "organization_id", "team_id", "user_id")
	return memberships.list(ctx, s.read, w, f.Page)
}

// UpdateMembership implements [core.MembershipStore].
func (s *Store) UpdateMembership(ctx context.Context, id string, role core.Role, now time.Time) (*core.Membership, error) {
	return memberships.update(ctx, s, id, where{terms: []string{"role = ?"}, args: []any{string(role)}}, now)
}

// DeleteMembership implements [core.MembershipStore].
func (s *Store) DeleteMembership(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete membership", func(tx *sql.Tx) error {
		if err := memberships.remove(ctx, tx, id, now); err != nil {
			return err
		}
		return refuseStranded(ctx, tx, "id", id, "the user has")
	})
}

// refuseStranded is CodeConflict when a living key has lost the last membership
// that allowed it, and one that it lost has id in column. The message begins
// with who has such keys.
func refuseStranded(ctx context.Context, tx *sql.Tx, column, id, who string) error {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT k.id) FROM memberships gone
		JOIN virtual_keys k ON k.user_id = gone.user_id AND k.organization_id = gone.organization_id AND k.deleted_at IS NULL
		WHERE gone.`+column+` = ? AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.deleted_at IS NULL AND m.user_id = k.user_id
			AND m.organization_id = k.organization_id AND (k.team_id = '' OR m.team_id IN ('', k.team_id)))`, id).Scan(&n)
	if err != nil || n == 0 {
		return err
	}
	return core.Errorf(core.CodeConflict, core.SourceClient, "%s %s that no other membership allows", who, count(n, "key"))
}
