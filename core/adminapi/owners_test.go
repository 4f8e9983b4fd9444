package adminapi

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// make creates an object and returns its id.
func (w *world) make(path, body string) string {
	w.t.Helper()
	w.now = w.now.Add(time.Millisecond) // ids sort by time
	var made struct{ ID string }
	w.want(201, "POST", path, body, &made)
	return made.ID
}

// company is the ids by which tests call what they work on.
func (w *world) company() *strings.Replacer {
	org, other := w.make("/orgs", `{"name": "Org"}`), w.make("/orgs", `{"name": "Other"}`)
	team, foreign := w.make("/teams", `{"name": "Team", "organization_id": "`+org+`"}`), w.make("/teams", `{"name": "Team", "organization_id": "`+other+`"}`)
	ada, bob := w.make("/users", `{"name": "Ada", "email": "Ada@example.com"}`), w.make("/users", `{"name": "Bob", "email": "bob@example.com"}`)
	m := w.make("/memberships", `{"user_id": "`+ada+`", "team_id": "`+team+`", "role": "team_admin"}`)
	return strings.NewReplacer("ORG", org, "OTHER", other, "TEAM", team, "FOREIGN", foreign, "ADA", ada, "BOB", bob, "MEMBERSHIP", m)
}

// TestOwners is a story: each request with its status and what the answer holds.
func TestOwners(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	w.now = w.now.Add(time.Hour)
	for _, tt := range []struct {
		status                   int
		method, path, body, want string
	}{
		{200, "GET", "/orgs/ORG", "", `{"id":"ORG","name":"Org","all_models":true,"models":[],"limits":{},"guardrails":[],"created_at":"2026-11-25T12:30:00.001Z","updated_at":"2026-11-25T12:30:00.001Z","budget":null}`},
		{200, "GET", "/orgs?name=Org", "", `{"data":[{"id":"ORG",`},
		{200, "GET", "/orgs?limit=1", "", `{"data":[{"id":"OTHER",`},
		{200, "PATCH", "/orgs/ORG", `{"name": "Org 2"}`, `"name":"Org 2","all_models":true,"models":[],"limits":{},"guardrails":[],"created_at":"2026-11-25T12:30:00.001Z","updated_at":"2026-11-25T13:30:00.`},
		{409, "PATCH", "/orgs/ORG", `{"name": "Other"}`, `"param":"name"`},
		{409, "POST", "/orgs", `{"name": "Other"}`, `an organization has this name already`},

		{200, "GET", "/teams/TEAM", "", `{"id":"TEAM","organization_id":"ORG","name":"Team",`},
		{200, "GET", "/teams?organization_id=ORG&name=Team", "", `{"data":[{"id":"TEAM",`},
		{200, "PATCH", "/teams/TEAM", `{"name": "Team 2"}`, `"name":"Team 2"`},
		{200, "PATCH", "/teams/TEAM", `{}`, `"name":"Team 2"`},
		{409, "POST", "/teams", `{"name": "Team 2", "organization_id": "ORG"}`, `"param":"name"`},

		{200, "GET", "/users/ADA", "", `{"id":"ADA","name":"Ada","email":"ada@example.com",`},
		{200, "GET", "/users?email=Ada@EXAMPLE.com", "", `{"data":[{"id":"ADA",`},
		{200, "GET", "/users?team_id=TEAM", "", `{"data":[{"id":"ADA",`},
		{200, "GET", "/users?organization_id=OTHER", "", `{"data":[],"next_cursor":null}`},
		{200, "GET", "/users?name=Bob", "", `{"data":[{"id":"BOB",`},
		{409, "PATCH", "/users/BOB", `{"email": "ada@EXAMPLE.com"}`, `"param":"email"`},
		{200, "PATCH", "/users/BOB", `{"name": "Ada", "email": "b@example.com"}`, `"name":"Ada","email":"b@example.com"`},

		{200, "GET", "/memberships/MEMBERSHIP", "", `{"id":"MEMBERSHIP","user_id":"ADA","organization_id":"ORG","team_id":"TEAM","role":"team_admin",`},
		{200, "GET", "/memberships?organization_id=ORG&team_id=TEAM&user_id=ADA", "", `{"data":[{"id":"MEMBERSHIP",`},
		{200, "PATCH", "/memberships/MEMBERSHIP", `{"role": "viewer"}`, `"role":"viewer"`},
		{200, "PATCH", "/memberships/MEMBERSHIP", `{}`, `"role":"viewer"`},
		{409, "POST", "/memberships", `{"user_id": "ADA", "team_id": "TEAM"}`, "a member there already"},
		{201, "POST", "/memberships", `{"user_id": "BOB", "organization_id": "ORG", "team_id": null, "role": "org_admin"}`, `"organization_id":"ORG","role":"org_admin"`},

		{200, "PATCH", "/keys/PLAIN", `{"team_id": "TEAM", "user_id": "ADA"}`, `"organization_id":"ORG","team_id":"TEAM","user_id":"ADA"`},
		{200, "GET", "/keys?team_id=TEAM&user_id=ADA&organization_id=ORG", "", `{"data":[{"id":"PLAIN",`},
		{200, "GET", "/keys?organization_id=OTHER", "", `{"data":[],`},
		{409, "DELETE", "/orgs/ORG", "", "still has 1 team and 1 key"},
		{409, "DELETE", "/teams/TEAM", "", "still has 1 key"},
		{409, "DELETE", "/users/ADA", "", "still has 1 key"},
		{409, "DELETE", "/memberships/MEMBERSHIP", "", "has 1 key that no other membership allows"},
		{200, "PATCH", "/keys/PLAIN", `{"team_id": null, "user_id": null}`, `"organization_id":"ORG","all_models"`},
		{200, "PATCH", "/keys/PLAIN", `{"organization_id": null}`, `"last_four":"6789","all_models"`},
		{204, "DELETE", "/memberships/MEMBERSHIP", "", ""},
		{204, "DELETE", "/teams/TEAM", "", ""},
		{204, "DELETE", "/users/ADA", "", ""},
		{204, "DELETE", "/orgs/ORG", "", ""},
		{404, "GET", "/orgs/ORG", "", "there is no organization"},
		{404, "GET", "/teams/TEAM", "", "there is no team"},
		{404, "GET", "/users/ADA", "", "there is no user"},
		{404, "GET", "/memberships/MEMBERSHIP", "", "there is no membership"},
		{404, "PATCH", "/memberships/MEMBERSHIP", `{"role": "viewer"}`, "there is no membership"},
		{404, "DELETE", "/orgs/ORG", "", "there is no organization"},
	} {
		fill := strings.NewReplacer("PLAIN", w.plain.ID).Replace
		path, body, want := ids.Replace(fill(tt.path)), ids.Replace(fill(tt.body)), ids.Replace(fill(tt.want))
		status, _, text := w.do(adminSecret, tt.method, path, body)
		if status != tt.status || !strings.Contains(text, want) {
			t.Errorf("%s %s %s: status %d, want %d with %s: %s", tt.method, tt.path, tt.body, status, tt.status, tt.want, text)
		}
	}
}

func TestOwners_Input(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	for _, tt := range []struct{ method, path, body, param, detail string }{
		{"POST", "/orgs", `{}`, "name", "empty"},
		{"POST", "/orgs", `{"name": "x", "slug": "x"}`, "slug", "unknown member"},
		{"PATCH", "/orgs/ORG", `{"name": null}`, "name", "null"},
		{"PATCH", "/orgs/ORG", `{"name": " "}`, "name", "empty"},
		{"GET", "/orgs?limit=0", "", "limit", "1 to 1000"},
		{"GET", "/orgs?deleted=true", "", "deleted", "unknown parameter"},
		{"POST", "/teams", `{"name": "x"}`, "organization_id", "required"},
		{"POST", "/teams", `{"name": "x", "organization_id": "org_9"}`, "organization_id", "does not exist"},
		{"POST", "/teams", `{"name": "` + strings.Repeat("x", 201) + `", "organization_id": "ORG"}`, "name", "longer"},
		{"PATCH", "/teams/TEAM", `{"organization_id": "OTHER"}`, "organization_id", "unknown member"},
		{"POST", "/users", `{"name": "x"}`, "email", "must be an address"},
		{"POST", "/users", `{"name": "x", "email": "Ada <ada@example.com>"}`, "email", "must be an address"},
		{"PATCH", "/users/ADA", `{"email": "ada"}`, "email", "must be an address"},
		{"PATCH", "/users/ADA", `{"name": ""}`, "name", "empty"},
		{"GET", "/users?mail=x", "", "mail", "unknown parameter"},
		{"POST", "/memberships", `{"organization_id": "ORG"}`, "user_id", "required"},
		{"POST", "/memberships", `{"user_id": "BOB"}`, "organization_id", "required"},
		{"POST", "/memberships", `{"user_id": "BOB", "organization_id": "OTHER", "team_id": "TEAM"}`, "team_id", "is not in organization"},
		{"POST", "/memberships", `{"user_id": "BOB", "organization_id": "ORG", "role": "team_admin"}`, "role", "no role of a member of an organization"},
		{"POST", "/memberships", `{"user_id": "BOB", "team_id": "TEAM", "role": "owner"}`, "role", "want one of team_admin, member, viewer"},
		{"POST", "/memberships", `{"user_id": "BOB", "team_id": "TEAM", "role": ""}`, "role", "no role"},
		{"PATCH", "/memberships/MEMBERSHIP", `{"role": "org_admin"}`, "role", "no role of a member of a team"},
		{"PATCH", "/memberships/MEMBERSHIP", `{"team_id": null}`, "team_id", "unknown member"},
		{"POST", "/keys", `{"name": "x", "organization_id": "OTHER", "team_id": "TEAM"}`, "team_id", "is not in organization"},
		{"POST", "/keys", `{"name": "x", "team_id": "TEAM", "user_id": "BOB"}`, "user_id", "member of neither"},
		{"POST", "/keys", `{"name": "x", "organization_id": "OTHER", "user_id": "ADA"}`, "user_id", "not a member"},
	} {
		p := w.problemOf(400, tt.method, ids.Replace(tt.path), ids.Replace(tt.body))
		if p.Param != tt.param || !strings.Contains(p.Detail, tt.detail) || p.Code != core.CodeInvalidRequest {
			t.Errorf("%s %s %s: %+v, want param %q and %q", tt.method, tt.path, tt.body, p, tt.param, tt.detail)
		}
	}
}

// A new name is in force with the answer that grants it.
func TestOwners_RenameReachesPrincipals(t *testing.T) {
	w := newWorld(t)
	ids := w.company()
	w.want(200, "PATCH", "/keys/"+w.plain.ID, ids.Replace(`{"team_id": "TEAM", "user_id": "ADA"}`), nil)
	for _, path := range []string{"/orgs/ORG", "/teams/TEAM", "/users/ADA"} {
		for _, name := range []string{"one", "two"} {
			w.want(200, "PATCH", ids.Replace(path), `{"name": "`+name+`"}`, nil)
			p, err := w.keys.Authenticate(t.Context(), plainSecret, func() netip.Addr { return netip.Addr{} }, w.now)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]core.Named{"/orgs/ORG": p.Organization, "/teams/TEAM": p.Team, "/users/ADA": p.User}[path]
			if want := (core.Named{ID: ids.Replace(strings.SplitAfter(path, "/")[2]), Name: name}); got != want {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}
	}
}

func TestOwners_Ledger(t *testing.T) {
	w := newWorld(t)
	owned := func(id, org, team, user string) {
		e := &core.LedgerEntry{ID: core.EntryID(id), ExchangeID: id, At: start, EndedAt: start, Key: core.Named{ID: "key_1", Name: "k"}, Outcome: core.OutcomeOK,
			Organization: core.Named{ID: org, Name: "=" + org}, Team: core.Named{ID: team}, User: core.Named{ID: user}}
		if err := w.ledger.Settle(t.Context(), nil, e, nil); err != nil {
			t.Fatal(err)
		}
	}
	owned("exc_1", "org_1", "tea_1", "usr_1")
	owned("exc_2", "org_1", "tea_2", "usr_1")
	owned("exc_3", "org_2", "", "")
	for query, want := range map[string]int{"": 3, "?organization_id=org_1": 2, "?team_id=tea_2": 1, "?user_id=usr_1": 2, "?user_id=usr_1&team_id=tea_1": 1, "?organization_id=org_9": 0} {
		var page struct{ Data []core.LedgerEntry }
		w.want(200, "GET", "/ledger"+query, "", &page)
		if len(page.Data) != want {
			t.Errorf("ledger%s: %d entries, want %d", query, len(page.Data), want)
		}
	}
	for query, want := range map[string]string{
		"?by=organization":                    `{"org_1":2,"org_2":1}`,
		"?by=team":                            `{"":1,"tea_1":1,"tea_2":1}`,
		"?by=user&organization_id=org_1":      `{"usr_1":2}`,
		"?by=team&user_id=usr_1":              `{"tea_1":1,"tea_2":1}`,
		"?by=organization&team_id=tea_1":      `{"org_1":1}`,
		"?by=organization&key_id=key_nowhere": `{}`,
	} {
		var page struct{ Data []core.UsageSum }
		w.want(200, "GET", "/usage"+query, "", &page)
		got := map[string]int64{}
		for _, r := range page.Data {
			got[r.Group] = r.Requests
		}
		if raw, _ := json.Marshal(got); string(raw) != want {
			t.Errorf("usage%s: %s, want %s", query, raw, want)
		}
	}
	_, _, text := w.do(adminSecret, "GET", "/ledger/export?format=csv&organization_id=org_2", "")
	if !strings.Contains(text, ",org_2,'=org_2,,,,,key_1,k,") {
		t.Errorf("CSV %s", text)
	}
}
