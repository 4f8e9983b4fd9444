package adminapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/signin"
)

// many is a runtime with several of all that it lists.
type many struct{ fakeRuntime }

func (many) Models() (all []ModelInfo) {
	for i := range 9 {
		all = append(all, ModelInfo{Name: fmt.Sprintf("m%d", 8-i), Origin: core.OriginFile, Deployments: []DeploymentInfo{}})
	}
	return all
}

func (many) ModelGroups() (all []core.ModelGroup) {
	for i := range 3 {
		all = append(all, core.ModelGroup{Name: fmt.Sprintf("f%d", 2-i), Models: []string{}})
	}
	return all
}

func (many) Plugins() (all []PluginInfo) {
	for i := range 9 {
		all = append(all, PluginInfo{ID: fmt.Sprintf("provider.%d", i), State: "unused"})
	}
	return all
}

// full has several of everything that is listed. Who adds a list adds to it here.
func full(t *testing.T) *world {
	w := newWorld(t)
	w.deps.Runtime = many{}
	w.handler = checked(t, w.deps)
	for i := range 8 {
		org := w.make("/orgs", fmt.Sprintf(`{"name": "o%d"}`, i))
		team := w.make("/teams", fmt.Sprintf(`{"name": "t%d", "organization_id": %q}`, i, org))
		w.make("/projects", fmt.Sprintf(`{"name": "p%d", "team_id": %q}`, i, team))
		user := w.make("/users", fmt.Sprintf(`{"name": "u%d", "email": "u%d@example.com"}`, i, i))
		w.make("/memberships", fmt.Sprintf(`{"user_id": %q, "team_id": %q}`, user, team))
		w.make("/model-groups", fmt.Sprintf(`{"name": "g%d", "models": []}`, i))
		w.make("/keys", fmt.Sprintf(`{"name": "k%d", "team_id": %q, "budget": {"amount": "5"}, "limits": {"rpm": 1}}`, i, team))
		w.want(201, "POST", "/credentials", fmt.Sprintf(`{"name": "c%d", "provider": "provider.echo", "api_key": "x"}`, i), nil)
		w.want(201, "POST", "/deployments", fmt.Sprintf(`{"name": "d%d", "provider": "provider.echo", "model": "x"}`, i), nil)
		w.want(201, "POST", "/models", fmt.Sprintf(`{"name": "m%d", "deployments": ["d%d"]}`, i, i), nil)
		w.want(201, "POST", "/guardrails", fmt.Sprintf(`{"name": "g%d", "plugin": "guardrail.rules"}`, i), nil)
		w.make("/invites", fmt.Sprintf(`{"email": "i%d@example.com", "team_id": %q}`, i, team))
		if _, err := w.signin.Enter(t.Context(), &core.User{ID: user}, signin.Origin{}, w.now); err != nil {
			t.Fatal(err)
		}
		w.settle(fmt.Sprintf("exc_%d", i), fmt.Sprintf("model %d", i), w.now, core.Nano(i))
		w.make("/webhooks", fmt.Sprintf(`{"url": "https://example.com/%d"}`, i))
	}
	hook := strings.TrimPrefix(w.existing("/webhooks/{id}"), "/webhooks/")
	for i := range 8 {
		d := &core.Delivery{ID: fmt.Sprintf("dlv_%d", i), WebhookID: hook, Type: "key.created", State: core.DeliveryFailed, CreatedAt: w.now}
		if err := w.store.AddDeliveries(t.Context(), []*core.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(time.Hour)
	return w
}

// rows reads a page.
func (w *world) rows(path string) (rows []string, next string) {
	w.t.Helper()
	var page struct {
		Data       []json.RawMessage
		NextCursor string `json:"next_cursor"`
	}
	w.want(200, "GET", path, "", &page)
	for _, r := range page.Data {
		rows = append(rows, string(r))
	}
	return rows, page.NextCursor
}

// walk reads all pages behind the cursor.
func (w *world) walk(path string, limit int, cursor string) (rows []string) {
	w.t.Helper()
	for first := true; first || cursor != ""; first = false {
		page, next := w.rows(fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, cursor))
		if len(page) > limit || next != "" && len(page) != limit {
			w.t.Fatalf("%s: a page of %d, %q follows", path, len(page), next)
		}
		rows, cursor = append(rows, page...), next
	}
	return rows
}

// pagedRoutes are the paths of all lists.
func (w *world) pagedRoutes() (paths []string) {
	for route, o := range contract() {
		if slices.Contains(o.query, "cursor") {
			paths = append(paths, w.existing(strings.TrimPrefix(route, "GET ")))
		}
	}
	slices.Sort(paths)
	return paths
}

// TestPaging: the pages of every list, however long, are the list.
func TestPaging(t *testing.T) {
	w := full(t)
	for _, path := range w.pagedRoutes() {
		all, next := w.rows(path + "?limit=1000")
		if len(all) < 8 || next != "" {
			t.Errorf("%s: %d rows, then %q: give full more of them", path, len(all), next)
		}
		for _, limit := range []int{1, 2, 7, len(all)} {
			if got := w.walk(path, limit, ""); !slices.Equal(got, all) {
				t.Errorf("%s by %d:\n%q, want\n%q", path, limit, got, all)
			}
		}
	}
}

// TestPaging_Cursors: a cursor is of its own list, or refused.
func TestPaging_Cursors(t *testing.T) {
	w := full(t)
	cursors := map[string]string{}
	for _, path := range w.pagedRoutes() {
		_, cursors[path] = w.rows(path + "?limit=2")
	}
	for path, own := range cursors {
		bad := []string{"x", "%20", w.plain.ID, own[:len(own)-1], own + "A", strings.ToLower(own), "%FF", strings.Repeat("A", 5000)}
		for other, cursor := range cursors {
			if other != path {
				bad = append(bad, cursor)
			}
		}
		for _, cursor := range bad {
			if p := w.problemOf(400, "GET", path+"?cursor="+cursor, ""); p.Param != "cursor" {
				t.Errorf("%s with %q: %+v", path, cursor, p)
			}
		}
	}
}

// TestPaging_Changes: what comes and goes between two pages neither repeats nor hides anything else.
func TestPaging_Changes(t *testing.T) {
	w := full(t)
	user := w.make("/users", `{"name": "u", "email": "u@example.com"}`)
	for path, body := range map[string]string{
		"/orgs": `{"name": "new %d"}`, "/users": `{"name": "n", "email": "n%d@example.com"}`, "/keys": `{"name": "new %d"}`, "/teams": "", "/memberships": "",
	} {
		make := func(n int) string {
			switch path {
			case "/teams":
				return w.make(path, fmt.Sprintf(`{"name": "n", "organization_id": %q}`, w.make("/orgs", fmt.Sprintf(`{"name": "for a team %d"}`, n))))
			case "/memberships":
				return w.make(path, fmt.Sprintf(`{"user_id": %q, "organization_id": %q}`, user, w.make("/orgs", fmt.Sprintf(`{"name": "for a member %d"}`, n))))
			}
			return w.make(path, fmt.Sprintf(body, n))
		}
		gone := make(1)
		make(2)
		all := w.walk(path, 1000, "")
		_, next := w.rows(path + "?limit=2")
		w.want(204, "DELETE", path+"/"+gone, "", nil) // the one that the cursor names
		make(3)
		if rest := w.walk(path, 3, next); !slices.Equal(rest, all[2:]) {
			t.Errorf("%s goes on with\n%q, want\n%q", path, rest, all[2:])
		}
	}
	var names []string
	all := []string{"d", "b", "", "a"}
	name := func(s string) string { return s }
	page, next := pageOf(all, core.Page{Limit: 2}, name)
	names = append(names, page...)
	page, next = pageOf([]string{"d", "c", "b", ""}, core.Page{Limit: 2, Cursor: next}, name) // a is gone
	if names = append(names, page...); !slices.Equal(names, []string{"", "a", "b", "c"}) || next != "=c" {
		t.Errorf("names %q, then %q", names, next)
	}
}
