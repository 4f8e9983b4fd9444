package adminapi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// TestCredentials: a secret goes in and is used; nobody sees it again.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	show := func(want ...string) {
		t.Helper()
		_, _, text := w.do(adminSecret, "GET", "/credentials/c", "")
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s is not in %s", part, text)
			}
		}
	}
	secret := func(key string) string {
		t.Helper()
		return w.revisions.Config().Credentials()["c"].Fields[key]
	}
	first := w.inForce().Revision
	w.want(201, "POST", "/credentials", `{"name": "c", "provider": "provider.echo", "api_key": "sk-MARK7-by-api-0123456789", "account": "MARK7"}`, nil)
	show(`"api_key":"***6789"`, `"account":"***"`, `"origin":"api"`)
	if secret("api_key") != "sk-MARK7-by-api-0123456789" || secret("account") != "MARK7" {
		t.Error("the secret is not in force")
	}
	w.want(200, "PATCH", "/credentials/c", `{"api_key": "sk-MARK7-second-0123456780"}`, nil)
	show(`"api_key":"***6780"`, `"account":"***"`)
	if secret("api_key") != "sk-MARK7-second-0123456780" || secret("account") != "MARK7" {
		t.Error("the second secret is not in force")
	}
	n := w.inForce().Revision
	w.want(200, "PATCH", "/credentials/c", `{"api_key": "sk-MARK7-second-0123456780"}`, nil)
	if w.inForce().Revision != n || n != first+2 {
		t.Errorf("revision %d after %d and %d", w.inForce().Revision, n, first)
	}
	w.want(200, "PATCH", "/credentials/c", `{"account": null, "region": "env:NOBODY"}`, nil)
	show(`"region":"env:NOBODY"`)
	if c := w.revisions.Config().Credentials()["c"]; len(c.Fields) != 1 || len(c.Missing) != 1 {
		t.Errorf("%v, missing %v", len(c.Fields), c.Missing)
	}
	w.want(200, "PATCH", "/credentials/c", `{"region": null}`, nil)
	w.want(201, "POST", "/deployments", `{"name": "d", "provider": "provider.echo", "model": "x", "credential": "c"}`, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int
		param, detail      string
	}{
		{"PATCH", "/credentials/c", `{"api_key": "***6780"}`, 400, "api_key", "is what is shown"},
		{"PATCH", "/credentials/c", `{"api_key": " "}`, 400, "api_key", "must not be empty"},
		{"PATCH", "/credentials/c", `{"api_key": 7}`, 400, "api_key", "must be a string"},
		{"PATCH", "/credentials/c", `{"api_key": null}`, 400, "", "has no secret"},
		{"PATCH", "/credentials/c", `{"provider": "provider.nobody"}`, 400, "provider", "no [[plugin]]"},
		{"PATCH", "/credentials/c", `{"api_key": "env:1"}`, 400, "api_key", "must be followed by"},
		{"POST", "/credentials", `{"name": "new", "provider": "provider.echo"}`, 400, "", "has no secret"},
		{"POST", "/credentials", `{"name": "new", "provider": "provider.echo", "origin": "sk-MARK7"}`, 400, "origin", "cannot be the name"},
		{"PATCH", "/credentials/vendor", `{"api_key": "sk-MARK7"}`, 409, "", "can only be changed there"},
		{"DELETE", "/credentials/c", ``, 409, "", "deployment[d].credential"},
	} {
		if p := w.problemOf(tt.status, tt.method, tt.path, tt.body); p.Param != tt.param || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s %s: %q: %s", tt.method, tt.path, tt.body, p.Param, p.Detail)
		}
	}
	// A rollback brings the secret of its time back.
	var back rollbackView
	w.want(200, "POST", "/config/rollback", `{"revision": 2}`, &back)
	if secret("api_key") != "sk-MARK7-by-api-0123456789" || secret("account") != "MARK7" {
		t.Error("the first secret is not in force again")
	}
	w.want(201, "POST", "/models", `{"name": "m", "deployments": ["echo"]}`, nil)
	var made objectHead
	w.want(200, "GET", "/models/m", "", &made)
	if made.Origin != core.OriginAPI {
		t.Errorf("%+v", made)
	}
	for _, path := range []string{"/credentials", "/config", "/config/export", "/config/revisions", "/config/revisions/2", "/config/revisions/3", "/config/diff?from=1&to=3", "/config/diff?from=0&to=4", "/audit", "/audit/export", "/deployments", "/events"} {
		w.do(adminSecret, "GET", path, "")
	}
	for _, text := range append(w.answers, w.log.String()) {
		if i := strings.Index(text, "MARK"); i >= 0 {
			t.Errorf("a secret in %s", text[max(0, i-80):min(len(text), i+80)])
		}
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "MARK7") {
			t.Errorf("%s holds a secret", file)
		}
	}
}
