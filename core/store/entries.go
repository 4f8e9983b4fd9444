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

const entryColumns = `id, exchange_id, corrects, at, ended_at,
	key_id, key_name, organization_id, organization_name, team_id, team_name, user_id, user_name,
	end_user, endpoint, stream, requested_model, deployed_model, served_model, provider, deployment,
	usage, price_id, amount, unpriced, outcome, status, error_code, cache_hit, latency, first_byte, detail`

const openColumns = `exchange_id, node_id, at,
	key_id, key_name, organization_id, organization_name, team_id, team_name, user_id, user_name,
	endpoint, stream, requested_model, deployed_model, provider, deployment, price_id, usage, reserved, unpriced`

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
	if f.Limit < 1 || f.Limit > 10000 {
		return nil, "", core.Invalid("limit", "must be between 1 and 10000")
	}
	var w where
	w.equal("id", f.ID)
	w.between("at", f.From, f.To)
	w.equal("key_id", f.KeyID)
	w.equal("requested_model", f.Model)
	w.equal("deployment", f.Deployment)
	w.equal("outcome", string(f.Outcome))
	if f.ExchangeID != "" {
		id := core.EntryID(f.ExchangeID)
		w.add("(id = ? OR corrects = ?)", id, id)
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
		w.add("(at, id) "+beyond+" (?, ?)", at, id)
	}
	query := "SELECT " + entryColumns + " FROM entries" + w.String() +
		" ORDER BY at " + order + ", id " + order + " LIMIT " + strconv.Itoa(f.Limit+1)
	entries, err := queryAll(ctx, s.read, scanEntry, query, w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list ledger entries: %w", err)
	}
	if len(entries) <= f.Limit {
		return entries, "", nil
	}
	entries = entries[:f.Limit]
	last := entries[f.Limit-1]
	return entries, strconv.FormatInt(nanos(last.At), 36) + "." + last.ID, nil
}

func parseCursor(c string) (at int64, id string, err error) {
	number, id, ok := strings.Cut(c, ".")
	at, err = strconv.ParseInt(number, 36, 64)
	if !ok || err != nil {
		return 0, "", core.Invalid("cursor", "%q is not a cursor of this list", c)
	}
	return at, id, nil
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
		e                               core.LedgerEntry
		at, endedAt, latency, firstByte int64
		usage, more                     string
	)
	err := rows.Scan(&e.ID, &e.ExchangeID, &e.Corrects, &at, &endedAt,
		&e.Key.ID, &e.Key.Name, &e.Organization.ID, &e.Organization.Name, &e.Team.ID, &e.Team.Name, &e.User.ID, &e.User.Name,
		&e.EndUser, &e.Endpoint, &e.Stream, &e.RequestedModel, &e.DeployedModel, &e.ServedModel, &e.Provider, &e.Deployment,
		&usage, &e.PriceID, &e.Amount, &e.Unpriced, &e.Outcome, &e.Status, &e.ErrorCode, &e.CacheHit, &latency, &firstByte, &more)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(usage), &e.Usage); err != nil {
		return nil, fmt.Errorf("entry %s: usage: %w", e.ID, err)
	}
	var d detail
	if err := json.Unmarshal([]byte(more), &d); err != nil {
		return nil, fmt.Errorf("entry %s: detail: %w", e.ID, err)
	}
	e.Tags, e.Attempts, e.Reason, e.Findings = d.Tags, d.Attempts, d.Reason, d.Findings
	e.At, e.EndedAt = fromNanos(at), fromNanos(endedAt)
	e.Latency, e.FirstByte = time.Duration(latency), time.Duration(firstByte)
	return &e, nil
}

// ListOpen implements [core.LedgerStore].
func (s *Store) ListOpen(ctx context.Context, exceptNode string) ([]*core.OpenExchange, error) {
	scan := func(rows *sql.Rows) (*core.OpenExchange, error) {
		var (
			o     core.OpenExchange
			at    int64
			usage string
		)
		if err := rows.Scan(&o.ExchangeID, &o.NodeID, &at,
			&o.Key.ID, &o.Key.Name, &o.Organization.ID, &o.Organization.Name, &o.Team.ID, &o.Team.Name, &o.User.ID, &o.User.Name,
			&o.Endpoint, &o.Stream, &o.RequestedModel, &o.DeployedModel, &o.Provider, &o.Deployment, &o.PriceID,
			&usage, &o.Reserved, &o.Unpriced); err != nil {
			return nil, err
		}
		o.At = fromNanos(at)
		if err := json.Unmarshal([]byte(usage), &o.Usage); err != nil {
			return nil, fmt.Errorf("open exchange %s: usage: %w", o.ExchangeID, err)
		}
		return &o, nil
	}
	open, err := queryAll(ctx, s.read, scan, "SELECT "+openColumns+` FROM open_exchanges
		WHERE node_id <> ? OR ? = '' ORDER BY at, exchange_id`, exceptNode, exceptNode)
	if err != nil {
		return nil, fmt.Errorf("list open exchanges: %w", err)
	}
	return open, nil
}

// SumAmounts implements [core.LedgerStore]. Whole hours come from the rollups,
// which are in step with the entries, and only the ends from entries, so that
// the sum over a year is as quick as over a day.
func (s *Store) SumAmounts(ctx context.Context, scope core.Scope, subject string, from, to time.Time) (core.Nano, error) {
	if scope != core.ScopeKey {
		return 0, fmt.Errorf("sum amounts: unknown scope %q", scope)
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
	const query = `SELECT
		(SELECT COALESCE(SUM(amount), 0) FROM rollups WHERE key_id = ? AND hour >= ? AND hour < ?) +
		(SELECT COALESCE(SUM(amount), 0) FROM entries WHERE key_id = ? AND at >= ? AND at < ?) +
		(SELECT COALESCE(SUM(amount), 0) FROM entries WHERE key_id = ? AND at >= ? AND at < ?)`
	var sum core.Nano
	err := s.read.QueryRowContext(ctx, query, subject, first, last, subject, lo, first, subject, last, hi).Scan(&sum)
	if err != nil {
		return 0, fmt.Errorf("sum amounts of %s %s: %w", scope, subject, explain(err))
	}
	return sum, nil
}
