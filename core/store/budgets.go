package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
)

// SetBudget implements [core.BudgetStore].
func (s *Store) SetBudget(ctx context.Context, b *core.Budget) error {
	return s.write(ctx, "set budget", func(tx *sql.Tx) error { return setBudget(ctx, tx, b) })
}

func setBudget(ctx context.Context, tx *sql.Tx, b *core.Budget) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO budgets (id, scope, subject_id, amount, period, timezone, policy, created_at, thresholds)
		VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (scope, subject_id) DO UPDATE SET
			id = excluded.id, amount = excluded.amount, period = excluded.period, timezone = excluded.timezone,
			policy = excluded.policy, created_at = excluded.created_at, thresholds = excluded.thresholds`,
		b.ID, string(b.Scope), b.SubjectID, int64(b.Amount), string(b.Period), b.Timezone, string(b.Policy), nanos(b.CreatedAt), thresholdsJSON(b.Thresholds))
	if isConflict(err) {
		return core.Errorf(core.CodeConflict, core.SourceClient, "budget %q exists already for another subject", b.ID).With(err)
	}
	return err
}

const selectBudgets = `SELECT id, scope, subject_id, amount, period, timezone, policy, created_at, thresholds FROM budgets`

func scanBudget(rows *sql.Rows) (*core.Budget, error) {
	var (
		b          core.Budget
		created    int64
		thresholds string
	)
	err := rows.Scan(&b.ID, &b.Scope, &b.SubjectID, &b.Amount, &b.Period, &b.Timezone, &b.Policy, &created, &thresholds)
	if err != nil {
		return nil, err
	}
	b.CreatedAt = fromNanos(created)
	if err := json.Unmarshal([]byte(thresholds), &b.Thresholds); err != nil {
		return nil, fmt.Errorf("budget %s: thresholds: %w", b.ID, err)
	}
	return &b, nil
}

func thresholdsJSON(list []int) string {
	if list == nil {
		return "[]"
	}
	return mustJSON(list)
}

// ListBudgets implements [core.BudgetStore]; oldest first.
func (s *Store) ListBudgets(ctx context.Context, scope core.Scope, subject string) ([]*core.Budget, error) {
	w := where{terms: []string{"scope = ?"}, args: []any{string(scope)}}
	w.equal("subject_id", subject)
	list, err := queryAll(ctx, s.read, scanBudget, selectBudgets+w.String()+" ORDER BY created_at, id", w.args...)
	if err != nil {
		return nil, fmt.Errorf("list budgets: %w", err)
	}
	return list, nil
}

// FindBudgets implements [core.BudgetStore]: one query, which looks each subject up by the index.
func (s *Store) FindBudgets(ctx context.Context, subjects []core.BudgetSubject) ([]*core.Budget, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	ids := map[core.Scope][]any{}
	for _, of := range subjects {
		ids[of.Scope] = append(ids[of.Scope], of.ID)
	}
	var terms []string
	var args []any
	for _, scope := range slices.Sorted(maps.Keys(ids)) {
		terms = append(terms, "scope = ? AND subject_id IN (?"+strings.Repeat(",?", len(ids[scope])-1)+")")
		args = append(append(args, string(scope)), ids[scope]...)
	}
	list, err := queryAll(ctx, s.read, scanBudget, selectBudgets+" WHERE "+strings.Join(terms, " OR "), args...)
	if err != nil {
		return nil, fmt.Errorf("find budgets: %w", err)
	}
	order := make(map[core.BudgetSubject]int, len(subjects))
	for i, of := range subjects {
		order[of] = i
	}
	at := func(b *core.Budget) int { return order[core.BudgetSubject{Scope: b.Scope, ID: b.SubjectID}] }
	slices.SortFunc(list, func(x, y *core.Budget) int { return at(x) - at(y) })
	return list, nil
}

// DeleteBudget implements [core.BudgetStore].
func (s *Store) DeleteBudget(ctx context.Context, id string) error {
	return s.write(ctx, "delete budget", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM budgets WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return firstError(err, notFound("budget", id))
		}
		return nil
	})
}
