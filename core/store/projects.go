package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

var projects = table[core.Project]{
	noun: "project", name: "projects", unique: "name", taken: "a project of the team has this name",
	columns: "id, organization_id, team_id, name, " + ceilingColumns + ", tags, created_at, updated_at, deleted_at",
	id:      func(p *core.Project) string { return p.ID },
	scan: func(row scanner) (*core.Project, error) {
		var p core.Project
		var d dates
		err := row.Scan(slices.Concat([]any{&p.ID, &p.OrganizationID, &p.TeamID, &p.Name}, ceilingTargets(&p.Ceiling),
			[]any{nullList{&p.Tags}, &d.created, &d.updated, &d.deleted})...)
		d.onto(&p.CreatedAt, &p.UpdatedAt, &p.DeletedAt)
		return &p, err
	},
}

// CreateProject implements [core.ProjectStore].
func (s *Store) CreateProject(ctx context.Context, p *core.Project) error {
	return s.write(ctx, "create project", func(tx *sql.Tx) error {
		t, err := teams.named(ctx, tx, "team_id", p.TeamID)
		if err != nil {
			return err
		}
		p.OrganizationID = t.OrganizationID
		return projects.insert(ctx, tx, slices.Concat([]any{p.ID, p.OrganizationID, p.TeamID, clean(p.Name)}, ceilingValues(&p.Ceiling),
			[]any{listJSON(p.Tags), nanos(p.CreatedAt), nanos(p.UpdatedAt)})...)
	})
}

// FindProjectByID implements [core.ProjectStore].
func (s *Store) FindProjectByID(ctx context.Context, id string) (*core.Project, error) {
	return projects.find(ctx, s.read, id)
}

// ListProjects implements [core.ProjectStore].
func (s *Store) ListProjects(ctx context.Context, f core.ProjectFilter) ([]*core.Project, string, error) {
	var w where
	w.matches("organization_id", f.OrganizationID)
	w.matches("team_id", f.TeamID)
	w.matches("name", f.Name)
	w.reach(f.Reach, "organization_id", "team_id", "")
	return projects.list(ctx, s.read, w, f.Page)
}

// UpdateProject implements [core.ProjectStore].
func (s *Store) UpdateProject(ctx context.Context, id string, u core.ProjectUpdate, now time.Time) (*core.Project, error) {
	var set where
	if u.Name != nil {
		set.add("name = ?", clean(*u.Name))
	}
	if u.Tags != nil {
		set.add("tags = ?", listJSON(*u.Tags))
	}
	set.ceiling(u.CeilingUpdate)
	return projects.update(ctx, s, id, set, now)
}

// DeleteProject implements [core.ProjectStore].
func (s *Store) DeleteProject(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete project", func(tx *sql.Tx) error {
		if err := refuseWhileUsed(ctx, tx, "project", "project_id", id, "virtual_keys"); err != nil {
			return err
		}
		return projects.remove(ctx, tx, id, now)
	})
}

// settleProject holds the project of a key, "" for none, to be in its team; it
// gives a team, with its organization, to a key that has neither.
func settleProject(ctx context.Context, tx *sql.Tx, k *core.VirtualKey) error {
	if k.ProjectID == "" {
		return nil
	}
	p, err := projects.maybe(ctx, tx, k.ProjectID)
	if err != nil {
		return err
	}
	anywhere := k.OrganizationID == "" && k.TeamID == ""
	if p == nil || p.DeletedAt != nil || !anywhere && k.TeamID != p.TeamID { // of another's nothing is told, either
		return core.Invalid("project_id", "there is no project %q in the key's team", k.ProjectID)
	}
	if anywhere {
		k.OrganizationID, k.TeamID = p.OrganizationID, p.TeamID
	}
	return nil
}
