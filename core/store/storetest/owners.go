package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// company has org_1 with tea_1 and tea_2, org_2 with tea_3, and three users:
// usr_1 is in org_1, usr_2 in tea_2 and usr_3 nowhere.
func company(t *testing.T, s core.Store) {
	t.Helper()
	ctx := t.Context()
	var errs []error
	for _, id := range []string{"org_1", "org_2"} {
		errs = append(errs, s.CreateOrganization(ctx, &core.Organization{ID: id, Name: "name of " + id, CreatedAt: At, UpdatedAt: At}))
	}
	for id, org := range map[string]string{"tea_1": "org_1", "tea_2": "org_1", "tea_3": "org_2"} {
		errs = append(errs, s.CreateTeam(ctx, &core.Team{ID: id, OrganizationID: org, Name: "name of " + id, CreatedAt: At, UpdatedAt: At}))
	}
	for _, id := range []string{"usr_1", "usr_2", "usr_3"} {
		errs = append(errs, s.CreateUser(ctx, &core.User{ID: id, Name: "name of " + id, Email: id + "@example.com", CreatedAt: At, UpdatedAt: At}))
	}
	errs = append(errs, s.CreateMembership(ctx, member("mem_1", "usr_1", "org_1", "")), s.CreateMembership(ctx, member("mem_2", "usr_2", "", "tea_2")))
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func member(id, user, organization, team string) *core.Membership {
	name := func(id string) string {
		if id == "" {
			return ""
		}
		return "name of " + id
	}
	return &core.Membership{ID: id, UserID: user, OrganizationID: organization, TeamID: team, Role: core.RoleMember, CreatedAt: At, UpdatedAt: At,
		UserName: name(user), OrganizationName: name(organization), TeamName: name(team)}
}

// wantError compares code, member and message.
func wantError(t *testing.T, what string, err error, code core.Code, param, message string) {
	t.Helper()
	e := core.AsError(err)
	if e == nil || e.Code != code || e.Param != param || !strings.Contains(e.Message, message) {
		t.Errorf("%s: got %v, want %s at %q: %s", what, err, code, param, message)
	}
}

func testOwners(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	later := At.Add(time.Minute)
	name, email, yes := "new", "new@example.com", true
	open := core.Ceiling{AllModels: true, Models: []string{}, Guardrails: []string{}}

	o, err := s.FindOrganizationByID(ctx, "org_1")
	equal(t, "organization", []any{o, err}, []any{&core.Organization{ID: "org_1", Name: "name of org_1", Ceiling: open, CreatedAt: At, UpdatedAt: At}, nil})
	o, err = s.UpdateOrganization(ctx, "org_1", core.OrganizationUpdate{Name: &name}, later)
	equal(t, "renamed organization", []any{o, err}, []any{&core.Organization{ID: "org_1", Name: name, Ceiling: open, CreatedAt: At, UpdatedAt: later}, nil})

	team, err := s.FindTeamByID(ctx, "tea_1")
	equal(t, "team", []any{team, err}, []any{&core.Team{ID: "tea_1", OrganizationID: "org_1", Name: "name of tea_1", Ceiling: open, CreatedAt: At, UpdatedAt: At}, nil})
	team, err = s.UpdateTeam(ctx, "tea_1", core.TeamUpdate{Name: &name, MemberKeys: &yes}, later)
	equal(t, "renamed team", []any{team, err}, []any{&core.Team{ID: "tea_1", OrganizationID: "org_1", Name: name, MemberKeys: true, Ceiling: open, CreatedAt: At, UpdatedAt: later}, nil})

	u, err := s.FindUserByID(ctx, "usr_1")
	equal(t, "user", []any{u, err}, []any{&core.User{ID: "usr_1", Name: "name of usr_1", Email: "usr_1@example.com", Ceiling: open, CreatedAt: At, UpdatedAt: At}, nil})
	u, err = s.UpdateUser(ctx, "usr_1", core.UserUpdate{Name: &name, Email: &email}, later)
	equal(t, "changed user", []any{u, err}, []any{&core.User{ID: "usr_1", Name: name, Email: email, Ceiling: open, CreatedAt: At, UpdatedAt: later}, nil})
	u, err = s.UpdateUser(ctx, "usr_1", core.UserUpdate{}, At)
	equal(t, "untouched user", []any{u, err}, []any{&core.User{ID: "usr_1", Name: name, Email: email, Ceiling: open, CreatedAt: At, UpdatedAt: At}, nil})

	// Names are unique where they must be, and only there.
	wantError(t, "organization", s.CreateOrganization(ctx, &core.Organization{ID: "org_9", Name: name}), core.CodeConflict, "name", "an organization has this name already")
	_, err = s.UpdateOrganization(ctx, "org_2", core.OrganizationUpdate{Name: &name}, At)
	wantError(t, "organization's new name", err, core.CodeConflict, "name", "already")
	wantError(t, "team", s.CreateTeam(ctx, &core.Team{ID: "tea_9", OrganizationID: "org_1", Name: name}), core.CodeConflict, "name", "already")
	_, err = s.UpdateTeam(ctx, "tea_2", core.TeamUpdate{Name: &name}, At)
	wantError(t, "team's new name", err, core.CodeConflict, "name", "already")
	wantError(t, "user", s.CreateUser(ctx, &core.User{ID: "usr_9", Name: "x", Email: email}), core.CodeConflict, "email", "already")
	_, err = s.UpdateUser(ctx, "usr_2", core.UserUpdate{Email: &email}, At)
	wantError(t, "user's new address", err, core.CodeConflict, "email", "already")
	if _, err = s.UpdateTeam(ctx, "tea_3", core.TeamUpdate{Name: &name}, At); err != nil {
		t.Errorf("the name of another organization's team: %v", err)
	}
	if _, err = s.UpdateUser(ctx, "usr_2", core.UserUpdate{Name: &name}, At); err != nil {
		t.Errorf("another user's name: %v", err)
	}
	wantError(t, "team of nobody", s.CreateTeam(ctx, &core.Team{ID: "tea_9", OrganizationID: "org_9", Name: "x"}), core.CodeInvalidRequest, "organization_id", "does not exist")

	for what, err := range missing(t, s, "none") {
		wantError(t, what, err, core.CodeNotFound, "", "does not exist")
	}
}

// missing changes what has not, or no longer, an id.
func missing(t *testing.T, s core.Store, suffix string) map[string]error {
	ctx := t.Context()
	name := "x"
	errs := map[string]error{"delete org": s.DeleteOrganization(ctx, "org_"+suffix, At), "delete team": s.DeleteTeam(ctx, "tea_"+suffix, At),
		"delete user": s.DeleteUser(ctx, "usr_"+suffix, At), "delete membership": s.DeleteMembership(ctx, "mem_"+suffix, At)}
	_, errs["update org"] = s.UpdateOrganization(ctx, "org_"+suffix, core.OrganizationUpdate{Name: &name}, At)
	_, errs["update team"] = s.UpdateTeam(ctx, "tea_"+suffix, core.TeamUpdate{Name: &name}, At)
	_, errs["update user"] = s.UpdateUser(ctx, "usr_"+suffix, core.UserUpdate{Name: &name}, At)
	_, errs["update membership"] = s.UpdateMembership(ctx, "mem_"+suffix, core.RoleViewer, At)
	if suffix == "none" {
		_, errs["find org"] = s.FindOrganizationByID(ctx, "org_none")
		_, errs["find team"] = s.FindTeamByID(ctx, "tea_none")
		_, errs["find user"] = s.FindUserByID(ctx, "usr_none")
		_, errs["find membership"] = s.FindMembershipByID(ctx, "mem_none")
	}
	return errs
}

func testOwnerLists(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	// page joins the last characters of the ids.
	show := func(what, want string, ids []string, next string, err error) {
		t.Helper()
		got := ""
		for _, id := range ids {
			got += id[len(id)-1:]
		}
		if got += " " + next; err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: got %q, %v; want %q", what, got, err, want)
		}
	}
	org, org2, team, user, name, email := "org_1", "org_2", "tea_2", "usr_2", "name of tea_3", "usr_3@example.com"
	orgName, userName := "name of org_2", "name of usr_1"
	all := core.Page{Limit: 10}
	for want, f := range map[string]core.OrganizationFilter{"21": {Page: all}, "2": {Name: &orgName, Page: all}, "2 org_2": {Page: core.Page{Limit: 1}}, "1": {Page: core.Page{Limit: 1, Cursor: "org_2"}}} {
		list, next, err := s.ListOrganizations(ctx, f)
		show("organizations", want, ids(list, func(o *core.Organization) string { return o.ID }), next, err)
	}
	for want, f := range map[string]core.TeamFilter{"321": {Page: all}, "21": {OrganizationID: &org, Page: all}, "3": {Name: &name, Page: all}, "": {OrganizationID: &org, Name: &name, Page: all},
		"2 tea_2": {Page: core.Page{Limit: 1, Cursor: "tea_3"}}} {
		list, next, err := s.ListTeams(ctx, f)
		show("teams", want, ids(list, func(o *core.Team) string { return o.ID }), next, err)
	}
	for want, f := range map[string]core.UserFilter{"321": {Page: all}, "21": {OrganizationID: &org, Page: all}, "2": {TeamID: &team, Page: all}, "": {OrganizationID: &org2, Page: all},
		"2 usr_2": {OrganizationID: &org, Page: core.Page{Limit: 1}}, "1": {OrganizationID: &org, Page: core.Page{Limit: 1, Cursor: "usr_2"}},
		"3": {Email: &email, Page: all}, "32 usr_2": {Page: core.Page{Limit: 2}}} {
		list, next, err := s.ListUsers(ctx, f)
		show("users", want, ids(list, func(o *core.User) string { return o.ID }), next, err)
	}
	for _, f := range []core.UserFilter{{Name: &userName, Page: all}, {Name: &userName, OrganizationID: &org, Page: core.Page{Limit: 1}}} {
		list, next, err := s.ListUsers(ctx, f)
		show("users by name", "1", ids(list, func(o *core.User) string { return o.ID }), next, err)
	}
	if list, _, err := s.ListUsers(ctx, core.UserFilter{OrganizationID: &org2, TeamID: &team, Page: all}); err != nil || len(list) != 0 {
		t.Errorf("of a team and another organization: %v, %v", list, err)
	}
	inside := ""
	for want, f := range map[string]core.MembershipFilter{"21": {OrganizationID: &org, Page: all}, " 1": {OrganizationID: &org, TeamID: &inside, Page: all}, "2": {TeamID: &team, Page: all}, "": {UserID: &user, OrganizationID: &org2, Page: all},
		"2 mem_2": {Page: core.Page{Limit: 1}}, "1": {Page: core.Page{Limit: 1, Cursor: "mem_2"}}} {
		list, next, err := s.ListMemberships(ctx, f)
		show("memberships", want, ids(list, func(o *core.Membership) string { return o.ID }), next, err)
	}
	_, _, err := s.ListTeams(ctx, core.TeamFilter{})
	wantCode(t, err, core.CodeInvalidRequest)
}

// testReach: a list keeps what stands within reach, and of nothing everything.
func testReach(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	for n, k := range []core.VirtualKey{{OrganizationID: "org_1"}, {TeamID: "tea_1"}, {TeamID: "tea_2", UserID: "usr_2"}, {TeamID: "tea_3"}, {UserID: "usr_3"}, {}} {
		k.ID, k.CreatedAt = fmt.Sprintf("key_%d", n), At
		if err := s.CreateKey(ctx, &k, core.SecretHash{byte(n)}, nil); err != nil {
			t.Fatal(err)
		}
		e := Entry(n)
		e.Organization.ID, e.Team.ID, e.User.ID = k.OrganizationID, k.TeamID, k.UserID
		write(t, s, e)
	}
	all := core.Page{Limit: 100}
	for _, tt := range []struct {
		reach                                    *core.Reach
		orgs, teams, users, members, keys, spent string
	}{
		{nil, "21", "321", "321", "21", "543210", "543210"},
		{&core.Reach{}, "", "", "", "", "", ""},
		{&core.Reach{Organizations: []string{"org_1"}}, "1", "21", "21", "21", "210", "210"},
		{&core.Reach{Organizations: []string{"org_1", "org_2"}}, "21", "321", "21", "21", "3210", "3210"},
		{&core.Reach{Teams: []string{"tea_2"}}, "", "2", "2", "2", "2", "2"},
		{&core.Reach{Teams: []string{"tea_1", "tea_3"}}, "", "31", "", "", "31", "31"},
		{&core.Reach{UserID: "usr_3"}, "", "", "3", "", "4", "4"},
		{&core.Reach{Organizations: []string{"org_2"}, Teams: []string{"tea_2"}, UserID: "usr_3"}, "2", "32", "32", "2", "432", "432"},
	} {
		orgs, _, err1 := s.ListOrganizations(ctx, core.OrganizationFilter{Reach: tt.reach, Page: all})
		teams, _, err2 := s.ListTeams(ctx, core.TeamFilter{Reach: tt.reach, Page: all})
		users, _, err3 := s.ListUsers(ctx, core.UserFilter{Reach: tt.reach, Page: all})
		members, _, err4 := s.ListMemberships(ctx, core.MembershipFilter{Reach: tt.reach, Page: all})
		keys, _, err5 := s.ListKeys(ctx, core.KeyFilter{Reach: tt.reach, Limit: 100})
		entries, _, err6 := s.ListEntries(ctx, core.EntryFilter{Reach: tt.reach, Limit: 100})
		for _, err := range []error{err1, err2, err3, err4, err5, err6} {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := []string{lastOf(orgs, func(o *core.Organization) string { return o.ID }), lastOf(teams, func(o *core.Team) string { return o.ID }),
			lastOf(users, func(o *core.User) string { return o.ID }), lastOf(members, func(o *core.Membership) string { return o.ID }),
			lastOf(keys, func(o *core.VirtualKey) string { return o.ID }), lastOf(entries, func(o *core.LedgerEntry) string { return o.ID })}
		equal(t, fmt.Sprintf("%+v", tt.reach), got, []string{tt.orgs, tt.teams, tt.users, tt.members, tt.keys, tt.spent})
	}
	one := core.Page{Limit: 1, Cursor: "usr_3"}
	org := "org_1"
	list, next, err := s.ListUsers(ctx, core.UserFilter{Reach: &core.Reach{Organizations: []string{"org_1"}}, OrganizationID: &org, Page: one})
	equal(t, "a page of an organization's", []any{lastOf(list, func(o *core.User) string { return o.ID }), next, err}, []any{"2", "usr_2", nil})
}

// lastOf joins the last characters of the ids.
func lastOf[T any](list []T, id func(T) string) (s string) {
	for _, one := range ids(list, id) {
		s += one[len(one)-1:]
	}
	return s
}

func ids[T any](list []T, id func(T) string) []string {
	var all []string
	for _, v := range list {
		all = append(all, id(v))
	}
	return all
}

func testOwnerDeletion(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	for n, k := range []core.VirtualKey{{OrganizationID: "org_1"}, {TeamID: "tea_2"}, {TeamID: "tea_2", UserID: "usr_1"}} {
		k.ID, k.CreatedAt = fmt.Sprintf("key_%d", n), At
		if err := s.CreateKey(ctx, &k, core.SecretHash{byte(n)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "organization", s.DeleteOrganization(ctx, "org_1", At), core.CodeConflict, "", "organization org_1 still has 2 teams and 3 keys")
	wantError(t, "team", s.DeleteTeam(ctx, "tea_2", At), core.CodeConflict, "", "team tea_2 still has 2 keys")
	wantError(t, "user", s.DeleteUser(ctx, "usr_1", At), core.CodeConflict, "", "user usr_1 still has 1 key")
	wantError(t, "membership", s.DeleteMembership(ctx, "mem_1", At), core.CodeConflict, "", "the user has 1 key that no other membership allows")
	if err := s.CreateKey(ctx, &core.VirtualKey{ID: "key_3", OrganizationID: "org_1", UserID: "usr_2"}, core.SecretHash{3}, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"key_1", "key_2"} {
		if err := s.DeleteKey(ctx, id, At); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "team of a member with a key", s.DeleteTeam(ctx, "tea_2", At), core.CodeConflict, "", "its members have 1 key that no other membership allows")
	if m, err := s.FindMembershipByID(ctx, "mem_2"); err != nil || m.DeletedAt != nil {
		t.Errorf("the refused deletion ended a membership: %+v, %v", m, err)
	}

	later := At.Add(time.Hour)
	for _, id := range []string{"key_0", "key_3"} {
		if err := s.DeleteKey(ctx, id, At); err != nil {
			t.Fatal(err)
		}
	}
	for what, err := range map[string]error{"team 1": s.DeleteTeam(ctx, "tea_1", later), "team 2": s.DeleteTeam(ctx, "tea_2", later), "user": s.DeleteUser(ctx, "usr_1", later)} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.DeleteOrganization(ctx, "org_1", later); err != nil {
		t.Error(err)
	}
	o, err := s.FindOrganizationByID(ctx, "org_1")
	equal(t, "deleted organization", []any{o, err}, []any{&core.Organization{ID: "org_1", Name: "name of org_1", Ceiling: core.Ceiling{AllModels: true, Models: []string{}, Guardrails: []string{}}, CreatedAt: At, UpdatedAt: later, DeletedAt: &later}, nil})
	for what, err := range missing(t, s, "1") { // mem_1 went with its user
		wantError(t, what+" again", err, core.CodeNotFound, "", "does not exist")
	}
	if m, err := s.FindMembershipByID(ctx, "mem_2"); err != nil || m.DeletedAt == nil {
		t.Errorf("a membership outlives its team: %+v, %v", m, err)
	}
	list, _, err := s.ListOrganizations(ctx, core.OrganizationFilter{Page: core.Page{Limit: 10}})
	equal(t, "the living", []any{ids(list, func(o *core.Organization) string { return o.ID }), err}, []any{[]string{"org_2"}, nil})

	// Their names are free, they are not.
	if err := s.CreateOrganization(ctx, &core.Organization{ID: "org_3", Name: "name of org_1"}); err != nil {
		t.Error(err)
	}
	if err := s.CreateUser(ctx, &core.User{ID: "usr_4", Email: "usr_1@example.com"}); err != nil {
		t.Error(err)
	}
	wantError(t, "team", s.CreateTeam(ctx, &core.Team{ID: "tea_9", OrganizationID: "org_1", Name: "x"}), core.CodeInvalidRequest, "organization_id", "does not exist")
	wantError(t, "membership", s.CreateMembership(ctx, member("mem_9", "usr_1", "org_2", "")), core.CodeInvalidRequest, "user_id", "does not exist")
	wantError(t, "key", s.CreateKey(ctx, &core.VirtualKey{ID: "key_9", TeamID: "tea_1"}, core.SecretHash{9}, nil), core.CodeInvalidRequest, "team_id", "does not exist")
}

func testMemberships(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	m, err := s.FindMembershipByID(ctx, "mem_2")
	equal(t, "of a team", []any{m, err}, []any{member("mem_2", "usr_2", "org_1", "tea_2"), nil})
	m, err = s.UpdateMembership(ctx, "mem_2", core.RoleTeamAdmin, At.Add(time.Second))
	if err != nil || m.Role != core.RoleTeamAdmin || !m.UpdatedAt.Equal(At.Add(time.Second)) {
		t.Errorf("got %+v, %v", m, err)
	}
	for _, tt := range []struct {
		user, organization, team string
		code                     core.Code
		param                    string
	}{
		{"usr_1", "org_1", "", core.CodeConflict, "user_id"},
		{"usr_2", "org_1", "tea_2", core.CodeConflict, "user_id"},
		{"usr_9", "org_1", "", core.CodeInvalidRequest, "user_id"},
		{"usr_3", "", "", core.CodeInvalidRequest, "organization_id"},
		{"usr_3", "org_9", "", core.CodeInvalidRequest, "organization_id"},
		{"usr_3", "", "tea_9", core.CodeInvalidRequest, "team_id"},
		{"usr_3", "org_2", "tea_1", core.CodeInvalidRequest, "team_id"},
	} {
		wantError(t, fmt.Sprint(tt), s.CreateMembership(ctx, member("mem_9", tt.user, tt.organization, tt.team)), tt.code, tt.param, "")
	}
	// Somebody who left may come back.
	if err := s.DeleteMembership(ctx, "mem_1", At); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateMembership(ctx, member("mem_3", "usr_1", "org_1", "")); err != nil {
		t.Error(err)
	}
}

func testKeyOwners(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	for n, tt := range []struct{ organization, team, user, param, settled string }{
		{"org_1", "tea_1", "usr_1", "", "org_1"},
		{"", "tea_2", "usr_2", "", "org_1"},
		{"", "tea_3", "", "", "org_2"},
		{"org_1", "", "usr_2", "", "org_1"}, // a member of one of its teams
		{"", "", "usr_3", "", ""},
		{"org_9", "", "", "organization_id", ""},
		{"", "tea_9", "", "team_id", ""},
		{"org_2", "tea_1", "", "team_id", ""},
		{"", "", "usr_9", "user_id", ""},
		{"org_1", "", "usr_3", "user_id", ""},
		{"org_1", "tea_1", "usr_2", "user_id", ""}, // of another team
	} {
		k := key(fmt.Sprintf("key_%02d", n))
		k.OrganizationID, k.TeamID, k.UserID = tt.organization, tt.team, tt.user
		err := s.CreateKey(ctx, k, core.SecretHash{byte(n)}, nil)
		if tt.param != "" {
			wantError(t, fmt.Sprint(tt), err, core.CodeInvalidRequest, tt.param, "")
			continue
		}
		if err != nil || k.OrganizationID != tt.settled {
			t.Errorf("%v: %v, organization %q", tt, err, k.OrganizationID)
		}
		got, _, err := s.FindKeyByHash(ctx, core.SecretHash{byte(n)})
		equal(t, "stored", []any{got, err}, []any{k, nil})
		o, err := s.FindOwners(ctx, k)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		if o.Organization != nil {
			names[o.Organization.ID] = o.Organization.Name
		}
		if o.Team != nil {
			names[o.Team.ID] = o.Team.Name
		}
		if o.User != nil {
			names[o.User.ID] = o.User.Name
		}
		want := map[string]string{}
		for _, id := range []string{k.OrganizationID, k.TeamID, k.UserID} {
			if id != "" {
				want[id] = "name of " + id
			}
		}
		equal(t, "owners", names, want)
		if member := k.TeamID == "tea_2" && k.UserID == "usr_2"; member != (o.Member != nil) || member && o.Member.ID != "mem_2" {
			t.Errorf("%s in %s: membership %+v", k.UserID, k.TeamID, o.Member)
		}
	}
	org, team, user := "org_1", "tea_2", "usr_2"
	for want, f := range map[string]core.KeyFilter{"key_03 key_01 key_00": {OrganizationID: &org}, "key_01": {TeamID: &team}, "key_03 key_01": {UserID: &user}} {
		f.Limit = 10
		keys, _, err := s.ListKeys(ctx, f)
		equal(t, "keys", []any{strings.Join(ids(keys, func(k *core.VirtualKey) string { return k.ID }), " "), err}, []any{want, nil})
	}
}

func testKeyOwnerChanges(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	if err := s.CreateKey(ctx, key("key_1"), core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	p := func(s string) *string { return &s }
	owners := "  "
	for _, tt := range []struct {
		update core.KeyUpdate
		param  string
		owners string // organization, team and user afterwards
	}{
		{core.KeyUpdate{UserID: p("usr_3")}, "", "  usr_3"},
		{core.KeyUpdate{OrganizationID: p("org_1")}, "user_id", ""}, // of which usr_3 is no member
		{core.KeyUpdate{TeamID: p("tea_1"), UserID: p("usr_1")}, "", "org_1 tea_1 usr_1"},
		{core.KeyUpdate{TeamID: p("tea_2")}, "", "org_1 tea_2 usr_1"},
		{core.KeyUpdate{TeamID: p("tea_3")}, "user_id", ""}, // and the organization would change
		{core.KeyUpdate{OrganizationID: p("org_2")}, "team_id", ""},
		{core.KeyUpdate{Name: p("x")}, "", "org_1 tea_2 usr_1"},
		{core.KeyUpdate{TeamID: p("tea_3"), UserID: p("")}, "", "org_2 tea_3 "},
		{core.KeyUpdate{OrganizationID: p("")}, "", "org_2 tea_3 "}, // the team has one
		{core.KeyUpdate{TeamID: p("")}, "", "org_2  "},
		{core.KeyUpdate{OrganizationID: p("")}, "", "  "},
		{core.KeyUpdate{OrganizationID: p("org_9")}, "organization_id", ""},
	} {
		got, err := s.UpdateKey(ctx, "key_1", tt.update, At)
		if tt.param != "" {
			wantError(t, tt.param, err, core.CodeInvalidRequest, tt.param, "")
		} else if err != nil {
			t.Error(err)
		} else {
			owners = tt.owners
			equal(t, "returned", got.OrganizationID+" "+got.TeamID+" "+got.UserID, owners)
		}
		got, err = s.FindKeyByID(ctx, "key_1")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "stored", got.OrganizationID+" "+got.TeamID+" "+got.UserID, owners)
	}
}
