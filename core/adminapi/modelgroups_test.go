package adminapi

import (
	"context"
	"strings"
	"testing"
)

// TestModelGroups is a story. C103: emptied, deleted or never made, a group
// allows nothing.
func TestModelGroups(t *testing.T) {
	w := newWorld(t)
	w.keys.FileGroup = func(name string) ([]string, bool) { return fakeRuntime{}.ModelGroups()[0].Models, name == "cheap" }
	group := w.make("/model-groups", `{"name": "big", "models": ["echo", "gone"]}`)
	spare := w.make("/model-groups", `{"name": "spare", "models": []}`)
	ids := strings.NewReplacer("GROUP", group, "SPARE", spare, "PLAIN", w.plain.ID)
	allowed := func() string {
		p, err := w.keys.Authenticate(context.Background(), plainSecret, nil, w.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, alias := range []string{"echo", "gone", "other"} {
			if p.AllowsModel(alias) {
				got += alias + " "
			}
		}
		return got
	}
	for _, tt := range []struct {
		status                   int
		method, path, body, want string
		allowed                  string // to the plain key afterwards
	}{
		{200, "GET", "/model-groups/GROUP", "", `"name":"big","models":["echo","gone"],`, "echo gone other "},
		{200, "GET", "/model-groups/GROUP", "", `"origin":"api","unknown_models":["gone"]`, "echo gone other "},
		{200, "GET", "/model-groups", "", `{"data":[{"id":"file:cheap","name":"cheap","models":["echo","gone"]`, "echo gone other "},
		{200, "GET", "/model-groups?name=spare", "", `{"data":[{"id":"SPARE"`, "echo gone other "},
		{200, "GET", "/model-groups/file:cheap", "", `"origin":"file"`, "echo gone other "},
		{409, "DELETE", "/model-groups/file:cheap", "", "configuration", "echo gone other "},
		{409, "PATCH", "/model-groups/file:cheap", `{"models": []}`, "configuration", "echo gone other "},
		{409, "POST", "/model-groups", `{"name": "cheap", "models": []}`, `"param":"name"`, "echo gone other "},
		{409, "POST", "/model-groups", `{"name": "big", "models": []}`, `"param":"name"`, "echo gone other "},
		{400, "POST", "/model-groups", `{"name": "a b", "models": []}`, `"param":"name"`, "echo gone other "},
		{400, "POST", "/model-groups", `{"name": "x"}`, `"param":"models"`, "echo gone other "},
		{400, "POST", "/model-groups", `{"name": "x", "models": ["a", "group:big"]}`, `"param":"models[1]"`, "echo gone other "},
		{400, "PATCH", "/keys/PLAIN", `{"models": ["a", "group:not good"]}`, `"param":"models[1]"`, "echo gone other "},
		{400, "PATCH", "/keys/PLAIN", `{"models": [""]}`, `"param":"models[0]"`, "echo gone other "},

		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:big", "other", "group:never"]}`, `"unknown_models":["other","group:never"]`, "echo gone other "},
		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:cheap"]}`, `"models":["group:cheap"]`, "echo gone "},
		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:big"]}`, `"models":["group:big"]`, "echo gone "},
		{409, "DELETE", "/model-groups/GROUP", "", "model group big is used by 1 key", "echo gone "},
		{200, "PATCH", "/model-groups/GROUP", `{"models": ["echo"]}`, `"models":["echo"]`, "echo "},
		{200, "PATCH", "/model-groups/GROUP", `{}`, `"models":["echo"]`, "echo "},
		{200, "PATCH", "/model-groups/GROUP", `{"models": []}`, `"models":[]`, ""},
		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:spare", "group:big"]}`, ``, ""},
		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:never"]}`, `"unknown_models":["group:never"]`, ""},
		{204, "DELETE", "/model-groups/GROUP", "", "", ""},
		{200, "PATCH", "/keys/PLAIN", `{"models": ["group:big"]}`, `"unknown_models":["group:big"]`, ""},
		{404, "GET", "/model-groups/GROUP", "", "there is no model group", ""},
		{404, "DELETE", "/model-groups/GROUP", "", "does not exist", ""},
		{404, "PATCH", "/model-groups/GROUP", `{"models": []}`, "does not exist", ""},
		{201, "POST", "/model-groups", `{"name": "big", "models": ["other"]}`, `"name":"big"`, "other "},
	} {
		status, _, text := w.do(adminSecret, tt.method, ids.Replace(tt.path), ids.Replace(tt.body))
		if status != tt.status || !strings.Contains(text, ids.Replace(tt.want)) {
			t.Errorf("%s %s %s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, status, tt.status, tt.want, text)
		}
		if got := allowed(); got != tt.allowed {
			t.Errorf("after %s %s %s the key may use %q, want %q", tt.method, tt.path, tt.body, got, tt.allowed)
		}
	}
}
