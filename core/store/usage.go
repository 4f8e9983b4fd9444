package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// usageColumn is where the rollups have a dimension.
func usageColumn(by string) (string, error) {
	switch {
	case !slices.Contains(core.UsageDimensions, by):
		return "", core.Invalid("by", "%q is nothing to sum by", by)
	case slices.Contains([]string{"organization", "team", "project", "user", "key"}, by):
		return by + "_id", nil
	}
	return by, nil
}

// SumUsage implements [core.LedgerStore].
func (s *Store) SumUsage(ctx context.Context, f core.UsageFilter) ([]core.UsageSum, string, error) {
	if err := checkLimit(f.Limit, maxPage); err != nil {
		return nil, "", err
	}
	column, err := usageColumn(f.By)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.between("hour", f.From, f.To)
	w.equal("organization_id", f.OrganizationID)
	w.equal("team_id", f.TeamID)
	w.equal("project_id", f.ProjectID)
	w.equal("user_id", f.UserID)
	w.equal("key_id", f.KeyID)
	w.reach(f.Reach, "organization_id", "team_id", "user_id")
	if f.Cursor != "" {
		after, err := usageCursor(f)
		if err != nil {
			return nil, "", err
		}
		w.add(column+" > ?", after)
	}
	rows, err := queryAll(ctx, s.read, scanUsage(f.By), "SELECT "+column+", SUM(requests), SUM(input_tokens), SUM(output_tokens), SUM(amount), SUM(unpriced) FROM rollups"+
		w.String()+" GROUP BY "+column+" ORDER BY "+column+" LIMIT "+strconv.Itoa(f.Limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("sum usage: %w", err)
	}
	rows, next := page(rows, f.Limit, func(u core.UsageSum) string { return cursorMark + u.Group })
	return rows, next, nil
}

// cursorMark begins a cursor, for the group that is "" is not the end.
const cursorMark = "="

// usageCursor is the value of the column that the page begins behind.
func usageCursor(f core.UsageFilter) (any, error) {
	group, ok := strings.CutPrefix(f.Cursor, cursorMark)
	if ok && f.By != "hour" {
		return group, nil
	}
	t, err := time.Parse(time.RFC3339, group)
	if !ok || err != nil {
		return nil, core.Invalid("cursor", "%q is not a cursor of this list", f.Cursor)
	}
	return nanos(t), nil
}

func scanUsage(by string) func(*sql.Rows) (core.UsageSum, error) {
	return func(rows *sql.Rows) (u core.UsageSum, err error) {
		var hour int64
		group := any(&u.Group)
		if by == "hour" {
			group = &hour
		}
		err = rows.Scan(group, &u.Requests, &u.InputTokens, &u.OutputTokens, &u.Amount, &u.Unpriced)
		if by == "hour" {
			u.Group = fromNanos(hour).Format(time.RFC3339)
		}
		return u, err
	}
}
