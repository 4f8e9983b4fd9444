// Package storetest is the conformance suite of [core.Store]: what every
// database must do, whatever its SQL.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// At is the instant around which the suite's data lies.
var At = time.Date(2026, 11, 25, 10, 30, 0, 123456789, time.UTC)

// Run runs the suite; open returns an empty store that lives as long as t.
func Run(t *testing.T, open func(t *testing.T) core.Store) {
	for name, test := range map[string]func(*testing.T, core.Store){
		"Keys":              testKeys,
		"KeyList":           testKeyList,
		"KeyRotation":       testKeyRotation,
		"KeyDeletion":       testKeyDeletion,
		"KeyConflict":       testKeyConflict,
		"Owners":            testOwners,
		"OwnerLists":        testOwnerLists,
		"Reach":             testReach,
		"OwnerDeletion":     testOwnerDeletion,
		"Memberships":       testMemberships,
		"KeyOwners":         testKeyOwners,
		"KeyOwnerChanges":   testKeyOwnerChanges,
		"Budgets":           testBudgets,
		"EntryRoundTrip":    testEntryRoundTrip,
		"SettleTwice":       testSettleTwice,
		"OpenExchanges":     testOpenExchanges,
		"ResponseChains":    testResponseChains,
		"Corrections":       testCorrections,
		"C55BadValues":      testBadValues,
		"Filters":           testFilters,
		"Paging":            testPaging,
		"SumAmounts":        testSumAmounts,
		"SumAmountsByScope": testSumAmountsByScope,
		"Projects":          testProjects,
		"MintedKeys":        testMintedKeys,
		"RotationSchedule":  testRotationSchedule,
		"KeyKinds":          testKeyKinds,
		"ModelGroups":       testModelGroups,
		"Ceilings":          testCeilings,
		"Rollups":           testRollups,
		"HistoryOutlivesIt": testHistory,
		"EmptyBatch":        testEmptyBatch,
		"Audit":             testAudit,
		"AuditPaging":       testAuditPaging,
		"Sealed":            testSealed,
		"EventsOfChanges":   testEventsOfChanges,
		"Events":            testEvents,
		"Webhooks":          testWebhooks,
		"Deliveries":        testDeliveries,
		"EndingKeys":        testEndingKeys,
		"Claims":            testClaims,
		"Responses":         testResponses,
		"Alone":             testAlone,
		"Revisions":         testRevisions,
		"RevisionRace":      testRevisionRace,
		"OwnedObjects":      testOwnedObjects,
		"Sessions":          testSessions,
		"Passwords":         testPasswords,
		"Tickets":           testTickets,
		"Identities":        testIdentities,
		"Grants":            testGrants,
		"Invites":           testInvites,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Entry is an ordinary settled exchange number n, n seconds after At.
func Entry(n int) *core.LedgerEntry {
	id := fmt.Sprintf("%06d", n)
	at := At.Add(time.Duration(n) * time.Second)
	return &core.LedgerEntry{
		ID: "ent_" + id, ExchangeID: "exc_" + id, At: at, EndedAt: at.Add(time.Second),
		Key: core.Named{ID: "key_1", Name: "ci"}, Organization: core.Named{ID: "org_1", Name: "Org"},
		Team: core.Named{ID: "tea_1", Name: "Team"}, Project: core.Named{ID: "prj_1", Name: "Project"}, ParentKeyID: "key_0", User: core.Named{ID: "usr_1", Name: "Ä. User"},
		EndUser: "end", Tags: []string{"a", "b"}, Endpoint: "chat", Stream: true,
		RequestedModel: "gpt", DeployedModel: "gpt-q", ServedModel: "gpt-q-2026-01-01", Provider: "provider.openai", Deployment: "gpt-main",
		Usage: core.Usage{Input: 2, CacheRead: 3, CacheWrite5m: 2, CacheWrite1h: 1, Output: 7, Reasoning: 4, AudioInput: 1, ImageOutput: 2, AudioCached: 2, ImageCached: 1,
			Images: 1, Milliseconds: 1500, Characters: 9, Searches: 2, Messages: 3, InputSource: core.UsageReported, OutputSource: core.UsageEstimated},
		PriceID: "pri_1", Amount: core.Nano(1000 + n), Outcome: core.OutcomeOK, Status: 200,
		Attempts: []core.Attempt{{Deployment: "gpt-b", Status: 503, Error: core.CodeUpstreamUnavailable, Latency: time.Millisecond}, {Deployment: "gpt-main", Status: 200}},
		Reason:   "weighted", Findings: []string{"email"}, CacheHit: true, Latency: time.Second, FirstByte: 5 * time.Millisecond,
	}
}

func write(t *testing.T, s core.Store, entries ...*core.LedgerEntry) core.BatchResult {
	t.Helper()
	res, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func list(t *testing.T, s core.Store, f core.EntryFilter) []*core.LedgerEntry {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	entries, _, err := s.ListEntries(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// verified fails unless everything derived agrees with the entries.
func verified(t *testing.T, s core.Store) {
	t.Helper()
	diffs, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diffs {
		t.Errorf("verify: %s: want %s, have %s", d.Where, d.Want, d.Have)
	}
}

func wantCode(t *testing.T, err error, code core.Code) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func sum(t *testing.T, s core.Store, from, to time.Time) core.Nano {
	t.Helper()
	n, err := s.SumAmounts(t.Context(), core.ScopeKey, "key_1", from, to)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func testEmptyBatch(t *testing.T, s core.Store) {
	if _, err := s.WriteBatch(context.Background(), &core.LedgerBatch{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, core.EntryFilter{}); len(got) != 0 {
		t.Errorf("%d entries after an empty batch", len(got))
	}
}

func testBadValues(t *testing.T, s core.Store) {
	var entries []*core.LedgerEntry
	var want core.Nano
	for n := range 100 {
		e := Entry(n)
		switch n {
		case 10:
			e.Tags = []string{"a\x00b", "fine"}
		case 20:
			e.EndUser = strings.Repeat("x", 5<<20)
			e.Tags = []string{strings.Repeat("ä", 3<<20)}
		case 30:
			e.EndUser = "lone \xed\xa0\x80 surrogate"
		case 40:
			e.Key = core.Named{ID: "key_deleted", Name: "gone"}
		case 50:
			e.RequestedModel = "nul\x00model"
			e.Key.Name = "\xff"
		}
		entries = append(entries, e)
		want += e.Amount
	}
	tagged := entries[10].Tags
	res := write(t, s, entries...)
	equal(t, "bad rows", res, core.BatchResult{})
	equal(t, "the caller's tags", tagged, []string{"a\x00b", "fine"})
	var got core.Nano
	for _, e := range list(t, s, core.EntryFilter{}) {
		got += e.Amount
		for _, text := range append([]string{e.EndUser, e.RequestedModel, e.Key.Name}, e.Tags...) {
			if strings.Contains(text, "\x00") || len(text) > 4096 || text != strings.ToValidUTF8(text, "") {
				t.Errorf("%s: %.40q… of %d bytes was not cleaned", e.ID, text, len(text))
			}
		}
	}
	equal(t, "money", got, want)
	if again := write(t, s, entries...); len(again.Known) != 100 {
		t.Errorf("%d of 100 known on the retry", len(again.Known))
	}
	verified(t, s)

	// Open exchanges are cleaned in the same way.
	bad := open(1)
	bad.ExchangeID, bad.RequestedModel, bad.Deployment = "exc_x", "nul\x00 \xff", strings.Repeat("d", 5<<20)
	bad.EndUser, bad.Tags = "nul\x00 \xff", []string{"\xff", strings.Repeat("t", 5<<20)}
	if _, err := s.WriteBatch(t.Context(), &core.LedgerBatch{Open: []*core.OpenExchange{bad}}); err != nil {
		t.Fatal(err)
	}
	kept, err := s.ListOpen(t.Context(), "")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d open, %v", len(kept), err)
	}
	for _, text := range append([]string{kept[0].RequestedModel, kept[0].Deployment, kept[0].EndUser}, kept[0].Tags...) {
		if text == "" || strings.Contains(text, "\x00") || len(text) > 4096 || text != strings.ToValidUTF8(text, "") {
			t.Errorf("open with %.60q", text)
		}
	}
	equal(t, "the caller's tag", bad.Tags[0], "\xff")
}
