package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func testProjects(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	p := &core.Project{ID: "prj_1", TeamID: "tea_1", Name: "p", Tags: []string{"x"}, Ceiling: core.Ceiling{Models: []string{"gpt"}}, CreatedAt: At, UpdatedAt: At}
	other := &core.Project{ID: "prj_2", TeamID: "tea_3", Name: "p", CreatedAt: At, UpdatedAt: At}
	for _, p := range []*core.Project{p, other} {
		if err := s.CreateProject(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "organizations", []string{p.OrganizationID, other.OrganizationID}, []string{"org_1", "org_2"})
	other.Tags = []string{}
	wantError(t, "name", s.CreateProject(ctx, &core.Project{ID: "prj_3", TeamID: "tea_1", Name: "p"}), core.CodeConflict, "name", "already")
	wantError(t, "team", s.CreateProject(ctx, &core.Project{ID: "prj_3", TeamID: "tea_9", Name: "q"}), core.CodeInvalidRequest, "team_id", "does not exist")
	got, err := s.FindProjectByID(ctx, "prj_1")
	equal(t, "project", []any{got, err}, []any{p, nil})
	got, err = s.FindProjectByID(ctx, "prj_2")
	equal(t, "other", []any{got, err}, []any{other, nil})
	later, name, tags, rpm := At.Add(time.Minute), "new", []string{}, core.Limits{RPM: 3}
	got, err = s.UpdateProject(ctx, "prj_1", core.ProjectUpdate{Name: &name, Tags: &tags, CeilingUpdate: core.CeilingUpdate{Limits: &rpm}}, later)
	p.Name, p.Tags, p.Limits, p.UpdatedAt = name, tags, rpm, later
	equal(t, "updated", []any{got, err}, []any{p, nil})
	org, team := "org_2", "tea_1"
	for want, f := range map[string]core.ProjectFilter{"prj_2 prj_1": {}, "prj_2": {OrganizationID: &org}, "prj_1": {TeamID: &team}, "": {Name: &team},
		"prj_2 ": {Reach: &core.Reach{Organizations: []string{"org_2"}}}, "prj_1 ": {Reach: &core.Reach{Teams: []string{"tea_1"}}, TeamID: &team}} {
		f.Limit = 10
		list, _, err := s.ListProjects(ctx, f)
		ids := ""
		for i, p := range list {
			if i > 0 {
				ids += " "
			}
			ids += p.ID
		}
		if want != ids && want != ids+" " {
			t.Errorf("listed %q, want %q: %v", ids, want, err)
		}
	}

	// A key's project is in its team, or fills in where the key has no place.
	for n, tt := range []struct{ org, team, project, param, settled string }{
		{"", "", "prj_1", "", "org_1 tea_1"},
		{"", "tea_1", "prj_1", "", "org_1 tea_1"},
		{"org_1", "", "prj_1", "project_id", ""},
		{"", "tea_2", "prj_1", "project_id", ""},
		{"", "tea_1", "prj_9", "project_id", ""},
	} {
		k := &core.VirtualKey{ID: fmt.Sprint("key_", n), OrganizationID: tt.org, TeamID: tt.team, ProjectID: tt.project, CreatedAt: At, UpdatedAt: At}
		err := s.CreateKey(ctx, k, core.SecretHash{byte(n)}, nil)
		if tt.param != "" {
			wantError(t, fmt.Sprint(tt), err, core.CodeInvalidRequest, tt.param, "there is no project")
			continue
		}
		stored, _, err2 := s.FindKeyByHash(ctx, core.SecretHash{byte(n)})
		if err != nil || err2 != nil || stored.OrganizationID+" "+stored.TeamID != tt.settled || stored.ProjectID != tt.project {
			t.Errorf("%v: %+v, %v, %v", tt, stored, err, err2)
		}
		o, err := s.FindOwners(ctx, stored)
		if err != nil || o.Project == nil || o.Project.ID != "prj_1" {
			t.Errorf("owners %+v, %v", o, err)
		}
	}
	set := func(s string) *string { return &s }
	for _, tt := range []struct {
		u    core.KeyUpdate
		fine bool
	}{
		{core.KeyUpdate{TeamID: set("tea_2")}, false}, // of which the project is not
		{core.KeyUpdate{ProjectID: set("prj_2")}, false},
		{core.KeyUpdate{TeamID: set("tea_2"), ProjectID: set("")}, true},
		{core.KeyUpdate{ProjectID: set("prj_1")}, false},
		{core.KeyUpdate{TeamID: set("tea_1"), ProjectID: set("prj_1")}, true},
	} {
		if _, err := s.UpdateKey(ctx, "key_0", tt.u, At); (err == nil) != tt.fine {
			t.Errorf("%+v: %v", tt.u, err)
		}
	}
	project := "prj_1"
	list, _, err := s.ListKeys(ctx, core.KeyFilter{ProjectID: &project, Limit: 10})
	if err != nil || len(list) != 2 {
		t.Errorf("%d keys of the project, %v", len(list), err)
	}

	// What still has something cannot go.
	wantError(t, "project with keys", s.DeleteProject(ctx, "prj_1", At), core.CodeConflict, "", "still has 2 keys")
	for _, id := range []string{"key_0", "key_1"} {
		if err := s.DeleteKey(ctx, id, At); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "team with a project", s.DeleteTeam(ctx, "tea_1", At), core.CodeConflict, "", "still has 1 project")
	if err := s.DeleteProject(ctx, "prj_1", At); err != nil {
		t.Error(err)
	}
	if err := s.DeleteTeam(ctx, "tea_1", At); err != nil {
		t.Error(err)
	}
	wantCode(t, s.DeleteProject(ctx, "prj_1", At), core.CodeNotFound)
	_, err = s.UpdateProject(ctx, "prj_1", core.ProjectUpdate{}, At)
	wantCode(t, err, core.CodeNotFound)
	if got, err := s.FindProjectByID(ctx, "prj_1"); err != nil || got.DeletedAt == nil {
		t.Errorf("%+v, %v", got, err)
	}
	wantError(t, "key of a deleted project", s.CreateKey(ctx, &core.VirtualKey{ID: "key_9", ProjectID: "prj_1"}, core.SecretHash{9}, nil), core.CodeInvalidRequest, "project_id", "there is no project")
}

func testKeyKinds(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	for n, k := range []core.VirtualKey{{UserID: "usr_3"}, {UserID: "usr_1", TeamID: "tea_1"}, {TeamID: "tea_1"}, {OrganizationID: "org_1"}, {}} {
		k.ID = fmt.Sprint("key_", n)
		if err := s.CreateKey(ctx, &k, core.SecretHash{byte(n)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for kind, want := range map[core.KeyKind]string{core.KindUser: "10", core.KindServiceAccount: "2", core.KindOrganization: "3", core.KindInstallation: "4", "none": ""} {
		list, _, err := s.ListKeys(ctx, core.KeyFilter{Kind: &kind, Limit: 10})
		got := ""
		for _, k := range list {
			if got += k.ID[4:]; k.Kind() != kind {
				t.Errorf("%s is of kind %s, listed as %s", k.ID, k.Kind(), kind)
			}
		}
		equal(t, string(kind), []any{got, err}, []any{want, nil})
	}
}
