package storetest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func key(id string) *core.VirtualKey {
	expires := At.Add(time.Hour)
	return &core.VirtualKey{
		ID: id, Name: "ci", Prefix: "sk-tok-ab12", LastFour: "wxyz", Role: core.RoleAdmin,
		AllModels: true, Models: []string{"gpt", "claude"},
		Limits: core.Limits{RPM: 60, TPM: 1000, Parallel: 4}, Tags: []string{"a"}, ExpiresAt: &expires, CreatedAt: At, UpdatedAt: At,
		IPRanges:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")},
		Endpoints: []string{"chat", "embeddings"}, Guardrails: []string{"pii"},
		RotateEvery: core.Span(time.Hour), RotationGrace: core.Span(time.Minute), RotatedAt: At,
		EndUser:  &core.EndUserPolicy{From: []string{core.EndUserHeader}, Header: "x-who", Required: true},
		Metadata: &core.MetadataPolicy{Allowed: []string{"a", "b"}, Tags: []string{"a"}},
	}
}

func budget(id, subject string, amount core.Nano) *core.Budget {
	return &core.Budget{ID: id, Scope: core.ScopeKey, SubjectID: subject, Amount: amount, Period: core.PeriodMonth,
		Timezone: "Europe/Berlin", Policy: core.BudgetShrink, Thresholds: []int{50, 100}, CreatedAt: At}
}

func testKeys(t *testing.T, s core.Store) {
	ctx := t.Context()
	want := key("key_1")
	if err := s.CreateKey(ctx, want, core.SecretHash{1}, budget("bud_1", "key_1", 5)); err != nil {
		t.Fatal(err)
	}
	got, secret, err := s.FindKeyByHash(ctx, core.SecretHash{1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "key", got, want)
	equal(t, "secret", secret, &core.KeySecret{Hash: core.SecretHash{1}, KeyID: "key_1"})
	_, _, err = s.FindKeyByHash(ctx, core.SecretHash{2})
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindKeyByID(ctx, "key_2")
	wantCode(t, err, core.CodeNotFound)

	// A nil list of models is stored as nothing, never as everything; one of
	// addresses or endpoints as no restriction, an empty one as nothing.
	none := &core.VirtualKey{ID: "key_3", CreatedAt: At, UpdatedAt: At}
	if err := s.CreateKey(ctx, none, core.SecretHash{3}, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := s.FindKeyByID(ctx, "key_3"); err != nil || got.AllModels || len(got.Models) != 0 || got.ExpiresAt != nil || got.IPRanges != nil || got.Endpoints != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	empty := &core.VirtualKey{ID: "key_4", CreatedAt: At, UpdatedAt: At, IPRanges: []netip.Prefix{}, Endpoints: []string{}}
	if err := s.CreateKey(ctx, empty, core.SecretHash{4}, nil); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.FindKeyByHash(ctx, core.SecretHash{4}); err != nil || got.IPRanges == nil || got.Endpoints == nil {
		t.Errorf("got %+v, %v", got, err)
	}

	name, blocked, noEnd := "new", true, (*time.Time)(nil)
	got, err = s.UpdateKey(ctx, "key_1", core.KeyUpdate{Name: &name, Blocked: &blocked, ExpiresAt: &noEnd}, At.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	want.Name, want.Blocked, want.ExpiresAt, want.UpdatedAt = name, true, nil, At.Add(time.Minute)
	equal(t, "updated", got, want)
	off, models, limits, tags, end := false, []string{}, core.Limits{RPM: 1}, []string{"b", "c"}, At
	endp := &end
	got, err = s.UpdateKey(ctx, "key_1", core.KeyUpdate{AllModels: &off, Models: &models, Limits: &limits, Tags: &tags, ExpiresAt: &endp}, At)
	if err != nil {
		t.Fatal(err)
	}
	want.AllModels, want.Models, want.Limits, want.Tags, want.ExpiresAt, want.UpdatedAt = false, models, limits, tags, &end, At
	equal(t, "updated again", got, want)
	anywhere, images := []netip.Prefix(nil), []string{"images"}
	got, err = s.UpdateKey(ctx, "key_1", core.KeyUpdate{IPRanges: &anywhere, Endpoints: &images}, At)
	if err != nil {
		t.Fatal(err)
	}
	want.IPRanges, want.Endpoints = nil, images
	equal(t, "lifted", got, want)
	guards, endUser, metadata := []string{"a", "b"}, &core.EndUserPolicy{Fixed: "x"}, (*core.MetadataPolicy)(nil)
	got, err = s.UpdateKey(ctx, "key_1", core.KeyUpdate{Guardrails: &guards, EndUser: &endUser, Metadata: &metadata}, At)
	if err != nil {
		t.Fatal(err)
	}
	want.Guardrails, want.EndUser, want.Metadata = guards, endUser, nil
	equal(t, "with other policies", got, want)
	_, err = s.UpdateKey(ctx, "key_2", core.KeyUpdate{Name: &name}, At)
	wantCode(t, err, core.CodeNotFound)

	// The last use is the ledger's.
	write(t, s, Entry(1), Entry(2))
	got, err = s.FindKeyByID(ctx, "key_1")
	if err != nil || got.LastUsed == nil || !got.LastUsed.Equal(At.Add(2*time.Second)) {
		t.Errorf("last used %v, %v", got.LastUsed, err)
	}
	if n, err := s.CountKeys(ctx); err != nil || n != 3 {
		t.Errorf("%d keys, %v", n, err)
	}
}

func testKeyList(t *testing.T, s core.Store) {
	for n := range 5 {
		k := key(fmt.Sprintf("key_%d", n))
		if n == 2 {
			k.Name, k.Role, k.Blocked = "other", core.RoleNone, true
		}
		if err := s.CreateKey(t.Context(), k, core.SecretHash{byte(n + 1)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(f core.KeyFilter) (string, string) {
		t.Helper()
		keys, next, err := s.ListKeys(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, k := range keys {
			got += k.ID[4:]
		}
		return got, next
	}
	first, next := ids(core.KeyFilter{Limit: 2})
	second, next2 := ids(core.KeyFilter{Limit: 2, Cursor: next})
	third, end := ids(core.KeyFilter{Limit: 2, Cursor: next2})
	equal(t, "pages, newest first", first+" "+second+" "+third+end, "43 21 0")
	name, role, yes, no := "other", core.RoleNone, true, false
	for _, f := range []core.KeyFilter{{Name: &name}, {Role: &role}, {Blocked: &yes}} {
		f.Limit = 10
		got, _ := ids(f)
		equal(t, "filtered", got, "2")
	}
	got, _ := ids(core.KeyFilter{Limit: 10, Blocked: &no})
	equal(t, "not blocked", got, "4310")
	for _, limit := range []int{0, 1001} {
		_, _, err := s.ListKeys(t.Context(), core.KeyFilter{Limit: limit})
		wantCode(t, err, core.CodeInvalidRequest)
	}
}

func testKeyRotation(t *testing.T, s core.Store) {
	ctx := t.Context()
	if err := s.CreateKey(ctx, key("key_1"), core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	ends := func(hash byte, want *time.Time) {
		t.Helper()
		k, secret, err := s.FindKeyByHash(ctx, core.SecretHash{hash})
		if err != nil || k.ID != "key_1" {
			t.Fatal(k, err)
		}
		equal(t, fmt.Sprintf("end of secret %d", hash), secret.ExpiresAt, want)
	}
	hour, day := At.Add(time.Hour), At.Add(24*time.Hour)
	if err := s.RotateKey(ctx, "key_1", core.SecretHash{2}, "sk-tok-new1", "2222", hour, At); err != nil {
		t.Fatal(err)
	}
	ends(1, &hour)
	ends(2, nil)
	// A longer grace does not give an earlier secret more time.
	if err := s.RotateKey(ctx, "key_1", core.SecretHash{3}, "sk-tok-new2", "3333", day, At); err != nil {
		t.Fatal(err)
	}
	ends(1, &hour)
	ends(2, &day)
	if err := s.RotateKey(ctx, "key_1", core.SecretHash{4}, "sk-tok-new3", "4444", At.Add(-time.Hour), At); err != nil {
		t.Fatal(err)
	}
	at := At
	ends(1, &at)
	ends(2, &at)
	ends(4, nil)
	if k, err := s.FindKeyByID(ctx, "key_1"); err != nil || k.Prefix != "sk-tok-new3" || k.LastFour != "4444" || len(k.IPRanges) != 2 || len(k.Endpoints) != 2 {
		t.Errorf("%+v, %v", k, err)
	}
	wantCode(t, s.RotateKey(ctx, "key_1", core.SecretHash{2}, "", "", At, At), core.CodeConflict)
	ends(4, nil) // the refused rotation changed nothing
	wantCode(t, s.RotateKey(ctx, "key_2", core.SecretHash{9}, "", "", At, At), core.CodeNotFound)
}

func testKeyDeletion(t *testing.T, s core.Store) {
	ctx := t.Context()
	if err := s.CreateKey(ctx, key("key_1"), core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteKey(ctx, "key_1", At.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.FindKeyByHash(ctx, core.SecretHash{1})
	wantCode(t, err, core.CodeNotFound)
	k, err := s.FindKeyByID(ctx, "key_1")
	if err != nil || k.DeletedAt == nil || !k.DeletedAt.Equal(At.Add(time.Minute)) {
		t.Errorf("%+v, %v", k, err)
	}
	if keys, _, err := s.ListKeys(ctx, core.KeyFilter{Limit: 10}); err != nil || len(keys) != 0 {
		t.Errorf("a deleted key is listed: %v, %v", keys, err)
	}
	if n, err := s.CountKeys(ctx); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
	name := "x"
	_, err = s.UpdateKey(ctx, "key_1", core.KeyUpdate{Name: &name}, At)
	wantCode(t, err, core.CodeNotFound)
	wantCode(t, s.DeleteKey(ctx, "key_1", At), core.CodeNotFound)
	wantCode(t, s.RotateKey(ctx, "key_1", core.SecretHash{2}, "", "", At, At), core.CodeNotFound)
	if err := s.CreateKey(ctx, key("key_2"), core.SecretHash{1}, nil); err != nil {
		t.Errorf("a deleted key's secret may be brought again: %v", err)
	}
}

func testKeyConflict(t *testing.T, s core.Store) {
	ctx := t.Context()
	if err := s.CreateKey(ctx, key("key_1"), core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.CreateKey(ctx, key("key_2"), core.SecretHash{1}, budget("bud_2", "key_2", 1)), core.CodeConflict)
	wantCode(t, s.CreateKey(ctx, key("key_1"), core.SecretHash{2}, nil), core.CodeConflict)
	_, err := s.FindKeyByID(ctx, "key_2")
	wantCode(t, err, core.CodeNotFound) // nothing of the refused creation is left
	if list, err := s.ListBudgets(ctx, core.ScopeKey, ""); err != nil || len(list) != 0 {
		t.Errorf("budgets %v, %v", list, err)
	}
}

func testBudgets(t *testing.T, s core.Store) {
	ctx := t.Context()
	a, b := budget("bud_a", "key_1", 1), budget("bud_b", "key_2", 2)
	for _, x := range []*core.Budget{a, b} {
		if err := s.SetBudget(ctx, x); err != nil {
			t.Fatal(err)
		}
	}
	check := func(subject string, want ...*core.Budget) {
		t.Helper()
		got, err := s.ListBudgets(ctx, core.ScopeKey, subject)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "budgets of "+subject, got, want)
	}
	check("", a, b)
	check("key_1", a)
	check("key_3")
	d := budget("bud_d", core.MemberSubject("tea_1", "usr_1"), 4)
	d.Scope = core.ScopeMember
	if err := s.SetBudget(ctx, d); err != nil {
		t.Fatal(err)
	}
	found, err := s.FindBudgets(ctx, []core.BudgetSubject{{Scope: core.ScopeMember, ID: "tea_1/usr_1"}, {Scope: core.ScopeTeam, ID: "key_1"}, {Scope: core.ScopeKey, ID: "key_2"}, {Scope: core.ScopeKey, ID: "key_1"}})
	equal(t, "found", []any{found, err}, []any{[]*core.Budget{d, b, a}, nil})
	none, err := s.FindBudgets(ctx, nil)
	equal(t, "of nobody", []any{len(none), err}, []any{0, nil})
	c := budget("bud_c", "key_1", 3)
	c.Period, c.Timezone, c.Policy = core.PeriodNone, "", ""
	if err := s.SetBudget(ctx, c); err != nil {
		t.Fatal(err)
	}
	check("key_1", c)
	if err := s.DeleteBudget(ctx, "bud_c"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteBudget(ctx, "bud_c"), core.CodeNotFound)
	check("", b)
}
