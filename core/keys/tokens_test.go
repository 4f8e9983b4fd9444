package keys_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// issued are tokens and what they stand for.
type issued struct {
	grants map[string]*core.TokenGrant
	codes  map[string]core.Code // of those that are refused
	asked  int
}

func (i *issued) Grant(_ context.Context, token string, _ time.Time) (*core.TokenGrant, error) {
	i.asked++
	if code := i.codes[token]; code != "" {
		return nil, core.Errorf(code, core.SourceClient, "no")
	}
	g := *i.grants[token]
	return &g, nil
}

func TestTokens(t *testing.T) {
	s, store, at := service(t)
	ctx := t.Context()
	for _, err := range []error{
		store.CreateOrganization(ctx, &core.Organization{ID: "org_1", Name: "Acme", Ceiling: core.Ceiling{AllModels: true}, CreatedAt: start, UpdatedAt: start}),
		store.CreateTeam(ctx, &core.Team{ID: "tea_1", OrganizationID: "org_1", Name: "Research", Ceiling: core.Ceiling{AllModels: true}, CreatedAt: start, UpdatedAt: start}),
		store.CreateTeam(ctx, &core.Team{ID: "tea_2", OrganizationID: "org_1", Name: "Other", Ceiling: core.Ceiling{AllModels: true}, CreatedAt: start, UpdatedAt: start}),
		store.CreateUser(ctx, &core.User{ID: "usr_1", Name: "Ada", Email: "ada@example.com", Ceiling: core.Ceiling{AllModels: true}, CreatedAt: start, UpdatedAt: start}),
		store.CreateUser(ctx, &core.User{ID: "usr_2", Name: "Bob", Email: "bob@example.com", Ceiling: core.Ceiling{AllModels: true}, CreatedAt: start, UpdatedAt: start}),
		store.CreateMembership(ctx, &core.Membership{ID: "mem_1", UserID: "usr_1", TeamID: "tea_1", Role: core.RoleMember, CreatedAt: start, UpdatedAt: start}),
		store.CreateMembership(ctx, &core.Membership{ID: "mem_2", UserID: "usr_2", TeamID: "tea_2", Role: core.RoleMember, CreatedAt: start, UpdatedAt: start}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	admin, _ := create(t, s, keys.Spec{Name: "admin", Role: core.RoleAdmin, AllModels: true, MayMint: &core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 1}})
	team, _ := create(t, s, keys.Spec{Name: "team", TeamID: "tea_1", Models: []string{"a", "b"}, Limits: core.Limits{RPM: 5}})
	minting, secret := create(t, s, keys.Spec{Name: "minting", AllModels: true, MayMint: &core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 1}, RotateEvery: core.Span(time.Hour)})
	gone, _ := create(t, s, keys.Spec{Name: "gone", AllModels: true})
	if err := s.Delete(ctx, gone.ID); err != nil {
		t.Fatal(err)
	}
	child, _, err := s.Mint(ctx, accepted(t, s, secret, at.Now()), keys.Temporary{})
	if err != nil {
		t.Fatal(err)
	}
	ends := start.Add(time.Hour)
	tokens := &issued{grants: map[string]*core.TokenGrant{}, codes: map[string]core.Code{"eyJ.bad.x": core.CodeUnauthenticated, "eyJ.unmapped.x": core.CodePermissionDenied, "eyJ.away.x": core.CodeOverloaded}}
	for token, g := range map[string]core.TokenGrant{
		"admin": {KeyID: admin.ID}, "child": {KeyID: child.ID, EndUser: "phone"}, "minting": {KeyID: minting.ID, Models: []string{"a"}}, "team": {KeyID: team.ID}, "gone": {KeyID: gone.ID}, "nobody": {KeyID: "key_nobody"},
		"ada": {KeyID: team.ID, Email: "Ada@example.com", EndUser: "phone", Models: []string{"b", "c"}}, "bob": {KeyID: team.ID, Email: "bob@example.com"},
		"eve": {KeyID: team.ID, Email: "eve@example.com"}, "none": {KeyID: admin.ID, Models: []string{}}, "anybody": {KeyID: admin.ID, Email: "bob@example.com"},
	} {
		g.ExpiresAt = ends
		tokens.grants["eyJ."+token+".x"] = &g
	}
	refused(t, s, "eyJ.team.x", at.Now(), "not valid") // nobody takes tokens yet
	s.Forget()
	s.Tokens = tokens

	p := accepted(t, s, "eyJ.admin.x", at.Now())
	if p.Key.ID != admin.ID || p.Key.Role != core.RoleNone || p.Key.MayMint != nil || !p.AllowsModel("a") {
		t.Errorf("a token of an admin key: %+v", p.Key)
	}
	if k, err := s.Get(ctx, admin.ID); err != nil || k.Role != core.RoleAdmin || k.MayMint == nil {
		t.Errorf("the key itself: %+v, %v", k, err)
	}
	p = accepted(t, s, "eyJ.team.x", at.Now())
	if p.Key.ID != team.ID || p.Team.Name != "Research" || p.Organization.Name != "Acme" || p.Key.Limits.RPM != 5 || !p.AllowsModel("a") || p.AllowsModel("c") || p.User.ID != "" {
		t.Errorf("a token of a team's key: %+v", p)
	}
	p = accepted(t, s, "eyJ.ada.x", at.Now())
	if p.User != (core.Named{ID: "usr_1", Name: "Ada"}) || p.Key.EndUser == nil || p.Key.EndUser.Fixed != "phone" || p.AllowsModel("a") || !p.AllowsModel("b") || p.AllowsModel("c") {
		t.Errorf("a token for a user, narrowed: %+v, %+v", p, p.Key)
	}
	if p = accepted(t, s, "eyJ.none.x", at.Now()); p.AllowsModel("a") {
		t.Error("an empty list of models allows something")
	}
	if p = accepted(t, s, "eyJ.anybody.x", at.Now()); p.User.ID != "usr_2" {
		t.Errorf("a token of a key of nobody's: %+v", p.User)
	}
	p = accepted(t, s, "eyJ.minting.x", at.Now())
	if _, _, err := s.Mint(ctx, p, keys.Temporary{}); core.AsError(err) == nil || core.AsError(err).Code != core.CodePermissionDenied || p.Key.RotateEvery != 0 {
		t.Errorf("a token gets a secret of its key's: %v, rotated every %v", err, p.Key.RotateEvery)
	}
	for token, code := range map[string]core.Code{"child": core.CodePermissionDenied, "gone": core.CodePermissionDenied, "nobody": core.CodePermissionDenied, "bob": core.CodePermissionDenied, "eve": core.CodePermissionDenied,
		"unmapped": core.CodePermissionDenied, "away": core.CodeOverloaded, "bad": core.CodeUnauthenticated} {
		p, err := s.Authenticate(ctx, "eyJ."+token+".x", anywhere, at.Now())
		if e := core.AsError(err); p != nil || e == nil || e.Code != code {
			t.Errorf("%s: %+v, %v, want %s", token, p, err, code)
		}
	}

	// What was verified is remembered for a moment, and bad ones, too; the end is seen at every use.
	asked := tokens.asked
	for range 10 {
		accepted(t, s, "eyJ.team.x", at.Now())
		refused(t, s, "eyJ.bad.x", at.Now(), "not valid")
	}
	if tokens.asked != asked {
		t.Errorf("verified %d times more", tokens.asked-asked)
	}
	at.Set(ends.Add(-time.Second))
	accepted(t, s, "eyJ.team.x", at.Now())
	refused(t, s, "eyJ.team.x", ends, "not valid")
	at.Set(start)
	if err := s.Block(ctx, team.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, s, "eyJ.team.x", at.Now(), "blocked")

	for _, secret := range []string{"eyJ", "eyJ.x", "x.y.z", "eyJ.a.b.c", strings.Repeat("e", 9000)} {
		asked := tokens.asked
		refused(t, s, secret, at.Now(), "not valid")
		if tokens.asked != asked {
			t.Errorf("%.20q was taken for a token", secret)
		}
	}
}

// BenchmarkTokens_Cached is a request whose token was verified a moment ago.
func BenchmarkTokens_Cached(b *testing.B) {
	s, _, at := service(b)
	k, _ := create(b, s, keys.Spec{AllModels: true})
	token := "eyJ." + strings.Repeat("x", 800) + "." + strings.Repeat("y", 342)
	s.Tokens = &issued{grants: map[string]*core.TokenGrant{token: {KeyID: k.ID, ExpiresAt: start.Add(time.Hour)}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), token, anywhere, at.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
