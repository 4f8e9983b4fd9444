package storetest

import (
	"testing"

	"github.com/tokligence/gateway/core"
)

// What owners allow is kept as it was said. Of whom nothing was said restricts
// nothing; an empty list allows nothing.
func testCeilings(t *testing.T, s core.Store) {
	ctx := t.Context()
	for n, c := range []struct{ given, kept core.Ceiling }{
		{core.Ceiling{}, core.Ceiling{AllModels: true, Models: []string{}, Guardrails: []string{}}},
		{core.Ceiling{Limits: core.Limits{RPM: 1}}, core.Ceiling{AllModels: true, Models: []string{}, Guardrails: []string{}, Limits: core.Limits{RPM: 1}}},
		{core.Ceiling{Models: []string{}}, core.Ceiling{Models: []string{}, Guardrails: []string{}}},
		{core.Ceiling{Models: []string{"gpt", "group:x"}, Limits: core.Limits{RPM: 1, TPM: 2, Parallel: 3}, Guardrails: []string{"pii"}},
			core.Ceiling{Models: []string{"gpt", "group:x"}, Limits: core.Limits{RPM: 1, TPM: 2, Parallel: 3}, Guardrails: []string{"pii"}}},
	} {
		id := string(rune('a' + n))
		o := &core.Organization{ID: "org_" + id, Name: id, Ceiling: c.given, CreatedAt: At, UpdatedAt: At}
		team := &core.Team{ID: "tea_" + id, OrganizationID: o.ID, Name: id, Ceiling: c.given, CreatedAt: At, UpdatedAt: At}
		u := &core.User{ID: "usr_" + id, Name: id, Email: id + "@example.com", Ceiling: c.given, CreatedAt: At, UpdatedAt: At}
		for _, err := range []error{s.CreateOrganization(ctx, o), s.CreateTeam(ctx, team), s.CreateUser(ctx, u)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "told", []core.Ceiling{o.Ceiling, team.Ceiling, u.Ceiling}, []core.Ceiling{c.kept, c.kept, c.kept})
		got, err := s.FindOrganizationByID(ctx, o.ID)
		equal(t, "organization", []any{got, err}, []any{o, nil})
		gotTeam, err := s.FindTeamByID(ctx, team.ID)
		equal(t, "team", []any{gotTeam, err}, []any{team, nil})
		gotUser, err := s.FindUserByID(ctx, u.ID)
		equal(t, "user", []any{gotUser, err}, []any{u, nil})
	}
	no, list, limits := false, []string{"claude"}, core.Limits{TPM: 9}
	for _, u := range []core.CeilingUpdate{{AllModels: &no}, {Models: &list}, {Limits: &limits}, {Guardrails: &list}, {}} {
		o, err := s.UpdateOrganization(ctx, "org_a", core.OrganizationUpdate{CeilingUpdate: u}, At)
		team, err2 := s.UpdateTeam(ctx, "tea_a", core.TeamUpdate{CeilingUpdate: u}, At)
		user, err3 := s.UpdateUser(ctx, "usr_a", core.UserUpdate{CeilingUpdate: u}, At)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
		want := core.Ceiling{Models: []string{}, Guardrails: []string{}}
		if u.AllModels == nil {
			want.Models = list
		}
		if u.AllModels == nil && u.Models == nil {
			want.Limits = limits
		}
		if u == (core.CeilingUpdate{}) || u.Guardrails != nil {
			want.Guardrails = list
		}
		equal(t, "updated", []core.Ceiling{o.Ceiling, team.Ceiling, user.Ceiling}, []core.Ceiling{want, want, want})
	}
}
