package adminapi

import (
	"context"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// TestProjects is a story: a project is made, has keys, holds them to its ceiling,
// and is in the ledger and in sums.
func TestProjects(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	project := w.make("/projects", ids.Replace(`{"name": "Search", "team_id": "TEAM", "tags": ["search"], "models": ["a"], "limits": {"rpm": 7}, "budget": {"amount": "9"}}`))
	fill := strings.NewReplacer("PROJECT", project, "PLAIN", w.plain.ID)
	for _, tt := range []struct {
		status                   int
		method, path, body, want string
	}{
		{200, "GET", "/projects/PROJECT", "", `"organization_id":"ORG","team_id":"TEAM","name":"Search","all_models":false,"models":["a"],"limits":{"rpm":7},"guardrails":[],"tags":["search"]`},
		{200, "GET", "/projects?team_id=TEAM&organization_id=ORG&name=Search", "", `"budget":{"amount":"9.00"`},
		{200, "GET", "/projects?team_id=FOREIGN", "", `{"data":[],`},
		{409, "POST", "/projects", `{"name": "Search", "team_id": "TEAM"}`, `"param":"name"`},
		{400, "POST", "/projects", `{"name": "x"}`, `"param":"team_id"`},
		{400, "POST", "/projects", `{"name": "", "team_id": "TEAM"}`, `"param":"name"`},
		{400, "POST", "/projects", `{"name": "x", "team_id": "tea_none"}`, `"param":"team_id"`},
		{400, "PATCH", "/projects/PROJECT", `{"team_id": "FOREIGN"}`, `unknown member`},
		{200, "PATCH", "/projects/PROJECT", `{"tags": ["find"], "models": ["a", "b"]}`, `"tags":["find"]`},
		{400, "PATCH", "/keys/PLAIN", `{"team_id": "FOREIGN", "project_id": "PROJECT"}`, `"param":"project_id"`},
		{400, "PATCH", "/keys/PLAIN", `{"project_id": "prj_none"}`, `"param":"project_id"`},
		{200, "PATCH", "/keys/PLAIN", `{"project_id": "PROJECT", "tags": ["own", "find"]}`, `"organization_id":"ORG","team_id":"TEAM","project_id":"PROJECT"`},
		{200, "GET", "/keys?project_id=PROJECT&kind=service_account", "", `"kind":"service_account"`},
		{200, "GET", "/keys?kind=organization", "", `{"data":[],`},
		{400, "GET", "/keys?kind=robot", "", `"param":"kind"`},
		{409, "DELETE", "/projects/PROJECT", "", "still has 1 key"},
		{409, "DELETE", "/teams/TEAM", "", "still has 1 project and 1 key"},
	} {
		path, body, want := ids.Replace(fill.Replace(tt.path)), ids.Replace(fill.Replace(tt.body)), ids.Replace(fill.Replace(tt.want))
		status, _, text := w.do(adminSecret, tt.method, path, body)
		if status != tt.status || !strings.Contains(text, want) {
			t.Errorf("%s %s %s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, status, tt.status, tt.want, text)
		}
	}
	p, err := w.keys.Authenticate(context.Background(), plainSecret, nil, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if p.Project != (core.Named{ID: project, Name: "Search"}) || strings.Join(p.Tags, " ") != "own find" || !p.AllowsModel("b") || p.AllowsModel("c") ||
		len(p.Levels) != 1 || p.Levels[0].Limits.RPM != 7 || len(p.Budgets) != 1 || p.Budgets[0].Scope != core.ScopeProject {
		t.Errorf("%+v", p)
	}

	e := &core.LedgerEntry{ExchangeID: "exc_1", At: w.now, Key: core.Named{ID: p.Key.ID}, Team: p.Team, Organization: p.Organization, Project: p.Project, Amount: 5, Outcome: core.OutcomeOK}
	if err := w.ledger.Settle(t.Context(), nil, e, nil); err != nil {
		t.Fatal(err)
	}
	w.settle("exc_2", "m", w.now, 7)
	for path, want := range map[string]string{
		"/ledger?project_id=" + project:                   `"project":{"id":"` + project + `","name":"Search"}`,
		"/usage?by=project&project_id=" + project:         `{"data":[{"group":"` + project + `","requests":1,`,
		"/usage?by=project":                               `{"data":[{"group":"","requests":1,`,
		"/ledger/export?format=csv&project_id=" + project: "," + project + ",Search\n",
		"/projects/" + project:                            `"spent":"0.000000005"`,
	} {
		if status, _, text := w.do(adminSecret, "GET", path, ""); status != 200 || !strings.Contains(text, want) || strings.Contains(path, "project_id") && strings.Contains(text, "exc_2") {
			t.Errorf("%s: want %s: %s", path, want, text)
		}
	}
}
