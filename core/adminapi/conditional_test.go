package adminapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/store/storetest"
)

// send is do as the admin, with headers: names and values in turn.
func (w *world) send(method, path, body string, headers ...string) (int, http.Header, string) {
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	r.Header.Set("X-Api-Key", adminSecret)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code, rec.Result().Header, rec.Body.String()
}

// TestConditional goes through all objects that can be changed: their tags stay
// until somebody sets something, and a change of what was changed since is refused.
func TestConditional(t *testing.T) {
	w := full(t)
	actions := (&api{}).actions()
	n := 0
	for _, rt := range (&api{}).routes() {
		if _, ok := tagged(rt.method, rt.path, actions); !ok {
			continue
		}
		n++
		path := w.existing(rt.path)
		status, head, text := w.send("GET", path, "")
		tag := head.Get("ETag")
		if status != 200 || len(tag) < 10 || tag[0] != '"' {
			t.Errorf("%s: status %d, tag %s", path, status, tag)
		}
		for condition, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, `W/"x"`: 200, "x": 400, tag + "x": 400} {
			status, head, text := w.send("GET", path, "", "If-None-Match", condition)
			if status != want || want == 304 && (text != "" || head.Get("ETag") != tag) || want == 400 && head.Get("ETag") != "" {
				t.Errorf("%s if none is %s: status %d, want %d: %s", path, condition, status, want, text)
			}
		}
		for _, rt := range (&api{}).routes() {
			if !conditional(rt, actions[rt.method+" "+rt.path]) || w.existing(rt.path) != path {
				continue
			}
			for condition, want := range map[string]int{`"x"`: 412, "W/" + tag: 412, "x": 400} {
				if status, _, text := w.send(rt.method, path, "", "If-Match", condition); status != want {
					t.Errorf("%s %s if it is %s: status %d, want %d: %s", rt.method, path, condition, status, want, text)
				}
			}
		}
		if _, head, after := w.send("GET", path, ""); after != text || head.Get("ETag") != tag {
			t.Errorf("%s has become %s %s, was %s %s", path, head.Get("ETag"), after, tag, text)
		}
		if patch := patchOf(rt.path); patch != "" {
			status, head, _ := w.send("PATCH", path, strings.ReplaceAll(patch, "#", "another"), "If-Match", `"x", `+tag)
			if again := head.Get("ETag"); status != 200 || again == tag || again == "" {
				t.Errorf("PATCH %s: status %d, tag %s", path, status, again)
			}
			status, _, _ = w.send("PATCH", path, strings.ReplaceAll(patch, "#", "a third"), "If-Match", tag)
			if _, now, text := w.send("GET", path, ""); status != 412 || now.Get("ETag") != head.Get("ETag") || strings.Contains(text, "a third") {
				t.Errorf("PATCH %s of what was: status %d, %s", path, status, text)
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d kinds of objects have tags", n)
	}
	if p := w.problem(w.send("POST", "/orgs", `{"name": "x"}`, "If-Match", "*")); p.Status != 400 || p.Param != "If-Match" {
		t.Errorf("a condition that means nothing: %+v", p)
	}
}

// patchOf is a body that changes one of the objects at the path, with # in it; "" where there is no such.
func patchOf(path string) string {
	body := theDocument().Paths[publicPath(path)]["patch"].RequestBody
	if body == nil {
		return ""
	}
	content := body.Content["application/json"].(map[string]any)
	members := deref(theDocument(), content["schema"].(map[string]any))["properties"].(map[string]any)
	for _, patch := range []string{`{"name": "#"}`, `{"models": ["#"]}`} {
		if members[strings.Split(patch, `"`)[1]] != nil {
			return patch
		}
	}
	return ""
}

// problem reads a problem document.
func (w *world) problem(status int, _ http.Header, text string) (p problem) {
	w.t.Helper()
	if err := strict("", []byte(text), &p); err != nil || p.Status != status {
		w.t.Fatalf("status %d: %s", status, text)
	}
	return p
}

// TestConditional_Spent: what is spent does not change the tag, a budget does.
func TestConditional_Spent(t *testing.T) {
	w := newWorld(t)
	path := "/keys/" + w.plain.ID
	w.want(200, "PATCH", path, `{"budget": {"amount": "5"}}`, nil)
	_, head, before := w.send("GET", path, "")
	w.settle("exc_1", "gpt", start, 1_000_000_000)
	_, after, text := w.send("GET", path, "")
	if after.Get("ETag") != head.Get("ETag") || text == before {
		t.Errorf("the tag was %s for %s, is %s for %s", head.Get("ETag"), before, after.Get("ETag"), text)
	}
	w.want(200, "PATCH", path, `{"budget": {"amount": "6"}}`, nil)
	if _, after, _ = w.send("GET", path, ""); after.Get("ETag") == head.Get("ETag") {
		t.Error("another budget has the same tag")
	}
}

// nodes runs a test with several nodes: of one process on SQLite, of three on Postgres.
func nodes(t *testing.T, test func(*world, []http.Handler)) {
	t.Run("SQLite", func(t *testing.T) {
		w := newWorld(t)
		w.t = t
		test(w, []http.Handler{w.handler, checked(t, w.deps), checked(t, w.deps)})
	})
	t.Run("Postgres", func(t *testing.T) {
		url := storetest.Postgres(t)
		w := worldOn(t, url, t.TempDir())
		list := []http.Handler{w.handler}
		for range 2 {
			d := w.deps
			s, err := store.Open(t.Context(), url, d.Now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			d.Store, d.Keys = s, keys.New(s, s, d.Now)
			list = append(list, checked(t, d))
		}
		test(w, list)
	})
}

// TestConditional_Together: of changes of one state at the same time, on several
// nodes, one is made.
func TestConditional_Together(t *testing.T) { nodes(t, testConditionalTogether) }

func testConditionalTogether(w *world, nodes []http.Handler) {
	t := w.t
	path := "/orgs/" + w.make("/orgs", `{"name": "o"}`)
	for round := range 10 {
		_, head, _ := w.send("GET", path, "")
		var group sync.WaitGroup
		var made atomic.Int32
		for n := range 9 {
			group.Go(func() {
				r := httptest.NewRequest("PATCH", Prefix+path, strings.NewReader(fmt.Sprintf(`{"name": "%d-%d"}`, round, n)))
				r.Header.Set("X-Api-Key", adminSecret)
				r.Header.Set("If-Match", head.Get("ETag"))
				rec := httptest.NewRecorder()
				nodes[n%3].ServeHTTP(rec, r)
				switch rec.Code {
				case 200:
					made.Add(1)
				case 412:
				default:
					t.Errorf("status %d", rec.Code)
				}
			})
		}
		group.Wait()
		if made.Load() != 1 {
			t.Fatalf("%d of 9 changes were made", made.Load())
		}
	}
	for _, r := range w.audit("?action=org.update") {
		if r.Outcome == core.AuditOK && member(t, r.Before, "name") == member(t, r.After, "name") {
			t.Errorf("record %+v", r)
		}
	}
}
