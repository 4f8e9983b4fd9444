package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// SaveResponse implements [core.ResponseStore].
func (s *Store) SaveResponse(ctx context.Context, r *core.StoredResponse) error {
	sealed, plain := "", r.Body
	if r.Sealed {
		sealed, plain = r.Body, ""
	}
	return s.write(ctx, "store a response", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO responses (id, owner, previous_id, created_at, sealed, plain) VALUES (?,?,?,?,?,?)`,
			r.ID, r.Owner, r.PreviousID, nanos(r.CreatedAt), sealed, storable(plain)); err != nil {
			return err
		}
		for _, item := range r.Items {
			if _, err := tx.ExecContext(ctx, `INSERT INTO response_items (owner, id, response_id) VALUES (?,?,?) ON CONFLICT DO NOTHING`,
				r.Owner, clean(item), r.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

const responseColumns = "r.id, r.owner, r.previous_id, r.created_at, r.sealed, r.plain"

func scanResponse(row scanner) (*core.StoredResponse, error) {
	var r core.StoredResponse
	var at int64
	var sealed, plain string
	if err := row.Scan(&r.ID, &r.Owner, &r.PreviousID, &at, &sealed, &plain); err != nil {
		return nil, err
	}
	r.CreatedAt, r.Body, r.Sealed = fromNanos(at), plain, sealed != ""
	if r.Sealed {
		r.Body = sealed
	}
	return &r, nil
}

// ListResponseChain implements [core.ResponseStore].
func (s *Store) ListResponseChain(ctx context.Context, owner, id string, limit, size int) ([]*core.StoredResponse, error) {
	scan := func(rows *sql.Rows) (*core.StoredResponse, error) { return scanResponse(rows) }
	list, err := queryAll(ctx, s.read, scan, `WITH RECURSIVE chain (id, previous_id, depth, size) AS (
			SELECT id, previous_id, 1, octet_length(sealed) + octet_length(plain) FROM responses WHERE id = ? AND owner = ?
			UNION ALL SELECT r.id, r.previous_id, c.depth + 1, c.size + octet_length(r.sealed) + octet_length(r.plain)
			FROM responses r JOIN chain c ON r.id = c.previous_id
			WHERE r.owner = ? AND c.depth < `+strconv.Itoa(limit)+` AND c.size <= `+strconv.Itoa(size)+`)
		SELECT `+responseColumns+` FROM chain c JOIN responses r ON r.id = c.id ORDER BY c.depth`, id, owner, owner)
	if err != nil {
		return nil, fmt.Errorf("list a chain of responses: %w", err)
	}
	if len(list) == 0 {
		return nil, notFound("response", id)
	}
	return list, nil
}

// FindResponseOf implements [core.ResponseStore].
func (s *Store) FindResponseOf(ctx context.Context, owner, item string) (*core.StoredResponse, error) {
	r, err := scanResponse(s.read.QueryRowContext(ctx, `SELECT `+responseColumns+` FROM response_items i JOIN responses r ON r.id = i.response_id
		WHERE i.owner = ? AND i.id = ? ORDER BY r.created_at DESC LIMIT 1`, owner, item))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("item", item)
	}
	if err != nil {
		return nil, fmt.Errorf("find the response of an item: %w", explain(err))
	}
	return r, nil
}

// DeleteResponse implements [core.ResponseStore].
func (s *Store) DeleteResponse(ctx context.Context, owner, id string) error {
	return s.write(ctx, "delete a response", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM response_items WHERE owner = ? AND response_id = ?`, owner, id); err != nil {
			return err
		}
		return changeOne(ctx, tx, "response", id, `DELETE FROM responses WHERE id = ? AND owner = ?`, id, owner)
	})
}

// DeleteOldResponses implements [core.ResponseStore].
func (s *Store) DeleteOldResponses(ctx context.Context, before time.Time, limit int) (n int, err error) {
	old := "(SELECT id FROM responses WHERE created_at < ? ORDER BY created_at, id LIMIT " + strconv.Itoa(limit) + ")"
	err = s.write(ctx, "delete old responses", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM response_items WHERE response_id IN "+old, nanos(before)); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM responses WHERE id IN "+old, nanos(before))
		if err != nil {
			return err
		}
		gone, err := res.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}
