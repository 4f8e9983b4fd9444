package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

// FindIdentity implements [core.SignInStore].
func (s *Store) FindIdentity(ctx context.Context, issuer, subject string) (*core.Identity, error) {
	i := core.Identity{Issuer: issuer, Subject: subject}
	var created int64
	err := s.read.QueryRowContext(ctx, `SELECT user_id, created_at FROM identities WHERE issuer = ? AND subject = ?`, clean(issuer), clean(subject)).Scan(&i.UserID, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("identity", subject)
	}
	if err != nil {
		return nil, fmt.Errorf("find identity: %w", explain(err))
	}
	i.CreatedAt = fromNanos(created)
	return &i, nil
}

// LinkIdentity implements [core.SignInStore].
func (s *Store) LinkIdentity(ctx context.Context, i *core.Identity) error {
	return s.write(ctx, "link identity", func(tx *sql.Tx) error {
		if _, err := users.named(ctx, tx, "user_id", i.UserID); err != nil {
			return err
		}
		if err := reclaim(ctx, tx, i.UserID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO identities (issuer, subject, user_id, created_at) VALUES (?,?,?,?)
			ON CONFLICT (issuer, subject) DO UPDATE SET user_id = excluded.user_id, created_at = excluded.created_at`,
			clean(i.Issuer), clean(i.Subject), i.UserID, nanos(i.CreatedAt))
		return err
	})
}

// reclaim shuts out whoever made the user by an invitation.
func reclaim(ctx context.Context, tx *sql.Tx, userID string) error {
	var made int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM invites i JOIN users u ON u.id = i.user_id
		WHERE i.user_id = ? AND i.accepted_at = u.created_at`, userID).Scan(&made)
	if err != nil || made == 0 {
		return err
	}
	return shutOut(ctx, tx, userID)
}

// ApplyGrants implements [core.SignInStore].
func (s *Store) ApplyGrants(ctx context.Context, userID, issuer string, grants []core.Grant, now time.Time) (changed bool, err error) {
	err = s.write(ctx, "apply roles of groups", func(tx *sql.Tx) error {
		u, err := users.named(ctx, tx, "user_id", userID)
		if err != nil {
			return err
		}
		want := map[core.Grant]core.Role{} // by place: a Grant without role
		for _, g := range grants {
			if g.OrganizationID != "" || g.TeamID != "" {
				if err := settlePlace(ctx, tx, &g.OrganizationID, g.TeamID); err != nil {
					return err
				}
			}
			place := core.Grant{OrganizationID: g.OrganizationID, TeamID: g.TeamID}
			want[place] = g.Role
		}
		had, err := grantedBefore(ctx, tx, userID, issuer)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM granted_roles WHERE user_id = ? AND issuer = ?`, userID, clean(issuer)); err != nil {
			return err
		}
		for place := range had {
			if _, ok := want[place]; !ok {
				want[place] = core.RoleNone
			}
		}
		for place, role := range want {
			g := granting{tx: tx, user: u, place: place, given: had[place], now: now}
			role, did, err := g.apply(ctx, role)
			if err != nil {
				return err
			}
			changed = changed || did
			if role == core.RoleNone {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO granted_roles (user_id, issuer, organization_id, team_id, role) VALUES (?,?,?,?,?)`,
				userID, clean(issuer), place.OrganizationID, place.TeamID, string(role)); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

// grantedBefore is what the issuer gave, by place.
func grantedBefore(ctx context.Context, tx *sql.Tx, userID, issuer string) (map[core.Grant]core.Role, error) {
	list, err := queryAll(ctx, tx, func(rows *sql.Rows) (g core.Grant, err error) {
		return g, rows.Scan(&g.OrganizationID, &g.TeamID, &g.Role)
	}, `SELECT organization_id, team_id, role FROM granted_roles WHERE user_id = ? AND issuer = ?`, userID, clean(issuer))
	had := map[core.Grant]core.Role{}
	for _, g := range list {
		had[core.Grant{OrganizationID: g.OrganizationID, TeamID: g.TeamID}] = g.Role
	}
	return had, err
}

// granting is one place where groups give a user a role, or take it.
type granting struct {
	tx    *sql.Tx
	user  *core.User
	place core.Grant
	given core.Role // there before, by the same issuer
	now   time.Time
}

// apply returns the role that the issuer gives there from now on, which is none
// where somebody decided otherwise.
func (g *granting) apply(ctx context.Context, role core.Role) (core.Role, bool, error) {
	if g.place == (core.Grant{}) {
		if g.user.Role == role {
			return given(role, g.given), false, nil
		}
		if g.user.Role != core.RoleNone && g.user.Role != g.given {
			return core.RoleNone, false, nil
		}
		_, err := g.tx.ExecContext(ctx, `UPDATE users SET role = ?, updated_at = ? WHERE id = ?`, string(role), nanos(g.now), g.user.ID)
		return role, true, err
	}
	m, err := membershipAt(ctx, g.tx, g.user.ID, g.place.OrganizationID, g.place.TeamID)
	switch {
	case err != nil:
		return role, false, err
	case m == nil && role == core.RoleNone:
		return role, false, nil
	case m == nil:
		err = memberships.insert(ctx, g.tx, core.NewID(core.PrefixMembership, g.now), g.user.ID, g.place.OrganizationID, g.place.TeamID, string(role), nanos(g.now), nanos(g.now))
		return role, true, err
	case m.Role == role:
		return given(role, g.given), false, nil
	case m.Role != g.given:
		return core.RoleNone, false, nil
	case role == core.RoleNone:
		return g.take(ctx, m)
	}
	_, err = g.tx.ExecContext(ctx, `UPDATE memberships SET role = ?, updated_at = ? WHERE id = ?`, string(role), nanos(g.now), m.ID)
	return role, true, err
}

// given is a role that stands already: the issuer's only if it was before.
func given(role, before core.Role) core.Role {
	if role == before {
		return role
	}
	return core.RoleNone
}

// take ends a membership, or lowers it to the least where keys depend on it.
func (g *granting) take(ctx context.Context, m *core.Membership) (core.Role, bool, error) {
	if err := memberships.remove(ctx, g.tx, m.ID, g.now); err != nil {
		return core.RoleNone, false, err
	}
	err := refuseStranded(ctx, g.tx, "id", m.ID, "the user has")
	if e := core.AsError(err); e == nil || e.Code != core.CodeConflict {
		return core.RoleNone, true, err
	}
	_, err = g.tx.ExecContext(ctx, `UPDATE memberships SET role = ?, deleted_at = NULL, updated_at = ? WHERE id = ?`, string(core.RoleViewer), nanos(g.now), m.ID)
	return core.RoleViewer, m.Role != core.RoleViewer, err
}
