package storetest

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func testMintedKeys(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	most := core.Nano(5)
	parent := &core.VirtualKey{ID: "key_p", TeamID: "tea_1", UserID: "usr_1", CreatedAt: At, UpdatedAt: At, RotatedAt: At,
		MayMint: &core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 2, MaxBudget: &most, Models: []string{"gpt"}}}
	if err := s.CreateKey(ctx, parent, core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.FindKeyByID(ctx, "key_p")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "policy", got.MayMint, parent.MayMint)
	n := byte(1)
	mint := func(id string, at time.Time, change func(*core.VirtualKey)) (*core.VirtualKey, error) {
		ends := at.Add(time.Hour)
		k := &core.VirtualKey{ID: id, ParentID: "key_p", CreatedAt: at, UpdatedAt: at, ExpiresAt: &ends}
		if change != nil {
			change(k)
		}
		n++
		return k, s.CreateKey(ctx, k, core.SecretHash{n}, nil)
	}
	for _, id := range []string{"key_a", "key_b"} {
		k, err := mint(id, At, nil)
		if err != nil || k.OrganizationID != "org_1" || k.TeamID != "tea_1" || k.UserID != "usr_1" {
			t.Fatal(k, err)
		}
	}
	_, err = mint("key_c", At, nil)
	wantError(t, "one more", err, core.CodeConflict, "", "2 temporary keys already")
	_, err = mint("key_c", At, func(k *core.VirtualKey) { k.ParentID = "key_a" })
	wantError(t, "of a temporary one", err, core.CodePermissionDenied, "", "may not make")
	_, err = mint("key_c", At, func(k *core.VirtualKey) { k.ParentID = "key_none" })
	wantError(t, "of nobody", err, core.CodePermissionDenied, "", "may not make")
	_, err = mint("key_c", At, func(k *core.VirtualKey) { k.MayMint = parent.MayMint })
	wantError(t, "that makes others", err, core.CodeInvalidRequest, "may_mint", "")
	policy := parent.MayMint
	_, err = s.UpdateKey(ctx, "key_a", core.KeyUpdate{MayMint: &policy}, At)
	wantError(t, "that shall make others", err, core.CodeInvalidRequest, "may_mint", "")
	none := ""
	_, err = s.UpdateKey(ctx, "key_a", core.KeyUpdate{TeamID: &none}, At)
	wantError(t, "that moves alone", err, core.CodeConflict, "", "temporary")

	// It goes where its parent goes.
	team := "tea_2"
	if _, err := s.UpdateKey(ctx, "key_p", core.KeyUpdate{TeamID: &team}, At); err != nil {
		t.Fatal(err)
	}
	if k, err := s.FindKeyByID(ctx, "key_a"); err != nil || k.TeamID != "tea_2" {
		t.Errorf("%+v, %v", k, err)
	}
	id := "key_p"
	list, _, err := s.ListKeys(ctx, core.KeyFilter{ParentID: &id, Limit: 10})
	equal(t, "listed", []any{ids(list, func(k *core.VirtualKey) string { return k.ID }), err}, []any{[]string{"key_b", "key_a"}, nil})
	list, _, err = s.ListKeys(ctx, core.KeyFilter{ParentID: &none, Limit: 10})
	equal(t, "of no parent", []any{len(list), err}, []any{0, nil})

	// A key has spent what its temporary keys have spent.
	for i, key := range []string{"key_p", "key_a", "key_b", "key_other"} {
		e := Entry(i)
		e.Key.ID, e.ParentKeyID, e.Amount = key, "", 1<<i
		if key == "key_a" || key == "key_b" {
			e.ParentKeyID = "key_p"
		}
		write(t, s, e)
	}
	for key, want := range map[string]core.Nano{"key_p": 7, "key_a": 2} {
		for _, to := range []time.Time{{}, At.Add(10 * time.Second), At.Add(5 * time.Hour)} {
			sum, err := s.SumAmounts(ctx, core.ScopeKey, key, At.Add(-time.Hour), to)
			equal(t, "spent by "+key, []any{sum, err}, []any{want, nil})
		}
	}
	if e := list1(t, s, core.EntryFilter{KeyID: "key_a"}); e.ParentKeyID != "key_p" {
		t.Errorf("%+v", e)
	}

	// What has ended makes room, and stays for history.
	later := At.Add(time.Hour)
	if _, err := mint("key_d", later, nil); err != nil {
		t.Error(err)
	}
	_, _, err = s.FindKeyByHash(ctx, core.SecretHash{2})
	wantCode(t, err, core.CodeNotFound)
	if k, err := s.FindKeyByID(ctx, "key_a"); err != nil || k.DeletedAt == nil || !k.DeletedAt.Equal(later) {
		t.Errorf("%+v, %v", k, err)
	}
	if err := s.DeleteKey(ctx, "key_p", later); err != nil {
		t.Fatal(err)
	}
	if k, err := s.FindKeyByID(ctx, "key_d"); err != nil || k.DeletedAt == nil {
		t.Errorf("it outlives its parent: %+v, %v", k, err)
	}
}

func list1(t *testing.T, s core.Store, f core.EntryFilter) *core.LedgerEntry {
	t.Helper()
	all := list(t, s, f)
	if len(all) != 1 {
		t.Fatalf("%d entries", len(all))
	}
	return all[0]
}

// A schedule begins when it is set, and anew with each rotation.
func testRotationSchedule(t *testing.T, s core.Store) {
	ctx := t.Context()
	k := &core.VirtualKey{ID: "key_1", CreatedAt: At, UpdatedAt: At, RotatedAt: At}
	if err := s.CreateKey(ctx, k, core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	due := func(what string, want *time.Time) {
		t.Helper()
		k, err := s.FindKeyByID(ctx, "key_1")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, what, k.RotationDue(), want)
	}
	due("none", nil)
	day := core.Span(24 * time.Hour)
	set := At.Add(100 * 24 * time.Hour)
	at := func(from time.Time, d core.Span) *time.Time { t := from.Add(time.Duration(d)); return &t }
	for _, step := range []struct {
		what string
		u    core.KeyUpdate
		at   time.Time
		want *time.Time
	}{
		{"set", core.KeyUpdate{RotateEvery: &day, RotationGrace: &day}, set, at(set, day)},
		{"changed", core.KeyUpdate{RotateEvery: at2(48)}, set.Add(time.Hour), at(set, 2*day)},
		{"taken away", core.KeyUpdate{RotateEvery: at2(0)}, set.Add(time.Hour), nil},
		{"set again", core.KeyUpdate{RotateEvery: &day}, set.Add(2 * time.Hour), at(set.Add(2*time.Hour), day)},
	} {
		if _, err := s.UpdateKey(ctx, "key_1", step.u, step.at); err != nil {
			t.Fatal(err)
		}
		due(step.what, step.want)
	}
	if err := s.RotateKey(ctx, "key_1", core.SecretHash{2}, "sk-a", "abcd", set.Add(9*time.Hour), set.Add(8*time.Hour)); err != nil {
		t.Fatal(err)
	}
	end := set.Add(32 * time.Hour)
	due("rotated", &end)
	for _, c := range []struct {
		after, until time.Time
		want         int
	}{{end.Add(-time.Hour), end, 1}, {end, end.Add(time.Hour), 0}, {end.Add(-2 * time.Hour), end.Add(-1), 0}, {time.Time{}, end, 1}} {
		keys, err := s.ListDueKeys(ctx, c.after, c.until, "", 10)
		if err != nil || len(keys) != c.want {
			t.Errorf("(%s, %s]: %d keys, %v", c.after, c.until, len(keys), err)
		}
	}
}

func at2(hours int) *core.Span { s := core.Span(time.Duration(hours) * time.Hour); return &s }
