package adminapi

import (
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// auditFilter reads what narrows records.
func (c *call) auditFilter() (core.AuditFilter, *query) {
	q := c.query()
	return core.AuditFilter{Action: q.text("action"), ObjectKind: q.text("object_kind"), ObjectID: q.text("object_id"),
		ActorID: q.text("actor_id"), From: q.time("from"), To: q.time("to")}, q
}

func (a *api) listAudit(c *call) error {
	f, q := c.auditFilter()
	f.Limit, f.Cursor = q.limit(), q.text("cursor")
	if q.err != nil {
		return q.err
	}
	a.recordDue(c.ctx(), c.now)
	records, next, err := a.Store.ListAudit(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, records, next)
}

// exportAudit streams all records of the filter, oldest first.
func (a *api) exportAudit(c *call) error {
	f, q := c.auditFilter()
	format := q.choice("format")
	if q.err != nil {
		return q.err
	}
	f.Limit, f.OldestFirst = exportPage, true
	a.recordDue(c.ctx(), c.now)
	return export(a, c, format, auditTable, func(cursor string) ([]*core.AuditRecord, string, error) {
		f.Cursor = cursor
		return a.Store.ListAudit(c.ctx(), f)
	})
}

var auditTable = table[*core.AuditRecord]{
	header: []string{"id", "at", "action", "outcome", "error_code", "actor_kind", "actor_id", "actor_name", "object_kind", "object_id", "object_name",
		"before", "after", "remote_address", "user_agent", "repeats"},
	row: func(r *core.AuditRecord) []string {
		return []string{r.ID, r.At.UTC().Format(time.RFC3339Nano), r.Action, string(r.Outcome), string(r.ErrorCode), r.Actor.Kind, r.Actor.ID, cell(r.Actor.Name),
			r.Object.Kind, cell(r.Object.ID), cell(r.Object.Name), string(r.Before), string(r.After), cell(r.RemoteAddress), cell(r.UserAgent), strconv.FormatInt(r.Repeats, 10)}
	},
}
