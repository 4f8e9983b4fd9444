package adminapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// TestOwned_C86: a team brings its own credential, deployment and model. It can
// use nothing of others for them, reads nothing of the operator's, and reaches
// nothing that the operator has not permitted.
func TestOwned_C86(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	var teams struct{ Data []core.Team }
	w.want(200, "GET", "/teams?limit=1000", "", &teams)
	own := teams.Data[0]
	other := w.make("/teams", `{"name": "others", "organization_id": "`+own.OrganizationID+`"}`)
	_ = ids
	const secret = "sk-teamadmin-0123456789"
	if _, _, err := w.keys.Create(t.Context(), keys.Spec{Name: "team admin", Role: core.RoleTeamAdmin, OrganizationID: own.OrganizationID, TeamID: own.ID, Secret: secret}); err != nil {
		t.Fatal(err)
	}
	team := `"team_id": "` + own.ID + `", `
	do := func(status int, method, path, body string) string {
		t.Helper()
		got, _, text := w.do(secret, method, path, body)
		if got != status {
			t.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, got, status, text)
		}
		return text
	}
	w.want(201, "POST", "/deployments", `{"name": "foreign", "provider": "provider.echo", "model": "x", "team_id": "`+other+`"}`, nil)
	w.want(201, "POST", "/models", `{"name": "foreign", "deployments": ["foreign"], "team_id": "`+other+`"}`, nil)

	text := do(201, "POST", "/credentials", `{"name": "own", `+team+`"provider": "provider.echo", "api_key": "sk-MARK8-of-the-team-0123"}`)
	if !strings.Contains(text, `"team_id":"`+own.ID) || !strings.Contains(text, `"organization_id":"`+own.OrganizationID) || strings.Contains(text, "MARK8") {
		t.Error(text)
	}
	do(201, "POST", "/deployments", `{"name": "own", `+team+`"provider": "provider.echo", "model": "x", "credential": "own", "base_url": "https://example.com/v1"}`)
	do(201, "POST", "/models", `{"name": "own", `+team+`"deployments": ["own"], "fallbacks": ["echo"]}`)

	deployment := func(members string) string {
		return `{"name": "new", ` + team + `"provider": "provider.echo", "model": "x", ` + members + `}`
	}
	before := w.inForce().Revision
	for _, tt := range []struct {
		method, path, body string
		status             int
		param, detail      string
	}{
		{"POST", "/credentials", `{"name": "new", ` + team + `"provider": "provider.echo", "api_key": "env:TOKLIGENCE_ADMIN_KEY"}`, 400, "api_key", "the operator's"},
		{"POST", "/credentials", `{"name": "new", ` + team + `"provider": "provider.echo", "api_key": "file:/etc/passwd"}`, 400, "api_key", "the operator's"},
		{"PATCH", "/credentials/own", `{"api_key": "env:HOME"}`, 400, "api_key", "the operator's"},
		{"POST", "/deployments", deployment(`"base_url": "env:HOME"`), 400, "base_url", "the operator's"},
		{"POST", "/deployments", deployment(`"options": {"x": {"y": ["file:/etc/passwd"]}}`), 400, "options.x.y[0]", "the operator's"},
		{"POST", "/deployments", deployment(`"allow_private": true`), 400, "allow_private", "the operator's"},
		{"POST", "/deployments", deployment(`"base_url": "http://10.0.0.1/"`), 400, "base_url", ""},
		{"POST", "/deployments", deployment(`"base_url": "http://169.254.169.254/"`), 400, "base_url", ""},
		{"POST", "/deployments", deployment(`"base_url": "http://[::ffff:169.254.169.254]/"`), 400, "base_url", ""},
		{"POST", "/deployments", deployment(`"credential": "vendor", "base_url": "https://example.com"`), 400, "credential", "is not yours"},
		{"POST", "/deployments", deployment(`"credential": "fore"`), 400, "credential", `no [[credential]] is named "fore"`},
		{"POST", "/models", `{"name": "new", ` + team + `"deployments": ["echo"]}`, 400, "deployments[0]", "is not yours"},
		{"POST", "/models", `{"name": "new", ` + team + `"deployments": ["foreign"]}`, 400, "deployments[0]", `no [[deployment]] is named "foreign"`},
		{"POST", "/models", `{"name": "new", ` + team + `"deployments": ["own"], "guardrails": ["words"]}`, 400, "guardrails", "are the operator's"},
		{"POST", "/models", `{"name": "echo", ` + team + `"deployments": ["own"]}`, 409, "name", `there is a model "echo" already`},
		{"POST", "/models", `{"name": "foreign", ` + team + `"deployments": ["own"]}`, 409, "name", `there is a model "foreign" already`},
		{"PATCH", "/models/own", `{"team_id": "` + other + `"}`, 400, "team_id", ""},
		{"PATCH", "/models/own", `{"organization_id": null}`, 403, "", ""},
		{"POST", "/models", `{"name": "new", "deployments": ["own"]}`, 403, "", ""},
		{"PATCH", "/models/foreign", `{"fallbacks": []}`, 404, "", ""},
		{"DELETE", "/models/echo", ``, 404, "", ""},
		{"POST", "/models/foreign/test", ``, 404, "", ""},
		{"GET", "/credentials/vendor", ``, 404, "", ""},
		{"GET", "/guardrails", ``, 403, "", ""},
		{"GET", "/config/export", ``, 403, "", ""},
		{"GET", "/config/revisions/2", ``, 403, "", ""},
	} {
		got, _, text := w.do(secret, tt.method, tt.path, tt.body)
		var p problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || got != tt.status || p.Param != tt.param || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, got, text)
		}
		if strings.Contains(text, "gateway.toml") || strings.Contains(text, "root:") {
			t.Errorf("%s %s %s tells of the operator: %s", tt.method, tt.path, tt.body, text)
		}
	}
	if n := w.inForce().Revision; n != before {
		t.Errorf("revision %d, was %d", n, before)
	}
	for _, path := range []string{"/models", "/deployments", "/credentials"} {
		if text := do(200, "GET", path, ""); strings.Count(text, `"name":"own"`) != 1 || strings.Contains(text, "foreign") || strings.Contains(text, `"name":"echo"`) || strings.Contains(text, "vendor") {
			t.Errorf("%s: %s", path, text)
		}
	}
	// To name what others have is as to name nothing, and keeps nobody from the name.
	do(200, "PATCH", "/models/own", `{"fallbacks": ["echo", "foreign", "later"]}`)
	w.want(201, "POST", "/models", `{"name": "later", "deployments": ["foreign"], "fallbacks": ["own"], "team_id": "`+other+`"}`, nil)
	// The operator's do not lean on what a team has.
	if p := w.problemOf(400, "POST", "/models", `{"name": "new", "deployments": ["own"]}`); p.Param != "deployments[0]" {
		t.Errorf("%+v", p)
	}
	if p := w.problemOf(409, "DELETE", "/teams/"+own.ID, ""); !strings.Contains(p.Detail, "3 objects of the configuration") {
		t.Errorf("%+v", p)
	}
	_, _, text = w.do(adminSecret, "GET", "/config/export", "")
	if strings.Contains(text, `name = "own"`) || !strings.Contains(text, "Left out, since a team or an organization owns it: model[own]") {
		t.Errorf("export: %s", text)
	}
	// An alias that is gone does not keep the operator from changing the files.
	w.configure(strings.Replace(configFile, "[[model]]\nname = \"echo\"", "[[model]]\nname = \"renamed\"", 1))
	if err := w.revisions.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/models/own", "/deployments/own", "/credentials/own"} {
		do(204, "DELETE", path, "")
	}
	for _, text := range append(w.answers, w.log.String()) {
		if strings.Contains(text, "MARK8") {
			t.Errorf("a secret in %s", text)
		}
	}
}
