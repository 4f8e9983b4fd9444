package storetest

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func invite(id, email string, role core.Role, organization, team string) *core.Invite {
	return &core.Invite{ID: id, Email: email, Role: role, OrganizationID: organization, TeamID: team,
		InvitedBy: core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: "key_1", Name: "ci"}}, CreatedAt: At, ExpiresAt: At.Add(time.Hour)}
}

func testInvites(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	create := func(n byte, i *core.Invite) *core.Invite {
		t.Helper()
		if err := s.CreateInvite(ctx, i, core.SecretHash{n}); err != nil {
			t.Fatal(err)
		}
		return i
	}
	everywhere := create(1, invite("inv_1", "ada@example.com", core.RoleAdmin, "", ""))
	inOrg := create(2, invite("inv_2", "ada@example.com", core.RoleOrgAdmin, "org_1", ""))
	inTeam := create(3, invite("inv_3", "bob@example.com", core.RoleMember, "", "tea_1"))
	if inTeam.OrganizationID != "org_1" {
		t.Errorf("the team's organization is %q", inTeam.OrganizationID)
	}
	wantError(t, "a place that is none", s.CreateInvite(ctx, invite("inv_9", "x@example.com", core.RoleMember, "org_9", ""), core.SecretHash{9}), core.CodeInvalidRequest, "organization_id", "does not exist")
	wantError(t, "an id that is taken", s.CreateInvite(ctx, invite("inv_1", "x@example.com", core.RoleAdmin, "", ""), core.SecretHash{9}), core.CodeConflict, "", "exists")
	got, err := s.FindInviteByID(ctx, "inv_3")
	equal(t, "invite", []any{got, err}, []any{inTeam, nil})
	got, err = s.FindInviteByHash(ctx, core.SecretHash{2})
	equal(t, "invite of the link", []any{got, err}, []any{inOrg, nil})
	got, err = s.RenewInvite(ctx, "inv_2", core.SecretHash{7})
	equal(t, "invite with another link", []any{got, err}, []any{inOrg, nil})
	got, err = s.FindInviteByHash(ctx, core.SecretHash{7})
	equal(t, "invite of the other link", []any{got, err}, []any{inOrg, nil})
	_, err = s.FindInviteByHash(ctx, core.SecretHash{2})
	wantCode(t, err, core.CodeNotFound)
	_, err = s.RenewInvite(ctx, "inv_9", core.SecretHash{8})
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindInviteByHash(ctx, core.SecretHash{9})
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindInviteByID(ctx, "inv_9")
	wantCode(t, err, core.CodeNotFound)

	check := func(what string, f core.InviteFilter, ids ...string) {
		t.Helper()
		var got []string
		f.Limit = 2
		for first := true; first || f.Cursor != ""; first = false {
			page, next, err := s.ListInvites(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page {
				got = append(got, v.ID)
			}
			f.Cursor = next
		}
		equal(t, what, got, ids)
	}
	org, team, ada, now, end := "org_1", "tea_1", "ada@example.com", At, At.Add(time.Hour)
	check("all", core.InviteFilter{}, "inv_3", "inv_2", "inv_1")
	check("of an organization", core.InviteFilter{OrganizationID: &org}, "inv_3", "inv_2")
	check("of a team", core.InviteFilter{TeamID: &team}, "inv_3")
	check("of an address", core.InviteFilter{Email: &ada}, "inv_2", "inv_1")
	check("when they have expired", core.InviteFilter{OpenAt: &end})
	check("within a team's reach", core.InviteFilter{Reach: &core.Reach{Teams: []string{"tea_1"}, UserID: "usr_1"}}, "inv_3")
	check("within an organization's reach", core.InviteFilter{Reach: &core.Reach{Organizations: []string{"org_1"}}}, "inv_3", "inv_2")
	check("within no reach", core.InviteFilter{Reach: &core.Reach{}})

	new := func(id, email string) *core.User {
		return &core.User{ID: id, Name: "New", Email: email, CreatedAt: At, UpdatedAt: At}
	}
	// A new user, with a password and the role of the installation.
	if err := s.AcceptInvite(ctx, everywhere.ID, new("usr_a", "ada@example.com"), "hash", At); err != nil {
		t.Fatal(err)
	}
	hash, err := s.FindPassword(ctx, "usr_a")
	equal(t, "password", []any{hash, err}, []any{"hash", nil})
	equal(t, "roles", rolesOf(t, s, "usr_a"), map[core.Grant]core.Role{{}: core.RoleAdmin})
	accepted := At
	everywhere.AcceptedAt, everywhere.UserID = &accepted, "usr_a"
	got, err = s.FindInviteByID(ctx, "inv_1")
	equal(t, "accepted", []any{got, err}, []any{everywhere, nil})
	wantError(t, "twice", s.AcceptInvite(ctx, "inv_1", new("usr_b", "b@example.com"), "hash", At), core.CodeConflict, "", "not open")
	wantError(t, "an address that is taken", s.AcceptInvite(ctx, "inv_2", new("usr_c", "ada@example.com"), "hash", At), core.CodeConflict, "email", "already")
	wantError(t, "too late", s.AcceptInvite(ctx, "inv_2", new("usr_c", "c@example.com"), "hash", end), core.CodeConflict, "", "not open")
	wantCode(t, s.RevokeInvite(ctx, "inv_1", At), core.CodeConflict)

	// A user who is there.
	if err := s.AcceptInvite(ctx, "inv_2", new("usr_a", "ada@example.com"), "", At); err != nil {
		t.Fatal(err)
	}
	create(4, invite("inv_4", "ada@example.com", core.RoleViewer, "org_1", ""))
	if err := s.AcceptInvite(ctx, "inv_4", new("usr_a", ""), "", At); err != nil { // it would be less than there is
		t.Fatal(err)
	}
	create(5, invite("inv_5", "usr_1@example.com", core.RoleOrgAdmin, "org_1", ""))
	if err := s.AcceptInvite(ctx, "inv_5", new("usr_1", ""), "", At); err != nil { // more than there is
		t.Fatal(err)
	}
	atOrg := core.Grant{OrganizationID: "org_1"}
	equal(t, "roles", rolesOf(t, s, "usr_a"), map[core.Grant]core.Role{{}: core.RoleAdmin, atOrg: core.RoleOrgAdmin})
	equal(t, "raised", rolesOf(t, s, "usr_1"), map[core.Grant]core.Role{{}: "", atOrg: core.RoleOrgAdmin})

	check("that are open", core.InviteFilter{OpenAt: &now}, "inv_3")
	for range 2 { // the second time changes nothing
		if err := s.RevokeInvite(ctx, "inv_3", At); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.RevokeInvite(ctx, "inv_9", At), core.CodeNotFound)
	check("that are open after all", core.InviteFilter{OpenAt: &now})
	wantError(t, "revoked", s.AcceptInvite(ctx, "inv_3", new("usr_d", "d@example.com"), "hash", At), core.CodeConflict, "", "not open")
	_, err = s.FindUserByID(ctx, "usr_d")
	wantCode(t, err, core.CodeNotFound)

	gone := create(6, invite("inv_6", "e@example.com", core.RoleMember, "", "tea_3"))
	if err := s.DeleteTeam(ctx, gone.TeamID, At); err != nil {
		t.Fatal(err)
	}
	wantError(t, "to a place that is gone", s.AcceptInvite(ctx, "inv_6", new("usr_e", "e@example.com"), "hash", At), core.CodeConflict, "", "gone")
	_, err = s.FindUserByID(ctx, "usr_e")
	wantCode(t, err, core.CodeNotFound)

	// Who made the invitation may have followed it: the owner of the address takes over.
	if err := s.SetPassword(ctx, "usr_2", "hash", At); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSession(ctx, session("ses_a", "usr_a"), core.SecretHash{1}); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"usr_a", "usr_2"} {
		if err := s.LinkIdentity(ctx, &core.Identity{Issuer: "https://id", Subject: user, UserID: user, CreatedAt: At}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.FindPassword(ctx, "usr_a")
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindSessionByID(ctx, "ses_a")
	wantCode(t, err, core.CodeNotFound)
	if _, err = s.FindPassword(ctx, "usr_2"); err != nil { // whom nobody invited
		t.Error(err)
	}
}
