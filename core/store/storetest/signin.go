package storetest

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func session(id, user string) *core.Session {
	return &core.Session{ID: id, UserID: user, CreatedAt: At, SeenAt: At, ExpiresAt: At.Add(time.Hour), RemoteAddress: "192.0.2.1", UserAgent: "Mozilla"}
}

func testSessions(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	want := session("ses_1", "usr_1")
	for i, v := range []*core.Session{want, session("ses_2", "usr_1"), session("ses_3", "usr_2")} {
		if err := s.CreateSession(ctx, v, core.SecretHash{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "session of nobody", s.CreateSession(ctx, session("ses_9", "usr_9"), core.SecretHash{9}), core.CodeInvalidRequest, "user_id", "does not exist")
	got, u, err := s.FindSession(ctx, core.SecretHash{0})
	if err != nil || u.ID != "usr_1" || u.Email != "usr_1@example.com" {
		t.Fatalf("user %+v, %v", u, err)
	}
	equal(t, "session", got, want)
	_, _, err = s.FindSession(ctx, core.SecretHash{9})
	wantCode(t, err, core.CodeNotFound)

	seen := At.Add(30 * time.Minute)
	if err := s.TouchSession(ctx, "ses_1", seen); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchSession(ctx, "ses_1", At); err != nil { // later in coming, earlier in time
		t.Fatal(err)
	}
	want.SeenAt = seen
	got, err = s.FindSessionByID(ctx, "ses_1")
	equal(t, "touched session", []any{got, err}, []any{want, nil})

	check := func(what string, f core.SessionFilter, ids ...string) {
		t.Helper()
		var got []string
		for first := true; first || f.Cursor != ""; first = false {
			page, next, err := s.ListSessions(ctx, f)
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
	one := "usr_1"
	page := core.Page{Limit: 1}
	check("all", core.SessionFilter{Now: At, SeenAfter: At.Add(-1), Page: page}, "ses_3", "ses_2", "ses_1")
	check("of a user", core.SessionFilter{UserID: &one, Now: At, Page: page}, "ses_2", "ses_1")
	check("used of late", core.SessionFilter{Now: At, SeenAfter: At, Page: page}, "ses_1")
	check("all that are over", core.SessionFilter{Now: At.Add(time.Hour), Page: page})

	if err := s.EndSession(ctx, "ses_1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.EndSession(ctx, "ses_1"), core.CodeNotFound)
	_, _, err = s.FindSession(ctx, core.SecretHash{0})
	wantCode(t, err, core.CodeNotFound)
	// A new one makes room: the old has expired.
	late := session("ses_4", "usr_1")
	late.CreatedAt = At.Add(time.Hour)
	if err := s.CreateSession(ctx, late, core.SecretHash{4}); err != nil {
		t.Fatal(err)
	}
	_, err = s.FindSessionByID(ctx, "ses_2")
	wantCode(t, err, core.CodeNotFound)
	if err := s.EndSessions(ctx, "usr_1"); err != nil {
		t.Fatal(err)
	}
	check("what is left", core.SessionFilter{Now: At, Page: page}, "ses_3")
}

func testPasswords(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	_, err := s.FindPassword(ctx, "usr_1")
	wantCode(t, err, core.CodeNotFound)
	wantCode(t, s.SetPassword(ctx, "usr_9", "h", At), core.CodeNotFound)
	if err := s.SetPassword(ctx, "usr_1", "hash 1", At); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSession(ctx, session("ses_1", "usr_1"), core.SecretHash{1}); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"hash 1": "hash 2", "hash 0": "hash 3"} { // the latter is of another password
		if err := s.Rehash(ctx, "usr_1", from, to); err != nil {
			t.Fatal(err)
		}
	}
	hash, err := s.FindPassword(ctx, "usr_1")
	equal(t, "rehashed", []any{hash, err}, []any{"hash 2", nil})
	if _, err := s.FindSessionByID(ctx, "ses_1"); err != nil {
		t.Errorf("rehashing ended a session: %v", err)
	}
	if err := s.SetPassword(ctx, "usr_1", "hash 4", At); err != nil {
		t.Fatal(err)
	}
	hash, err = s.FindPassword(ctx, "usr_1")
	equal(t, "changed", []any{hash, err}, []any{"hash 4", nil})
	_, err = s.FindSessionByID(ctx, "ses_1")
	wantCode(t, err, core.CodeNotFound)

	// Deleting the user ends all ways in.
	if err := s.CreateSession(ctx, session("ses_2", "usr_1"), core.SecretHash{2}); err != nil {
		t.Fatal(err)
	}
	reset := &core.Ticket{Hash: core.SecretHash{3}, Use: core.TicketReset, UserID: "usr_1", CreatedAt: At, ExpiresAt: At.Add(time.Hour)}
	if err := s.CreateTicket(ctx, reset); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(ctx, "usr_1", At); err != nil {
		t.Fatal(err)
	}
	_, err = s.FindPassword(ctx, "usr_1")
	wantCode(t, err, core.CodeNotFound)
	_, _, err = s.FindSession(ctx, core.SecretHash{2})
	wantCode(t, err, core.CodeNotFound)
	_, err = s.FindTicket(ctx, core.SecretHash{3}, core.TicketReset, At)
	wantCode(t, err, core.CodeNotFound)
	wantCode(t, s.SetPassword(ctx, "usr_1", "h", At), core.CodeNotFound)
}

func testTickets(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	ticket := func(n byte, use core.TicketUse, user string) *core.Ticket {
		v := &core.Ticket{Hash: core.SecretHash{n}, Use: use, UserID: user, CreatedAt: At, ExpiresAt: At.Add(time.Hour)}
		if err := s.CreateTicket(ctx, v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	ticket(1, core.TicketReset, "usr_1")
	want := ticket(2, core.TicketReset, "usr_1") // in place of the first
	ticket(3, core.TicketReset, "usr_2")
	ticket(4, core.TicketSignUp, "")
	got, err := s.FindTicket(ctx, core.SecretHash{2}, core.TicketReset, At)
	equal(t, "ticket", []any{got, err}, []any{want, nil})
	for what, f := range map[string]func() error{
		"replaced": func() error { return s.UseTicket(ctx, core.SecretHash{1}, "h", At) },
		"expired":  func() error { return s.UseTicket(ctx, core.SecretHash{2}, "h", At.Add(time.Hour)) },
		"of another use": func() error {
			return s.SignUp(ctx, core.SecretHash{2}, &core.User{ID: "usr_9", Email: "x@example.com"}, "h", At)
		},
		"of another use, too": func() error { return s.UseTicket(ctx, core.SecretHash{4}, "h", At) },
	} {
		if e := core.AsError(f()); e == nil || e.Code != core.CodeNotFound {
			t.Errorf("a ticket that is %s: %v", what, e)
		}
	}
	if err := s.UseTicket(ctx, core.SecretHash{2}, "new hash", At); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.UseTicket(ctx, core.SecretHash{2}, "again", At), core.CodeNotFound)
	hash, err := s.FindPassword(ctx, "usr_1")
	equal(t, "password", []any{hash, err}, []any{"new hash", nil})
	// Whoever has the old mailbox is not whoever has the account.
	email := "elsewhere@example.com"
	if _, err := s.UpdateUser(ctx, "usr_2", core.UserUpdate{Email: &email}, At); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.UseTicket(ctx, core.SecretHash{3}, "h", At), core.CodeNotFound)

	owner := &core.User{ID: "usr_o", Name: "Owner", Email: "owner@example.com", CreatedAt: At, UpdatedAt: At}
	if err := s.SignUp(ctx, core.SecretHash{4}, owner, "h", At); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.SignUp(ctx, core.SecretHash{4}, &core.User{ID: "usr_p", Email: "p@example.com"}, "h", At), core.CodeNotFound)
	u, err := s.FindUserByID(ctx, "usr_o")
	if err != nil || u.Name != "Owner" || u.Email != "owner@example.com" || u.Role != core.RoleOwner || !u.CreatedAt.Equal(At) {
		t.Errorf("owner %+v, %v", u, err)
	}
	ticket(5, core.TicketSignUp, "")
	again := &core.User{ID: "usr_new", Name: "Three", Email: "usr_3@example.com", CreatedAt: At, UpdatedAt: At}
	if err := s.SignUp(ctx, core.SecretHash{5}, again, "h", At); err != nil || again.ID != "usr_3" {
		t.Errorf("a user who is there: %+v, %v", again, err)
	}
	if u, err := s.FindUserByID(ctx, "usr_3"); err != nil || u.Role != core.RoleOwner || u.Name != "Three" {
		t.Errorf("got %+v, %v", u, err)
	}
}

func testIdentities(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s)
	_, err := s.FindIdentity(ctx, "https://id", "1")
	wantCode(t, err, core.CodeNotFound)
	for _, user := range []string{"usr_1", "usr_2"} { // the second takes it over
		want := &core.Identity{Issuer: "https://id", Subject: "1", UserID: user, CreatedAt: At}
		if err := s.LinkIdentity(ctx, want); err != nil {
			t.Fatal(err)
		}
		got, err := s.FindIdentity(ctx, "https://id", "1")
		equal(t, "identity", []any{got, err}, []any{want, nil})
	}
	_, err = s.FindIdentity(ctx, "https://other", "1")
	wantCode(t, err, core.CodeNotFound)
	wantError(t, "identity of nobody", s.LinkIdentity(ctx, &core.Identity{Issuer: "i", Subject: "s", UserID: "usr_9"}), core.CodeInvalidRequest, "user_id", "does not exist")
}

// testGrants: an issuer's groups manage what they gave, and nothing else.
func testGrants(t *testing.T, s core.Store) {
	ctx := t.Context()
	company(t, s) // usr_1 is a member of org_1, by hand
	apply := func(what string, wantChanged bool, wantRoles map[core.Grant]core.Role, grants ...core.Grant) {
		t.Helper()
		changed, err := s.ApplyGrants(ctx, "usr_1", "https://id", grants, At)
		if err != nil || changed != wantChanged {
			t.Errorf("%s: changed %v, %v", what, changed, err)
		}
		equal(t, what, rolesOf(t, s, "usr_1"), wantRoles)
	}
	installation, org, team, other := core.Grant{}, core.Grant{OrganizationID: "org_1"}, core.Grant{OrganizationID: "org_1", TeamID: "tea_1"}, core.Grant{OrganizationID: "org_2"}
	with := func(g core.Grant, r core.Role) core.Grant { g.Role = r; return g }
	type roles = map[core.Grant]core.Role

	apply("at first", true, roles{installation: core.RoleViewer, org: core.RoleMember, team: core.RoleTeamAdmin},
		with(installation, core.RoleViewer), with(org, core.RoleOrgAdmin), core.Grant{TeamID: "tea_1", Role: core.RoleTeamAdmin})
	apply("the same again", false, roles{installation: core.RoleViewer, org: core.RoleMember, team: core.RoleTeamAdmin},
		with(installation, core.RoleViewer), with(org, core.RoleOrgAdmin), with(team, core.RoleTeamAdmin))
	apply("others", true, roles{installation: core.RoleAdmin, org: core.RoleMember, team: core.RoleViewer, other: core.RoleMember},
		with(installation, core.RoleAdmin), with(team, core.RoleViewer), with(other, core.RoleMember))

	// By hand: another role in the installation and in tea_1.
	owner := core.RoleOwner
	if _, err := s.UpdateUser(ctx, "usr_1", core.UserUpdate{Role: &owner}, At); err != nil {
		t.Fatal(err)
	}
	one, tea := "usr_1", "tea_1"
	found, _, err := s.ListMemberships(ctx, core.MembershipFilter{UserID: &one, TeamID: &tea, Page: core.Page{Limit: 9}})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if _, err := s.UpdateMembership(ctx, found[0].ID, core.RoleTeamAdmin, At); err != nil {
		t.Fatal(err)
	}
	// A key keeps the membership in org_2 from going.
	k := key("key_1")
	k.OrganizationID, k.UserID = "org_2", "usr_1"
	if err := s.CreateKey(ctx, k, core.SecretHash{1}, nil); err != nil {
		t.Fatal(err)
	}
	left := roles{installation: core.RoleOwner, org: core.RoleMember, team: core.RoleTeamAdmin, other: core.RoleViewer}
	apply("no groups any more", true, left)
	apply("still none", false, left)
	if err := s.DeleteKey(ctx, "key_1", At); err != nil {
		t.Fatal(err)
	}
	delete(left, other)
	apply("without the key", true, left)
	apply("what was changed by hand stays by hand", false, left, with(installation, core.RoleViewer), with(team, core.RoleMember))
	if _, err := s.ApplyGrants(ctx, "usr_1", "https://id", []core.Grant{{OrganizationID: "org_9", Role: core.RoleMember}}, At); core.AsError(err).Code != core.CodeInvalidRequest {
		t.Errorf("a place that does not exist: %v", err)
	}
}

func rolesOf(t *testing.T, s core.Store, user string) map[core.Grant]core.Role {
	t.Helper()
	u, err := s.FindUserByID(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	got := map[core.Grant]core.Role{{}: u.Role}
	found, _, err := s.ListMemberships(t.Context(), core.MembershipFilter{UserID: &user, Page: core.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found {
		got[core.Grant{OrganizationID: m.OrganizationID, TeamID: m.TeamID}] = m.Role
	}
	return got
}
