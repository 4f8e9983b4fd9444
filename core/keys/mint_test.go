package keys_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

func mintable(p core.MintPolicy) *core.MintPolicy { return &p }

// A temporary key may do what its parent may now, and stops with it at once.
func TestService_Mint(t *testing.T) {
	s, _, at := service(t)
	most := core.Nano(1000)
	parent, secret := create(t, s, keys.Spec{Models: []string{"a", "b"}, Limits: core.Limits{RPM: 10}, Tags: []string{"p"}, Guardrails: []string{"pii"}, Budget: &core.Budget{Amount: 5},
		Endpoints: []string{"chat"}, EndUser: &core.EndUserPolicy{Fixed: "x"}, MayMint: mintable(core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 5, MaxBudget: &most})})
	who := accepted(t, s, secret, start)
	for _, c := range []struct {
		t     keys.Temporary
		param string
	}{
		{keys.Temporary{TTL: 2 * time.Hour}, "ttl"}, {keys.Temporary{TTL: 1}, "ttl"}, {keys.Temporary{Models: []string{"a", "c"}}, "models[1]"},
		{keys.Temporary{Models: []string{"group:x"}}, "models[0]"}, {keys.Temporary{Limits: core.Limits{RPM: 11}}, "limits.rpm"},
		{keys.Temporary{Budget: &core.Budget{Amount: 1001}}, "budget"}, {keys.Temporary{Budget: &core.Budget{Amount: 1, Period: core.PeriodDay}}, "budget"},
	} {
		_, _, err := s.Mint(t.Context(), who, c.t)
		if e := core.AsError(err); e == nil || e.Code != core.CodeInvalidRequest || e.Param != c.param {
			t.Errorf("%+v: %v, want %s", c.t, err, c.param)
		}
	}
	k, child, err := s.Mint(t.Context(), who, keys.Temporary{TTL: time.Minute, Models: []string{"a"}, Limits: core.Limits{RPM: 3}, Tags: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	if k.ParentID != parent.ID || !k.ExpiresAt.Equal(start.Add(time.Minute)) || k.Name != parent.Name || k.Role != core.RoleNone {
		t.Errorf("%+v", k)
	}
	p := accepted(t, s, child, start)
	if !p.AllowsModel("a") || p.AllowsModel("b") || p.Parent.ID != parent.ID || strings.Join(p.Tags, " ") != "t p" || strings.Join(p.Guardrails, " ") != "pii" ||
		p.Key.EndUser.Fixed != "x" || p.Key.AllowsEndpoint("embeddings") || len(p.Levels) != 1 || p.Levels[0].ID != parent.ID || p.Levels[0].Limits.RPM != 10 {
		t.Errorf("%+v", p)
	}
	if len(p.Budgets) != 2 || p.Budgets[0].SubjectID != k.ID || p.Budgets[0].Amount != most || p.Budgets[1].SubjectID != parent.ID {
		t.Errorf("budgets %+v", p.Budgets)
	}
	if _, _, err := s.Mint(t.Context(), p, keys.Temporary{}); core.AsError(err).Code != core.CodePermissionDenied {
		t.Errorf("a temporary key makes another: %v", err)
	}
	_, plain := create(t, s, keys.Spec{AllModels: true})
	if _, _, err := s.Mint(t.Context(), accepted(t, s, plain, start), keys.Temporary{}); core.AsError(err).Code != core.CodePermissionDenied {
		t.Errorf("a key without a policy: %v", err)
	}

	// What changes of the parent holds for it at once.
	only := []string{"b"}
	if _, err := s.Update(t.Context(), parent.ID, core.KeyUpdate{Models: &only}); err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, child, start); p.AllowsModel("a") || p.AllowsModel("b") {
		t.Error("it may use what its parent may not")
	}
	if err := s.Block(t.Context(), parent.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, s, child, start, "has ended")
	if err := s.Unblock(t.Context(), parent.ID); err != nil {
		t.Fatal(err)
	}
	accepted(t, s, child, start.Add(59*time.Second))
	refused(t, s, child, start.Add(time.Minute), "expired")

	soon := start.Add(30 * time.Second)
	soonp := &soon
	if _, err := s.Update(t.Context(), parent.ID, core.KeyUpdate{ExpiresAt: &soonp}); err != nil {
		t.Fatal(err)
	}
	accepted(t, s, child, soon.Add(-1))
	refused(t, s, child, soon, "has ended") // though it was in the cache
	at.Set(start)
	if k, _, err := s.Mint(t.Context(), accepted(t, s, secret, start), keys.Temporary{}); err != nil || !k.ExpiresAt.Equal(soon) {
		t.Errorf("it outlives its parent: %+v, %v", k, err)
	}
	if err := s.Delete(t.Context(), parent.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, s, child, start, "not valid")
}

// The policy's models are a ceiling, also after the parent got more.
func TestService_MintModels(t *testing.T) {
	s, _, _ := service(t)
	parent, secret := create(t, s, keys.Spec{AllModels: true, MayMint: mintable(core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 5, Models: []string{"a", "b"}})})
	who := accepted(t, s, secret, start)
	_, child, err := s.Mint(t.Context(), who, keys.Temporary{})
	if err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, child, start); !p.AllowsModel("a") || !p.AllowsModel("b") || p.AllowsModel("c") {
		t.Errorf("%+v", p)
	}
	if _, _, err := s.Mint(t.Context(), who, keys.Temporary{Models: []string{"c"}}); core.AsError(err).Param != "models[0]" {
		t.Errorf("%v", err)
	}
	policy := mintable(core.MintPolicy{MaxTTL: core.Span(time.Hour), MaxKeys: 5, Models: []string{"b"}})
	if _, err := s.Update(t.Context(), parent.ID, core.KeyUpdate{MayMint: &policy}); err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, child, start); p.AllowsModel("a") || !p.AllowsModel("b") {
		t.Errorf("%+v", p)
	}
	for _, bad := range []core.MintPolicy{{MaxKeys: 1}, {MaxTTL: core.Span(time.Hour)}, {MaxTTL: core.Span(time.Hour), MaxKeys: 1 << 20}, {MaxTTL: core.Span(time.Hour), MaxKeys: 1, Models: []string{""}}} {
		if _, _, err := s.Create(t.Context(), keys.Spec{Name: "x", MayMint: &bad}); core.AsError(err) == nil || !strings.HasPrefix(core.AsError(err).Param, "may_mint.") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A secret on a schedule ends when the rotation is due and the grace is over, to
// the instant; its successor begins anew.
func TestService_RotationSchedule(t *testing.T) {
	s, _, at := service(t)
	k, secret := create(t, s, keys.Spec{RotateEvery: core.Span(time.Hour), RotationGrace: core.Span(time.Minute)})
	end := start.Add(time.Hour + time.Minute)
	accepted(t, s, secret, end.Add(-1))
	refused(t, s, secret, end, "has to be rotated")
	at.Set(start.Add(30 * time.Minute))
	next, err := s.Rotate(t.Context(), k.ID, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, s, secret, start.Add(31*time.Minute-1))
	refused(t, s, secret, start.Add(31*time.Minute), "not valid")
	accepted(t, s, next, end.Add(30*time.Minute-1))
	refused(t, s, next, end.Add(30*time.Minute), "has to be rotated")
	for _, spec := range []keys.Spec{{Name: "x", RotateEvery: 1}, {Name: "x", RotateEvery: core.Span(1 << 62)}} {
		if _, _, err := s.Create(t.Context(), spec); core.AsError(err).Param != "rotate_every" {
			t.Errorf("%v", err)
		}
	}
}
