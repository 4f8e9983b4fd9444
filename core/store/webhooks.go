package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

var webhooks = table[core.Webhook]{
	noun: "webhook", name: "webhooks", unique: "id", taken: "a webhook has this id",
	columns: "id, organization_id, url, description, types, enabled, disabled_reason, failing_since, sealed, created_at, updated_at, deleted_at",
	id:      func(w *core.Webhook) string { return w.ID },
	scan: func(row scanner) (*core.Webhook, error) {
		var (
			w       core.Webhook
			types   string
			failing sql.NullInt64
			d       dates
		)
		if err := row.Scan(&w.ID, &w.OrganizationID, &w.URL, &w.Description, &types, &w.Enabled, &w.DisabledReason, &failing, &w.Sealed,
			&d.created, &d.updated, &d.deleted); err != nil {
			return nil, err
		}
		d.onto(&w.CreatedAt, &w.UpdatedAt, &w.DeletedAt)
		w.FailingSince = fromNull(failing)
		if err := json.Unmarshal([]byte(types), &w.Types); err != nil {
			return nil, fmt.Errorf("webhook %s: types: %w", w.ID, err)
		}
		return &w, nil
	},
}

func typesJSON(types []core.EventType) string {
	if types == nil {
		return "[]"
	}
	return mustJSON(types)
}

// CreateWebhook implements [core.WebhookStore].
func (s *Store) CreateWebhook(ctx context.Context, w *core.Webhook) error {
	return s.write(ctx, "create webhook", func(tx *sql.Tx) error {
		if w.OrganizationID != "" {
			if _, err := organizations.named(ctx, tx, "organization_id", w.OrganizationID); err != nil {
				return err
			}
		}
		return webhooks.insert(ctx, tx, w.ID, w.OrganizationID, clean(w.URL), clean(w.Description), typesJSON(w.Types), flag(w.Enabled), clean(w.DisabledReason),
			nullNanos(w.FailingSince), w.Sealed, nanos(w.CreatedAt), nanos(w.UpdatedAt))
	})
}

// FindWebhookByID implements [core.WebhookStore].
func (s *Store) FindWebhookByID(ctx context.Context, id string) (*core.Webhook, error) {
	return webhooks.find(ctx, s.read, id)
}

// ListWebhooks implements [core.WebhookStore].
func (s *Store) ListWebhooks(ctx context.Context, f core.WebhookFilter) ([]*core.Webhook, string, error) {
	var w where
	w.matches("organization_id", f.OrganizationID)
	w.reach(f.Reach, "organization_id", "", "")
	if f.Enabled != nil {
		w.add("enabled = ?", flag(*f.Enabled))
	}
	return webhooks.list(ctx, s.read, w, f.Page)
}

// UpdateWebhook implements [core.WebhookStore].
func (s *Store) UpdateWebhook(ctx context.Context, id string, u core.WebhookUpdate, now time.Time) (*core.Webhook, error) {
	var set where
	if u.URL != nil {
		set.add("url = ?", clean(*u.URL))
	}
	if u.Sealed != nil {
		set.add("sealed = ?", *u.Sealed)
	}
	if u.Description != nil {
		set.add("description = ?", clean(*u.Description))
	}
	if u.Types != nil {
		set.add("types = ?", typesJSON(*u.Types))
	}
	if u.Enabled != nil {
		set.add("enabled = ?", flag(*u.Enabled))
		set.add("disabled_reason = ''")
		set.add("failing_since = NULL")
	}
	return webhooks.update(ctx, s, id, set, now)
}

// DeleteWebhook implements [core.WebhookStore].
func (s *Store) DeleteWebhook(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, "delete webhook", func(tx *sql.Tx) error {
		if err := webhooks.remove(ctx, tx, id, now); err != nil {
			return err
		}
		// Nobody can be told any more, and nobody needs its secrets.
		_, err := tx.ExecContext(ctx, "UPDATE webhooks SET sealed = '' WHERE id = ?", id)
		return err
	})
}

// NoteWebhook implements [core.WebhookStore]. What is so already is not written.
func (s *Store) NoteWebhook(ctx context.Context, id string, worked bool, now time.Time) error {
	return s.write(ctx, "note webhook", func(tx *sql.Tx) error {
		if worked {
			_, err := tx.ExecContext(ctx, "UPDATE webhooks SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL", id)
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE webhooks SET failing_since = ? WHERE id = ? AND failing_since IS NULL", nanos(now), id)
		return err
	})
}

// DisableWebhook implements [core.WebhookStore].
func (s *Store) DisableWebhook(ctx context.Context, id, reason string, now time.Time) error {
	return s.write(ctx, "disable webhook", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE webhooks SET enabled = 0, disabled_reason = ?, updated_at = ? WHERE id = ? AND enabled = 1 AND deleted_at IS NULL",
			clean(reason), nanos(now), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		w, err := webhooks.find(ctx, tx, id)
		if err != nil {
			return err
		}
		e := core.NewEvent(core.EventWebhookDisabled, now, core.WebhookEventData{ID: w.ID, URL: w.URL, Reason: w.DisabledReason})
		e.OrganizationID = w.OrganizationID
		return tell(ctx, tx, e)
	})
}
