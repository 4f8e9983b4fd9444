package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/events"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/revision"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/signin"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
)

const (
	adminSecret = "sk-MARK1-admin-0123456789"
	plainSecret = "sk-MARK2-plain-0123456789"
)

var start = time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC)

// world is the API over a real store, ledger and key service.
type world struct {
	t       testing.TB
	deps    Deps
	handler http.Handler
	dir     string // of the database

	configDir string // of gateway.toml
	revisions *revision.Revisions

	store   *store.Store
	ledger  *ledger.Ledger
	events  *events.Service
	keys    *keys.Service
	signin  *signin.Service
	mails   outbox
	admin   *core.VirtualKey
	plain   *core.VirtualKey
	now     time.Time
	log     bytes.Buffer
	answers []string // every body, for the search for secrets
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	return worldOn(t, "sqlite://"+filepath.Join(dir, "t.db"), dir)
}

// worldOn has its store at the URL and its encryption key in the folder.
func worldOn(t testing.TB, url, dir string) *world {
	t.Helper()
	w := &world{t: t, dir: dir, configDir: t.TempDir(), now: start}
	now := func() time.Time { return w.now }
	ctx := context.Background()
	var err error
	if w.store, err = store.Open(ctx, url, now); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if w.ledger, err = ledger.Open(ctx, w.store, ledger.Options{NodeID: "test", Now: now, Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.ledger.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	service := keys.New(w.store, w.store, now)
	w.keys = service
	if w.admin, _, err = service.Create(ctx, keys.Spec{Name: "admin", Role: core.RoleAdmin, AllModels: true, Secret: adminSecret}); err != nil {
		t.Fatal(err)
	}
	if w.plain, _, err = service.Create(ctx, keys.Spec{Name: "plain", AllModels: true, Secret: plainSecret}); err != nil {
		t.Fatal(err)
	}
	if err := seal.CreateFile(filepath.Join(w.dir, "key")); err != nil {
		t.Fatal(err)
	}
	key, _, err := seal.ReadFile(filepath.Join(w.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	ring := seal.New(key)
	w.configure(configFile)
	w.revisions = revision.New(revision.Options{Path: w.file(), Env: func(string) (string, bool) { return "", false }, Now: now, Log: log, Store: w.store, Sealer: ring,
		Build: func(context.Context, *config.Config) (*revision.Built, []config.Problem) {
			return &revision.Built{Apply: func() {}, Drop: func() {}}, nil
		}})
	if err := w.revisions.Start(ctx); err != nil {
		t.Fatal(err)
	}
	policy := &reach.Policy{}
	if err := policy.Add("127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	client := upstream.New(upstream.Options{Reach: policy})
	t.Cleanup(client.Close)
	w.signin = signin.New(signin.Options{Store: w.store, Mailer: &w.mails, PublicURL: publicURL, Idle: 12 * time.Hour, Longest: 7 * 24 * time.Hour, Log: log})
	t.Cleanup(w.signin.Close)
	w.deps = Deps{SignIn: w.signin, PublicURL: publicURL, Sealer: ring, Keys: service, Store: w.store, Ledger: w.ledger, Runtime: fakeRuntime{w.revisions}, Config: w.revisions, Now: now, Log: log}
	w.events = events.New(events.Options{Store: w.store, Client: client, Sealer: w.deps.Sealer, Reach: policy, Now: now, Log: log})
	w.deps.Hooks = w.events
	w.handler = checked(t, w.deps)
	return w
}

// configFile is the world's configuration: its objects are the file's.
const configFile = `
[[plugin]]
id = "provider.echo"
source = "builtin:echo"
[[plugin]]
id = "strategy.weighted"
source = "builtin:weighted"
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[credential]]
name = "vendor"
provider = "provider.echo"
api_key = "sk-MARK6-vendor-0123456789"
[[deployment]]
name = "echo"
provider = "provider.echo"
model = "echo"
[[model]]
name = "echo"
deployments = ["echo"]
[[guardrail]]
name = "words"
plugin = "guardrail.rules"
everywhere = true
[[model]]
name = "a/b"
deployments = ["echo"]
`

func (w *world) file() string { return filepath.Join(w.configDir, "gateway.toml") }

func (w *world) configure(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file(), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// fakeRuntime has the models of the configuration, in any state.
type fakeRuntime struct{ config *revision.Revisions }

func (r fakeRuntime) Models() []ModelInfo {
	list := []ModelInfo{{Name: "echo", Origin: core.OriginFile, Strategy: "strategy.weighted", Deployments: []DeploymentInfo{
		{Name: "echo", Provider: "provider.echo", Model: "echo", State: "ready"},
		{Name: "gpt", Provider: "provider.openai", Model: "gpt-x", State: "not configured", Why: "missing env:OPENAI_API_KEY"}}}}
	if r.config != nil {
		for _, m := range r.config.Objects(core.ObjectModel) {
			if m.Origin == core.OriginAPI {
				list = append(list, ModelInfo{Name: m.Name, Origin: m.Origin, OrganizationID: m.Owner.OrganizationID, TeamID: m.Owner.TeamID, Deployments: []DeploymentInfo{}})
			}
		}
	}
	return list
}

func (fakeRuntime) Guardrails() []string { return []string{"pii", "words"} }

func (fakeRuntime) ModelGroups() []core.ModelGroup {
	return []core.ModelGroup{{Name: "cheap", Models: []string{"echo", "gone"}}}
}

func (fakeRuntime) Plugins() []PluginInfo {
	return []PluginInfo{{ID: "provider.echo", Source: "builtin:echo", State: "running"}}
}

func (fakeRuntime) TestModel(_ context.Context, _ *core.Principal, name string) (*TestResult, error) {
	if name != "echo" && name != "a/b" {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "there is no model %q", name)
	}
	return &TestResult{OK: true, Status: 200, Message: "OK", Deployment: name}, nil
}

// do sends a request with the secret and returns status, head and body.
func (w *world) do(secret, method, path, body string) (int, http.Header, string) {
	w.t.Helper()
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	w.answers = append(w.answers, rec.Body.String())
	return rec.Code, rec.Result().Header, rec.Body.String()
}

// want sends a request as admin and decodes the answer of the expected status.
func (w *world) want(status int, method, path, body string, v any) {
	w.t.Helper()
	got, head, text := w.do(adminSecret, method, path, body)
	if got != status {
		w.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, text)
	}
	if head.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s %s may be cached", method, path)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

// problemOf sends a request as admin that must fail.
func (w *world) problemOf(status int, method, path, body string) problem {
	w.t.Helper()
	got, head, text := w.do(adminSecret, method, path, body)
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || got != status || p.Status != status || head.Get("Content-Type") != "application/problem+json" {
		w.t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, got, status, text)
	}
	if p.Title == "" || p.Detail == "" || p.Code == "" || p.Type != "about:blank" {
		w.t.Errorf("incomplete problem %s", text)
	}
	return p
}

// settle writes an entry of the plain key.
func (w *world) settle(id, model string, at time.Time, amount core.Nano) {
	w.t.Helper()
	err := w.ledger.Settle(context.Background(), nil, &core.LedgerEntry{ID: core.EntryID(id), ExchangeID: id, At: at, EndedAt: at, Key: core.Named{ID: w.plain.ID, Name: "=plain"},
		Endpoint: "chat", RequestedModel: model, DeployedModel: model, Provider: "provider.echo", Deployment: "echo",
		Usage: core.Usage{Input: 10, Output: 5}, Amount: amount, Outcome: core.OutcomeOK, Status: 200, Latency: 3 * time.Millisecond}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestRoutes_C89 goes through the table of routes: nobody is 401, a virtual key
// is 403, a missing object is 404, and nothing is changed by any of it.
func TestRoutes_C89(t *testing.T) {
	w := newWorld(t)
	_, _, before := w.do(adminSecret, "GET", "/keys", "")
	var missing []string
	for _, rt := range (&api{}).routes() {
		path := strings.NewReplacer("{id}", w.admin.ID, "{name:.+}", "echo").Replace(rt.path)
		for secret, want := range map[string]int{"": 401, "sk-nobody-0123456789012": 401, plainSecret: 403} {
			if rt.need.open {
				continue // see TestSignIn
			}
			if want == 403 && rt.path == "/me" {
				want = 200
			}
			if want == 403 && rt.path == "/password" {
				want = 400 // without a body it is not looked who asks
			}
			status, head, body := w.do(secret, rt.method, path, "")
			if status != want || want > 200 && !strings.Contains(body, `"code":`) {
				t.Errorf("%s %s with %q: status %d, want %d: %s", rt.method, path, secret, status, want, body)
			}
			if want == 401 && head.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: 401 without WWW-Authenticate", rt.method, path)
			}
		}
		if foreign := strings.NewReplacer("{id}", "key_01NOBODY", "{name:.+}", "nobody").Replace(rt.path); foreign != rt.path {
			missing = append(missing, rt.method+" "+foreign)
			w.problemOf(404, rt.method, foreign, "{}")
		}
	}
	if len(missing) != 50 {
		t.Errorf("routes of one object: %v", missing)
	}
	if _, _, after := w.do(adminSecret, "GET", "/keys", ""); after != before {
		t.Errorf("something changed: %s\n%s", before, after)
	}
}

func TestUnknownRoutes(t *testing.T) {
	w := newWorld(t)
	w.problemOf(404, "GET", "/tiers", "")
	w.problemOf(404, "GET", "/", "")
	status, head, _ := w.do(adminSecret, "PUT", "/keys/x", "")
	if status != 405 || head.Get("Allow") != "GET, HEAD, PATCH, DELETE, OPTIONS" {
		t.Errorf("status %d, allow %q", status, head.Get("Allow"))
	}
}

func TestAuth_Headers(t *testing.T) {
	w := newWorld(t)
	for name, value := range map[string]string{"Authorization": "bearer " + adminSecret, "X-Api-Key": adminSecret} {
		r := httptest.NewRequest("GET", Prefix+"/me", nil)
		r.Header.Set(name, value)
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if rec.Code != 200 {
			t.Errorf("%s: status %d", name, rec.Code)
		}
	}
	r := httptest.NewRequest("GET", Prefix+"/me?key="+adminSecret, nil)
	rec := httptest.NewRecorder()
	if w.handler.ServeHTTP(rec, r); rec.Code != 401 {
		t.Errorf("a key in the URL: status %d", rec.Code)
	}
}

// TestKeys follows a key through its life.
// TestInput: everything that is wrong is refused with the member's name.
// TestLedger_ExportPages exports more than a page.
func TestRuntime(t *testing.T) {
	w := newWorld(t)
	var models struct{ Data []ModelInfo }
	w.want(200, "GET", "/models", "", &models)
	if len(models.Data) != 1 || models.Data[0].Deployments[1].Why == "" {
		t.Errorf("models %+v", models)
	}
	var plugins struct{ Data []PluginInfo }
	w.want(200, "GET", "/plugins", "", &plugins)
	if len(plugins.Data) != 1 {
		t.Errorf("plugins %+v", plugins)
	}
	for _, name := range []string{"echo", "a/b", "a%2Fb"} {
		var r TestResult
		w.want(200, "POST", "/models/"+name+"/test", "", &r)
		if !r.OK || r.Deployment != strings.ReplaceAll(name, "%2F", "/") {
			t.Errorf("test of %s: %+v", name, r)
		}
	}
}

// TestSecrets_C85 lets everything happen to keys with marked secrets and looks
// for the marks in answers and logs.
func TestSecrets_C85(t *testing.T) {
	w := newWorld(t)
	var k struct{ ID, Secret string }
	w.want(201, "POST", "/keys", `{"name": "new", "secret": "sk-MARK3-new-0123456789"}`, &k)
	if k.Secret != "sk-MARK3-new-0123456789" {
		t.Errorf("the new secret is %q", k.Secret)
	}
	w.answers = nil // from here on it is not shown again
	w.settle("exc_1", "gpt", start, 1)
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/keys", ""}, {"GET", "/keys/" + k.ID, ""}, {"GET", "/me", ""},
		{"PATCH", "/keys/" + k.ID, `{"name": "x"}`}, {"PATCH", "/keys/" + k.ID, `{"sk-MARK3-new-0123456789"`},
		{"POST", "/keys/" + k.ID + "/block", ""}, {"POST", "/keys/" + k.ID + "/unblock", ""},
		{"POST", "/keys", `{"name": "twice", "secret": "` + plainSecret + `"}`},
		{"POST", "/keys", `{"name": "bad", "secret": "MARK4"}`},
		{"GET", "/ledger", ""}, {"GET", "/ledger/export", ""}, {"GET", "/ledger/export?format=csv", ""}, {"GET", "/models", ""}, {"GET", "/plugins", ""},
	} {
		w.do(adminSecret, r.method, r.path, r.body)
	}
	w.do("sk-MARK5-nobody-0123456789", "GET", "/me", "")
	w.want(200, "POST", "/keys/"+k.ID+"/rotate", "", &k)
	if err := w.store.Close(); err != nil { // everything fails from here on, and is logged
		t.Fatal(err)
	}
	w.do(adminSecret, "GET", "/ledger", "")
	w.do(adminSecret, "GET", "/keys", "")
	for _, a := range append(w.answers, w.log.String()) {
		// The visible beginning of a secret that was brought along is its first four characters: "sk-M".
		if i := strings.Index(a, "MARK"); i >= 0 {
			t.Errorf("a secret in %s", a)
		}
	}
	if !strings.Contains(w.log.String(), "admin request failed") {
		t.Errorf("the failure is not logged: %s", w.log.String())
	}
}

// TestExport_Cut: an export that breaks off must not look complete.
// brokenStore fails at the second page.
