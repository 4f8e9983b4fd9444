package adminapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store"
)

// TestAudit_Routes: no route changes anything without an action.
func TestAudit_Routes(t *testing.T) {
	a := &api{}
	actions := a.actions()
	for _, rt := range a.routes() {
		route := rt.method + " " + rt.path
		if _, ok := actions[route]; !ok && rt.method != "GET" {
			t.Errorf("%s has no action", route)
		}
		if act := actions[route]; act.name != "" && (strings.Count(act.name, ".") != 1 || rt.method == "GET") {
			t.Errorf("%s has the action %q", route, act.name)
		}
		delete(actions, route)
	}
	for route := range actions {
		t.Errorf("there is no route %s", route)
	}
}

// audit lists records as the admin sees them.
func (w *world) audit(query string) []core.AuditRecord {
	w.t.Helper()
	var page struct{ Data []core.AuditRecord }
	w.want(200, "GET", "/audit"+query, "", &page)
	return page.Data
}

// member reads one member of a state, "-" when there is none.
func member(t testing.TB, state json.RawMessage, name string) string {
	t.Helper()
	if string(state) == "null" {
		return "-"
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(state, &members); err != nil {
		t.Fatalf("%v in %s", err, state)
	}
	return string(members[name])
}

// TestAudit follows what each request leaves in the log: nothing for "".
func TestAudit(t *testing.T) {
	w := newWorld(t)
	const created = "ID"
	id := ""
	for _, tt := range []struct {
		secret, method, path, body string
		status                     int
		want                       string // action, outcome and code, object's kind and name
		member, change             string // of before and after
	}{
		{adminSecret, "POST", "/keys", `{"name": "ci", "models": ["gpt"]}`, 201, "key.create ok  key ci", "name", `- "ci"`},
		{adminSecret, "PATCH", "/keys/ID", `{"name": "new"}`, 200, "key.update ok  key ci", "name", `"ci" "new"`},
		{adminSecret, "PATCH", "/keys/ID", `{"budget": {"amount": "5"}}`, 200, "key.update ok  key new", "name", `"new" "new"`},
		{adminSecret, "PATCH", "/keys/ID", `{"budget": null}`, 200, "key.update ok  key new", "budget", "* null"},
		{adminSecret, "POST", "/keys/ID/block", "", 200, "key.block ok  key new", "blocked", "false true"},
		{adminSecret, "POST", "/keys/ID/unblock", "", 200, "key.unblock ok  key new", "blocked", "true false"},
		{adminSecret, "POST", "/keys/ID/rotate", "", 200, "key.rotate ok  key new", "blocked", "false false"},
		{adminSecret, "POST", "/keys/ID/rotate", `{"grace": "x"}`, 400, "", "", ""},
		{adminSecret, "PATCH", "/keys/ID", `{"name": ""}`, 400, "", "", ""},
		{adminSecret, "PATCH", "/keys/ID", strings.Repeat(" ", maxBody+1), 413, "", "", ""},
		{adminSecret, "POST", "/keys", `{"name": "again", "secret": "` + plainSecret + `"}`, 409, "key.create refused conflict key ", "name", "- -"},
		{adminSecret, "DELETE", "/keys/" + w.admin.ID, "", 409, "key.delete refused conflict key admin", "name", "- -"},
		{plainSecret, "DELETE", "/keys/ID", "", 403, "key.delete refused permission_denied key new", "name", "- -"},
		{plainSecret, "POST", "/keys", "{}", 403, "key.create refused permission_denied key ", "name", "- -"},
		{plainSecret, "GET", "/keys", "", 403, "", "", ""},
		{plainSecret, "POST", "/ledger/verify", "", 403, "", "", ""},
		{"", "DELETE", "/keys/ID", "", 401, "", "", ""},
		{adminSecret, "DELETE", "/keys/ID", "", 204, "key.delete ok  key new", "name", `"new" -`},
		{adminSecret, "DELETE", "/keys/ID", "", 404, "", "", ""},
		{adminSecret, "PATCH", "/keys/key_nobody", `{"name": "x"}`, 404, "", "", ""},
		{adminSecret, "POST", "/ledger/verify", "", 200, "", "", ""},
		{adminSecret, "POST", "/ledger/rebuild", "", 204, "ledger.rebuild ok  ledger ", "name", "- -"},
		{adminSecret, "POST", "/models/a%2Fb/test", "", 200, "model.test ok  model ", "name", "- -"},
		{adminSecret, "POST", "/models/echo/test", "", 200, "model.test ok  model echo", "name", "- -"},
		{plainSecret, "POST", "/models/echo/test", "", 403, "model.test refused permission_denied model echo", "name", "- -"},
		{adminSecret, "POST", "/models/nobody/test", "", 404, "", "", ""},
		{adminSecret, "GET", "/keys", "", 200, "", "", ""},
	} {
		before := len(w.audit("?limit=1000"))
		w.now = w.now.Add(time.Second)
		path := strings.Replace(tt.path, created, id, 1)
		status, _, text := w.do(tt.secret, tt.method, path, tt.body)
		if status != tt.status {
			t.Fatalf("%s %s: status %d, want %d: %s", tt.method, path, status, tt.status, text)
		}
		records := w.audit("?limit=1000")
		if tt.want == "" {
			if len(records) != before {
				t.Errorf("%s %s left %+v", tt.method, path, records[0])
			}
			continue
		}
		if len(records) != before+1 {
			t.Errorf("%s %s left %d records", tt.method, path, len(records)-before)
			continue
		}
		r := records[0]
		if got := fmt.Sprintf("%s %s %s %s %s", r.Action, r.Outcome, r.ErrorCode, r.Object.Kind, r.Object.Name); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.method, path, got, tt.want)
		}
		was, is, _ := strings.Cut(tt.change, " ")
		if b, a := member(t, r.Before, tt.member), member(t, r.After, tt.member); (was != "*" && was != b) || is != a {
			t.Errorf("%s %s: %s was %s and is %s, want %s", tt.method, path, tt.member, b, a, tt.change)
		}
		who := w.admin
		if tt.secret == plainSecret {
			who = w.plain
		}
		if r.Actor != (core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: who.ID, Name: who.Name}}) || !r.At.Equal(w.now) ||
			!strings.HasPrefix(r.ID, "aud_") || r.RemoteAddress != "192.0.2.1" {
			t.Errorf("%s %s: %+v", tt.method, path, r)
		}
		if r.Action == "key.create" && r.Outcome == core.AuditOK {
			id = r.Object.ID
		}
	}

	for query, want := range map[string]int{
		"?action=key.update": 3, "?object_kind=model": 3, "?object_id=" + id: 9, "?actor_id=" + w.plain.ID: 3, "?limit=2": 2,
		"?from=" + w.now.Add(time.Second).Format(time.RFC3339): 0, "?to=2026-11-25T12:30:03Z": 2,
	} {
		if got := w.audit(query); len(got) != want {
			t.Errorf("%s: %d records, want %d", query, len(got), want)
		}
	}
	for _, query := range []string{"?actor=x", "?limit=0", "?cursor=x", "/export?limit=1", "/export?format=xml"} {
		w.problemOf(400, "GET", "/audit"+query, "")
	}
}

func TestAudit_Export(t *testing.T) {
	w := newWorld(t)
	for n := range exportPage + 2 {
		r := &core.AuditRecord{ID: fmt.Sprintf("aud_%04d", n), At: start, Action: "key.update", Outcome: core.AuditOK, Object: core.AuditObject{Kind: "key", Named: core.Named{Name: "=cmd"}},
			After: json.RawMessage(`{"a": "b, c"}`)}
		if err := w.store.AppendAudit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	_, head, text := w.do(adminSecret, "GET", "/audit/export?action=key.update", "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != exportPage+2 || !strings.Contains(lines[0], `"aud_0000"`) || !strings.Contains(lines[0], `"before":null`) || head.Get("Content-Type") != "application/jsonl" {
		t.Errorf("%d lines, the first %s", len(lines), lines[0])
	}
	_, head, text = w.do(adminSecret, "GET", "/audit/export?format=csv", "")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != exportPage+3 || head.Get("Content-Type") != "text/csv" {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for name, want := range map[string]string{"id": "aud_0000", "object_name": "'=cmd", "before": "", "after": `{"a": "b, c"}`} {
		if got := rows[1][slices.Index(rows[0], name)]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestAudit_Secrets_C85 has marked secrets go through everything that is
// recorded, and looks for them in answers, exports, the log and the database.
func TestAudit_Secrets_C85(t *testing.T) {
	w := newWorld(t)
	const secret = "sk-MARK9-new-0123456789"
	shown := []string{secret}
	var k struct{ ID, Secret string }
	w.want(201, "POST", "/keys", `{"name": "new", "secret": "`+secret+`"}`, &k)
	w.want(200, "POST", "/keys/"+k.ID+"/rotate", `{"grace": "1h"}`, &k)
	shown = append(shown, k.Secret)
	for _, r := range []struct{ secret, method, path, body string }{
		{adminSecret, "PATCH", "/keys/" + k.ID, `{"name": "x", "budget": {"amount": "1"}}`},
		{adminSecret, "POST", "/keys", `{"name": "twice", "secret": "` + secret + `"}`},
		{adminSecret, "POST", "/keys/" + secret + "/block", ""}, // pasted where the id belongs
		{secret, "DELETE", "/keys/" + secret, ""},
		{secret, "POST", "/models/" + secret + "/test", ""},
		{secret, "DELETE", "/keys/" + k.ID, ""},
		{adminSecret, "DELETE", "/keys/" + k.ID, ""},
	} {
		w.do(r.secret, r.method, r.path, r.body)
	}
	r := httptest.NewRequest("DELETE", Prefix+"/keys/"+w.plain.ID, nil)
	r.Header.Set("X-Api-Key", adminSecret)
	r.Header.Set("User-Agent", "script/"+adminSecret) // says too much
	w.handler.ServeHTTP(httptest.NewRecorder(), r)
	w.answers = nil // of the list and the exports alone
	if n := len(w.audit("")); n != 8 {
		t.Errorf("%d records", n)
	}
	w.do(adminSecret, "GET", "/audit/export", "")
	w.do(adminSecret, "GET", "/audit/export?format=csv", "")

	places := map[string]string{"list and exports": strings.Join(w.answers, "\n"), "log": w.log.String()}
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(f)] = string(raw)
	}
	for place, text := range places {
		for _, mark := range append(shown, adminSecret, plainSecret, "MARK") {
			if strings.Contains(text, mark) {
				t.Errorf("%s holds %s", place, mark)
			}
		}
	}
	sum := sha256.Sum256([]byte(secret))
	if strings.Contains(places["list and exports"], hex.EncodeToString(sum[:])) {
		t.Error("the records hold a hash")
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		`{"secret": "MARK", "name": "x"}`:                    `{"name":"x","secret":"***"}`,
		`{"list": [{"API_key": {"a": "MARK"}}, 1, "token"]}`: `{"list":[{"API_key":"***"},1,"token"]}`,
		`{"n": 9007199254740993, "tpm": null}`:               `{"n":9007199254740993,"tpm":null}`,
	} {
		if got, err := mask([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
}

// deaf is a store whose audit log cannot be written.
type deaf struct{ *store.Store }

func (deaf) AppendAudit(context.Context, *core.AuditRecord) error {
	return errors.New("the disk is full")
}

// TestAudit_Lost: whoever changed something hears that there is no record; where
// nothing was done, that alone. The log has who and what either way.
func TestAudit_Lost(t *testing.T) {
	w := newWorld(t)
	w.deps.Store = deaf{w.store}
	w.handler = checked(t, w.deps)
	p := w.problemOf(500, "POST", "/keys/"+w.plain.ID+"/block", "")
	if !strings.Contains(p.Detail, "the change was made") {
		t.Errorf("the caller hears %q", p.Detail)
	}
	w.problemOf(409, "DELETE", "/keys/"+w.admin.ID, "")
	if log := w.log.String(); !strings.Contains(log, "key.block (ok)") || !strings.Contains(log, "key.delete (refused)") || !strings.Contains(log, w.plain.ID) || !strings.Contains(log, "the disk is full") {
		t.Errorf("the log is %s", log)
	}
	_, _, text := w.do(adminSecret, "POST", "/keys", `{"name": "new", "secret": "sk-MARK9-new-0123456789"}`)
	if strings.Contains(text+w.log.String(), "MARK") {
		t.Errorf("a secret in %s or the log", text)
	}
}

// TestAudit_Bulk: a change of many keys leaves a record of each, and one of the request.
func TestAudit_Bulk(t *testing.T) {
	w := newWorld(t)
	body := fmt.Sprintf(`{"action": "block", "ids": [%q, %q, "key_nobody"]}`, w.plain.ID, w.admin.ID)
	w.do(plainSecret, "POST", "/keys/bulk", body)
	w.want(200, "POST", "/keys/bulk", body, nil)
	var got []string
	for _, r := range w.audit("") {
		got = append(got, fmt.Sprintf("%s %s %s %s", r.Action, r.Outcome, r.Object.Name, member(t, r.After, "blocked")))
	}
	want := []string{"key.bulk ok  -", "key.block refused admin -", "key.block ok plain true", "key.bulk refused  -"}
	if !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// TestAudit_Together: of changes at the same time each tells its own.
func TestAudit_Together(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			r := httptest.NewRequest("PATCH", Prefix+"/keys/"+w.plain.ID, strings.NewReader(fmt.Sprintf(`{"name": "n%d"}`, n)))
			r.Header.Set("X-Api-Key", adminSecret)
			rec := httptest.NewRecorder()
			if w.handler.ServeHTTP(rec, r); rec.Code != 200 {
				t.Errorf("status %d", rec.Code)
			}
		})
	}
	group.Wait()
	records := w.audit("")
	if len(records) != 20 {
		t.Fatalf("%d records", len(records))
	}
	for i := range records[1:] {
		if !bytes.Equal(records[i].Before, records[i+1].After) {
			t.Errorf("before %s, but the change before it left %s", records[i].Before, records[i+1].After)
		}
	}
}

// half is a key service that changes a key, but not its budget.
type half struct {
	Keys
	fail func() error
}

func (h half) SetBudget(context.Context, string, *core.Budget) (*core.Budget, error) {
	return nil, h.fail()
}

// TestAudit_Failed: what failed half-way is on record with what it left,
// whatever the failure, and whether or not anybody waits for the answer.
func TestAudit_Failed(t *testing.T) {
	fault := errors.New("the disk is on fire")
	for name, tt := range map[string]struct {
		fail     error
		to, left string // the name that is asked for, "" for none, and the one that is left
	}{
		"fault": {fault, "new", "new"}, "fault without a change": {fault, "", "plain"}, "gone": {context.Canceled, "new", "new"},
		"missing":  {core.Errorf(core.CodeNotFound, core.SourceClient, "gone"), "new", "new"},
		"conflict": {core.Errorf(core.CodeConflict, core.SourceClient, "no"), "new", "new"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			body := `{"budget": {"amount": "5"}}`
			if tt.to != "" {
				body = fmt.Sprintf(`{"name": %q, "budget": {"amount": "5"}}`, tt.to)
			}
			w.deps.Keys = half{w.deps.Keys, func() error { cancel(); return tt.fail }}
			r := httptest.NewRequest("PATCH", Prefix+"/keys/"+w.plain.ID, strings.NewReader(body)).WithContext(ctx)
			r.Header.Set("X-Api-Key", adminSecret)
			rec := httptest.NewRecorder()
			checked(t, w.deps).ServeHTTP(rec, r)
			records := w.audit("")
			if want := core.AsError(tt.fail); rec.Code != want.HTTPStatus() || len(records) != 1 || records[0].Outcome != core.AuditFailed || records[0].ErrorCode != want.Code ||
				member(t, records[0].Before, "name") != `"plain"` || member(t, records[0].After, "name") != fmt.Sprintf("%q", tt.left) {
				t.Errorf("status %d, records %+v", rec.Code, records)
			}
		})
	}
}

// TestAudit_Owners: what is created, changed and deleted is on record under its own kind.
func TestAudit_Owners(t *testing.T) {
	w := newWorld(t)
	made := map[string]string{} // ids by noun
	for _, tt := range []struct{ noun, path, body, patch, member, after string }{
		{"org", "/orgs", `{"name": "o"}`, `{"name": "p"}`, "name", `"p"`},
		{"team", "/teams", `{"name": "t", "organization_id": "org"}`, `{"name": "p"}`, "name", `"p"`},
		{"user", "/users", `{"name": "u", "email": "u@example.org"}`, `{"name": "p"}`, "name", `"p"`},
		{"membership", "/memberships", `{"user_id": "user", "organization_id": "org"}`, `{"role": "viewer"}`, "role", `"viewer"`},
	} {
		body := tt.body
		for noun, id := range made {
			body = strings.Replace(body, fmt.Sprintf("_id\": %q", noun), fmt.Sprintf("_id\": %q", id), 1)
		}
		var object struct{ ID string }
		w.want(201, "POST", tt.path, body, &object)
		id := object.ID
		made[tt.noun] = id
		w.want(200, "PATCH", tt.path+"/"+id, tt.patch, nil)
		if tt.noun == "membership" {
			w.want(204, "DELETE", tt.path+"/"+id, "", nil)
		}
		records := w.audit("?object_id=" + id)
		update := records[len(records)-2]
		if create := records[len(records)-1]; create.Action != tt.noun+".create" || member(t, create.Before, "id") != "-" || create.Object.Kind != tt.noun ||
			update.Action != tt.noun+".update" || member(t, update.After, tt.member) != tt.after {
			t.Errorf("%s: %+v", tt.noun, records)
		}
		if tt.noun == "membership" && (records[0].Action != "membership.delete" || string(records[0].After) != "null") {
			t.Errorf("deleted: %+v", records[0])
		}
	}
}
