package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// selectEntries walks the entries by an index of theirs and looks up the
// dimensions of each: CROSS JOIN keeps SQLite from going the other way round.
var selectEntries = `SELECT e.id, e.corrects, e.at, e.ended_at, e.end_user, e.amount, e.latency, e.first_byte, e.detail,
	d.` + strings.Join(strings.Fields(strings.ReplaceAll(dimensionColumns, ",", " ")), ", d.") + `
	FROM entries e CROSS JOIN dimensions d`

// where collects the conditions of a query.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

// equal filters when value is set.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// between filters [from, to); zero times do not bound.
func (w *where) between(column string, from, to time.Time) {
	if !from.IsZero() {
		w.add(column+" >= ?", nanos(from))
	}
	if !to.IsZero() {
		w.add(column+" < ?", nanos(to))
	}
}

func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

// ListEntries implements [core.LedgerStore]. The cursor is the time and id of
// the last entry, so that entries which arrive meanwhile shift no page.
func (s *Store) ListEntries(ctx context.Context, f core.EntryFilter) ([]*core.LedgerEntry, string, error) {
	if err := checkLimit(f.Limit, 10*maxPage); err != nil {
		return nil, "", err
	}
	w := where{terms: []string{"d.id = e.dimensions_id"}}
	w.equal("e.id", f.ID)
	w.between("e.at", f.From, f.To)
	w.equal("d.organization_id", f.OrganizationID)
	w.equal("d.team_id", f.TeamID)
	w.equal("d.project_id", f.ProjectID)
	w.equal("d.user_id", f.UserID)
	w.reach(f.Reach, "d.organization_id", "d.team_id", "d.user_id")
	w.equal("e.key_id", f.KeyID)
	w.equal("d.requested_model", f.Model)
	w.equal("d.deployment", f.Deployment)
	w.equal("d.outcome", string(f.Outcome))
	if f.ExchangeID != "" {
		id := core.EntryID(f.ExchangeID)
		w.add("(e.id = ? OR e.corrects = ? AND e.corrects <> '')", id, id) // the index has only those
	}
	order, beyond := "DESC", "<"
	if f.OldestFirst {
		order, beyond = "ASC", ">"
	}
	if f.Cursor != "" {
		at, id, err := parseCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		w.add("(e.at, e.id) "+beyond+" (?, ?)", at, id)
	}
	query := selectEntries + w.String() + " ORDER BY e.at " + order + ", e.id " + order + " LIMIT " + strconv.Itoa(f.Limit+1)
	entries, err := queryAll(ctx, s.read, scanEntry, query, w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list ledger entries: %w", err)
	}
	entries, next := page(entries, f.Limit, func(e *core.LedgerEntry) string { return cursorAt(e.At, e.ID) })
	return entries, next, nil
}

// cursorAt is the cursor of a list in the order of time; id tells apart what is of the same instant.
func cursorAt(at time.Time, id string) string { return strconv.FormatInt(nanos(at), 36) + "." + id }

func parseCursor(c string) (at int64, id string, err error) {
	number, id, ok := strings.Cut(c, ".")
	at, err = strconv.ParseInt(number, 36, 64)
	if !ok || err != nil {
		return 0, "", core.Invalid("cursor", "%q is not a cursor of this list", c)
	}
	return at, id, nil
}

// maxPage is the most that a list answers with at once.
const maxPage = 1000

func checkLimit(limit, most int) error {
	if limit < 1 || limit > most {
		return core.Invalid("limit", "must be between 1 and %d", most)
	}
	return nil
}

// page cuts what was read with one row too many to the limit. The cursor is that
// of the last row, "" when nothing follows.
func page[T any](rows []T, limit int, cursor func(T) string) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], cursor(rows[limit-1])
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queryAll reads every row of a query.
func queryAll[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, v)
	}
	return all, explain(rows.Err())
}

func scanEntry(rows *sql.Rows) (*core.LedgerEntry, error) {
	var (
		e           core.LedgerEntry
		d           dimensions
		at, endedAt int64
		more        string
	)
	if err := rows.Scan(append([]any{&e.ID, &e.Corrects, &at, &endedAt, &e.EndUser, &e.Amount, &e.Latency, &e.FirstByte, &more}, d.targets()...)...); err != nil {
		return nil, err
	}
	var m detail
	if err := json.Unmarshal([]byte(more), &m); err != nil {
		return nil, fmt.Errorf("entry %s: detail: %w", e.ID, err)
	}
	e.ExchangeID = core.ExchangeID(e.ID)
	if e.Corrects != "" {
		e.ExchangeID = core.ExchangeID(e.Corrects)
	}
	e.At, e.EndedAt = fromNanos(at), fromNanos(endedAt)
	e.Usage, e.Tags, e.Attempts, e.Reason, e.Findings = m.Usage, m.Tags, m.Attempts, m.Reason, m.Findings
	e.Project, e.ParentKeyID, e.Key, e.Organization, e.Team, e.User, e.Endpoint, e.Stream = d.project, d.parentKey, d.key, d.organization, d.team, d.user, d.endpoint, d.stream
	e.RequestedModel, e.DeployedModel, e.ServedModel, e.Provider, e.Deployment = d.requestedModel, d.deployedModel, d.servedModel, d.provider, d.deployment
	e.PriceID, e.Unpriced, e.Outcome, e.Status, e.ErrorCode, e.CacheHit = d.priceID, d.unpriced, d.outcome, d.status, d.errorCode, d.cacheHit
	return &e, nil
}

// SumAmounts implements [core.LedgerStore]. Whole hours come from the rollups,
// which are in step with the entries, and only the ends from entries, so that
// the sum over a year is as quick as over a day.
func (s *Store) SumAmounts(ctx context.Context, scope core.Scope, subject string, from, to time.Time) (core.Nano, error) {
	if s.unsure.Load() { // whoever sums up would count what it writes again
		return 0, core.Errorf(core.CodeOverloaded, core.SourceGateway, "the database has to be reached again first")
	}
	paid, payer := "", []any{subject}
	switch scope {
	case core.ScopeKey:
		paid, payer = "key_id IN (SELECT CAST(? AS TEXT) UNION ALL SELECT id FROM virtual_keys WHERE parent_id = ? AND parent_id <> '')", []any{subject, subject}
	case core.ScopeMember:
		team, user, _ := strings.Cut(subject, "/")
		paid, payer = "team_id = ? AND user_id = ?", []any{team, user}
	case core.ScopeProject:
		paid = "project_id = ? AND project_id <> ''" // as its index says
	case core.ScopeTeam:
		paid = "team_id = ?"
	case core.ScopeUser:
		paid = "user_id = ?"
	case core.ScopeOrganization:
		paid = "organization_id = ?"
	default:
		return 0, fmt.Errorf("sum amounts: unknown scope %q", scope)
	}
	entries := "FROM entries e WHERE e." + paid
	if scope != core.ScopeKey { // which alone the entries themselves tell
		entries = "FROM entries e CROSS JOIN dimensions d WHERE d.id = e.dimensions_id AND d." + strings.ReplaceAll(paid, "AND ", "AND d.")
	}
	// [lo, hi) are the whole hours within [from, to).
	lo, hi := nanos(from), nanos(to)
	first, last := lo, int64(1<<63-1)
	if r := first % hourNanos; r != 0 {
		first += hourNanos - r
	}
	if hi == 0 {
		hi = last
	} else {
		last = hi - hi%hourNanos
	}
	if first > last { // both ends in one hour
		first, last = hi, hi
	}
	query := `SELECT
		(SELECT COALESCE(SUM(amount), 0) FROM rollups WHERE ` + paid + ` AND hour >= ? AND hour < ?) +
		(SELECT COALESCE(SUM(e.amount), 0) ` + entries + ` AND e.at >= ? AND e.at < ?) +
		(SELECT COALESCE(SUM(e.amount), 0) ` + entries + ` AND e.at >= ? AND e.at < ?)`
	args := slices.Concat(payer, []any{first, last}, payer, []any{lo, first}, payer, []any{last, hi})
	var sum core.Nano
	err := s.read.QueryRowContext(ctx, query, args...).Scan(&sum)
	if err != nil {
		return 0, fmt.Errorf("sum amounts of %s %s: %w", scope, subject, explain(err))
	}
	return sum, nil
}
