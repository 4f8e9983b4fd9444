package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// settleOwners holds a key's organization, team and user to the rules of
// [core.KeyStore] and gives it the organization of its team.
func settleOwners(ctx context.Context, tx *sql.Tx, k *core.VirtualKey) error {
	if err := settleProject(ctx, tx, k); err != nil {
		return err
	}
	if err := settlePlace(ctx, tx, &k.OrganizationID, k.TeamID); err != nil {
		return err
	}
	if err := k.CheckRole(); err != nil || k.UserID == "" {
		return err
	}
	if _, err := users.named(ctx, tx, "user_id", k.UserID); err != nil || k.OrganizationID == "" {
		return err
	}
	var places int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM memberships m WHERE m.deleted_at IS NULL AND m.user_id = ? AND m.organization_id = ?
		AND (? = '' OR m.team_id IN ('', ?))`, k.UserID, k.OrganizationID, k.TeamID, k.TeamID).Scan(&places)
	switch {
	case err != nil:
		return err
	case places == 0 && k.TeamID != "":
		return core.Invalid("user_id", "user %q is a member of neither the team nor its organization", k.UserID)
	case places == 0:
		return core.Invalid("user_id", "user %q is not a member of the organization", k.UserID)
	}
	return nil
}

// settlePlace checks that organization and team, "" for none, exist and agree;
// a team alone fills in its organization.
func settlePlace(ctx context.Context, tx *sql.Tx, organizationID *string, teamID string) error {
	if *organizationID != "" {
		if _, err := organizations.named(ctx, tx, "organization_id", *organizationID); err != nil {
			return err
		}
	}
	if teamID == "" {
		return nil
	}
	t, err := teams.named(ctx, tx, "team_id", teamID)
	if err != nil {
		return err
	}
	if *organizationID == "" {
		*organizationID = t.OrganizationID
	}
	if *organizationID != t.OrganizationID {
		return core.Invalid("team_id", "team %q is not in organization %q", teamID, *organizationID)
	}
	return nil
}

// changeOwners makes the update's changes of k's owners.
func changeOwners(ctx context.Context, tx *sql.Tx, k *core.VirtualKey, u core.KeyUpdate) error {
	if u.OrganizationID == nil && u.TeamID == nil && u.ProjectID == nil && u.UserID == nil {
		return nil
	}
	if k.ParentID != "" {
		return core.Errorf(core.CodeConflict, core.SourceClient, "a temporary key belongs to whom the key belongs to that made it")
	}
	if u.TeamID != nil && *u.TeamID != "" && u.OrganizationID == nil {
		k.OrganizationID = "" // the team's
	}
	for _, c := range []struct{ to, from *string }{{&k.OrganizationID, u.OrganizationID}, {&k.TeamID, u.TeamID}, {&k.ProjectID, u.ProjectID}, {&k.UserID, u.UserID}} {
		if c.from != nil {
			*c.to = *c.from
		}
	}
	if err := settleOwners(ctx, tx, k); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE virtual_keys SET organization_id = ?, team_id = ?, project_id = ?, user_id = ?, kind = ? WHERE id = ?`,
		k.OrganizationID, k.TeamID, k.ProjectID, k.UserID, string(k.Kind()), k.ID)
	if err != nil {
		return err
	}
	return moveMinted(ctx, tx, k)
}

// FindOwners implements [core.KeyStore].
func (s *Store) FindOwners(ctx context.Context, k *core.VirtualKey) (*core.Owners, error) {
	o := &core.Owners{}
	if k.OrganizationID == "" && k.UserID == "" { // and so no team
		return o, nil
	}
	err := s.snapshot(ctx, "find owners of key "+k.ID, func(tx *sql.Tx) (err error) {
		if o.Organization, err = organizations.maybe(ctx, tx, k.OrganizationID); err != nil {
			return err
		}
		if o.Team, err = teams.maybe(ctx, tx, k.TeamID); err != nil {
			return err
		}
		if o.Project, err = projects.maybe(ctx, tx, k.ProjectID); err != nil {
			return err
		}
		if o.User, err = users.maybe(ctx, tx, k.UserID); err != nil || k.TeamID == "" || k.UserID == "" {
			return err
		}
		o.Member, err = memberships.scan(tx.QueryRowContext(ctx, "SELECT "+memberships.columns+memberships.more+
			" FROM memberships WHERE user_id = ? AND organization_id = ? AND team_id = ? AND deleted_at IS NULL", k.UserID, k.OrganizationID, k.TeamID))
		if errors.Is(err, sql.ErrNoRows) { // a member of the organization
			o.Member, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// refuseWhileUsed is CodeConflict when living rows of the tables, such as
// "virtual_keys", have id in column.
func refuseWhileUsed(ctx context.Context, tx *sql.Tx, noun, column, id string, tables ...string) error {
	var uses []string
	for _, name := range tables {
		var n int
		living := "deleted_at IS NULL"
		if name == "config_objects" {
			living = "ended = 0"
		}
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name+" WHERE "+column+" = ? AND "+living, id).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			uses = append(uses, count(n, map[string]string{"teams": "team", "projects": "project", "virtual_keys": "key", "config_objects": "object of the configuration"}[name]))
		}
	}
	if uses == nil {
		return nil
	}
	return core.Errorf(core.CodeConflict, core.SourceClient, "%s %s still has %s", noun, id, strings.Join(uses, " and "))
}

func count(n int, noun string) string {
	if n != 1 {
		first, rest, _ := strings.Cut(noun, " ")
		noun = strings.TrimSuffix(first+"s "+rest, " ")
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// endMemberships deletes those with id in column.
func endMemberships(ctx context.Context, tx *sql.Tx, column, id string, now time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE memberships SET deleted_at = ?, updated_at = ? WHERE "+column+" = ? AND deleted_at IS NULL", nanos(now), nanos(now), id)
	return err
}
