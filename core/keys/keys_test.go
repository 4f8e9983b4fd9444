package keys_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/store"
)

var start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

// counted counts look-ups, and fails them on demand.
type counted struct {
	core.Store
	lookups atomic.Int64
	broken  atomic.Bool
	reading chan struct{} // when not nil, a look-up waits here after reading
}

func (c *counted) FindKeyByHash(ctx context.Context, h core.SecretHash) (*core.VirtualKey, *core.KeySecret, error) {
	c.lookups.Add(1)
	if c.broken.Load() {
		return nil, nil, errors.New("the disk is on fire")
	}
	k, s, err := c.Store.FindKeyByHash(ctx, h)
	if c.reading != nil {
		c.reading <- struct{}{}
		<-c.reading
	}
	return k, s, err
}

type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time      { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) Set(t time.Time)     { c.now.Store(t.UnixNano()) }
func (c *clock) Add(d time.Duration) { c.now.Add(int64(d)) }

func service(t testing.TB) (*keys.Service, *counted, *clock) {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &counted{Store: s}
	at := &clock{}
	at.Set(start)
	return keys.New(c, c, at.Now), c, at
}

func create(t testing.TB, s *keys.Service, spec keys.Spec) (*core.VirtualKey, string) {
	t.Helper()
	if spec.Name == "" {
		spec.Name = "ci"
	}
	k, secret, err := s.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

// anywhere is where a key without ranges is used from: nobody asks.
func anywhere() netip.Addr { panic("asked for an address that restricts nothing") }

// refused fails unless the secret does not authenticate for the given reason.
func refused(t *testing.T, s *keys.Service, secret string, now time.Time, why string) {
	t.Helper()
	p, err := s.Authenticate(t.Context(), secret, anywhere, now)
	var e *core.Error
	if p != nil || !errors.As(err, &e) || e.Code != core.CodeUnauthenticated || !strings.Contains(e.Message, why) || len(secret) > 8 && strings.Contains(err.Error(), secret) {
		t.Errorf("got %v, %v; want unauthenticated: %s", p, err, why)
	}
}

func accepted(t *testing.T, s *keys.Service, secret string, now time.Time) *core.Principal {
	t.Helper()
	p, err := s.Authenticate(t.Context(), secret, anywhere, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestService_Create(t *testing.T) {
	s, _, _ := service(t)
	k, secret := create(t, s, keys.Spec{Name: "ci", Models: []string{"gpt"}, Budget: &core.Budget{Amount: 5}})
	if len(secret) != len("sk-tok-")+43 || !strings.HasPrefix(secret, k.Prefix) || k.Prefix[:7] != "sk-tok-" || len(k.Prefix) != 11 || !strings.HasSuffix(secret, k.LastFour) {
		t.Errorf("secret %q, shown as %s…%s", secret, k.Prefix, k.LastFour)
	}
	p := accepted(t, s, secret, start)
	if p.Key.ID != k.ID || !p.AllowsModel("gpt") || p.AllowsModel("claude") {
		t.Errorf("%+v", p.Key)
	}
	if len(p.Budgets) != 1 || p.Budgets[0].SubjectID != k.ID || p.Budgets[0].Period != core.PeriodNone || p.Budgets[0].Scope != core.ScopeKey {
		t.Errorf("%+v", p.Budgets)
	}
	_, other := create(t, s, keys.Spec{})
	if other == secret || accepted(t, s, other, start).AllowsModel("gpt") {
		t.Error("a key without models allows something")
	}
	own := "my-own-secret-of-20-c"
	if _, got := create(t, s, keys.Spec{Secret: own}); got != own || accepted(t, s, own, start) == nil {
		t.Errorf("got %q", got)
	}
	if _, _, err := s.Create(t.Context(), keys.Spec{Name: "x", Secret: own}); core.AsError(err).Code != core.CodeConflict {
		t.Errorf("the same secret again: %v", err)
	}
}

func TestService_CreateInvalid(t *testing.T) {
	s, _, _ := service(t)
	past := start
	for param, spec := range map[string]keys.Spec{
		"name":            {Name: " "},
		"role":            {Name: "x", Role: "root"},
		"limits.rpm":      {Name: "x", Limits: core.Limits{RPM: -1}},
		"expires_at":      {Name: "x", ExpiresAt: &past},
		"secret":          {Name: "x", Secret: "short"},
		"ip_ranges":       {Name: "x", IPRanges: []netip.Prefix{}},
		"endpoints":       {Name: "x", Endpoints: []string{}},
		"endpoints[1]":    {Name: "x", Endpoints: []string{"chat", "models"}},
		"budget.amount":   {Name: "x", Budget: &core.Budget{Amount: -1}},
		"budget.period":   {Name: "x", Budget: &core.Budget{Period: "year"}},
		"budget.timezone": {Name: "x", Budget: &core.Budget{Timezone: "Mars"}},
	} {
		_, secret, err := s.Create(t.Context(), spec)
		if e := core.AsError(err); e == nil || e.Code != core.CodeInvalidRequest || e.Param != param || secret != "" {
			t.Errorf("%s: got %+v", param, err)
		}
	}
	if _, _, err := s.Create(t.Context(), keys.Spec{Name: "x", Secret: "twenty characters and a blank"}); core.AsError(err) == nil {
		t.Error("a secret with blanks is accepted")
	}
	if n, err := s.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
}

// C59, C92: what does not authenticate, and from when on.
func TestService_Authenticate(t *testing.T) {
	s, st, clock := service(t)
	refused(t, s, "", start, "no API key")
	refused(t, s, "sk-tok-unknown", start, "not valid")
	refused(t, s, strings.Repeat("x", 1<<20), start, "not valid")

	k, secret := create(t, s, keys.Spec{AllModels: true, Limits: core.Limits{RPM: 100}})
	accepted(t, s, secret, start)
	before := st.lookups.Load()
	for range 100 {
		accepted(t, s, secret, start)
	}
	if n := st.lookups.Load() - before; n != 0 {
		t.Errorf("%d look-ups for a cached key", n)
	}
	if err := s.Block(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, s, secret, start, "blocked")
	if err := s.Unblock(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(t.Context(), k.ID, core.KeyUpdate{Limits: &core.Limits{RPM: 1}}); err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, secret, start); p.Key.Limits.RPM != 1 {
		t.Errorf("limits %+v", p.Key.Limits)
	}
	ends := start.Add(3 * time.Second)
	endsp := &ends
	if _, err := s.Update(t.Context(), k.ID, core.KeyUpdate{ExpiresAt: &endsp}); err != nil {
		t.Fatal(err)
	}
	accepted(t, s, secret, ends.Add(-time.Nanosecond))
	refused(t, s, secret, ends, "expired")
	accepted(t, s, secret, start)
	if err := s.Delete(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	refused(t, s, secret, start, "not valid")
	clock.Add(time.Second)
}

// A principal bears the names that its owners have now.
func TestService_Owners(t *testing.T) {
	s, st, _ := service(t)
	ctx := t.Context()
	for _, err := range []error{
		st.CreateOrganization(ctx, &core.Organization{ID: "org_1", Name: "Org"}),
		st.CreateTeam(ctx, &core.Team{ID: "tea_1", OrganizationID: "org_1", Name: "Team"}),
		st.CreateUser(ctx, &core.User{ID: "usr_1", Name: "Ada", Email: "ada@example.com"}),
		st.CreateMembership(ctx, &core.Membership{ID: "mem_1", UserID: "usr_1", TeamID: "tea_1", Role: core.RoleMember}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, secret := create(t, s, keys.Spec{TeamID: "tea_1", UserID: "usr_1"})
	owners := func() [3]core.Named {
		p := accepted(t, s, secret, start)
		return [3]core.Named{p.Organization, p.Team, p.User}
	}
	want := [3]core.Named{{ID: "org_1", Name: "Org"}, {ID: "tea_1", Name: "Team"}, {ID: "usr_1", Name: "Ada"}}
	if got := owners(); got != want {
		t.Errorf("got %v", got)
	}
	name := "new"
	if _, err := st.UpdateTeam(ctx, "tea_1", core.TeamUpdate{Name: &name}, start); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	want[1].Name = name
	if got := owners(); got != want {
		t.Errorf("renamed: got %v", got)
	}
}

// An unknown secret is remembered briefly, and not past the key's creation.
func TestService_Unknown(t *testing.T) {
	s, st, _ := service(t)
	secret := "brought-along-secret-1"
	refused(t, s, secret, start, "not valid")
	refused(t, s, secret, start, "not valid")
	if n := st.lookups.Load(); n != 1 {
		t.Errorf("%d look-ups", n)
	}
	refused(t, s, secret, start.Add(time.Second), "not valid")
	if n := st.lookups.Load(); n != 2 {
		t.Errorf("%d look-ups after a second", n)
	}
	create(t, s, keys.Spec{Secret: secret})
	accepted(t, s, secret, start.Add(time.Second))
}

// Another process changes a key: seen within FreshFor although it is in use.
func TestService_ChangeElsewhere(t *testing.T) {
	s, st, _ := service(t)
	k, secret := create(t, s, keys.Spec{})
	yes := true
	accepted(t, s, secret, start)
	if _, err := st.UpdateKey(t.Context(), k.ID, core.KeyUpdate{Blocked: &yes}, start); err != nil {
		t.Fatal(err)
	}
	for at := start; at.Before(start.Add(keys.FreshFor)); at = at.Add(time.Second) {
		accepted(t, s, secret, at)
	}
	refused(t, s, secret, start.Add(keys.FreshFor), "blocked")
}

func TestService_StoreFails(t *testing.T) {
	s, st, _ := service(t)
	_, secret := create(t, s, keys.Spec{})
	st.broken.Store(true)
	_, err := s.Authenticate(t.Context(), secret, anywhere, start)
	if e := core.AsError(err); e.Code != core.CodeOverloaded || e.HTTPStatus() != 503 || strings.Contains(e.Message, "fire") {
		t.Errorf("got %+v", e)
	}
	st.broken.Store(false)
	accepted(t, s, secret, start)
}

// What was read before a change is not remembered after it.
func TestService_ReadRacesWithBlock(t *testing.T) {
	s, st, _ := service(t)
	k, secret := create(t, s, keys.Spec{})
	st.reading = make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.Authenticate(context.Background(), secret, anywhere, start) // began before the block: either answer is right
	}()
	<-st.reading
	if err := s.Block(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	st.reading <- struct{}{}
	<-ended
	st.reading = nil
	refused(t, s, secret, start, "blocked")
}

func TestService_Rotate(t *testing.T) {
	s, _, _ := service(t)
	k, first := create(t, s, keys.Spec{})
	accepted(t, s, first, start)
	second, err := s.Rotate(t.Context(), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, s, first, start.Add(time.Hour-1))
	refused(t, s, first, start.Add(time.Hour), "not valid")
	accepted(t, s, second, start.Add(2*time.Hour))
	third, err := s.Rotate(t.Context(), k.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s, first, start, "not valid")
	refused(t, s, second, start, "not valid")
	accepted(t, s, third, start)
	if _, err := s.Rotate(t.Context(), k.ID, -1); core.AsError(err).Code != core.CodeInvalidRequest {
		t.Error(err)
	}
	if _, err := s.Rotate(t.Context(), "key_none", 0); core.AsError(err).Code != core.CodeNotFound {
		t.Error(err)
	}
}

func TestService_SetBudget(t *testing.T) {
	s, _, _ := service(t)
	k, secret := create(t, s, keys.Spec{})
	if p := accepted(t, s, secret, start); len(p.Budgets) != 0 {
		t.Errorf("%v", p.Budgets)
	}
	if _, err := s.SetBudget(t.Context(), k.ID, &core.Budget{Amount: 7, Period: core.PeriodDay}); err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, secret, start); len(p.Budgets) != 1 || p.Budgets[0].Amount != 7 {
		t.Errorf("%v", p.Budgets)
	}
	if _, err := s.SetBudget(t.Context(), k.ID, nil); err != nil {
		t.Fatal(err)
	}
	if p := accepted(t, s, secret, start); len(p.Budgets) != 0 {
		t.Errorf("%v", p.Budgets)
	}
	if _, err := s.SetBudget(t.Context(), "key_none", nil); core.AsError(err).Code != core.CodeNotFound {
		t.Error(err)
	}
	if _, err := s.Budgets(t.Context(), ""); core.AsError(err).Code != core.CodeNotFound {
		t.Error(err)
	}
}

// The cache is bounded, whatever strangers send.
func TestService_Strangers(t *testing.T) {
	s, _, _ := service(t)
	k, secret := create(t, s, keys.Spec{})
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range 200 {
				_, _ = s.Authenticate(context.Background(), fmt.Sprintf("stranger-%d-%d", caller, n), anywhere, start)
				if p, err := s.Authenticate(context.Background(), secret, anywhere, start); err == nil && p.Key.ID != k.ID {
					t.Errorf("%s", p.Key.ID)
				}
				if n%50 == caller {
					_ = s.Unblock(context.Background(), k.ID)
				}
			}
		}()
	}
	wg.Wait()
}

func TestService_HitAllocatesNothing(t *testing.T) {
	s, _, _ := service(t)
	_, secret := create(t, s, keys.Spec{})
	accepted(t, s, secret, start)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Authenticate(ctx, secret, anywhere, start); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a hit", n)
	}
}

func BenchmarkService_Authenticate(b *testing.B) {
	s, _, _ := service(b)
	_, secret := create(b, s, keys.Spec{})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(ctx, secret, anywhere, start); err != nil {
			b.Fatal(err)
		}
	}
}

// A person who calls a model without a key does so within the user's own ceiling,
// budget and guardrails.
func TestService_Person(t *testing.T) {
	s, st, _ := service(t)
	ctx := t.Context()
	u := &core.User{ID: "usr_1", Name: "Ada", Email: "ada@example.com", Ceiling: core.Ceiling{Models: []string{"m"}}}
	b := &core.Budget{ID: "bud_1", Scope: core.ScopeUser, SubjectID: u.ID, Amount: 7, Period: core.PeriodNone}
	if err := st.CreateUser(ctx, u); err != nil {
		t.Fatal(err)
	}
	if err := st.SetBudget(ctx, b); err != nil {
		t.Fatal(err)
	}
	p, err := s.Person(ctx, core.Named{ID: u.ID, Name: u.Name})
	if err != nil || p.User != (core.Named{ID: u.ID, Name: "Ada"}) || len(p.Budgets) != 1 || p.Budgets[0].ID != b.ID || !p.AllowsModel("m") || p.AllowsModel("other") {
		t.Errorf("%+v, %v", p, err)
	}
}
