package storetest

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func testModelGroups(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	a := &core.ModelGroup{ID: "mgr_a", Name: "a_b", Models: []string{"gpt", "claude"}, CreatedAt: At, UpdatedAt: At}
	b := &core.ModelGroup{ID: "mgr_b", Name: "axb", Models: []string{}, CreatedAt: At, UpdatedAt: At}
	for _, g := range []*core.ModelGroup{a, b} {
		if err := s.CreateModelGroup(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "name", s.CreateModelGroup(ctx, &core.ModelGroup{ID: "mgr_c", Name: "a_b"}), core.CodeConflict, "name", "already")
	got, err := s.FindModelGroupByID(ctx, "mgr_a")
	equal(t, "group", []any{got, err}, []any{a, nil})
	list, next, err := s.ListModelGroups(ctx, core.ModelGroupFilter{Page: core.Page{Limit: 10}})
	equal(t, "list", []any{list, next, err}, []any{[]*core.ModelGroup{b, a}, "", nil})
	found, err := s.FindModelGroups(ctx, []string{"a_b", "axb", "none"})
	equal(t, "found", []any{found, err}, []any{map[string][]string{"a_b": {"gpt", "claude"}, "axb": {}}, nil})
	found, err = s.FindModelGroups(ctx, nil)
	equal(t, "none asked for", []any{len(found), err}, []any{0, nil})
	later := At.Add(time.Minute)
	got, err = s.UpdateModelGroup(ctx, "mgr_a", []string{"x"}, later)
	a.Models, a.UpdatedAt = []string{"x"}, later
	equal(t, "updated", []any{got, err}, []any{a, nil})

	// What is named cannot go; a name that only resembles another is no use of it.
	k := key("key_1")
	k.Models = []string{"gpt", "group:a_b"}
	if err := s.CreateKey(ctx, k, core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	named := []string{"group:a_b"}
	if _, err := s.UpdateTeam(ctx, "tea_1", core.TeamUpdate{CeilingUpdate: core.CeilingUpdate{Models: &named}}, At); err != nil {
		t.Fatal(err)
	}
	wantError(t, "used", s.DeleteModelGroup(ctx, "mgr_a", At), core.CodeConflict, "", "model group a_b is used by 1 key and 1 team")
	if err := s.DeleteModelGroup(ctx, "mgr_b", later); err != nil {
		t.Error(err)
	}
	wantCode(t, s.DeleteModelGroup(ctx, "mgr_b", At), core.CodeNotFound)
	_, err = s.UpdateModelGroup(ctx, "mgr_b", nil, At)
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindModelGroupByID(ctx, "mgr_none")
	wantCode(t, err, core.CodeNotFound)
	got, err = s.FindModelGroupByID(ctx, "mgr_b")
	b.UpdatedAt, b.DeletedAt = later, &later
	equal(t, "deleted", []any{got, err}, []any{b, nil})
	if found, err = s.FindModelGroups(ctx, []string{"axb"}); err != nil || len(found) > 0 {
		t.Errorf("a deleted group is found: %v, %v", found, err)
	}
	if err := s.CreateModelGroup(ctx, &core.ModelGroup{ID: "mgr_c", Name: "axb"}); err != nil {
		t.Errorf("the name of a deleted group: %v", err)
	}
	if err := s.DeleteKey(ctx, "key_1", At); err != nil {
		t.Fatal(err)
	}
	wantError(t, "used still", s.DeleteModelGroup(ctx, "mgr_a", At), core.CodeConflict, "", "is used by 1 team")
}
