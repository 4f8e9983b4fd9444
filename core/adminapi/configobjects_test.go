package adminapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

// object reads one configuration object as raw members.
func (w *world) object(path string) map[string]json.RawMessage {
	w.t.Helper()
	var o map[string]json.RawMessage
	w.want(200, "GET", path, "", &o)
	return o
}

func (w *world) inForce() configView {
	w.t.Helper()
	var v configView
	w.want(200, "GET", "/config", "", &v)
	return v
}

// TestObjects follows objects of each kind through their life.
func TestObjects(t *testing.T) {
	w := newWorld(t)
	if v := w.inForce(); v.Revision != 1 || v.Cause != core.CauseStart || v.Author.Kind != core.ActorSystem || v.Stale {
		t.Fatalf("at the start: %+v", v)
	}
	for i, step := range []struct {
		method, path, body string
		status             int
		look, want         string // a path and what stands there
	}{
		{"POST", "/deployments", `{"name": "d/1", "provider": "provider.echo", "model": "x", "weight": 0.5, "timeout": "3s", "tags": ["a"]}`, 201, "/deployments/d/1", `"weight":0.5`},
		{"POST", "/models", `{"name": "team/fast", "deployments": ["d/1", "echo"], "fallbacks": ["echo"]}`, 201, "/models/team%2Ffast", `"deployments":["d/1","echo"]`},
		{"PATCH", "/deployments/d/1", `{"weight": null, "price": {"input": "1.00"}}`, 200, "/deployments/d/1", `"price":{"input":"1.00"}`},
		{"POST", "/guardrails", `{"name": "g", "plugin": "guardrail.rules", "everywhere": true, "config": {"rules": [{"name": "r", "words": ["zebra"]}]}}`, 201, "/guardrails/g", `"words":["zebra"]`},
		{"PATCH", "/models/team/fast", `{"guardrails": ["g"], "deployments": ["d/1"]}`, 200, "/models/team/fast", `"guardrails":["g"]`},
		{"PATCH", "/models/team/fast", `{"guardrails": null}`, 200, "/models/team/fast", `"origin":"api"`},
		{"DELETE", "/guardrails/g", "", 204, "/guardrails/words", `"origin":"file"`},
	} {
		status, _, text := w.do(adminSecret, step.method, step.path, step.body)
		if status != step.status {
			t.Fatalf("%s %s %s: %d %s", step.method, step.path, step.body, status, text)
		}
		if _, _, text := w.do(adminSecret, "GET", step.look, ""); !strings.Contains(text, step.want) {
			t.Errorf("%s %s: %s", step.method, step.path, text)
		}
		if v := w.inForce(); v.Revision != int64(i+2) || v.Cause != core.CauseAPI || v.Author.ID != w.admin.ID {
			t.Errorf("%s %s: in force is %+v", step.method, step.path, v)
		}
	}
	if o := w.object("/deployments/d/1"); o["weight"] != nil || string(o["timeout"]) != `"3s"` || o["place"] != nil || o["created_at"] == nil {
		t.Errorf("by API: %s", o)
	}
	if o := w.object("/deployments/echo"); !strings.Contains(string(o["place"]), "gateway.toml:15") || o["created_at"] != nil {
		t.Errorf("of the file: %s", o)
	}
	var page struct {
		Data []struct{ Name, Origin string }
		Next *string `json:"next_cursor"`
	}
	w.want(200, "GET", "/deployments?limit=1", "", &page)
	if len(page.Data) != 1 || page.Data[0].Name != "d/1" || page.Next == nil {
		t.Errorf("first page: %+v", page)
	}
	w.want(200, "GET", "/deployments?limit=1&cursor="+*page.Next, "", &page)
	if len(page.Data) != 1 || page.Data[0].Name != "echo" || page.Next != nil {
		t.Errorf("last page: %+v", page)
	}
	w.want(200, "GET", "/deployments?origin=file", "", &page)
	if len(page.Data) != 1 || page.Data[0].Origin != "file" {
		t.Errorf("of the file: %+v", page)
	}
	// What is the same makes no revision.
	before := w.inForce().Revision
	w.want(200, "PATCH", "/deployments/d/1", `{"timeout": "3s"}`, nil)
	if after := w.inForce().Revision; after != before {
		t.Errorf("revision %d after %d, with nothing changed", after, before)
	}
}

// TestObjects_Faulty: a change that is wrong changes nothing, and names the
// member at fault.
func TestObjects_Faulty(t *testing.T) {
	w := newWorld(t)
	w.want(201, "POST", "/deployments", `{"name": "d", "provider": "provider.echo", "model": "x"}`, nil)
	w.want(201, "POST", "/models", `{"name": "m", "deployments": ["d"]}`, nil)
	before, _ := json.Marshal(w.inForce())
	deployment := func(members string) string {
		return `{"name": "new", "provider": "provider.echo", "model": "x", ` + members + `}`
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		param, detail      string
	}{
		{"POST", "/deployments", ``, 400, "name", "is required"},
		{"POST", "/deployments", `{"name": 7}`, 400, "name", "must be a string"},
		{"POST", "/deployments", `{"name": "a b", "provider": "provider.echo", "model": "x"}`, 400, "name", "visible ASCII"},
		{"POST", "/deployments", `{"name": "", "provider": "provider.echo", "model": "x"}`, 400, "name", "visible ASCII"},
		{"POST", "/deployments", `{"name": "new", "model": "x"}`, 400, "provider", "provider is missing"},
		{"POST", "/deployments", deployment(`"weigth": 1`), 400, "weigth", `did you mean "weight"?`},
		{"POST", "/deployments", deployment(`"weight": -1`), 400, "weight", "must not be negative"},
		{"POST", "/deployments", deployment(`"weight": "1"`), 400, "weight", "must be a number"},
		{"POST", "/deployments", deployment(`"weight": null`), 400, "weight", "must not be null"},
		{"POST", "/deployments", deployment(`"weight": 1e999`), 400, "weight", "must be a finite number"},
		{"POST", "/deployments", deployment(`"rpm": 1.5`), 400, "rpm", "must be an integer"},
		{"POST", "/deployments", deployment(`"tags": ["a", null]`), 400, "tags[1]", "must be a string, not null"},
		{"POST", "/deployments", deployment(`"price": {"input": 3}`), 400, "price.input", "must be a decimal string"},
		{"POST", "/deployments", deployment(`"base_url": "http://169.254.169.254/latest/", "allow_private": true`), 400, "base_url", "never called"},
		{"POST", "/deployments", deployment(`"base_url": "http://0x7f000001/"`), 400, "base_url", "not an IP address in its usual form"},
		{"POST", "/deployments", deployment(`"base_url": "http://127.0.0.1:1/"`), 400, "base_url", "allow_private"},
		{"POST", "/deployments", deployment(`"base_url": "https://user:pw@host/"`), 400, "base_url", "holds a user name"},
		{"POST", "/deployments", deployment(`"base_url": "file:///etc/passwd"`), 400, "base_url", "is not an http or https URL"},
		{"POST", "/deployments", deployment(`"credential": "nobody"`), 400, "credential", "no [[credential]] is named"},
		{"POST", "/deployments", deployment(`"timeout": "env:NOBODY", "weight": -1`), 400, "timeout", "NOBODY is not set; weight: must not be negative"},
		{"POST", "/deployments", `{"name": "new", "provider": "provider.nobody", "model": "x"}`, 400, "provider", "no [[plugin]] has the id"},
		{"POST", "/deployments", `{"name": "d", "provider": "provider.echo", "model": "x"}`, 409, "name", "already, made by API"},
		{"POST", "/deployments", `{"name": "echo", "provider": "provider.echo", "model": "x"}`, 409, "name", "gateway.toml:15"},
		{"PATCH", "/deployments/echo", `{"weight": 2}`, 409, "", "gateway.toml:15 and can only be changed there"},
		{"DELETE", "/deployments/echo", ``, 409, "", "can only be changed there"},
		{"PATCH", "/deployments/d", `{"name": "e"}`, 400, "name", "stays as it is"},
		{"PATCH", "/deployments/d", `{"provider": null}`, 400, "provider", "provider is missing"},
		{"PATCH", "/deployments/d", `[]`, 400, "", ""},
		{"DELETE", "/deployments/d", ``, 409, "", `model[m].deployments[0]`},
		{"DELETE", "/deployments/nobody", ``, 404, "", `there is no deployment nobody`},
		{"POST", "/models", `{"name": "new", "deployments": ["d", "nobody"]}`, 400, "deployments[1]", "no [[deployment]] is named"},
		{"POST", "/models", `{"name": "new", "deployments": []}`, 400, "deployments", "at least one"},
		{"POST", "/models", `{"name": "new", "deployments": ["d"], "strategy": "strategy.nobody"}`, 400, "strategy", "no [[plugin]]"},
		{"PATCH", "/models/m", `{"fallbacks": ["m"]}`, 400, "fallbacks", "falls back to itself"},
		{"POST", "/guardrails", `{"name": "new", "plugin": "guardrail.rules", "stages": ["in"]}`, 400, "stages[0]", "is not one of"},
		{"POST", "/config/rollback", `{}`, 400, "revision", "is required"},
		{"POST", "/config/rollback", `{"revision": 99}`, 400, "revision", "there is no revision 99"},
		{"GET", "/config/revisions/99", ``, 404, "", "there is no revision 99"},
		{"GET", "/config/revisions/x", ``, 404, "", `there is no revision "x"`},
		{"GET", "/config/diff?from=x", ``, 400, "from", "must be a number"},
	} {
		p := w.problemOf(tt.status, tt.method, tt.path, tt.body)
		if p.Param != tt.param || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s %s: %q: %s", tt.method, tt.path, tt.body, p.Param, p.Detail)
		}
		if after, _ := json.Marshal(w.inForce()); string(after) != string(before) {
			t.Fatalf("%s %s %s changed something: %s, was %s", tt.method, tt.path, tt.body, after, before)
		}
	}
}

// TestObjects_FaultyFile: while the files have faults nothing can be changed but
// what mends them.
func TestObjects_FaultyFile(t *testing.T) {
	w := newWorld(t)
	w.want(201, "POST", "/deployments", `{"name": "d", "provider": "provider.echo", "model": "x"}`, nil)
	w.configure(configFile + "[[model]]\nname = \"bad\"\ndeployments = [\"nobody\"]\n")
	if p := w.problemOf(409, "PATCH", "/deployments/d", `{"weight": 2}`); !strings.Contains(p.Detail, "model[bad].deployments[0]") {
		t.Error(p.Detail)
	}
	// A file does not name what was made by API: the next start would need it first.
	w.configure(configFile + "[[model]]\nname = \"bad\"\ndeployments = [\"d\"]\n")
	if p := w.problemOf(409, "PATCH", "/deployments/d", `{"weight": 2}`); !strings.Contains(p.Detail, "can name only what stands in a file") {
		t.Error(p.Detail)
	}
	w.configure(configFile + "[[deployment]]\nname = \"d\"\nprovider = \"provider.echo\"\nmodel = \"y\"\n")
	if err := w.revisions.Reload(t.Context()); err == nil {
		t.Error("a name was taken twice")
	}
	if v := w.inForce(); !v.Stale || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "deployment[d]: made by API, and defined at ") || v.Revision != 2 {
		t.Errorf("in force: %+v", v)
	}
	w.want(204, "DELETE", "/deployments/d", "", nil)
	if o := w.object("/deployments/d"); string(o["origin"]) != `"file"` || w.inForce().Stale {
		t.Errorf("the file's: %s", o)
	}
}

// TestRevisions: a hundred changes have numbers without a gap, each can be
// compared, and any of them be restored.
func TestRevisions(t *testing.T) {
	w := newWorld(t)
	const changes = 100
	w.want(201, "POST", "/deployments", `{"name": "d", "provider": "provider.echo", "model": "0"}`, nil)
	for n := 1; n < changes; n++ {
		w.want(200, "PATCH", "/deployments/d", fmt.Sprintf(`{"model": "%d"}`, n), nil)
	}
	var numbers []int64
	cursor := ""
	for first := true; first || cursor != ""; first = false {
		var page struct {
			Data []revisionView
			Next string `json:"next_cursor"`
		}
		w.want(200, "GET", "/config/revisions?limit=30&cursor="+cursor, "", &page)
		for _, r := range page.Data {
			numbers = append(numbers, r.Number)
			if r.InForce != (r.Number == changes+1) || r.Content != nil {
				t.Errorf("listed: %+v", r)
			}
		}
		cursor = page.Next
	}
	for i, n := range numbers {
		if n != int64(changes+1-i) {
			t.Fatalf("numbers %v", numbers)
		}
	}
	if len(numbers) != changes+1 {
		t.Fatalf("%d revisions", len(numbers))
	}
	diff := func(query, want string) {
		t.Helper()
		var d diffView
		w.want(200, "GET", "/config/diff"+query, "", &d)
		if got, _ := json.Marshal(d); string(got) != want {
			t.Errorf("diff%s: %s", query, got)
		}
	}
	diff("", `{"from":100,"to":101,"changes":[{"path":"deployment[d].model","before":"98","after":"99"}]}`)
	diff("?from=3&to=11", `{"from":3,"to":11,"changes":[{"path":"deployment[d].model","before":"1","after":"9"}]}`)
	diff("?from=1&to=2", `{"from":1,"to":2,"changes":[{"path":"deployment[d]","before":null,"after":"api"},{"path":"deployment[d].model","before":null,"after":"0"},{"path":"deployment[d].provider","before":null,"after":"provider.echo"}]}`)

	// What the file says meanwhile stays, and the answer says so.
	w.configure(configFile + "[routing]\ncooldown = \"7s\"\n")
	for i, back := range []int64{11, 1, 101, 101} {
		var v rollbackView
		w.want(200, "POST", "/config/rollback", fmt.Sprintf(`{"revision": %d}`, back), &v)
		if want := int64(changes + 2 + min(i, 2)); v.Revision != want || v.Restored != back || v.Cause != core.CauseRollback {
			t.Errorf("rollback %d: %+v", i, v)
		}
		if len(v.Remaining) != 1 || v.Remaining[0].Path != "routing.cooldown" || string(v.Remaining[0].After) != `"7s"` {
			t.Errorf("rollback to %d: remaining %+v", back, v.Remaining)
		}
	}
	if o := w.object("/deployments/d"); string(o["model"]) != `"99"` {
		t.Errorf("after the rollbacks: %s", o)
	}
	records := w.audit("?action=config.rollback")
	if len(records) != 4 || string(records[3].Before) != `{"revision":101}` || string(records[3].After) != `{"revision":102}` {
		t.Errorf("the audit log has %+v", records)
	}
	if records := w.audit("?object_kind=deployment&object_id=d&action=deployment.update"); len(records) == 0 || member(t, records[0].Before, "model")+member(t, records[0].After, "model") != `"98""99"` {
		t.Errorf("the audit log has %+v", records)
	}
}
