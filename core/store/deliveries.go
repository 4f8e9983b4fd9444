package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

const deliveryColumns = "id, event_id, webhook_id, type, state, attempts, created_at, next_at, last_at, last_status, last_error, sealed"

func insertDeliveries(ctx context.Context, tx *sql.Tx, list []*core.Delivery) error {
	for _, d := range list {
		if _, err := tx.ExecContext(ctx, "INSERT INTO deliveries ("+deliveryColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
			d.ID, d.EventID, d.WebhookID, clean(d.Type), string(d.State), d.Attempts, nanos(d.CreatedAt), nanos(d.NextAt), nullNanos(d.LastAt),
			d.LastStatus, clean(d.LastError), d.Sealed); err != nil {
			return err
		}
	}
	return nil
}

func scanDeliveries(rows *sql.Rows) (*core.Delivery, error) { return scanDelivery(rows) }

func scanDelivery(row scanner) (*core.Delivery, error) {
	var (
		d             core.Delivery
		created, next int64
		last          sql.NullInt64
	)
	err := row.Scan(&d.ID, &d.EventID, &d.WebhookID, &d.Type, &d.State, &d.Attempts, &created, &next, &last, &d.LastStatus, &d.LastError, &d.Sealed)
	d.CreatedAt, d.LastAt = fromNanos(created), fromNull(last)
	if d.State == core.DeliveryPending {
		d.NextAt = fromNanos(next)
	}
	return &d, err
}

// AddDeliveries implements [core.DeliveryStore].
func (s *Store) AddDeliveries(ctx context.Context, list []*core.Delivery) error {
	return s.write(ctx, "add deliveries", func(tx *sql.Tx) error { return insertDeliveries(ctx, tx, list) })
}

// ListDeliveries implements [core.DeliveryStore].
func (s *Store) ListDeliveries(ctx context.Context, f core.DeliveryFilter) ([]*core.Delivery, string, error) {
	var w where
	w.equal("webhook_id", f.WebhookID)
	w.equal("event_id", f.EventID)
	w.equal("state", string(f.State))
	return newestFirst(ctx, s.read, deliveryColumns, "deliveries", w, f.Page, scanDelivery, func(v *core.Delivery) string { return v.ID })
}

// ListDueDeliveries implements [core.DeliveryStore].
func (s *Store) ListDueDeliveries(ctx context.Context, now time.Time, except []string, limit int) ([]*core.Delivery, error) {
	var w where
	w.add("state = 'pending'")
	w.add("next_at <= ?", nanos(now))
	if len(except) > 0 {
		args := make([]any, len(except))
		for i, id := range except {
			args[i] = id
		}
		w.add("webhook_id NOT IN (?"+strings.Repeat(",?", len(except)-1)+")", args...)
	}
	all, err := queryAll(ctx, s.read, scanDeliveries, "SELECT "+deliveryColumns+" FROM deliveries"+w.String()+" ORDER BY next_at LIMIT "+strconv.Itoa(limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list due deliveries: %w", err)
	}
	return all, nil
}

// ClaimDelivery implements [core.DeliveryStore].
func (s *Store) ClaimDelivery(ctx context.Context, d *core.Delivery, now, until time.Time) (claimed bool, err error) {
	err = s.write(ctx, "claim delivery", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE deliveries SET attempts = attempts + 1, last_at = ?, next_at = ? WHERE id = ? AND state = 'pending' AND attempts = ?",
			nanos(now), nanos(until), d.ID, d.Attempts)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		claimed = n > 0
		return err
	})
	if claimed && err == nil {
		at := now.UTC()
		d.Attempts, d.LastAt, d.NextAt = d.Attempts+1, &at, until.UTC()
	}
	return claimed, err
}

// FinishDelivery implements [core.DeliveryStore]. Whoever claimed it later has
// counted another attempt.
func (s *Store) FinishDelivery(ctx context.Context, d *core.Delivery) error {
	if d.State != core.DeliveryPending {
		d.Sealed = ""
	}
	return s.write(ctx, "finish delivery", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE deliveries SET state = ?, next_at = ?, last_status = ?, last_error = ?, sealed = ? WHERE id = ? AND state = 'pending' AND attempts = ?",
			string(d.State), nanos(d.NextAt), d.LastStatus, clean(d.LastError), d.Sealed, d.ID, d.Attempts)
		return err
	})
}

// CountDeliveries implements [core.DeliveryStore].
func (s *Store) CountDeliveries(ctx context.Context) (core.DeliveryStats, error) {
	var (
		st     core.DeliveryStats
		oldest int64
	)
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM deliveries WHERE state = 'pending'").Scan(&st.Pending, &oldest)
	if err != nil {
		return st, fmt.Errorf("count deliveries: %w", explain(err))
	}
	st.Oldest = fromNanos(oldest)
	return st, nil
}
