package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func budgetNotice(b *core.Budget, percent int, at time.Time) core.BudgetNotice {
	start, end, err := b.Window(at)
	if err != nil {
		panic(err)
	}
	return core.BudgetNotice{Budget: b, Percent: percent, Spent: 8, Reserved: 1, Start: start, End: end, At: at}
}

// TestService_BudgetOnce: a threshold is told once for each period, percentage
// and amount, however often it is noticed and however often the gateway starts.
func TestService_BudgetOnce(t *testing.T) {
	r := newRig(t, nil)
	b := &core.Budget{ID: "bud_1", Scope: core.ScopeKey, SubjectID: "key_none", Amount: 10, Period: core.PeriodDay}
	for range 3 {
		r.Budget(budgetNotice(b, 80, r.clock()))
		r.Budget(budgetNotice(b, 80, r.clock().Add(time.Hour)))
		r.Budget(budgetNotice(b, 100, r.clock()))
		r.Budget(budgetNotice(b, 0, r.clock()))
		r.step()
		r.queue.waiting = nil // as after a start
	}
	if got := r.events(); got != "budget.exceeded budget.threshold budget.threshold" {
		t.Errorf("got %s", got)
	}
	list, _, err := r.store.ListEvents(t.Context(), core.EventFilter{Type: core.EventBudgetExceeded, Page: core.Page{Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"budget_id":"bud_1","scope":"key","subject_id":"key_none","amount":"0.00000001","spent":"0.000000008","reserved":"0.000000001","period":"day","resets_at":"2026-11-26T00:00:00Z"}`
	if string(list[0].Data) != want || list[0].KeyID != "key_none" {
		t.Errorf("got  %s\nwant %s", list[0].Data, want)
	}
	larger := *b
	larger.Amount = 20
	r.Budget(budgetNotice(&larger, 80, r.clock()))
	r.Budget(budgetNotice(b, 80, r.clock().Add(day)))
	r.step()
	if got := strings.Count(r.events(), "threshold"); got != 4 {
		t.Errorf("told %d times, want also of another amount and the next day", got)
	}
}

// TestService_Whose: an event of a budget belongs to whom its subject belongs to.
func TestService_Whose(t *testing.T) {
	r := newRig(t, nil)
	company(t, r)
	for scope, want := range map[core.Scope]string{
		core.ScopeKey: "ci org_1 tea_1 usr_1 key_1", core.ScopeTeam: "Research org_1 tea_1  ", core.ScopeOrganization: "Org org_1   ", core.ScopeUser: "Ada   usr_1 ",
		core.ScopeProject: "Apollo org_1 tea_1  ", core.ScopeMember: "Ada in Research org_1 tea_1 usr_1 ",
	} {
		subject := map[core.Scope]string{core.ScopeKey: "key_1", core.ScopeTeam: "tea_1", core.ScopeOrganization: "org_1", core.ScopeUser: "usr_1", core.ScopeProject: "prj_1", core.ScopeMember: core.MemberSubject("tea_1", "usr_1")}[scope]
		r.Budget(budgetNotice(&core.Budget{ID: "bud_" + string(scope), Scope: scope, SubjectID: subject, Period: core.PeriodNone}, 80, r.clock()))
		r.step()
		list, _, err := r.store.ListEvents(t.Context(), core.EventFilter{Type: core.EventBudgetThreshold, Page: core.Page{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			var d core.BudgetEventData
			decode(t, e.Data, &d)
			if d.Scope != scope {
				continue
			}
			if got := strings.Join([]string{d.Subject, e.OrganizationID, e.TeamID, e.UserID, e.KeyID}, " "); got != want {
				t.Errorf("%s: got %q, want %q", scope, got, want)
			}
		}
	}
}

// company is org_1 with tea_1, whose admin is usr_2, and key_1 of usr_1 in it.
// usr_3 runs the organization.
func company(t *testing.T, r *rig) {
	t.Helper()
	ctx := t.Context()
	errs := []error{
		r.store.CreateOrganization(ctx, &core.Organization{ID: "org_1", Name: "Org", CreatedAt: start, UpdatedAt: start}),
		r.store.CreateTeam(ctx, &core.Team{ID: "tea_1", OrganizationID: "org_1", Name: "Research", CreatedAt: start, UpdatedAt: start}),
	}
	errs = append(errs, r.store.CreateProject(ctx, &core.Project{ID: "prj_1", OrganizationID: "org_1", TeamID: "tea_1", Name: "Apollo", CreatedAt: start, UpdatedAt: start}))
	for i, name := range []string{"Ada", "Ben", "Cyd"} {
		errs = append(errs, r.store.CreateUser(ctx, &core.User{ID: fmt.Sprintf("usr_%d", i+1), Name: name, Email: strings.ToLower(name) + "@example.com", CreatedAt: start, UpdatedAt: start}))
	}
	for i, m := range []core.Membership{{UserID: "usr_1", TeamID: "tea_1", Role: core.RoleMember}, {UserID: "usr_2", TeamID: "tea_1", Role: core.RoleTeamAdmin},
		{UserID: "usr_3", OrganizationID: "org_1", Role: core.RoleOrgAdmin}, {UserID: "usr_1", OrganizationID: "org_1", Role: core.RoleMember}} {
		m.ID, m.CreatedAt, m.UpdatedAt = fmt.Sprintf("mem_%d", i), start, start
		errs = append(errs, r.store.CreateMembership(ctx, &m))
	}
	errs = append(errs, r.store.CreateKey(ctx, &core.VirtualKey{ID: "key_1", Name: "ci", TeamID: "tea_1", UserID: "usr_1", CreatedAt: start, UpdatedAt: start}, core.SecretHash{1}, nil))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	r.step()
}

func TestService_Deployment(t *testing.T) {
	r := newRig(t, nil)
	cool := func() { r.Deployment("d", r.clock().Add(time.Minute), core.CodeRateLimited, r.clock()) }
	well := func() { r.Deployment("d", time.Time{}, "", r.clock()) }
	const cooling, recovered = "deployment.cooling", "deployment.recovered"
	for i, c := range []struct {
		do   func()
		pass time.Duration
		want string
	}{
		{well, 0, ""},
		{cool, 0, cooling},
		{cool, 2 * time.Minute, cooling},
		{well, 0, cooling + " " + recovered},
		{cool, 0, cooling + " " + recovered},         // too soon …
		{well, time.Hour, cooling + " " + recovered}, // … and over before it is told
		{cool, 0, cooling + " " + cooling + " " + recovered},
	} {
		c.do()
		r.step()
		r.pass(c.pass)
		r.step()
		if got := r.events(); got != c.want {
			t.Errorf("%d: got %q, want %q", i, got, c.want)
		}
	}
	list, _, _ := r.store.ListEvents(t.Context(), core.EventFilter{Type: core.EventDeploymentCooling, Page: core.Page{Limit: 10}})
	if got, want := string(list[1].Data), `{"deployment":"d","cooling_until":"2026-11-25T12:31:00Z","error":"rate_limited"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestService_ToldOnce(t *testing.T) {
	r := newRig(t, nil)
	for range 3 {
		r.PriceMissing("d", "p", "m", r.clock())
		r.PluginFailed("provider.x", "timeout", r.clock())
		r.step()
	}
	if got := r.events(); got != "plugin.failed price.missing" {
		t.Errorf("got %s", got)
	}
	r.pass(day)
	r.PriceMissing("d", "p", "m", r.clock())
	r.PluginFailed("provider.x", "timeout", r.clock())
	r.step()
	if got := r.events(); got != "plugin.failed plugin.failed price.missing price.missing" {
		t.Errorf("got %s", got)
	}
}

// broken is a store that fails when it is told to.
type broken struct {
	Store
	fails bool
}

func (b *broken) AddEvents(ctx context.Context, events []*core.Event) (int, error) {
	if b.fails {
		return 0, errors.New("the disk is full")
	}
	return b.Store.AddEvents(ctx, events)
}

// TestService_StoreFails: what cannot be stored is kept within bounds, and no
// more of it is told to be held than is.
func TestService_StoreFails(t *testing.T) {
	var b *broken
	r := newRig(t, func(o *Options) { b = &broken{o.Store, true}; o.Store = b })
	r.Deployment("d", r.clock().Add(time.Minute), core.CodeRateLimited, r.clock())
	held := 0
	for i := range maxWaiting + 10 {
		if r.Budget(budgetNotice(&core.Budget{SubjectID: fmt.Sprint(i), Scope: "none", Period: core.PeriodNone}, 80, r.clock())) {
			held++
		}
	}
	if r.Step(t.Context()) == nil {
		t.Error("a failure was not reported")
	}
	stats, err := r.Stats(t.Context())
	if err != nil || held != maxWaiting || stats.Dropped != 10 {
		t.Errorf("%d are held, %d dropped, %v", held, stats.Dropped, err)
	}
	b.fails = false
	r.step()
	if got := strings.Fields(r.events()); len(got) != maxWaiting+1 && len(got) != 1000 { // a page
		t.Errorf("%d events are stored", len(got))
	}
	if !strings.Contains(r.events(), "cooling") && len(r.queue.waiting) > 0 {
		t.Error("something waits still")
	}
}

func BenchmarkService_PriceMissing(b *testing.B) {
	s := New(Options{})
	for b.Loop() {
		s.PriceMissing("d", "p", "m", start)
	}
}

func TestService_Endings(t *testing.T) {
	r := newRig(t, nil)
	make := func(id string, lives time.Duration) {
		t.Helper()
		ends := r.clock().Add(lives)
		k := &core.VirtualKey{ID: id, Name: id, ExpiresAt: &ends, CreatedAt: r.clock(), UpdatedAt: r.clock()}
		if err := r.store.CreateKey(t.Context(), k, core.SecretHash([]byte(fmt.Sprintf("%-32s", id))), nil); err != nil {
			t.Fatal(err)
		}
	}
	make("key_long", 10*day)
	make("key_week", 7*day)
	make("key_short", time.Hour)
	var log []string
	for range 12 * 24 {
		r.step()
		if hours := int(r.clock().Sub(start).Hours()); hours == 100 {
			r.ends = endings{} // as after a start
		}
		r.pass(time.Hour)
	}
	list, _, err := r.store.ListEvents(t.Context(), core.EventFilter{Page: core.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		e := list[len(list)-1-i]
		if e.Type == core.EventKeyCreated {
			continue
		}
		var d core.KeyEventData
		_ = json.Unmarshal(e.Data, &d)
		log = append(log, fmt.Sprintf("%v %s %s %d", e.At.Sub(start), d.ID, e.Type, d.Days))
	}
	got, want := strings.Join(log, "\n"), strings.Join([]string{
		"0s key_week key.expiring 7", "1h0m0s key_short key.expired 0", "72h0m0s key_long key.expiring 7", "144h0m0s key_week key.expiring 1",
		"168h0m0s key_week key.expired 0", "216h0m0s key_long key.expiring 1", "240h0m0s key_long key.expired 0"}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
