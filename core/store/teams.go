package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

var teams = table[core.Team]{
	noun: "team", name: "teams", unique: "name", taken: "a team of the organization has this name",
	columns: "id, organization_id, name, member_keys, " + ceilingColumns + ", created_at, updated_at, deleted_at",
	id:      func(t *core.Team) string { return t.ID },
	scan: func(row scanner) (*core.Team, error) {
		var t core.Team
		var d dates
		err := row.Scan(slices.Concat([]any{&t.ID, &t.OrganizationID, &t.Name, &t.MemberKeys}, ceilingTargets(&t.Ceiling), []any{&d.created, &d.updated, &d.deleted})...)
		d.onto(&t.CreatedAt, &t.UpdatedAt, &t.DeletedAt)
		return &t, err
	},
}

// CreateTeam implements [core.TeamStore].
func (s *Store) CreateTeam(ctx context.Context, t *core.Team) error {
	return s.write(ctx, "create team", func(tx *sql.Tx) error {
		if _, err := organizations.named(ctx, tx, "organization_id", t.OrganizationID); err != nil {
			return err
		}
		return teams.insert(ctx, tx, slices.Concat([]any{t.ID, t.OrganizationID, clean(t.Name), flag(t.MemberKeys)}, ceilingValues(&t.Ceiling), []any{nanos(t.CreatedAt), nanos(t.UpdatedAt)})...)
	})
}

// FindTeamByID implements [core.TeamStore].
func (s *Store) FindTeamByID(ctx context.Context, id string) (*core.Team, error) {
	return teams.find(ctx, s.read, id)
}

// ListTeams implements [core.TeamStore].
func (s *Store) ListTeams(ctx context.Context, f core.TeamFilter) ([]*core.Team, string, error) {
	var w where
	w.matches("organization_id", f.OrganizationID)
	w.matches("name", f.Name)
	w.reach(f.Reach, "organization_id", "id", "")
	return teams.list(ctx, s.read, w, f.Page)
}

// UpdateTeam implements [core.TeamStore].
func (s *Store) UpdateTeam(ctx context.Context, id string, u core.TeamUpdate, now time.Time) (*core.Team, error) {
	var set where
	if u.Name != nil {
		set.add("name = ?", clean(*u.Name))
	}
	if u.MemberKeys != nil {
		set.add("member_keys = ?", flag(*u.MemberKeys))
	}
	set.ceiling(u.CeilingUpdate)
	return teams.update(ctx, s, id, set, now)
}

// DeleteTeam implements [core.TeamStore].
func (s *Store) DeleteTeam(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete team", func(tx *sql.Tx) error {
		if err := refuseWhileUsed(ctx, tx, "team", "team_id", id, "projects", "virtual_keys", "config_objects"); err != nil {
			return err
		}
		if err := teams.remove(ctx, tx, id, now); err != nil {
			return err
		}
		if err := endMemberships(ctx, tx, "team_id", id, now); err != nil {
			return err
		}
		return refuseStranded(ctx, tx, "team_id", id, "its members have") // in the organization
	})
}
