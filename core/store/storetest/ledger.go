package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func open(n int) *core.OpenExchange {
	e := Entry(n)
	return &core.OpenExchange{
		ExchangeID: e.ExchangeID, NodeID: "nod_1", At: e.At, Key: e.Key, Organization: e.Organization, Team: e.Team, Project: e.Project, ParentKeyID: e.ParentKeyID, User: e.User,
		EndUser: "ada", Tags: []string{"batch", "eu \"x\""},
		Endpoint: "chat", Stream: true, RequestedModel: "gpt", DeployedModel: "gpt-q", Provider: "provider.openai", Deployment: "gpt-main",
		PriceID: "pri_1", Usage: core.Usage{Input: 10, Output: 100}, Reserved: 6000, Unpriced: true,
	}
}

func testEntryRoundTrip(t *testing.T, s core.Store) {
	bare := &core.LedgerEntry{ID: "ent_bare", ExchangeID: "exc_bare", At: At.Add(-time.Hour), Outcome: core.OutcomeBlocked}
	want := Entry(1)
	write(t, s, want, bare)
	got := list(t, s, core.EntryFilter{})
	if len(got) != 2 {
		t.Fatalf("%d entries", len(got))
	}
	equal(t, "full entry", got[0], want)
	equal(t, "bare entry", got[1], bare)
	verified(t, s)
}

func testSettleTwice(t *testing.T, s core.Store) {
	first := Entry(1)
	write(t, s, first)
	again := Entry(1)
	again.Amount = 99
	other := Entry(1)
	other.ID = "ent_other" // would be a second entry of the exchange
	res := write(t, s, again, Entry(2), Entry(2), other)
	equal(t, "known", res.Known, map[int]bool{0: true, 2: true})
	if len(res.BadEntries) != 1 || res.BadEntries[3] == nil {
		t.Errorf("an id that does not follow from the exchange: %v", res.BadEntries)
	}
	got := list(t, s, core.EntryFilter{OldestFirst: true})
	if len(got) != 2 || got[0].Amount != first.Amount {
		t.Errorf("got %d entries, the first of $%s", len(got), got[0].Amount)
	}
	equal(t, "sum", sum(t, s, time.Time{}, time.Time{}), core.Nano(1001+1002))
	verified(t, s)
}

func testOpenExchanges(t *testing.T, s core.Store) {
	late, early, other := open(3), open(1), open(2)
	other.NodeID, other.EndUser, other.Tags = "nod_2", "", nil
	batch := &core.LedgerBatch{Open: []*core.OpenExchange{late, early, other, open(4)}, Entries: []*core.LedgerEntry{Entry(4)}}
	if _, err := s.WriteBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	check := func(except string, want ...*core.OpenExchange) {
		t.Helper()
		got, err := s.ListOpen(t.Context(), except)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "open except "+except, got, want)
	}
	check("", early, other, late)
	check("nod_2", early, late)
	early2 := open(1)
	early2.Deployment, early2.Reserved = "gpt-b", 7000
	if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Open: []*core.OpenExchange{early2}}); err != nil {
		t.Fatal(err)
	}
	check("", early2, other, late)
	write(t, s, Entry(1), Entry(3))
	check("", other)
	verified(t, s)
	// What has an entry is not open, whatever is written after it.
	if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Open: []*core.OpenExchange{open(1)}}); err != nil {
		t.Fatal(err)
	}
	check("", other)
	write(t, s, Entry(1))
	check("", other)
}

func testCorrections(t *testing.T, s core.Store) {
	write(t, s, Entry(1))
	for n, by := range []core.Nano{-400, 50} {
		c := Entry(1)
		c.ID, c.Corrects, c.Outcome, c.Amount, c.Usage = fmt.Sprintf("ent_c%d", n), "ent_000001", core.OutcomeCorrection, by, core.Usage{Input: -2}
		if res := write(t, s, c); len(res.Known) != 0 {
			t.Errorf("correction %d taken for a duplicate", n)
		}
		if res := write(t, s, c); !res.Known[0] {
			t.Errorf("correction %d is not idempotent", n)
		}
	}
	equal(t, "sum", sum(t, s, time.Time{}, time.Time{}), core.Nano(1001-400+50))
	equal(t, "entries of the exchange", len(list(t, s, core.EntryFilter{ExchangeID: "exc_000001"})), 3)
	requests := int64(0)
	rollups, err := s.ListRollups(t.Context(), time.Time{}, time.Time{})
	for _, r := range rollups {
		requests += r.Requests
	}
	if err != nil || requests != 1 {
		t.Errorf("%d requests, %v: a correction is no request", requests, err)
	}
	verified(t, s)
}

func testFilters(t *testing.T, s core.Store) {
	for n := range 6 {
		e := Entry(n)
		switch n {
		case 1:
			e.Key.ID = "key_2"
		case 2:
			e.RequestedModel = "claude"
		case 3:
			e.Deployment = "claude-main"
		case 4:
			e.Outcome = core.OutcomeFailed
		}
		write(t, s, e)
	}
	for _, c := range []struct {
		name string
		f    core.EntryFilter
		want string
	}{
		{"newest first", core.EntryFilter{}, "5 4 3 2 1 0"},
		{"oldest first", core.EntryFilter{OldestFirst: true}, "0 1 2 3 4 5"},
		{"key", core.EntryFilter{KeyID: "key_2"}, "1"},
		{"model", core.EntryFilter{Model: "claude"}, "2"},
		{"deployment", core.EntryFilter{Deployment: "claude-main"}, "3"},
		{"outcome", core.EntryFilter{Outcome: core.OutcomeFailed}, "4"},
		{"exchange", core.EntryFilter{ExchangeID: "exc_000005"}, "5"},
		{"id", core.EntryFilter{ID: "ent_000005"}, "5"},
		{"both", core.EntryFilter{KeyID: "key_1", Model: "gpt", OldestFirst: true}, "0 3 4 5"},
		{"time, end excluded", core.EntryFilter{From: At.Add(time.Second), To: At.Add(3 * time.Second)}, "2 1"},
		{"nothing", core.EntryFilter{KeyID: "key_3"}, ""},
	} {
		got := ""
		for _, e := range list(t, s, c.f) {
			if got != "" {
				got += " "
			}
			got += e.ID[9:]
		}
		equal(t, c.name, got, c.want)
	}
	for _, limit := range []int{0, -1, 10001} {
		_, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: limit})
		wantCode(t, err, core.CodeInvalidRequest)
	}
	_, _, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 1, Cursor: "nonsense"})
	wantCode(t, err, core.CodeInvalidRequest)
}

func testPaging(t *testing.T, s core.Store) {
	for n := range 10 {
		e := Entry(n)
		e.At = At.Add(time.Duration(n/3) * time.Second) // some at the same instant
		write(t, s, e)
	}
	for _, oldestFirst := range []bool{true, false} {
		seen := map[string]bool{}
		cursor := ""
		for page := 0; ; page++ {
			got, next, err := s.ListEntries(t.Context(), core.EntryFilter{Limit: 3, Cursor: cursor, OldestFirst: oldestFirst})
			if err != nil || page > 3 {
				t.Fatal(page, err)
			}
			for _, e := range got {
				if seen[e.ID] {
					t.Errorf("%s on two pages", e.ID)
				}
				seen[e.ID] = true
			}
			if cursor = next; next == "" {
				break
			}
		}
		equal(t, "entries on all pages", len(seen), 10)
	}
}

func testSumAmounts(t *testing.T, s core.Store) {
	hour := At.Truncate(time.Hour)
	var all []*core.LedgerEntry
	for n, at := range []time.Time{
		hour.Add(-time.Nanosecond), hour, hour.Add(20 * time.Minute), hour.Add(time.Hour - 1), hour.Add(time.Hour),
		hour.Add(90 * time.Minute), hour.Add(3 * time.Hour), hour.Add(50 * time.Hour),
	} {
		e := Entry(n)
		e.At, e.Amount = at, 1<<n
		other := Entry(100 + n)
		other.Key.ID, other.At, other.Amount = "key_2", at, 1<<40
		all = append(all, e, other)
	}
	write(t, s, all...)
	bounds := []time.Time{{}, hour.Add(-time.Hour), hour.Add(-time.Nanosecond), hour, hour.Add(10 * time.Minute), hour.Add(20 * time.Minute),
		hour.Add(20*time.Minute + 1), hour.Add(time.Hour), hour.Add(90 * time.Minute), hour.Add(51 * time.Hour)}
	for _, from := range bounds {
		for _, to := range bounds {
			if !to.IsZero() && to.Before(from) {
				continue
			}
			var want core.Nano
			for _, e := range all {
				if e.Key.ID == "key_1" && !e.At.Before(from) && (to.IsZero() || e.At.Before(to)) {
					want += e.Amount
				}
			}
			if got := sum(t, s, from, to); got != want {
				t.Errorf("[%s, %s): got %d, want %d", from, to, got, want)
			}
		}
	}
}

// Each scope finds what its subject spent, from whole hours and from parts of them.
func testSumAmountsByScope(t *testing.T, s core.Store) {
	hour := At.Truncate(time.Hour)
	var all []*core.LedgerEntry
	for n, of := range [][4]string{{"key_1", "usr_1", "tea_1", "org_1"}, {"key_2", "usr_1", "tea_2", "org_1"}, {"key_3", "usr_2", "tea_1", "org_1"},
		{"key_4", "", "tea_1", "org_1"}, {"key_5", "usr_1", "", "org_1"}, {"key_6", "", "", ""}, {"key_7", "usr_1", "tea_3", "org_2"}} {
		for part := range 2 {
			e := Entry(2*n + part)
			e.Key.ID, e.User.ID, e.Team.ID, e.Organization.ID = of[0], of[1], of[2], of[3]
			e.Project.ID = ""
			if of[2] != "" && n != 3 {
				e.Project.ID = "prj_" + of[2]
			}
			e.At, e.Amount = hour.Add(time.Duration(part)*time.Hour+30*time.Minute), 1<<(2*n+part)
			all = append(all, e)
		}
	}
	write(t, s, all...)
	for of, subject := range map[core.BudgetSubject]func(*core.LedgerEntry) bool{
		{Scope: core.ScopeKey, ID: "key_2"}:            func(e *core.LedgerEntry) bool { return e.Key.ID == "key_2" },
		{Scope: core.ScopeMember, ID: "tea_1/usr_1"}:   func(e *core.LedgerEntry) bool { return e.Team.ID == "tea_1" && e.User.ID == "usr_1" },
		{Scope: core.ScopeProject, ID: "prj_tea_1"}:    func(e *core.LedgerEntry) bool { return e.Project.ID == "prj_tea_1" },
		{Scope: core.ScopeTeam, ID: "tea_1"}:           func(e *core.LedgerEntry) bool { return e.Team.ID == "tea_1" },
		{Scope: core.ScopeUser, ID: "usr_1"}:           func(e *core.LedgerEntry) bool { return e.User.ID == "usr_1" },
		{Scope: core.ScopeOrganization, ID: "org_1"}:   func(e *core.LedgerEntry) bool { return e.Organization.ID == "org_1" },
		{Scope: core.ScopeOrganization, ID: "org_999"}: func(e *core.LedgerEntry) bool { return false },
	} {
		for _, from := range []time.Time{{}, hour.Add(10 * time.Minute), hour.Add(40 * time.Minute)} {
			for _, to := range []time.Time{{}, hour.Add(80 * time.Minute), hour.Add(100 * time.Minute), hour.Add(2 * time.Hour)} {
				var want core.Nano
				for _, e := range all {
					if subject(e) && !e.At.Before(from) && (to.IsZero() || e.At.Before(to)) {
						want += e.Amount
					}
				}
				got, err := s.SumAmounts(t.Context(), of.Scope, of.ID, from, to)
				equal(t, fmt.Sprint(of, from, to), []any{got, err}, []any{want, nil})
			}
		}
	}
	if _, err := s.SumAmounts(t.Context(), "planet", "earth", hour, hour); err == nil {
		t.Error("an unknown scope has spent something")
	}
}

// testUsage sums what testRollups has written.
func testUsage(t *testing.T, s core.Store, hour time.Time) {
	next, later := hour.Add(time.Hour), hour.Add(2*time.Hour)
	first, second := core.UsageSum{Requests: 4, InputTokens: 48, OutputTokens: 36, Amount: 3003, Unpriced: 1}, core.UsageSum{Requests: 1, InputTokens: 12, OutputTokens: 9, Amount: 1004}
	whole := core.UsageSum{Requests: 5, InputTokens: 60, OutputTokens: 45, Amount: 4007, Unpriced: 1}
	named := func(u core.UsageSum, group string) core.UsageSum { u.Group = group; return u }
	for _, tt := range []struct {
		f    core.UsageFilter
		want []core.UsageSum
	}{
		{core.UsageFilter{By: "hour"}, []core.UsageSum{named(first, hour.Format(time.RFC3339)), named(second, next.Format(time.RFC3339))}},
		{core.UsageFilter{By: "hour", From: next, To: later}, []core.UsageSum{named(second, next.Format(time.RFC3339))}},
		{core.UsageFilter{By: "team"}, []core.UsageSum{named(whole, "tea_1")}},
		{core.UsageFilter{By: "project", OrganizationID: "org_1", TeamID: "tea_1", ProjectID: "prj_1", UserID: "usr_1", KeyID: "key_1"}, []core.UsageSum{named(whole, "prj_1")}},
		{core.UsageFilter{By: "outcome", From: hour, To: next}, []core.UsageSum{
			{Group: "failed", Requests: 1, InputTokens: 12, OutputTokens: 9, Amount: 1002}, {Group: "ok", Requests: 3, InputTokens: 36, OutputTokens: 27, Amount: 2001, Unpriced: 1}}},
		{core.UsageFilter{By: "model", KeyID: "key_2"}, nil},
		{core.UsageFilter{By: "model", Reach: &core.Reach{}}, nil},
		{core.UsageFilter{By: "model", Reach: &core.Reach{Teams: []string{"tea_1"}}}, []core.UsageSum{named(whole, "gpt")}},
		{core.UsageFilter{By: "model", Reach: &core.Reach{Organizations: []string{"org_2"}, UserID: "usr_2"}}, nil},
	} {
		for _, limit := range []int{1, 100} {
			var got []core.UsageSum
			for tt.f.Limit, tt.f.Cursor = limit, ""; ; {
				rows, after, err := s.SumUsage(t.Context(), tt.f)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rows...)
				if tt.f.Cursor = after; after == "" {
					break
				}
			}
			equal(t, fmt.Sprintf("usage %+v", tt.f), got, tt.want)
		}
	}
	for by, cursor := range map[string]string{"end_user": "", "hour": "=x", "key": "x"} {
		_, _, err := s.SumUsage(t.Context(), core.UsageFilter{By: by, Page: core.Page{Limit: 1, Cursor: cursor}})
		wantCode(t, err, core.CodeInvalidRequest)
	}
}

func testRollups(t *testing.T, s core.Store) {
	failed, unpriced, later := Entry(2), Entry(3), Entry(4)
	failed.Outcome = core.OutcomeFailed
	unpriced.Unpriced, unpriced.Amount = true, 0
	later.At = At.Add(time.Hour)
	write(t, s, Entry(0), Entry(1), failed, unpriced, later)
	hour := At.Truncate(time.Hour)
	got, err := s.ListRollups(t.Context(), hour, hour.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	r := core.Rollup{Hour: hour, OrganizationID: "org_1", TeamID: "tea_1", ProjectID: "prj_1", UserID: "usr_1", KeyID: "key_1", Model: "gpt",
		Provider: "provider.openai", Deployment: "gpt-main", Outcome: core.OutcomeFailed,
		Requests: 1, InputTokens: 12, OutputTokens: 9, Amount: 1002}
	ok := r
	ok.Outcome, ok.Requests, ok.InputTokens, ok.OutputTokens, ok.Amount, ok.Unpriced = core.OutcomeOK, 3, 36, 27, 2001, 1
	equal(t, "rollups of the hour", got, []core.Rollup{r, ok})
	testUsage(t, s, hour)
	all, err := s.ListRollups(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(all) != 3 {
		t.Errorf("%d rollups, %v", len(all), err)
	}
	verified(t, s)
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	rebuilt, err := s.ListRollups(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rebuilt", rebuilt, all)
}

func testHistory(t *testing.T, s core.Store) {
	k := key("key_1")
	if err := s.CreateKey(t.Context(), k, core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	write(t, s, Entry(1))
	if err := s.DeleteKey(t.Context(), "key_1", At); err != nil {
		t.Fatal(err)
	}
	got := list(t, s, core.EntryFilter{KeyID: "key_1"})
	if len(got) != 1 || got[0].Key.Name != "ci" {
		t.Errorf("history changed: %+v", got)
	}
}
