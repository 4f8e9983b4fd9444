package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

const inviteColumns = `id, email, role, organization_id, team_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at, accepted_at, user_id, revoked_at`

func scanInvite(row scanner) (*core.Invite, error) {
	var i core.Invite
	var created, expires int64
	var accepted, revoked sql.NullInt64
	err := row.Scan(&i.ID, &i.Email, &i.Role, &i.OrganizationID, &i.TeamID, &i.InvitedBy.Kind, &i.InvitedBy.ID, &i.InvitedBy.Name, &created, &expires, &accepted, &i.UserID, &revoked)
	i.CreatedAt, i.ExpiresAt, i.AcceptedAt, i.RevokedAt = fromNanos(created), fromNanos(expires), fromNull(accepted), fromNull(revoked)
	return &i, err
}

// CreateInvite implements [core.InviteStore].
func (s *Store) CreateInvite(ctx context.Context, i *core.Invite, secret core.SecretHash) error {
	return s.write(ctx, "create invite", func(tx *sql.Tx) error {
		if err := settlePlace(ctx, tx, &i.OrganizationID, i.TeamID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO invites (hash, "+inviteColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,NULL,'',NULL)",
			hex.EncodeToString(secret[:]), i.ID, i.Email, string(i.Role), i.OrganizationID, i.TeamID, i.InvitedBy.Kind, i.InvitedBy.ID, clean(i.InvitedBy.Name), nanos(i.CreatedAt), nanos(i.ExpiresAt))
		if isConflict(err) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "the invitation exists already").With(err)
		}
		if err != nil {
			return err
		}
		e := core.NewEvent(core.EventInviteCreated, i.CreatedAt, core.InviteEventData{ID: i.ID, Email: i.Email, Role: i.Role,
			OrganizationID: i.OrganizationID, TeamID: i.TeamID, ExpiresAt: i.ExpiresAt})
		e.OrganizationID, e.TeamID = i.OrganizationID, i.TeamID
		return tell(ctx, tx, e)
	})
}

func findInvite(ctx context.Context, q single, column, value string) (*core.Invite, error) {
	i, err := scanInvite(q.QueryRowContext(ctx, "SELECT "+inviteColumns+" FROM invites WHERE "+column+" = ?", value))
	if errors.Is(err, sql.ErrNoRows) {
		if column != "id" {
			value = ""
		}
		return nil, notFound("invite", value)
	}
	if err != nil {
		return nil, fmt.Errorf("find invite: %w", explain(err))
	}
	return i, nil
}

// RenewInvite implements [core.InviteStore].
func (s *Store) RenewInvite(ctx context.Context, id string, secret core.SecretHash) (i *core.Invite, err error) {
	err = s.write(ctx, "renew invite", func(tx *sql.Tx) error {
		if err := changeOne(ctx, tx, "invite", id, `UPDATE invites SET hash = ? WHERE id = ? AND accepted_at IS NULL AND revoked_at IS NULL`,
			hex.EncodeToString(secret[:]), id); err != nil {
			return err
		}
		i, err = findInvite(ctx, tx, "id", id)
		return err
	})
	return i, err
}

// FindInviteByID implements [core.InviteStore].
func (s *Store) FindInviteByID(ctx context.Context, id string) (*core.Invite, error) {
	return findInvite(ctx, s.read, "id", id)
}

// FindInviteByHash implements [core.InviteStore].
func (s *Store) FindInviteByHash(ctx context.Context, secret core.SecretHash) (*core.Invite, error) {
	return findInvite(ctx, s.read, "hash", hex.EncodeToString(secret[:]))
}

// ListInvites implements [core.InviteStore].
func (s *Store) ListInvites(ctx context.Context, f core.InviteFilter) ([]*core.Invite, string, error) {
	var w where
	w.matches("organization_id", f.OrganizationID)
	w.matches("team_id", f.TeamID)
	w.matches("email", f.Email)
	if f.OpenAt != nil {
		w.add("accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?", nanos(*f.OpenAt))
	}
	w.reach(f.Reach, "organization_id", "team_id", "")
	return newestFirst(ctx, s.read, inviteColumns, "invites", w, f.Page, scanInvite, func(v *core.Invite) string { return v.ID })
}

// RevokeInvite implements [core.InviteStore].
func (s *Store) RevokeInvite(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "revoke invite", func(tx *sql.Tx) error {
		i, err := findInvite(ctx, tx, "id", id)
		if err != nil {
			return err
		}
		if i.AcceptedAt != nil {
			return core.Errorf(core.CodeConflict, core.SourceClient, "the invitation was accepted")
		}
		_, err = tx.ExecContext(ctx, `UPDATE invites SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL`, nanos(now), id)
		return err
	})
}

// AcceptInvite implements [core.InviteStore].
func (s *Store) AcceptInvite(ctx context.Context, id string, u *core.User, hash string, now time.Time) error {
	return s.write(ctx, "accept invite", func(tx *sql.Tx) error {
		i, err := findInvite(ctx, tx, "id", id)
		if err != nil {
			return err
		}
		if !i.Open(now) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "the invitation is not open any more")
		}
		if hash != "" {
			err = insertUser(ctx, tx, u)
			if err == nil {
				err = setPassword(ctx, tx, u.ID, hash, now)
			}
		}
		if err != nil {
			return err
		}
		if err := admit(ctx, tx, i, u.ID, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE invites SET accepted_at = ?, user_id = ? WHERE id = ?`, nanos(now), u.ID, id)
		return err
	})
}

// admit gives the user the role of the invitation, unless a higher one is there.
func admit(ctx context.Context, tx *sql.Tx, i *core.Invite, userID string, now time.Time) error {
	u, err := users.named(ctx, tx, "user_id", userID)
	if err != nil {
		return err
	}
	if i.OrganizationID == "" {
		if u.Role.Rank() < i.Role.Rank() {
			_, err = tx.ExecContext(ctx, `UPDATE users SET role = ?, updated_at = ? WHERE id = ?`, string(i.Role), nanos(now), userID)
		}
		return err
	}
	organization := i.OrganizationID
	if err := settlePlace(ctx, tx, &organization, i.TeamID); err != nil { // it may be gone since
		return core.Errorf(core.CodeConflict, core.SourceClient, "the place that the invitation led to is gone").With(err)
	}
	m, err := membershipAt(ctx, tx, userID, i.OrganizationID, i.TeamID)
	switch {
	case err != nil:
		return err
	case m == nil:
		return memberships.insert(ctx, tx, core.NewID(core.PrefixMembership, now), userID, i.OrganizationID, i.TeamID, string(i.Role), nanos(now), nanos(now))
	case m.Role.Rank() < i.Role.Rank():
		_, err = tx.ExecContext(ctx, `UPDATE memberships SET role = ?, updated_at = ? WHERE id = ?`, string(i.Role), nanos(now), m.ID)
	}
	return err
}

// membershipAt is the user's living membership of exactly that place, nil when there is none.
func membershipAt(ctx context.Context, q single, userID, organizationID, teamID string) (*core.Membership, error) {
	m, err := memberships.scan(q.QueryRowContext(ctx, "SELECT "+memberships.columns+memberships.more+` FROM memberships
		WHERE user_id = ? AND organization_id = ? AND team_id = ? AND deleted_at IS NULL`, userID, organizationID, teamID))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return m, err
}
