package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tokligence/gateway/core"
)

const rollupColumns = `hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome,
	requests, input_tokens, output_tokens, amount, unpriced`

// rollupsFromEntries derives the rollups anew: the definition that the running
// sums must agree with.
const rollupsFromEntries = `SELECT e.at - e.at % 3600000000000, d.organization_id, d.team_id, d.project_id, d.user_id, d.key_id,
		d.requested_model, d.provider, d.deployment, d.outcome,
		SUM(CASE WHEN e.corrects = '' THEN 1 ELSE 0 END), SUM(e.input_tokens), SUM(e.output_tokens), SUM(e.amount),
		SUM(CASE WHEN e.corrects = '' THEN d.unpriced ELSE 0 END)
	FROM entries e CROSS JOIN dimensions d WHERE d.id = e.dimensions_id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10`

func scanRollup(rows *sql.Rows) (core.Rollup, error) {
	var (
		r    core.Rollup
		hour int64
	)
	err := rows.Scan(&hour, &r.OrganizationID, &r.TeamID, &r.ProjectID, &r.UserID, &r.KeyID, &r.Model, &r.Provider, &r.Deployment, &r.Outcome,
		&r.Requests, &r.InputTokens, &r.OutputTokens, &r.Amount, &r.Unpriced)
	r.Hour = fromNanos(hour)
	return r, err
}

// ListRollups implements [core.LedgerStore]; oldest first.
func (s *Store) ListRollups(ctx context.Context, from, to time.Time) ([]core.Rollup, error) {
	var w where
	w.between("hour", from, to)
	list, err := queryAll(ctx, s.read, scanRollup, "SELECT "+rollupColumns+" FROM rollups"+w.String()+
		" ORDER BY hour, organization_id, team_id, project_id, user_id, key_id, model, provider, deployment, outcome", w.args...)
	if err != nil {
		return nil, fmt.Errorf("list rollups: %w", err)
	}
	return list, nil
}

// Verify implements [core.LedgerStore]: the rollups against the entries. It
// reads one state of the database.
func (s *Store) Verify(ctx context.Context) ([]core.LedgerDifference, error) {
	var diffs []core.LedgerDifference
	err := s.snapshot(ctx, "verify the ledger", func(tx *sql.Tx) error {
		want, err := queryAll(ctx, tx, scanRollup, rollupsFromEntries+" EXCEPT SELECT "+rollupColumns+" FROM rollups")
		if err != nil {
			return err
		}
		have, err := queryAll(ctx, tx, scanRollup, "SELECT "+rollupColumns+" FROM rollups EXCEPT "+rollupsFromEntries)
		if err != nil {
			return err
		}
		diffs = compareRollups(want, have)
		return nil
	})
	return diffs, err
}

// compareRollups pairs what should be with what is, by dimensions.
func compareRollups(want, have []core.Rollup) []core.LedgerDifference {
	var diffs []core.LedgerDifference
	found := map[core.Rollup]core.Rollup{}
	for _, h := range have {
		found[bare(h)] = h
	}
	for _, w := range want {
		d := core.LedgerDifference{Where: rollupName(w), Want: rollupSum(w), Have: "none"}
		if h, ok := found[bare(w)]; ok {
			d.Have = rollupSum(h)
			delete(found, bare(w))
		}
		diffs = append(diffs, d)
	}
	for _, h := range have {
		if _, ok := found[bare(h)]; ok {
			diffs = append(diffs, core.LedgerDifference{Where: rollupName(h), Want: "none", Have: rollupSum(h)})
		}
	}
	return diffs
}

// bare is r without its sums.
func bare(r core.Rollup) core.Rollup {
	r.Requests, r.InputTokens, r.OutputTokens, r.Amount, r.Unpriced = 0, 0, 0, 0, 0
	return r
}

func rollupName(r core.Rollup) string {
	return fmt.Sprintf("rollup %s %s %s %s %s", r.Hour.Format("2006-01-02T15:04Z"), r.KeyID, r.Model, r.Deployment, r.Outcome)
}

func rollupSum(r core.Rollup) string {
	return fmt.Sprintf("%d requests, %d input and %d output tokens, $%s, %d unpriced",
		r.Requests, r.InputTokens, r.OutputTokens, r.Amount, r.Unpriced)
}

// Rebuild implements [core.LedgerStore].
func (s *Store) Rebuild(ctx context.Context) error {
	return s.write(ctx, "rebuild rollups", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM rollups"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO rollups ("+rollupColumns+") "+rollupsFromEntries)
		return err
	})
}
