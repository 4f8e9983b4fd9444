package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/tokligence/gateway/core"
)

// Claim implements [core.ClaimStore].
func (s *Store) Claim(ctx context.Context, c *core.Claim, since time.Time) (have *core.Claim, err error) {
	err = s.write(ctx, "claim an idempotency key", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM claims WHERE created_at < ?`, nanos(since)); err != nil {
			return err
		}
		var old core.Claim
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT id, object, sealed, done, created_at FROM claims WHERE id = ?`, c.ID).
			Scan(&old.ID, &old.Object, &old.Sealed, &old.Done, &at)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.ExecContext(ctx, `INSERT INTO claims (id, object, sealed, done, created_at) VALUES (?,?,?,?,?)`,
				c.ID, c.Object, c.Sealed, flag(c.Done), nanos(c.At))
			return err
		}
		old.At = fromNanos(at)
		have = &old
		return err
	})
	if err != nil {
		return nil, err
	}
	return have, nil
}

// FinishClaim implements [core.ClaimStore].
func (s *Store) FinishClaim(ctx context.Context, id, sealed string) error {
	return s.write(ctx, "finish an idempotency key", func(tx *sql.Tx) error {
		return changeOne(ctx, tx, "claim", id, `UPDATE claims SET done = 1, sealed = ? WHERE id = ?`, sealed, id)
	})
}

// DropClaim implements [core.ClaimStore].
func (s *Store) DropClaim(ctx context.Context, id string) error {
	return s.write(ctx, "drop an idempotency key", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM claims WHERE id = ?`, id)
		return err
	})
}
