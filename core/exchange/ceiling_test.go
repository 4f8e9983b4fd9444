package exchange_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// level is an owner that allows the models.
func level(id string, models ...string) core.Level {
	return core.Level{ID: id, Ceiling: core.Ceiling{Models: models}}
}

// C103: a list or group that comes to nothing allows nothing, at every level.
func TestPrincipal_AllowsModel(t *testing.T) {
	groups := map[string][]string{"group:g": {"a", "b"}, "group:empty": {}}
	for _, c := range []struct {
		name   string
		key    core.VirtualKey
		levels []core.Level
		want   string // of a, b and c
	}{
		{"all", core.VirtualKey{AllModels: true}, nil, "abc"},
		{"nothing said", core.VirtualKey{}, nil, ""},
		{"a list", core.VirtualKey{Models: []string{"a", "c"}}, nil, "ac"},
		{"a group", core.VirtualKey{Models: []string{"group:g"}}, nil, "ab"},
		{"a group and one more", core.VirtualKey{Models: []string{"c", "group:g"}}, nil, "abc"},
		{"an empty group", core.VirtualKey{Models: []string{"group:empty"}}, nil, ""},
		{"a deleted group", core.VirtualKey{Models: []string{"group:gone"}}, nil, ""},
		{"an owner's list", core.VirtualKey{AllModels: true}, []core.Level{level("tea_1", "a")}, "a"},
		{"an owner's empty list", core.VirtualKey{AllModels: true}, []core.Level{level("tea_1")}, ""},
		{"an owner's deleted group", core.VirtualKey{AllModels: true}, []core.Level{level("tea_1", "group:gone")}, ""},
		{"the intersection", core.VirtualKey{Models: []string{"a", "b"}}, []core.Level{level("tea_1", "b", "c"), level("org_1", "group:g")}, "b"},
		{"nothing in common", core.VirtualKey{Models: []string{"a"}}, []core.Level{level("tea_1", "b")}, ""},
		{"limits restrict no model", core.VirtualKey{AllModels: true},
			[]core.Level{{ID: "org_1", Ceiling: core.Ceiling{AllModels: true, Limits: core.Limits{RPM: 1}}}}, "abc"},
	} {
		p := &core.Principal{Key: &c.key, Levels: c.levels, Groups: groups}
		got := ""
		for _, alias := range []string{"a", "b", "c", "group:g", ""} {
			if alias != "" && p.AllowsModel(alias) && (len(alias) == 1) {
				got += alias
			}
		}
		if got != c.want {
			t.Errorf("%s: allows %q, want %q", c.name, got, c.want)
		}
		if n := testing.AllocsPerRun(10, func() { p.AllowsModel("c") }); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// C62: a fallback that the key, or an owner of it, may not use is skipped and not
// used; the ledger's line says so.
func TestExchange_FallbackNotAllowed(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	fails := r.snapshot.Routes["m"].Targets[0]
	other, err := exchange.NewTarget(t.Context(), exchange.Target{Deployment: &core.Deployment{Name: "other", Provider: "provider.test", Model: "other", BaseURL: fails.Deployment.BaseURL, AllowPrivate: true},
		State: new(routing.States).Of("other"), Price: fails.Price, Credential: fails.Credential, AllowPrivate: true}, passthrough{base: r.url})
	if err != nil {
		t.Fatal(err)
	}
	r.snapshot.Routes["m"] = exchange.NewRoute(core.Model{Name: "m", Fallbacks: []string{"b", "gone"}}, []*exchange.Target{fails}, nil, nil)
	r.snapshot.Routes["b"] = exchange.NewRoute(core.Model{Name: "b"}, []*exchange.Target{other}, nil, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		if strings.Contains(<-r.bodies, "vendor-model") {
			w.WriteHeader(503)
			return
		}
		_, _ = w.Write([]byte(`{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`))
	})
	for _, c := range []struct {
		name           string
		models, levels []string
		status         int
	}{
		{"both", []string{"m", "b"}, []string{"m", "b"}, 200},
		{"not the key's", []string{"m"}, []string{"m", "b"}, 503},
		{"not the owner's", []string{"m", "b"}, []string{"m"}, 503},
		{"not the alias itself", []string{"b"}, []string{"m", "b"}, 403},
	} {
		p := r.key("", core.Limits{})
		p.Key.AllModels, p.Key.Models = false, c.models
		p.Levels = []core.Level{level("tea_1", c.levels...)}
		before := r.hits.Load()
		got, entries := r.ask(p, abi.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
		if got.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, got.status, c.status, got.body.String())
		}
		if c.status == 403 {
			if len(entries) > 0 || r.hits.Load() != before {
				t.Errorf("%s: a refusal reached the vendor", c.name)
			}
			continue
		}
		skipped := strings.HasSuffix(entries[0].Reason, "; not allowed to the key and skipped: b")
		if skipped != (c.status == 503) || strings.Contains(got.body.String(), "skipped") {
			t.Errorf("%s: reason %q, answer %s", c.name, entries[0].Reason, got.body.String())
		}
		for _, a := range entries[0].Attempts {
			if a.Deployment == "other" && c.status != 200 {
				t.Errorf("%s: a fallback that is not allowed was tried", c.name)
			}
		}
	}
}

// The limits and budgets of all levels hold, and a refusal by one uses up nothing
// of the others.
func TestExchange_Levels(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`))
	})
	const body = `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`
	team := core.Level{ID: "tea_1", Ceiling: core.Ceiling{AllModels: true, Limits: core.Limits{RPM: 3}}}
	org := core.Level{ID: "org_1", Ceiling: core.Ceiling{AllModels: true, Limits: core.Limits{RPM: 4}}}
	one, two := r.key("", core.Limits{RPM: 2}), r.key("", core.Limits{})
	alone := r.key("", core.Limits{})
	for _, p := range []*core.Principal{one, two} {
		p.Levels = []core.Level{team, org}
	}
	alone.Levels = []core.Level{org}
	for n, c := range []struct {
		p      *core.Principal
		status int
		say    string
	}{
		{one, 200, ""}, {one, 200, ""}, {one, 429, "limit of 2 requests"}, {one, 429, "limit of 2 requests"}, {two, 200, ""},
		{two, 429, "limit of 3 requests"}, {two, 429, "limit of 3 requests"}, {alone, 200, ""}, {alone, 429, "limit of 4 requests"},
	} {
		if got, _ := r.ask(c.p, abi.Chat, body); got.status != c.status || !strings.Contains(got.body.String(), c.say) {
			t.Errorf("%d: status %d, want %d: %s", n, got.status, c.status, got.body.String())
		}
	}

	// An organization's budget is every key's; what is left of it is nobody's to know.
	budget := &core.Budget{ID: "bud_1", Scope: core.ScopeOrganization, SubjectID: "org_9", Amount: 250_000, Period: core.PeriodNone, CreatedAt: time.Now()}
	spent := core.Nano(0)
	for n := range 20 {
		p := r.key("1.00", core.Limits{})
		p.Organization.ID = "org_9"
		p.Budgets = append(p.Budgets, budget)
		got, entries := r.ask(p, abi.Chat, body)
		if got.status == 200 {
			spent += entries[0].Amount
			continue
		}
		if n < 3 || got.status != 402 || !strings.Contains(got.body.String(), "which the organization's budget does not cover") || strings.Contains(got.body.String(), "0.0002") {
			t.Errorf("%d: status %d: %s", n, got.status, got.body.String())
		}
		if left, held, _, err := r.ledger.Spent(t.Context(), p.Budgets[0], time.Now()); err != nil || left != 0 || held != 0 {
			t.Errorf("a refusal left %s spent and %s held of the key's own budget, %v", left, held, err)
		}
	}
	got, held, _, err := r.ledger.Spent(t.Context(), budget, time.Now())
	if err != nil || got != spent || held != 0 || spent == 0 || spent > budget.Amount {
		t.Errorf("%s spent, %s held, want %s: %v", got, held, spent, err)
	}
}
