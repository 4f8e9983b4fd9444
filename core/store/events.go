package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

const eventColumns = "id, type, at, organization_id, team_id, user_id, key_id, data, once"

// tell stores events in the transaction of the change that they tell of. One
// whose Once is there already is left out.
func tell(ctx context.Context, tx *sql.Tx, events ...*core.Event) error {
	_, err := addEvents(ctx, tx, events)
	return err
}

func addEvents(ctx context.Context, tx *sql.Tx, events []*core.Event) (added int, err error) {
	for _, e := range events {
		res, err := tx.ExecContext(ctx, "INSERT INTO events ("+eventColumns+", spread) VALUES (?,?,?,?,?,?,?,?,?,0) ON CONFLICT (once) WHERE once <> '' DO NOTHING",
			e.ID, string(e.Type), nanos(e.At), e.OrganizationID, e.TeamID, e.UserID, e.KeyID, string(e.Data), clean(e.Once))
		if err != nil {
			return added, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return added, err
		}
		added += int(n)
	}
	return added, nil
}

// AddEvents implements [core.EventStore].
func (s *Store) AddEvents(ctx context.Context, events []*core.Event) (added int, err error) {
	err = s.write(ctx, "add events", func(tx *sql.Tx) (err error) {
		added, err = addEvents(ctx, tx, events)
		return err
	})
	return added, err
}

func scanEvent(row scanner) (*core.Event, error) {
	var (
		e    core.Event
		at   int64
		data string
	)
	err := row.Scan(&e.ID, &e.Type, &at, &e.OrganizationID, &e.TeamID, &e.UserID, &e.KeyID, &data, &e.Once)
	e.At, e.Data = fromNanos(at), json.RawMessage(data)
	return &e, err
}

func scanEvents(rows *sql.Rows) (*core.Event, error) { return scanEvent(rows) }

// FindEventByID implements [core.EventStore].
func (s *Store) FindEventByID(ctx context.Context, id string) (*core.Event, error) {
	e, err := scanEvent(s.read.QueryRowContext(ctx, "SELECT "+eventColumns+" FROM events WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("event", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find event %s: %w", id, explain(err))
	}
	return e, nil
}

// ListEvents implements [core.EventStore].
func (s *Store) ListEvents(ctx context.Context, f core.EventFilter) ([]*core.Event, string, error) {
	var w where
	w.between("at", f.From, f.To)
	w.equal("type", string(f.Type))
	w.reach(f.Reach, "organization_id", "team_id", "user_id")
	w.equal("organization_id", f.OrganizationID)
	return newestFirst(ctx, s.read, eventColumns, "events", w, f.Page, scanEvent, func(v *core.Event) string { return v.ID })
}

// ListNewEvents implements [core.EventStore].
func (s *Store) ListNewEvents(ctx context.Context, limit int) ([]*core.Event, error) {
	all, err := queryAll(ctx, s.read, scanEvents, "SELECT "+eventColumns+" FROM events WHERE spread = 0 ORDER BY id LIMIT "+strconv.Itoa(limit))
	if err != nil {
		return nil, fmt.Errorf("list new events: %w", err)
	}
	return all, nil
}

// SpreadEvents implements [core.EventStore].
func (s *Store) SpreadEvents(ctx context.Context, list []core.Spread) error {
	return s.write(ctx, "spread events", func(tx *sql.Tx) error {
		for _, sp := range list {
			res, err := tx.ExecContext(ctx, "UPDATE events SET spread = 1 WHERE id = ? AND spread = 0", sp.EventID)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				continue
			}
			if err := insertDeliveries(ctx, tx, sp.Deliveries); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteOldEvents implements [core.EventStore].
func (s *Store) DeleteOldEvents(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.write(ctx, "delete old events", func(tx *sql.Tx) error {
		n = 0
		for _, statement := range []string{
			"DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE created_at < ? AND state <> 'pending' ORDER BY created_at LIMIT " + strconv.Itoa(limit) + ")",
			`DELETE FROM events WHERE id IN (SELECT e.id FROM events e WHERE e.at < ? AND e.spread = 1
				AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.state = 'pending') ORDER BY e.at LIMIT ` + strconv.Itoa(limit) + ")",
		} {
			res, err := tx.ExecContext(ctx, statement, nanos(before))
			if err != nil {
				return err
			}
			gone, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += int(gone)
		}
		return nil
	})
	return n, err
}

// ListEndingKeys implements [core.EventStore].
func (s *Store) ListEndingKeys(ctx context.Context, after, until time.Time, cursor string, limit int) ([]*core.VirtualKey, error) {
	return s.keysBetween(ctx, "k.expires_at IS NOT NULL AND k.expires_at", after, until, cursor, limit)
}

// ListDueKeys implements [core.EventStore].
func (s *Store) ListDueKeys(ctx context.Context, after, until time.Time, cursor string, limit int) ([]*core.VirtualKey, error) {
	return s.keysBetween(ctx, "k.rotate_every > 0 AND k.rotated_at + k.rotate_every", after, until, cursor, limit)
}

// keysBetween lists the living keys for which what is in (after, until].
func (s *Store) keysBetween(ctx context.Context, what string, after, until time.Time, cursor string, limit int) ([]*core.VirtualKey, error) {
	scan := func(rows *sql.Rows) (*core.VirtualKey, error) { return scanKey(rows) }
	_, column, _ := strings.Cut(what, " AND ")
	keys, err := queryAll(ctx, s.read, scan, "SELECT "+keyColumns+` FROM virtual_keys k WHERE k.deleted_at IS NULL AND k.blocked = 0
		AND `+what+` > ? AND `+column+` <= ? AND k.id > ? ORDER BY k.id LIMIT `+strconv.Itoa(limit), nanos(after), nanos(until), cursor)
	if err != nil {
		return nil, fmt.Errorf("list keys that end: %w", err)
	}
	return keys, nil
}
