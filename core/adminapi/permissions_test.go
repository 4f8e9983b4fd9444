package adminapi

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

var updateGolden = flag.Bool("update", false, "write testdata/permissions.txt anew")

// firm is two organizations, a and b, a with the teams a1 and a2 and b with b1,
// and people and keys all over them.
type firm struct {
	*world
	subjects []asker
	objects  map[resource]map[string]string // ids by where they stand
	signedIn map[string]*core.User          // by the cookie that a test sends
}

// asker asks: a key by its secret, or a person by a cookie.
type asker struct {
	name, secret, cookie string
	own                  map[resource]string
}

// Authenticate implements Sessions.
func (f *firm) Authenticate(r *http.Request, _ time.Time) (*core.User, error) {
	if u := f.signedIn[r.Header.Get("Cookie")]; u != nil {
		return u, nil
	}
	return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "nobody has signed in")
}

func newFirm(t *testing.T) *firm {
	f := &firm{world: newWorld(t), objects: map[resource]map[string]string{}, signedIn: map[string]*core.User{}}
	for _, id := range []string{"a", "b"} {
		f.put(organizations, map[string]string{"a": "org", "b": "foreign"}[id], "org_"+id, f.store.CreateOrganization(t.Context(), &core.Organization{ID: "org_" + id, Name: id}))
	}
	f.objects[organizations]["team"] = "org_a"
	for label, id := range map[string]string{"team": "a1", "sibling": "a2", "foreign": "b1"} {
		f.put(teams, label, "tea_"+id, f.store.CreateTeam(t.Context(), &core.Team{ID: "tea_" + id, OrganizationID: "org_" + id[:1], Name: id}))
	}
	for label, id := range map[string]string{"team": "a1", "sibling": "a2", "foreign": "b1"} {
		f.put(projects, label, "prj_"+id, f.store.CreateProject(t.Context(), &core.Project{ID: "prj_" + id, TeamID: "tea_" + id, Name: id}))
	}
	for label, place := range places {
		f.put(users, label, "usr_"+label, f.store.CreateUser(t.Context(), &core.User{ID: "usr_" + label, Name: label, Email: label + "@example.com", Role: place.power}))
		if place.OrganizationID != "" {
			m := &core.Membership{ID: "mem_" + label, UserID: "usr_" + label, OrganizationID: place.OrganizationID, TeamID: place.TeamID, Role: cmp.Or(place.role, core.RoleMember)}
			f.put(memberships, label, m.ID, f.store.CreateMembership(t.Context(), m))
		}
		k, _, err := f.keys.Create(t.Context(), keys.Spec{Name: label, Role: place.power, OrganizationID: place.OrganizationID, TeamID: place.TeamID})
		if place.power == core.RoleNone && place.role != core.RoleNone {
			k, _, err = f.keys.Create(t.Context(), keys.Spec{Name: label, Role: place.role, OrganizationID: place.OrganizationID, TeamID: place.TeamID})
		}
		f.put(virtualKeys, label, k.ID, err)
		f.put(sessions, label, "ses_"+label, f.store.CreateSession(t.Context(), &core.Session{ID: "ses_" + label, UserID: "usr_" + label, CreatedAt: start, SeenAt: start, ExpiresAt: start.Add(time.Hour)}, core.SecretHash([]byte(fmt.Sprintf("%32s", label)))))
		f.put(invites, label, "inv_"+label, f.store.CreateInvite(t.Context(), &core.Invite{ID: "inv_" + label, Email: "x@example.com", Role: cmp.Or(place.power, place.role, core.RoleViewer), OrganizationID: place.OrganizationID, TeamID: place.TeamID}, core.SecretHash([]byte(fmt.Sprintf("%32s", label)))))
	}
	for label, place := range places {
		e := core.NewEvent(core.EventPriceMissing, f.now, core.PriceEventData{})
		e.OrganizationID, e.TeamID = place.OrganizationID, place.TeamID
		_, err := f.store.AddEvents(t.Context(), []*core.Event{e})
		f.put(eventLog, label, e.ID, err)
	}
	for label, id := range map[string]string{"org": "org_a", "foreign": "org_b", "nowhere": ""} {
		w := &core.Webhook{ID: "whk_" + label, OrganizationID: id, Types: []core.EventType{}}
		f.put(webhooks, label, w.ID, f.store.CreateWebhook(t.Context(), w))
	}
	f.addObjects()
	f.objects[passwords] = f.objects[users]
	f.addKeys()
	f.addPeople()
	f.deps.Sessions = f
	f.handler = New(f.deps)
	return f
}

// addObjects makes objects of the configuration that belong to somebody, and to
// nobody. They have the same name where they stand at the same place.
func (f *firm) addObjects() {
	for _, label := range []string{"team", "sibling", "org", "foreign", "nowhere"} {
		place := places[label]
		for _, o := range []struct {
			resource
			kind     core.ObjectKind
			settings string
		}{
			{credentials, core.ObjectCredential, `{"provider": "provider.echo", "api_key": "x"}`},
			{deployments, core.ObjectDeployment, `{"provider": "provider.echo", "model": "x", "credential": "at-` + label + `"}`},
			{models, core.ObjectModel, `{"deployments": ["at-` + label + `"]}`},
			{guardrails, core.ObjectGuardrail, `{"plugin": "guardrail.rules"}`},
		} {
			if o.kind == core.ObjectGuardrail && label != "nowhere" {
				continue
			}
			name := "at-" + label
			ch := core.ConfigChange{ID: core.NewID(core.PrefixConfigObject, start), Kind: o.kind, Name: name, Verb: core.ConfigCreate,
				Owner: core.Place{OrganizationID: place.OrganizationID, TeamID: place.TeamID}}
			if err := json.Unmarshal([]byte(o.settings), &ch.Settings); err != nil {
				f.t.Fatal(err)
			}
			f.put(o.resource, label, name, f.revisions.Change(f.t.Context(), core.AuditActor{}, ch))
		}
	}
}

// places are where an object of each label stands, and its role: power for what
// has one over the installation, role for others.
var places = map[string]struct {
	OrganizationID, TeamID string
	power, role            core.Role
}{
	"team":    {OrganizationID: "org_a", TeamID: "tea_a1"},
	"sibling": {OrganizationID: "org_a", TeamID: "tea_a2"},
	"org":     {OrganizationID: "org_a"},
	"foreign": {OrganizationID: "org_b", TeamID: "tea_b1"},
	"nowhere": {},
	"boss":    {OrganizationID: "org_a", role: core.RoleOrgAdmin},
	"root":    {OrganizationID: "org_a", TeamID: "tea_a1", power: core.RoleOwner},
}

var labels = []string{"own", "team", "sibling", "org", "foreign", "nowhere", "boss", "root"}

func (f *firm) put(r resource, label, id string, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(r, label, err)
	}
	if f.objects[r] == nil {
		f.objects[r] = map[string]string{}
	}
	f.objects[r][label] = id
}

type holder struct {
	role         core.Role
	org, team    string
	person, aKey bool
}

func (h holder) name(kind string) string {
	words := []string{kind, "without a role"}
	if h.role != core.RoleNone {
		words[1] = string(h.role)
	}
	if at := cmp.Or(h.team, h.org); at != "" {
		words = append(words, "of "+at[len("org_"):])
	}
	return strings.Join(words, " ")
}

// holders are all places that a role can be held at.
var holders = []holder{
	{core.RoleOwner, "", "", true, true},
	{core.RoleAdmin, "", "", true, true},
	{core.RoleViewer, "", "", true, true},
	{core.RoleOrgAdmin, "org_a", "", true, true},
	{core.RoleViewer, "org_a", "", true, true},
	{core.RoleMember, "org_a", "", true, false},
	{core.RoleTeamAdmin, "org_a", "tea_a1", true, true},
	{core.RoleViewer, "org_a", "tea_a1", true, true},
	{core.RoleMember, "org_a", "tea_a1", true, false},
	{core.RoleNone, "org_a", "tea_a1", false, true},
	{core.RoleNone, "", "", true, false},
}

func (f *firm) addKeys() {
	for _, h := range holders {
		if !h.aKey {
			continue
		}
		name := h.name("key")
		secret := fmt.Sprintf("sk-holder-%02d-0123456789", len(f.subjects))
		k, _, err := f.keys.Create(f.t.Context(), keys.Spec{Name: name, Role: h.role, OrganizationID: h.org, TeamID: h.team, Secret: secret})
		if err != nil {
			f.t.Fatal(err)
		}
		f.subjects = append(f.subjects, asker{name: name, secret: secret, own: map[resource]string{virtualKeys: k.ID}})
	}
}

func (f *firm) addPeople() {
	ctx := f.t.Context()
	for n, h := range holders {
		if !h.person {
			continue
		}
		name := h.name("person")
		u := &core.User{ID: fmt.Sprintf("usr_p%02d", n), Name: name, Email: fmt.Sprintf("p%d@example.com", n)}
		s := asker{name: name, cookie: u.ID, own: map[resource]string{users: u.ID}}
		if h.org == "" {
			u.Role = h.role
		}
		s.own[sessions], s.own[passwords] = "ses_"+u.ID, u.ID
		errs := []error{f.store.CreateUser(ctx, u), f.store.CreateSession(ctx, &core.Session{ID: s.own[sessions], UserID: u.ID, CreatedAt: start, SeenAt: start, ExpiresAt: start.Add(time.Hour)}, core.SecretHash([]byte(fmt.Sprintf("%32s", u.ID))))}
		if h.org != "" {
			s.own[memberships] = "mem_p" + u.ID
			errs = append(errs, f.store.CreateMembership(ctx, &core.Membership{ID: s.own[memberships], UserID: u.ID, OrganizationID: h.org, TeamID: h.team, Role: h.role}))
		}
		k, _, err := f.keys.Create(ctx, keys.Spec{Name: name, OrganizationID: h.org, TeamID: h.team, UserID: u.ID})
		if err = firstOf(append(errs, err)); err != nil {
			f.t.Fatal(err)
		}
		s.own[virtualKeys] = k.ID
		f.signedIn[u.ID] = u
		f.subjects = append(f.subjects, s)
	}
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *firm) ask(h http.Handler, s asker, method, path, body string) (int, string) {
	r := httptest.NewRequestWithContext(context.Background(), method, Prefix+path, strings.NewReader(body))
	if s.secret != "" {
		r.Header.Set("Authorization", "Bearer "+s.secret)
	} else {
		r.Header.Set("Cookie", s.cookie)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// idle is the API with all its doors and nothing behind them.
func (f *firm) idle() http.Handler {
	a := &api{Deps: f.deps}
	router := mux.NewRouter()
	for _, rt := range a.routes() {
		rt.serve = func(c *call) error { c.w.WriteHeader(http.StatusTeapot); return nil }
		router.HandleFunc(Prefix+rt.path, a.admin(rt, a.guarded(rt, a.actions()))).Methods(rt.method)
	}
	return router
}

// marks are how the table shows a status.
var marks = map[int]string{http.StatusTeapot: "yes", 403: "no", 404: "·", 400: "?"}

// TestPermissions holds every subject, route and place against a table that
// people have read: testdata/permissions.txt. It says yes, no (forbidden), · (is
// not found) and ? (the body names what the caller does not know).
func TestPermissions(t *testing.T) {
	f := newFirm(t)
	door := f.idle()
	var out strings.Builder
	out.WriteString("# Who may do what: generated by TestPermissions, see there. Run it with -update, and read what changed.\n")
	for _, rt := range (&api{Deps: f.deps}).routes() {
		fmt.Fprintf(&out, "\n%s %s\n", rt.method, rt.path)
		f.table(&out, func(s asker) []string { return f.row(door, rt, s) })
	}
	for _, role := range []core.Role{core.RoleOwner, core.RoleAdmin, core.RoleOrgAdmin, core.RoleTeamAdmin, core.RoleMember, core.RoleViewer} {
		fmt.Fprintf(&out, "\nthe role %s: POST /keys, /users and /memberships, PATCH of a user's\n", role)
		f.table(&out, func(s asker) []string {
			var row []string
			for _, try := range []struct{ what, method, path, body string }{
				{"key", "POST", "/keys", `{"team_id": "tea_a1", "role": "` + string(role) + `"}`},
				{"user", "POST", "/users", `{"role": "` + string(role) + `"}`},
				{"membership", "POST", "/memberships", `{"user_id": "usr_team", "team_id": "tea_a1", "role": "` + string(role) + `"}`},
				{"patch", "PATCH", "/memberships/mem_team", `{"role": "` + string(role) + `"}`},
				{"patch-user", "PATCH", "/users/usr_team", `{"role": "` + string(role) + `"}`},
			} {
				status, body := f.ask(door, s, try.method, try.path, try.body)
				row = append(row, try.what+" "+f.mark(status, body))
			}
			return row
		})
	}
	out.WriteString("\nPATCH /keys/{id} that moves a key of team a1\n")
	f.table(&out, func(s asker) (row []string) {
		for _, move := range []string{`{"team_id": "tea_a2"}`, `{"team_id": null}`, `{"organization_id": "org_b"}`, `{"organization_id": null, "team_id": null}`, `{"team_id": "tea_b1"}`,
			`{"user_id": "usr_sibling"}`, `{"user_id": "usr_foreign"}`} {
			status, body := f.ask(door, s, "PATCH", "/keys/"+f.objects[virtualKeys]["team"], move)
			row = append(row, move+" "+f.mark(status, body))
		}
		return row
	})
	out.WriteString("\nPATCH that allots: of the organization, of team a1, of a user in it\n")
	f.table(&out, func(s asker) (row []string) {
		for _, path := range []string{"/orgs/org_a", "/teams/tea_a1", "/users/usr_team"} {
			for _, body := range []string{`{"budget": null}`, `{"all_models": true}`, `{"models": []}`, `{"limits": {}}`, `{"guardrails": []}`} {
				status, answer := f.ask(door, s, "PATCH", path, body)
				row = append(row, path+" "+f.mark(status, answer))
			}
		}
		return row
	})
	const file = "testdata/permissions.txt"
	if *updateGolden {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != string(want) {
		for n, line := range strings.Split(got, "\n") {
			if was := strings.Split(string(want), "\n"); n >= len(was) || was[n] != line {
				t.Fatalf("line %d is now\n%s\nrun with -update and read the difference", n+1, line)
			}
		}
		t.Fatal("the table is shorter than it was")
	}
}

func (f *firm) mark(status int, body string) string {
	m, ok := marks[status]
	if !ok {
		f.t.Fatalf("status %d: %s", status, body)
	}
	return m
}

// table writes a row for each subject; those with equal rows stand together.
func (f *firm) table(out *strings.Builder, row func(asker) []string) {
	rows := map[string][]string{}
	var order []string
	for _, s := range f.subjects {
		line := strings.Join(row(s), "  ")
		if rows[line] == nil {
			order = append(order, line)
		}
		rows[line] = append(rows[line], s.name)
	}
	for _, line := range order {
		fmt.Fprintf(out, "  %s | %s\n", line, strings.Join(rows[line], ", "))
	}
}

// row is what becomes of a route, at each place where something of its kind stands.
func (f *firm) row(door http.Handler, rt route, s asker) (row []string) {
	path := strings.Replace(rt.path, "{name:.+}", "{id}", 1)
	switch {
	case rt.need.object != nil && strings.Contains(path, "{id}"):
		ids := maps.Clone(f.objects[rt.need.resource])
		ids["own"] = s.own[rt.need.resource]
		for _, label := range labels {
			if ids[label] == "" {
				continue
			}
			status, body := f.ask(door, s, rt.method, strings.Replace(path, "{id}", ids[label], 1), "{}")
			row = append(row, label+" "+f.mark(status, body))
		}
	case rt.need.named:
		for _, label := range []string{"team", "sibling", "org", "foreign", "nowhere"} {
			p := places[label]
			body, _ := json.Marshal(map[string]string{"organization_id": p.OrganizationID, "team_id": p.TeamID})
			status, answer := f.ask(door, s, rt.method, path, string(body))
			row = append(row, label+" "+f.mark(status, answer))
		}
	default:
		status, body := f.ask(door, s, rt.method, path, "{}")
		row = append(row, f.mark(status, body))
	}
	return row
}

// TestPermissions_Lists: a list shows what its reader may read one by one, and no more.
func TestPermissions_Lists(t *testing.T) {
	f := newFirm(t)
	for _, r := range []struct {
		resource
		path string
	}{{organizations, "/orgs"}, {teams, "/teams"}, {projects, "/projects"}, {users, "/users"}, {memberships, "/memberships"}, {virtualKeys, "/keys"}, {invites, "/invites"}, {eventLog, "/events"}, {webhooks, "/webhooks"},
		{models, "/models"}, {deployments, "/deployments"}, {credentials, "/credentials"}} {
		var ids []string
		f.each(asker{secret: adminSecret}, r.path, func(id string) { ids = append(ids, id) })
		for _, s := range f.subjects {
			var want, got []string
			for _, id := range ids {
				if status, _ := f.ask(f.handler, s, "GET", r.path+"/"+id, ""); status == http.StatusOK {
					want = append(want, id)
				}
			}
			if status, body := f.ask(f.handler, s, "GET", r.path, ""); status == http.StatusForbidden {
				if want != nil {
					t.Errorf("%s may read %v and is refused the list of %s: %s", s.name, want, r.resource, body)
				}
				continue
			}
			f.each(s, r.path, func(id string) { got = append(got, id) })
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %v of %s, may read %v", s.name, got, r.resource, want)
			}
		}
	}
}

// each walks a list, two at a time.
func (f *firm) each(s asker, path string, do func(id string)) {
	f.t.Helper()
	for cursor := ""; ; {
		status, body := f.ask(f.handler, s, "GET", path+"?limit=2&cursor="+cursor, "")
		var list struct {
			Data       []struct{ ID, Name string }
			NextCursor string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(body), &list); status != 200 || err != nil {
			f.t.Fatalf("%s %s: %d %s", s.name, path, status, body)
		}
		for _, o := range list.Data {
			do(cmp.Or(o.ID, o.Name))
		}
		if cursor = list.NextCursor; cursor == "" {
			return
		}
	}
}

// TestPermissions_MemberKeys: where a team lets them, its members make keys, of
// their own and in the team alone.
func TestPermissions_MemberKeys(t *testing.T) {
	f := newFirm(t)
	person := asker{cookie: "usr_team"}
	f.signedIn["usr_team"] = &core.User{ID: "usr_team", Name: "team"}
	mine := `{"name": "x", "team_id": "tea_a1", "user_id": "usr_team"`
	if status, body := f.ask(f.handler, person, "POST", "/keys", mine+"}"); status != http.StatusForbidden {
		t.Errorf("before: %d %s", status, body)
	}
	f.want(http.StatusOK, "PATCH", "/teams/tea_a1", `{"member_keys": true}`, nil)
	for _, tt := range []struct {
		status int
		body   string
	}{
		{201, mine + `}`},
		{403, mine + `, "role": "viewer"}`},
		{403, mine + `, "admin": true}`},
		{403, `{"name": "x", "team_id": "tea_a1"}`},
		{403, `{"name": "x", "user_id": "usr_team"}`},
		{403, `{"name": "x", "organization_id": "org_a", "user_id": "usr_team"}`},
		{400, `{"name": "x", "team_id": "tea_a1", "user_id": "usr_root"}`},
		{400, `{"name": "x", "team_id": "tea_a2", "user_id": "usr_team"}`},
	} {
		status, body := f.ask(f.handler, person, "POST", "/keys", tt.body)
		if status != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.body, status, tt.status, body)
		}
		var k struct{ ID string }
		if _ = json.Unmarshal([]byte(body), &k); status != http.StatusCreated {
			continue
		}
		for _, move := range []string{`{"user_id": null}`, `{"team_id": null}`} {
			if status, body := f.ask(f.handler, person, "PATCH", "/keys/"+k.ID, move); status != http.StatusForbidden {
				t.Errorf("%s: %d %s", move, status, body)
			}
		}
		if status, body := f.ask(f.handler, person, "DELETE", "/keys/"+k.ID, ""); status != http.StatusNoContent {
			t.Errorf("deletion: %d %s", status, body)
		}
	}
}

// TestPermissions_Users: an organization's admin is not shown what its people are,
// may do and spend elsewhere; they themselves and the installation's are.
func TestPermissions_Users(t *testing.T) {
	f := newFirm(t)
	if status, body := f.ask(f.handler, f.subjects[0], "PATCH", "/users/usr_root", `{"models": ["secret-model"], "budget": {"amount": "77.00"}, "limits": {"rpm": 7}}`); status != http.StatusOK {
		t.Fatalf("%s: %d %s", f.subjects[0].name, status, body)
	}
	f.signedIn["usr_root"] = &core.User{ID: "usr_root"}
	for _, s := range append(f.subjects, asker{name: "himself", cookie: "usr_root"}) {
		status, body := f.ask(f.handler, s, "GET", "/users/usr_root", "")
		if status != http.StatusOK {
			continue
		}
		whole := slices.Contains([]string{"key owner", "key admin", "key viewer", "person owner", "person admin", "person viewer", "himself"}, s.name)
		_, list := f.ask(f.handler, s, "GET", "/users?email=root@example.com", "")
		for _, told := range []string{`"role":"owner"`, "secret-model", "77.00", `"rpm":7`} {
			if strings.Contains(body, told) != whole || strings.Contains(list, told) != whole {
				t.Errorf("%s and %s: %s %s", s.name, told, body, list)
			}
		}
	}
}
