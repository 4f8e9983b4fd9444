package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

const auditColumns = `id, at, action, actor_kind, actor_id, actor_name, object_kind, object_id, object_name,
	outcome, error_code, before_state, after_state, remote_address, user_agent, repeats`

// AppendAudit implements [core.AuditStore].
func (s *Store) AppendAudit(ctx context.Context, r *core.AuditRecord) error {
	return s.write(ctx, "append to the audit log", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO audit ("+auditColumns+") VALUES (?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?)",
			r.ID, nanos(r.At), r.Action, r.Actor.Kind, r.Actor.ID, clean(r.Actor.Name), r.Object.Kind, clean(r.Object.ID), clean(r.Object.Name),
			string(r.Outcome), string(r.ErrorCode), string(r.Before), string(r.After), clean(r.RemoteAddress), clean(r.UserAgent), r.Repeats)
		return err
	})
}

// ListAudit implements [core.AuditStore]. The cursor is the time and number of
// the last record, so that records which arrive meanwhile shift no page.
func (s *Store) ListAudit(ctx context.Context, f core.AuditFilter) ([]*core.AuditRecord, string, error) {
	if err := checkLimit(f.Limit, maxPage); err != nil {
		return nil, "", err
	}
	order, beyond := "DESC", "<"
	if f.OldestFirst {
		order, beyond = "ASC", ">"
	}
	var after where
	if f.Cursor != "" {
		at, number, err := parseCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		seq, err := strconv.ParseInt(number, 36, 64)
		if err != nil {
			return nil, "", core.Invalid("cursor", "%q is not a cursor of this list", f.Cursor)
		}
		after.add("(at, seq) "+beyond+" (?, ?)", at, seq)
		if place := fromNanos(at); f.OldestFirst { // one bound is enough, and two may mislead
			f.From = unless(f.From, !place.Before(f.From))
		} else {
			f.To = unless(f.To, place.Before(f.To))
		}
	}
	w := auditWhere(f)
	w.terms, w.args = append(w.terms, after.terms...), append(w.args, after.args...)
	rows, err := queryAll(ctx, s.read, scanAudit, "SELECT seq, "+auditColumns+" FROM audit"+w.String()+
		" ORDER BY at "+order+", seq "+order+" LIMIT "+strconv.Itoa(f.Limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list the audit log: %w", err)
	}
	rows, next := page(rows, f.Limit, func(r *auditRow) string { return cursorAt(r.At, strconv.FormatInt(r.seq, 36)) })
	records := make([]*core.AuditRecord, len(rows))
	for i, r := range rows {
		records[i] = &r.AuditRecord
	}
	return records, next, nil
}

// unless is t, or no time where that holds.
func unless(t time.Time, that bool) time.Time {
	if that {
		return time.Time{}
	}
	return t
}

// auditWhere leaves the database no choice of a bad index: one object has few
// records, and an action has one kind of object. An expression uses no index.
func auditWhere(f core.AuditFilter) (w where) {
	action, kind, actor := "action", "object_kind", "actor_id"
	if f.Action != "" {
		kind += " || ''"
	}
	if f.ObjectID != "" {
		action, kind, actor = "action || ''", "object_kind || ''", "actor_id || ''"
	}
	if noun, _, _ := strings.Cut(f.Action, "."); noun != "" && f.ObjectKind != "" && noun != f.ObjectKind {
		w.add("1 = 0") // the noun of an action is the kind of its object
	}
	w.between("at", f.From, f.To)
	w.equal(action, f.Action)
	w.equal(kind, f.ObjectKind)
	w.equal("object_id", f.ObjectID)
	w.equal(actor, f.ActorID)
	return w
}

// auditRow is a record and its place in the log.
type auditRow struct {
	core.AuditRecord
	seq int64
}

func scanAudit(rows *sql.Rows) (*auditRow, error) {
	var (
		r             auditRow
		at            int64
		before, after string
	)
	err := rows.Scan(&r.seq, &r.ID, &at, &r.Action, &r.Actor.Kind, &r.Actor.ID, &r.Actor.Name, &r.Object.Kind, &r.Object.ID, &r.Object.Name,
		&r.Outcome, &r.ErrorCode, &before, &after, &r.RemoteAddress, &r.UserAgent, &r.Repeats)
	r.At, r.Before, r.After = fromNanos(at), rawJSON(before), rawJSON(after)
	return &r, err
}

func rawJSON(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}
