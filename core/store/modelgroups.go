package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

var modelGroups = table[core.ModelGroup]{
	noun: "model group", name: "model_groups", unique: "name", taken: "a model group has this name",
	columns: "id, name, models, created_at, updated_at, deleted_at",
	id:      func(g *core.ModelGroup) string { return g.ID },
	scan: func(row scanner) (*core.ModelGroup, error) {
		var g core.ModelGroup
		var d dates
		err := row.Scan(&g.ID, &g.Name, nullList{&g.Models}, &d.created, &d.updated, &d.deleted)
		d.onto(&g.CreatedAt, &g.UpdatedAt, &g.DeletedAt)
		return &g, err
	},
}

// CreateModelGroup implements [core.ModelGroupStore].
func (s *Store) CreateModelGroup(ctx context.Context, g *core.ModelGroup) error {
	return s.write(ctx, "create model group", func(tx *sql.Tx) error {
		return modelGroups.insert(ctx, tx, g.ID, g.Name, listJSON(g.Models), nanos(g.CreatedAt), nanos(g.UpdatedAt))
	})
}

// FindModelGroupByID implements [core.ModelGroupStore].
func (s *Store) FindModelGroupByID(ctx context.Context, id string) (*core.ModelGroup, error) {
	return modelGroups.find(ctx, s.read, id)
}

// ListModelGroups implements [core.ModelGroupStore].
func (s *Store) ListModelGroups(ctx context.Context, f core.ModelGroupFilter) ([]*core.ModelGroup, string, error) {
	var w where
	w.matches("name", f.Name)
	return modelGroups.list(ctx, s.read, w, f.Page)
}

// UpdateModelGroup implements [core.ModelGroupStore].
func (s *Store) UpdateModelGroup(ctx context.Context, id string, models []string, now time.Time) (*core.ModelGroup, error) {
	return modelGroups.update(ctx, s, id, where{terms: []string{"models = ?"}, args: []any{listJSON(models)}}, now)
}

// DeleteModelGroup implements [core.ModelGroupStore]. Lists are JSON in which the
// group's name stands as it is: it has no character that JSON would escape.
func (s *Store) DeleteModelGroup(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete model group", func(tx *sql.Tx) error {
		g, err := modelGroups.find(ctx, tx, id)
		if err != nil {
			return err
		}
		entry := strings.ReplaceAll(`"`+core.GroupPrefix+g.Name+`"`, "_", "!_")
		var uses []string
		for _, of := range [][2]string{{"virtual_keys", "key"}, {"projects", "project"}, {"teams", "team"}, {"users", "user"}, {"organizations", "organization"}} {
			var n int
			err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+of[0]+" WHERE deleted_at IS NULL AND models LIKE ? ESCAPE '!'", "%"+entry+"%").Scan(&n)
			if err != nil {
				return err
			}
			if n > 0 {
				uses = append(uses, count(n, of[1]))
			}
		}
		if uses != nil && g.DeletedAt == nil {
			return core.Errorf(core.CodeConflict, core.SourceClient, "model group %s is used by %s", g.Name, strings.Join(uses, " and "))
		}
		return modelGroups.remove(ctx, tx, id, now)
	})
}

// FindModelGroups implements [core.ModelGroupStore].
func (s *Store) FindModelGroups(ctx context.Context, names []string) (map[string][]string, error) {
	found := map[string][]string{}
	if len(names) == 0 {
		return found, nil
	}
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = name
	}
	rows, err := s.read.QueryContext(ctx, "SELECT name, models FROM model_groups WHERE deleted_at IS NULL AND name IN (?"+
		strings.Repeat(",?", len(names)-1)+")", args...)
	if err != nil {
		return nil, fmt.Errorf("find model groups: %w", explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		var name, list string
		var models []string
		if err := rows.Scan(&name, &list); err != nil {
			return nil, fmt.Errorf("find model groups: %w", explain(err))
		}
		if err := json.Unmarshal([]byte(list), &models); err != nil {
			return nil, fmt.Errorf("model group %s: %w", name, err)
		}
		found[name] = models
	}
	return found, explain(rows.Err())
}
