package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

var organizations = table[core.Organization]{
	noun: "organization", name: "organizations", unique: "name", taken: "an organization has this name",
	columns: "id, name, " + ceilingColumns + ", created_at, updated_at, deleted_at",
	id:      func(o *core.Organization) string { return o.ID },
	scan: func(row scanner) (*core.Organization, error) {
		var o core.Organization
		var d dates
		err := row.Scan(slices.Concat([]any{&o.ID, &o.Name}, ceilingTargets(&o.Ceiling), []any{&d.created, &d.updated, &d.deleted})...)
		d.onto(&o.CreatedAt, &o.UpdatedAt, &o.DeletedAt)
		return &o, err
	},
}

// CreateOrganization implements [core.OrganizationStore].
func (s *Store) CreateOrganization(ctx context.Context, o *core.Organization) error {
	return s.write(ctx, "create organization", func(tx *sql.Tx) error {
		return organizations.insert(ctx, tx, slices.Concat([]any{o.ID, clean(o.Name)}, ceilingValues(&o.Ceiling), []any{nanos(o.CreatedAt), nanos(o.UpdatedAt)})...)
	})
}

// FindOrganizationByID implements [core.OrganizationStore].
func (s *Store) FindOrganizationByID(ctx context.Context, id string) (*core.Organization, error) {
	return organizations.find(ctx, s.read, id)
}

// ListOrganizations implements [core.OrganizationStore].
func (s *Store) ListOrganizations(ctx context.Context, f core.OrganizationFilter) ([]*core.Organization, string, error) {
	var w where
	w.matches("name", f.Name)
	w.reach(f.Reach, "id", "", "")
	return organizations.list(ctx, s.read, w, f.Page)
}

// UpdateOrganization implements [core.OrganizationStore].
func (s *Store) UpdateOrganization(ctx context.Context, id string, u core.OrganizationUpdate, now time.Time) (*core.Organization, error) {
	var set where
	if u.Name != nil {
		set.add("name = ?", clean(*u.Name))
	}
	set.ceiling(u.CeilingUpdate)
	return organizations.update(ctx, s, id, set, now)
}

// DeleteOrganization implements [core.OrganizationStore].
func (s *Store) DeleteOrganization(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete organization", func(tx *sql.Tx) error {
		if err := refuseWhileUsed(ctx, tx, "organization", "organization_id", id, "teams", "virtual_keys", "config_objects"); err != nil {
			return err
		}
		if err := organizations.remove(ctx, tx, id, now); err != nil {
			return err
		}
		return endMemberships(ctx, tx, "organization_id", id, now)
	})
}
