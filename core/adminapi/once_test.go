package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/store"
)

// examples are bodies that the POSTs which make something accept; # is another
// number each time, and the words in capitals are ids of the company.
var examples = map[string]string{
	"/keys":                 `{"name": "k#", "budget": {"amount": "5"}}`,
	"/keys/PLAIN/rotate":    `{}`,
	"/keys/temporary":       `{"name": "t#"}`,
	"/invites":              `{"email": "i#@example.com", "team_id": "TEAM"}`,
	"/model-groups":         `{"name": "g#", "models": ["echo"]}`,
	"/webhooks":             `{"url": "https://example.com/#"}`,
	"/webhooks/HOOK/rotate": `{}`,
	"/credentials":          `{"name": "c#", "provider": "provider.echo", "api_key": "x#"}`,
	"/deployments":          `{"name": "d#", "provider": "provider.echo", "model": "x"}`,
	"/models":               `{"name": "m#", "deployments": ["echo"]}`,
	"/guardrails":           `{"name": "g#", "plugin": "guardrail.rules"}`,
	"/projects":             `{"name": "p#", "team_id": "TEAM"}`,
	"/orgs":                 `{"name": "o#", "budget": {"amount": "5"}}`,
	"/teams":                `{"name": "t#", "organization_id": "ORG"}`,
	"/users":                `{"name": "u#", "email": "u#@example.com"}`,
	"/memberships":          `{"user_id": "BOB", "team_id": "NEW"}`,
}

// repeatables makes requests of all routes that take an idempotency key. Each
// call of one is another request.
func (w *world) repeatables() (paths []string, body func(path string) string) {
	w.t.Helper()
	ids, n := w.company(), 0
	w.want(200, "PATCH", "/keys/"+w.admin.ID, `{"may_mint": {"max_ttl": "48h", "max_keys": 100}}`, nil)
	hook := w.make("/webhooks", `{"url": "https://example.com"}`)
	real, example := strings.NewReplacer("PLAIN", w.plain.ID, "HOOK", hook), strings.NewReplacer(w.plain.ID, "PLAIN", hook, "HOOK")
	for _, path := range slices.Sorted(maps.Keys(examples)) {
		paths = append(paths, real.Replace(path))
	}
	return paths, func(path string) string {
		n++
		example := examples[example.Replace(path)]
		if strings.Contains(example, "NEW") {
			example = strings.ReplaceAll(example, "NEW", w.make("/teams", fmt.Sprintf(`{"name": "for %d", "organization_id": %q}`, n, ids.Replace("ORG"))))
		}
		return ids.Replace(strings.ReplaceAll(example, "#", fmt.Sprint(n)))
	}
}

// count is how many of what a POST to the path makes there are.
func (w *world) count(path string) int {
	if strings.HasSuffix(path, "/rotate") || path == "/keys/temporary" {
		return 0
	}
	return len(w.walk(path, 1000, ""))
}

// shape is an answer's id and the names of its members.
func shape(t testing.TB, text string) (id, members string) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return string(all["id"]), strings.Join(slices.Sorted(maps.Keys(all)), " ")
}

func TestOnce_Routes(t *testing.T) {
	n := 0
	for route, o := range contract() {
		if o.once {
			n++
			path := strings.NewReplacer("POST ", "", "keys/{id}", "keys/PLAIN", "webhooks/{id}", "webhooks/HOOK").Replace(route)
			if examples[path] == "" {
				t.Errorf("%s has no example", route)
			}
		}
	}
	if n != len(examples) {
		t.Errorf("%d examples of %d routes", len(examples), n)
	}
}

// TestOnce: for a day a key stands for its first request.
func TestOnce(t *testing.T) {
	w := newWorld(t)
	paths, body := w.repeatables()
	for i, path := range paths {
		key, request := fmt.Sprintf("key-%d", i), body(path)
		before := w.count(path)
		records := len(w.audit("?limit=1000"))
		status, head, first := w.send("POST", path, request, "Idempotency-Key", key)
		if status > 299 || head.Get("Idempotency-Replayed") != "" {
			t.Fatalf("%s: status %d %s", path, status, first)
		}
		for range 2 {
			again, head, text := w.send("POST", path, request, "Idempotency-Key", key)
			if again != status || text != first || head.Get("Idempotency-Replayed") != "true" || head.Get("Content-Type") != "application/json" {
				t.Errorf("%s again: status %d, want %d, %s, want %s", path, again, status, text, first)
			}
		}
		if n := len(w.audit("?limit=1000")); n != records+1 {
			t.Errorf("%s: %d records of one change", path, n-records)
		}
		if p := w.problem(w.send("POST", path, `{"xyzzy": 1}`, "Idempotency-Key", key)); p.Status != 422 || p.Param != "Idempotency-Key" {
			t.Errorf("%s with another body: %+v", path, p)
		}
		if n := w.count(path); n != before+1 && n != 0 {
			t.Errorf("%s: %d more, want 1", path, n-before)
		}
		w.now = w.now.Add(claimsLast + time.Second)
		if status, head, text := w.send("POST", path, body(path), "Idempotency-Key", key); status > 299 || head.Get("Idempotency-Replayed") != "" || text == first {
			t.Errorf("%s a day later: status %d %s", path, status, text)
		}
	}
	for _, key := range []string{"", "a b", "ä", strings.Repeat("x", 256)} {
		if p := w.problem(w.send("POST", "/orgs", `{"name": "x"}`, "Idempotency-Key", key)); p.Status != 400 || p.Param != "Idempotency-Key" {
			t.Errorf("%q: %+v", key, p)
		}
	}
}

// A request that came to nothing frees its key, and callers do not share keys.
func TestOnce_Keys(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if status, head, _ := w.send("POST", "/orgs", `{"name": ""}`, "Idempotency-Key", "k"); status != 400 || head.Get("Idempotency-Replayed") != "" {
			t.Errorf("status %d", status)
		}
	}
	if status, _, text := w.send("POST", "/orgs", `{"name": "o"}`, "Idempotency-Key", "k"); status != 201 {
		t.Errorf("status %d %s", status, text)
	}
	var other struct{ Secret string }
	w.want(201, "POST", "/keys", `{"name": "other", "admin": true}`, &other)
	r := httptest.NewRequest("POST", Prefix+"/orgs", strings.NewReader(`{"name": "p"}`))
	r.Header.Set("X-Api-Key", other.Secret)
	r.Header.Set("Idempotency-Key", "k")
	rec := httptest.NewRecorder()
	if w.handler.ServeHTTP(rec, r); rec.Code != 201 {
		t.Errorf("another caller's: status %d %s", rec.Code, rec.Body)
	}
}

// crashing is a store on which attempts end half-way.
type crashing struct {
	*store.Store
	afterClaim, beforeAnswer bool
}

var errCrash = errors.New("the power is off")

func (s *crashing) Claim(ctx context.Context, c *core.Claim, since time.Time) (*core.Claim, error) {
	have, err := s.Store.Claim(ctx, c, since)
	if s.afterClaim {
		s.afterClaim, err = false, errCrash
	}
	return have, err
}

func (s *crashing) FinishClaim(ctx context.Context, id, sealed string) error {
	if s.beforeAnswer {
		s.beforeAnswer = false
		return errCrash
	}
	return s.Store.FinishClaim(ctx, id, sealed)
}

// TestOnce_Crash: whatever an attempt was at when it ended, the next one makes
// one object of the two, and answers all that the first would have.
func TestOnce_Crash(t *testing.T) {
	w := newWorld(t)
	broken := &crashing{Store: w.store}
	w.deps.Store = broken
	w.handler = checked(t, w.deps)
	paths, body := w.repeatables()
	for i, path := range paths {
		_, _, plain := w.send("POST", path, body(path))
		_, want := shape(t, plain)
		for step, fail := range map[string]*bool{"after the claim": &broken.afterClaim, "before the answer": &broken.beforeAnswer} {
			key, request, before := fmt.Sprintf("key-%d-%s", i, step[:5]), body(path), w.count(path)
			*fail = true
			if status, _, text := w.send("POST", path, request, "Idempotency-Key", key); status != 500 {
				t.Fatalf("%s, a crash %s: status %d %s", path, step, status, text)
			}
			status, head, first := w.send("POST", path, request, "Idempotency-Key", key)
			if _, members := shape(t, first); status > 299 || members != want || head.Get("Idempotency-Replayed") != "" {
				t.Errorf("%s after a crash %s: status %d, %s, want %s", path, step, status, members, want)
			}
			if _, _, again := w.send("POST", path, request, "Idempotency-Key", key); again != first {
				t.Errorf("%s after a crash %s: %s, then %s", path, step, first, again)
			}
			if n := w.count(path); n != before+1 && n != 0 {
				t.Errorf("%s after a crash %s: %d more", path, step, n-before)
			}
		}
	}
}

// The secret of a key whose first answer was lost works.
func TestOnce_CrashSecret(t *testing.T) {
	for _, brought := range []string{"", `, "secret": "sk-MARK3-brought-0123456789"`} {
		w := newWorld(t)
		w.deps.Store = &crashing{Store: w.store, beforeAnswer: true}
		w.handler = checked(t, w.deps)
		body := `{"name": "k", "all_models": true, "admin": true` + brought + `}`
		w.send("POST", "/keys", body, "Idempotency-Key", "k")
		_, _, text := w.send("POST", "/keys", body, "Idempotency-Key", "k")
		var made struct{ ID, Secret string }
		if err := json.Unmarshal([]byte(text), &made); err != nil || brought != "" && !strings.Contains(brought, made.Secret) {
			t.Fatalf("%v in %s", err, text)
		}
		if status, _, text := w.do(made.Secret, "GET", "/me", ""); status != 200 || !strings.Contains(text, made.ID) {
			t.Errorf("status %d %s", status, text)
		}
	}
}

// TestOnce_Together: requests at the same time make one object, also on several nodes.
func TestOnce_Together(t *testing.T) { nodes(t, testOnceTogether) }

func testOnceTogether(w *world, nodes []http.Handler) {
	t := w.t
	var group sync.WaitGroup
	answers := make([]string, 16)
	for n := range answers {
		group.Go(func() {
			r := httptest.NewRequest("POST", Prefix+"/keys", strings.NewReader(`{"name": "k"}`))
			r.Header.Set("X-Api-Key", adminSecret)
			r.Header.Set("Idempotency-Key", "k")
			rec := httptest.NewRecorder()
			nodes[n%3].ServeHTTP(rec, r)
			switch rec.Code {
			case 201:
				answers[n] = rec.Body.String()
			case 409:
			default:
				t.Errorf("status %d %s", rec.Code, rec.Body)
			}
		})
	}
	group.Wait()
	answers = slices.DeleteFunc(answers, func(a string) bool { return a == "" })
	slices.Sort(answers)
	if different := slices.Compact(slices.Clone(answers)); len(different) != 1 {
		t.Errorf("answers %q", different)
	}
	if rows, _ := w.rows("/keys?name=k"); len(rows) != 1 {
		t.Errorf("keys %q", rows)
	}
}

// waiting is a store in which changes wait.
type waiting struct {
	*store.Store
	entered, leave chan struct{}
}

func (s *waiting) Alone(ctx context.Context, f func() error) error {
	return s.Store.Alone(ctx, func() error {
		s.entered <- struct{}{}
		<-s.leave
		return f()
	})
}

// A request whose key is in use is told so while the first is under way.
func TestOnce_UnderWay(t *testing.T) {
	w := newWorld(t)
	slow := &waiting{w.store, make(chan struct{}), make(chan struct{})}
	w.deps.Store = slow
	w.handler = checked(t, w.deps)
	var group sync.WaitGroup
	group.Go(func() {
		if status, _, text := w.send("POST", "/orgs", `{"name": "o"}`, "Idempotency-Key", "k"); status != 201 {
			t.Errorf("status %d %s", status, text)
		}
	})
	<-slow.entered
	if p := w.problem(w.send("POST", "/orgs", `{"name": "o"}`, "Idempotency-Key", "k")); p.Status != 409 || !strings.Contains(p.Detail, "under way") {
		t.Errorf("%+v", p)
	}
	close(slow.leave)
	group.Wait()
}

// TestOnce_Sealed: what is kept for a retry cannot be read from the database, and
// without an encryption key nothing is kept.
func TestOnce_Sealed(t *testing.T) {
	w := newWorld(t)
	body := `{"name": "k", "secret": "sk-MARK7-brought-0123456789"}`
	w.send("POST", "/keys", body, "Idempotency-Key", "MARK8")
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{"MARK7", "MARK8"} {
			if strings.Contains(string(raw), mark) {
				t.Errorf("%s in %s", mark, file)
			}
		}
	}
	w.deps.Sealer = seal.Without("no key")
	w.handler = checked(t, w.deps)
	if p := w.problem(w.send("POST", "/orgs", `{"name": "o"}`, "Idempotency-Key", "k")); p.Status != 409 {
		t.Errorf("%+v", p)
	}
	if rows, _ := w.rows("/orgs"); len(rows) != 0 {
		t.Errorf("made %q", rows)
	}
}
