package adminapi

import (
	"context"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// TestCeilings is a story: what owners allow is set, shown and taken back.
func TestCeilings(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	for _, tt := range []struct {
		status                   int
		method, path, body, want string
	}{
		{201, "POST", "/orgs", `{"name": "New", "models": ["a", "b"], "limits": {"rpm": 5}, "budget": {"amount": "10.00", "period": "month"}}`,
			`"all_models":false,"models":["a","b"],"limits":{"rpm":5}`},
		{201, "POST", "/orgs", `{"name": "Shut", "models": []}`, `"all_models":false,"models":[],`},
		{200, "PATCH", "/orgs/ORG", `{"limits": {"tpm": 7}, "budget": {"amount": "1.50"}}`, `"limits":{"tpm":7}`},
		{200, "PATCH", "/orgs/ORG", `{"limits": {"rpm": 3}}`, `"limits":{"rpm":3,"tpm":7}`},
		{200, "GET", "/orgs?name=Org", "", `"budget":{"amount":"1.50","period":"none","timezone":"","policy":"strict","thresholds":[80,100],"spent":"0.00","reserved":"0.00","resets_at":null}`},
		{200, "PATCH", "/orgs/ORG", `{"budget": {"period": "day"}}`, `"budget":{"amount":"1.50","period":"day"`},
		{200, "PATCH", "/orgs/ORG", `{"models": ["a"]}`, `"all_models":false,"models":["a"]`},
		{200, "PATCH", "/orgs/ORG", `{"all_models": true}`, `"all_models":true`},
		{200, "PATCH", "/orgs/ORG", `{"budget": null}`, `"budget":null`},
		{400, "PATCH", "/orgs/ORG", `{"limits": {"rpm": -1}}`, `"param":"limits.rpm"`},
		{400, "PATCH", "/orgs/ORG", `{"limits": {"rpm": "x"}}`, `"param":"limits.rpm"`},
		{400, "PATCH", "/orgs/ORG", `{"limits": {"rmp": 1}}`, `unknown member`},
		{400, "PATCH", "/orgs/ORG", `{"budget": {"period": "year"}}`, `"param":"budget.amount"`},
		{400, "PATCH", "/orgs/ORG", `{"budget": {"amount": "1", "period": "year"}}`, `"param":"budget.period"`},
		{400, "PATCH", "/orgs/ORG", `{"all_models": true, "models": ["a"]}`, `"param":"models"`},
		{400, "PATCH", "/orgs/ORG", `{"models": null}`, `"param":"models"`},
		{404, "PATCH", "/orgs/none", `{"budget": {"amount": "1"}}`, "there is no organization"},

		{201, "POST", "/teams", `{"name": "Small", "organization_id": "ORG", "limits": {"parallel": 1}, "budget": {"amount": "2"}}`, `"limits":{"parallel":1}`},
		{200, "PATCH", "/teams/TEAM", `{"models": ["a"], "budget": {"amount": "2"}}`, `"models":["a"],`},
		{200, "GET", "/teams?name=Team&organization_id=ORG", "", `"budget":{"amount":"2.00"`},
		{201, "POST", "/users", `{"name": "Eve", "email": "eve@example.com", "models": [], "budget": {"amount": "3"}}`, `"budget":{"amount":"3.00"`},
		{200, "PATCH", "/users/ADA", `{"limits": {"rpm": 2}, "budget": {"amount": "4", "period": "week"}}`, `"limits":{"rpm":2}`},
		{200, "GET", "/users/ADA", "", `"budget":{"amount":"4.00","period":"week"`},

		{200, "PATCH", "/memberships/MEMBERSHIP", `{"budget": {"amount": "5"}}`, `"role":"team_admin"`},
		{200, "GET", "/memberships?team_id=TEAM", "", `"budget":{"amount":"5.00"`},
		{201, "POST", "/memberships", `{"user_id": "BOB", "team_id": "TEAM", "budget": {"amount": "6"}}`, `"budget":{"amount":"6.00"`},
		{409, "POST", "/memberships", `{"user_id": "BOB", "team_id": "TEAM", "budget": {"amount": "7"}}`, "a member there already"},
		{200, "GET", "/memberships?team_id=TEAM&user_id=BOB", "", `"budget":{"amount":"6.00"`},
		{400, "POST", "/memberships", `{"user_id": "BOB", "organization_id": "ORG", "budget": {"amount": "6"}}`, `"param":"budget"`},
		{204, "DELETE", "/memberships/MEMBERSHIP", "", ""},
		{201, "POST", "/memberships", `{"user_id": "ADA", "team_id": "TEAM"}`, `"budget":null`},
	} {
		path, body, want := ids.Replace(tt.path), ids.Replace(tt.body), ids.Replace(tt.want)
		status, _, text := w.do(adminSecret, tt.method, path, body)
		if status != tt.status || !strings.Contains(text, want) {
			t.Errorf("%s %s %s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, status, tt.status, tt.want, text)
		}
	}
	// The audit log has the budget beside what else changed.
	var log struct {
		Data []struct{ After map[string]any }
	}
	w.want(200, "GET", ids.Replace("/audit?object_id=TEAM"), "", &log)
	if b, _ := log.Data[0].After["budget"].(map[string]any); b["amount"] != "2.00" || b["scope"] != "team" {
		t.Errorf("recorded: %v", log.Data[0].After)
	}
}

// What an owner's change does to its keys is seen by the next request with one.
func TestCeilings_SeenAtOnce(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	fill := strings.NewReplacer("PLAIN", w.plain.ID)
	do := func(method, path, body string) {
		t.Helper()
		if status, _, text := w.do(adminSecret, method, ids.Replace(fill.Replace(path)), ids.Replace(fill.Replace(body))); status >= 300 {
			t.Fatalf("%s %s: %s", method, path, text)
		}
	}
	do("PATCH", "/keys/PLAIN", `{"team_id": "TEAM", "user_id": "ADA"}`)
	state := func() (p *core.Principal, budgets string) {
		t.Helper()
		p, err := w.keys.Authenticate(context.Background(), plainSecret, nil, w.now)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.Budgets {
			budgets += string(b.Scope) + " "
		}
		return p, budgets
	}
	if p, budgets := state(); !p.AllowsModel("a") || len(p.Levels) != 0 || budgets != "" {
		t.Errorf("%+v", p)
	}
	for n, path := range []string{"/teams/TEAM", "/users/ADA", "/orgs/ORG"} {
		do("PATCH", path, `{"models": ["b"], "limits": {"rpm": 9}, "budget": {"amount": "1"}}`)
		p, _ := state()
		if p.AllowsModel("a") || !p.AllowsModel("b") || len(p.Levels) != n+1 || p.Levels[n].Limits.RPM != 9 {
			t.Errorf("after %s: %+v", path, p.Levels)
		}
	}
	do("PATCH", "/memberships/MEMBERSHIP", `{"budget": {"amount": "1"}}`)
	do("PATCH", "/keys/PLAIN", `{"budget": {"amount": "1"}}`)
	if _, budgets := state(); budgets != "key member team user organization " {
		t.Errorf("budgets %s", budgets)
	}
	do("PATCH", "/teams/TEAM", `{"models": []}`)
	if p, _ := state(); p.AllowsModel("b") {
		t.Error("a team without models allows one")
	}
	for _, path := range []string{"/teams/TEAM", "/users/ADA", "/orgs/ORG"} {
		do("PATCH", path, `{"all_models": true, "limits": {"rpm": 0}, "budget": null}`)
	}
	if p, budgets := state(); !p.AllowsModel("a") || len(p.Levels) != 0 || budgets != "key member " {
		t.Errorf("%+v, budgets %s", p.Levels, budgets)
	}
}
