package adminapi

import (
	"context"
	"strings"
	"testing"
)

// TestPolicies is a story: what a key's clients may say, and what guards it.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	project := w.make("/projects", ids.Replace(`{"name": "P", "team_id": "TEAM"}`))
	fill := strings.NewReplacer("PROJECT", project, "PLAIN", w.plain.ID)
	for _, tt := range []struct {
		status                   int
		method, path, body, want string
	}{
		{200, "GET", "/keys/PLAIN", "", `"end_user":null,"metadata":null`},
		{201, "POST", "/keys", `{"name": "x", "end_user": {"fixed": "batch"}, "metadata": {"allowed": ["job"], "tags": ["job"]}, "guardrails": ["pii"]}`,
			`"end_user":{"fixed":"batch"},"metadata":{"allowed":["job"],"tags":["job"]}`},
		{200, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["header", "body"], "header": "x-who", "required": true}}`, `"end_user":{"from":["header","body"],"header":"x-who","required":true}`},
		{200, "PATCH", "/keys/PLAIN", `{"name": "plain"}`, `"header":"x-who"`},
		{200, "PATCH", "/keys/PLAIN", `{"end_user": null}`, `"end_user":null`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {}}`, `"param":"end_user.from"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["cookie"]}}`, `"param":"end_user.from[0]"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["body", "body"]}}`, `"param":"end_user.from[1]"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["header"], "header": "X-Who"}}`, `"param":"end_user.header"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["header"], "header": "authorization"}}`, `"param":"end_user.header"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["body"], "header": "x-who"}}`, `"param":"end_user.header"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"from": ["body"], "fixed": "x"}}`, `"param":"end_user.fixed"`},
		{400, "PATCH", "/keys/PLAIN", `{"end_user": {"form": ["body"]}}`, `unknown member`},
		{200, "PATCH", "/keys/PLAIN", `{"metadata": {"required": ["job"]}}`, `"metadata":{"allowed":null,"required":["job"]}`},
		{400, "PATCH", "/keys/PLAIN", `{"metadata": {"allowed": [], "required": ["job"]}}`, `"param":"metadata.required[0]"`},
		{400, "PATCH", "/keys/PLAIN", `{"metadata": {"tags": [""]}}`, `"param":"metadata.tags[0]"`},
		{200, "PATCH", "/keys/PLAIN", `{"metadata": null}`, `"metadata":null`},

		{400, "PATCH", "/keys/PLAIN", `{"guardrails": ["pii", "none"]}`, `"param":"guardrails[1]"`},
		{400, "POST", "/keys", `{"name": "x", "guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{400, "POST", "/orgs", `{"name": "x", "guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{400, "PATCH", "/orgs/ORG", `{"guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{400, "PATCH", "/teams/TEAM", `{"guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{400, "PATCH", "/users/ADA", `{"guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{400, "PATCH", "/projects/PROJECT", `{"guardrails": ["none"]}`, `"param":"guardrails[0]"`},
		{200, "PATCH", "/keys/PLAIN", `{"guardrails": ["pii"], "project_id": "PROJECT", "user_id": "ADA"}`, `"guardrails":["pii"]`},
		{200, "PATCH", "/orgs/ORG", `{"guardrails": ["words"]}`, `"guardrails":["words"]`},
		{200, "PATCH", "/teams/TEAM", `{"guardrails": ["pii"]}`, `"guardrails":["pii"]`},
		{201, "POST", "/teams", `{"name": "new", "organization_id": "ORG", "guardrails": ["pii"]}`, `"guardrails":["pii"]`},
	} {
		path, body, want := ids.Replace(fill.Replace(tt.path)), ids.Replace(fill.Replace(tt.body)), ids.Replace(fill.Replace(tt.want))
		status, _, text := w.do(adminSecret, tt.method, path, body)
		if status != tt.status || !strings.Contains(text, want) {
			t.Errorf("%s %s %s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, status, tt.status, tt.want, text)
		}
	}
	guards := func() string {
		p, err := w.keys.Authenticate(context.Background(), plainSecret, nil, w.now)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(p.Guardrails, " ")
	}
	if got := guards(); got != "pii words" {
		t.Errorf("guardrails %q", got)
	}
	for _, path := range []string{"/orgs/ORG", "/teams/TEAM", "/keys/PLAIN"} {
		w.want(200, "PATCH", ids.Replace(fill.Replace(path)), `{"guardrails": []}`, nil)
	}
	if got := guards(); got != "" {
		t.Errorf("guardrails %q", got)
	}
}
