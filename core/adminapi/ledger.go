package adminapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

var outcomes = []string{string(core.OutcomeOK), string(core.OutcomeBlocked), string(core.OutcomeFailed), string(core.OutcomeClientClosed),
	string(core.OutcomeInterrupted), string(core.OutcomeCorrection)}

// entryFilter reads what narrows entries.
func (c *call) entryFilter() (core.EntryFilter, *query) {
	q := c.query()
	return core.EntryFilter{Reach: c.caller.reach(entries), ExchangeID: q.text("exchange_id"),
		OrganizationID: q.text("organization_id"), TeamID: q.text("team_id"), ProjectID: q.text("project_id"), UserID: q.text("user_id"), KeyID: q.text("key_id"), Model: q.text("model"),
		Deployment: q.text("deployment"), Outcome: core.Outcome(q.choice("outcome")), From: q.time("from"), To: q.time("to")}, q
}

func (a *api) listEntries(c *call) error {
	f, q := c.entryFilter()
	f.Limit, f.Cursor = q.limit(), q.text("cursor")
	if q.err != nil {
		return q.err
	}
	entries, next, err := a.Store.ListEntries(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, entries, next)
}

// exportEntries streams all entries of the filter, oldest first.
func (a *api) exportEntries(c *call) error {
	f, q := c.entryFilter()
	format := q.choice("format")
	if q.err != nil {
		return q.err
	}
	f.Limit, f.OldestFirst = exportPage, true
	return export(a, c, format, entryTable, func(cursor string) ([]*core.LedgerEntry, string, error) {
		f.Cursor = cursor
		return a.Store.ListEntries(c.ctx(), f)
	})
}

var entryTable = table[*core.LedgerEntry]{
	header: []string{"id", "exchange_id", "at",
		"organization_id", "organization_name", "team_id", "team_name", "user_id", "user_name", "key_id", "key_name", "endpoint", "model", "deployed_model", "served_model", "provider", "deployment",
		"input_tokens", "cache_read", "cache_write_5m", "cache_write_1h", "output_tokens", "reasoning", "estimated", "amount", "unpriced", "outcome", "status", "error_code", "latency_ms", "corrects",
		"project_id", "project_name"},
	row: func(e *core.LedgerEntry) []string {
		n, u := func(v int64) string { return strconv.FormatInt(v, 10) }, e.Usage
		return []string{e.ID, e.ExchangeID, e.At.UTC().Format(time.RFC3339Nano),
			e.Organization.ID, cell(e.Organization.Name), e.Team.ID, cell(e.Team.Name), e.User.ID, cell(e.User.Name), e.Key.ID, cell(e.Key.Name), e.Endpoint, cell(e.RequestedModel), cell(e.DeployedModel),
			cell(e.ServedModel), e.Provider, e.Deployment, n(u.InputTokens()), n(u.Cached()), n(u.CacheWrite5m), n(u.CacheWrite1h), n(u.OutputTokens()), n(u.Reasoning),
			strconv.FormatBool(u.Estimated()), e.Amount.String(), strconv.FormatBool(e.Unpriced), string(e.Outcome), strconv.Itoa(e.Status), string(e.ErrorCode),
			n(e.Latency.Milliseconds()), e.Corrects, e.Project.ID, cell(e.Project.Name)}
	},
}

// verification is what a check of the ledger found; nothing is well.
type verification struct {
	Differences []core.LedgerDifference `json:"differences"`
}

func (a *api) verifyLedger(c *call) error {
	d, err := a.Store.Verify(c.ctx())
	if err != nil {
		return err
	}
	if d == nil {
		d = []core.LedgerDifference{}
	}
	return writeJSON(c.w, http.StatusOK, verification{d})
}

func (a *api) rebuildLedger(c *call) error {
	if err := a.Store.Rebuild(c.ctx()); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// usage sums rollups by one dimension, "" being those without, over whole
// hours: those that from and to fall into count in full. Without them it is the last thirty days.
func (a *api) usage(c *call) error {
	q := c.query()
	from, to := q.time("from"), q.time("to")
	f := core.UsageFilter{By: q.choice("by"), OrganizationID: q.text("organization_id"), TeamID: q.text("team_id"), ProjectID: q.text("project_id"),
		UserID: q.text("user_id"), KeyID: q.text("key_id"), Reach: c.caller.reach(entries), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	if to.IsZero() {
		to = c.now.Add(1) // this hour too, at its first instant
	}
	if from.IsZero() {
		from = to.AddDate(0, 0, -30)
	}
	f.From, f.To = from.UTC().Truncate(time.Hour), to.UTC().Add(time.Hour-1).Truncate(time.Hour)
	rows, next, err := a.Store.SumUsage(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c, rows, next)
}
