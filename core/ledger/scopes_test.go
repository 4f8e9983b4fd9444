package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
)

// payers are budgets of all scopes that entries of different owners share.
func payers(amount core.Nano) map[string]*core.Budget {
	budgets := map[string]*core.Budget{}
	for _, of := range []core.BudgetSubject{{Scope: core.ScopeKey, ID: "key_1"}, {Scope: core.ScopeKey, ID: "key_2"},
		{Scope: core.ScopeMember, ID: core.MemberSubject("tea_1", "usr_1")}, {Scope: core.ScopeMember, ID: core.MemberSubject("tea_2", "usr_1")},
		{Scope: core.ScopeTeam, ID: "tea_1"}, {Scope: core.ScopeTeam, ID: "tea_2"}, {Scope: core.ScopeUser, ID: "usr_1"},
		{Scope: core.ScopeOrganization, ID: "org_1"}} {
		budgets[string(of.Scope)+" "+of.ID] = &core.Budget{ID: "bud_" + of.ID, Scope: of.Scope, SubjectID: of.ID, Amount: amount, Period: core.PeriodMonth}
	}
	return budgets
}

// However many reserve at once against budgets that they share in part, none is
// passed, a refusal holds nothing anywhere, and after a restart each counter is
// what the ledger says.
func TestLedger_Scopes(t *testing.T) {
	h := newHouse(t)
	l := openLedger(t, h, ledger.Options{})
	all := payers(60_000)
	all["organization org_1"].Amount = 150_000
	minting := &core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 1}
	for n, k := range []*core.VirtualKey{{ID: "key_1", MayMint: minting}, {ID: "key_3", ParentID: "key_1"}} {
		if err := h.CreateKey(t.Context(), k, core.SecretHash{byte(n)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	all["key key_2"].Amount = 5_000 // so that most of its exchanges are refused late
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[string]core.Nano{}
	for n := range 300 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			team, key := fmt.Sprint("tea_", 1+rng.IntN(2)), fmt.Sprint("key_", 1+rng.IntN(3))
			names := []string{"key " + key, "member " + team + "/usr_1", "team " + team, "user usr_1", "organization org_1"}
			if key == "key_3" { // a temporary key of key_1, without a budget of its own
				names[0] = "key key_1"
			}
			var budgets []*core.Budget
			for _, name := range names {
				budgets = append(budgets, all[name])
			}
			worst := core.Nano(500 + rng.IntN(2000))
			r, err := l.Reserve(t.Context(), budgets, worst, at)
			if err != nil {
				return
			}
			e := entry(fmt.Sprintf("exc_%04d", n), at, worst-core.Nano(rng.IntN(400)))
			e.Key.ID, e.Team.ID, e.User.ID, e.Organization.ID = key, team, "usr_1", "org_1"
			if key == "key_3" {
				e.ParentKeyID = "key_1"
			}
			settle(t, l, r, e)
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names {
				want[name] += e.Amount
			}
		}()
	}
	wg.Wait()
	for name, b := range all {
		exact(t, l, h, b, at, want[name])
		if want[name] > b.Amount {
			t.Errorf("%s: %s of %s are spent", name, want[name], b.Amount)
		}
	}
	if want["user usr_1"] == 0 || want["user usr_1"] > 60_000 {
		t.Errorf("the user spent %s", want["user usr_1"])
	}
	again := openLedger(t, h, ledger.Options{})
	for name, b := range all {
		exact(t, again, h, b, at, want[name])
	}
}
