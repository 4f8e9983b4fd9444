package adminapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

const (
	publicURL = "https://gw.example.com/x"
	password  = "MARK9 correct horse"
)

// outbox keeps what is sent.
type outbox struct {
	sync.Mutex
	list []core.Mail
}

func (o *outbox) Send(_ context.Context, m core.Mail) error {
	o.Lock()
	defer o.Unlock()
	o.list = append(o.list, m)
	return nil
}

// browser keeps its cookie and its token, as a page of ours does.
type browser struct {
	*world
	cookie, csrf string
	head         map[string]string // further fields
}

func (w *world) browser() *browser { return &browser{world: w, head: map[string]string{}} }

// ask sends a request, and keeps what the answer says to keep.
func (b *browser) ask(method, path, body string) (int, string) {
	b.t.Helper()
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	if b.cookie != "" {
		r.Header.Set("Cookie", sessionCookie+"="+b.cookie)
	}
	if b.csrf != "" {
		r.Header.Set(csrfHeader, b.csrf)
	}
	for name, value := range b.head {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	b.handler.ServeHTTP(rec, r)
	for _, k := range rec.Result().Cookies() {
		if k.Name != sessionCookie {
			continue
		}
		if !k.HttpOnly || !k.Secure || k.SameSite != http.SameSiteLaxMode || k.Path != "/x/" || k.MaxAge == 0 {
			b.t.Errorf("cookie %s", k)
		}
		b.cookie = k.Value
	}
	var told struct {
		CSRFToken string `json:"csrf_token"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err == nil && told.CSRFToken != "" {
		b.csrf = told.CSRFToken
	}
	return rec.Code, rec.Body.String()
}

// want asks and compares the status and a part of the answer.
func (b *browser) want(status int, method, path, body, part string) string {
	b.t.Helper()
	got, text := b.ask(method, path, body)
	if got != status || !strings.Contains(text, part) {
		b.t.Errorf("%s %s %s: %d, want %d with %q: %s", method, path, body, got, status, part, text)
	}
	return text
}

// addUser makes a user with the password.
func (w *world) addUser(email string, role core.Role) string {
	w.t.Helper()
	id := w.make("/users", fmt.Sprintf(`{"name": "Ada", "email": %q}`, email))
	defer func() {
		if _, err := w.store.UpdateUser(w.t.Context(), id, core.UserUpdate{Role: &role}, w.now); err != nil {
			w.t.Fatal(err)
		}
	}()
	var link struct{ Token, Link string }
	w.want(200, "POST", "/users/"+id+"/reset-password", "", &link)
	if link.Link != publicURL+"/reset-password#token="+link.Token {
		w.t.Errorf("link %s", link.Link)
	}
	w.browser().want(204, "POST", "/password/reset/confirm", fmt.Sprintf(`{"token": %q, "password": %q}`, link.Token, password), "")
	return id
}

func (w *world) signedIn(email string) *browser {
	w.t.Helper()
	b := w.browser()
	b.want(200, "POST", "/sign-in", fmt.Sprintf(`{"email": %q, "password": %q}`, email, password), `"csrf_token":"`)
	return b
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	open := 0
	for _, rt := range (&api{}).routes() {
		if rt.need.open {
			open++
		}
	}
	if _, _, text := w.do("", "GET", "/openapi.json", ""); strings.Count(text, `"security":[]`) != open || open == 0 {
		t.Errorf("%d routes are open, not so described", open)
	}
	w.browser().want(200, "GET", "/sign-in", "", `{"password":true,"reset_by_mail":true,"providers":[]}`)
	id := w.addUser("ada@example.com", core.RoleAdmin)
	b := w.browser()
	wrong := b.want(401, "POST", "/sign-in", `{"email": "ada@example.com", "password": "MARK8 wrong"}`, "not right")
	unknown := b.want(401, "POST", "/sign-in", `{"email": "MARK7@example.com", "password": "MARK8 wrong"}`, "not right")
	if wrong != unknown || b.cookie != "" {
		t.Errorf("told apart: %s and %s, cookie %q", wrong, unknown, b.cookie)
	}
	b.want(400, "POST", "/sign-in", `{"email": "x", "password": "y", "remember": true}`, `"param":"remember"`)
	b.want(401, "GET", "/me", "", "an admin key or a session")
	b = w.signedIn("Ada@example.com")
	b.want(200, "GET", "/me", "", `"user":{"id":"`+id+`"`)
	b.want(201, "POST", "/orgs", `{"name": "Acme"}`, `"name":"Acme"`)

	// A session is no licence for other sites.
	for name, head := range map[string]map[string]string{
		"no token":          {csrfHeader: ""},
		"another token":     {csrfHeader: w.signedIn("ada@example.com").csrf},
		"another site":      {"Sec-Fetch-Site": "cross-site"},
		"a sibling":         {"Sec-Fetch-Site": "same-site"},
		"another origin":    {"Origin": "https://evil.example.com"},
		"no site in a file": {"Origin": "null"},
	} {
		b.head = head
		if status, text := b.ask("POST", "/orgs", `{"name": "`+name+`"}`); status != 403 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	for name, head := range map[string]map[string]string{
		"ours":            {"Sec-Fetch-Site": "same-origin"},
		"the public one":  {"Origin": "https://gw.example.com"},
		"what was called": {"Origin": "http://example.com"}, // httptest's host
	} {
		b.head = head
		b.want(200, "GET", "/me", "", id)
		b.want(201, "POST", "/orgs", `{"name": "`+name+`"}`, name)
	}
	b.head = map[string]string{"Sec-Fetch-Site": "cross-site"}
	b.want(200, "GET", "/me", "", id) // a link
	b.want(403, "POST", "/sign-in", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, password), "another site")
	b.head = map[string]string{"Authorization": "Bearer " + adminSecret, "Sec-Fetch-Site": "cross-site"} // keys are not sent by browsers
	b.want(201, "POST", "/orgs", `{"name": "by key"}`, "by key")
	b.head = nil

	old := b.cookie
	b.want(204, "POST", "/sign-out", "", "")
	if b.cookie != "" {
		t.Errorf("the cookie is %q after signing out", b.cookie)
	}
	b.cookie = old
	b.want(401, "GET", "/me", "", "the session has ended")

	// What is on record, and what must not be.
	var records struct{ Data []*core.AuditRecord }
	w.want(200, "GET", "/audit?limit=100", "", &records)
	count := map[string]int{}
	for _, r := range records.Data {
		count[r.Action+" "+string(r.Outcome)+" "+r.Actor.Kind+" "+r.Object.Kind+" "+r.Object.ID[:min(4, len(r.Object.ID))]]++
	}
	for what, n := range map[string]int{"session.create ok user session ses_": 2, "session.create refused user session ": 1, "session.create refused user user usr_": 1,
		"session.delete ok user session ses_": 1, "user.reset_password ok key user usr_": 1, "user.password ok user user usr_": 1, "org.create ok user org org_": 4} {
		if count[what] != n {
			t.Errorf("%d records of %q, want %d; all: %v", count[what], what, n, count)
		}
	}
	_, _, audit := w.do(adminSecret, "GET", "/audit/export", "")
	for _, text := range []string{audit, w.log.String()} {
		if strings.Contains(text, "MARK") || strings.Contains(text, old) || strings.Contains(text, "argon2") {
			t.Errorf("a secret in %s", text)
		}
	}
}

func TestSignIn_Throttled(t *testing.T) {
	w := newWorld(t)
	w.addUser("ada@example.com", core.RoleNone)
	b := w.browser()
	for range 6 {
		b.ask("POST", "/sign-in", `{"email": "ada@example.com", "password": "wrong"}`)
	}
	b.want(429, "POST", "/sign-in", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, password), "too many failed attempts")
}

func TestSignUp(t *testing.T) {
	w := newWorld(t)
	ticket, err := w.signin.SignUpTicket(t.Context(), w.now)
	if err != nil {
		t.Fatal(err)
	}
	body := func(token, email string) string {
		return fmt.Sprintf(`{"token": %q, "email": %q, "name": "Olive", "password": %q}`, token, email, password)
	}
	b := w.browser()
	b.want(400, "POST", "/signup", body("x", "olive@example.com"), `"param":"token"`)
	b.want(400, "POST", "/signup", body(ticket.Token, "olive"), `"param":"email"`)
	b.want(201, "POST", "/signup", body(ticket.Token, "olive@example.com"), `"role":"owner"`)
	b.want(200, "POST", "/ledger/verify", "", "")
	b.want(400, "POST", "/signup", body(ticket.Token, "olive@example.com"), `"param":"token"`)
}

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	w.addUser("ada@example.com", core.RoleNone)
	b, other := w.signedIn("ada@example.com"), w.signedIn("ada@example.com")
	before := b.cookie
	change := func(current, new string) string {
		return fmt.Sprintf(`{"current_password": %q, "new_password": %q}`, current, new)
	}
	b.want(400, "POST", "/password", change("wrong", "another password"), `"param":"current_password"`)
	b.want(400, "POST", "/password", change(password, "short"), `"param":"new_password"`)
	b.want(200, "POST", "/password", change(password, "another password"), `"csrf_token"`)
	b.want(200, "GET", "/me", "", "ada@example.com")
	if b.cookie == before {
		t.Error("the session is the same")
	}
	other.want(401, "GET", "/me", "", "the session has ended")
	if status, _, _ := w.do(adminSecret, "POST", "/password", change(password, "another password")); status != 403 {
		t.Errorf("a key changed its password: %d", status)
	}
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		w.browser().want(204, "POST", "/password/reset", `{"email": "`+email+`"}`, "")
	}
	w.signin.Close()
	if len(w.mails.list) != 1 || w.mails.list[0].To != "ada@example.com" {
		t.Fatalf("mails %v", w.mails.list)
	}
	_, token, _ := strings.Cut(w.mails.list[0].Text, "#token=")
	token, _, _ = strings.Cut(token, "\n")
	w.browser().want(204, "POST", "/password/reset/confirm", fmt.Sprintf(`{"token": %q, "password": %q}`, token, password), "")
	b.want(401, "GET", "/me", "", "the session has ended")
	w.signedIn("ada@example.com")
}

func TestSessions(t *testing.T) {
	w := newWorld(t)
	ada, bob, olive := w.addUser("ada@example.com", core.RoleNone), w.addUser("bob@example.com", core.RoleAdmin), w.addUser("olive@example.com", core.RoleOwner)
	next := func(email string) *browser {
		w.now = w.now.Add(time.Millisecond)
		return w.signedIn(email)
	}
	first, a, b, o := next("ada@example.com"), next("ada@example.com"), next("bob@example.com"), next("olive@example.com")
	ids := func(b *browser, query string) (got []string) {
		t.Helper()
		var list struct {
			Data []struct {
				ID      string
				UserID  string `json:"user_id"`
				Current bool
			}
		}
		if err := json.Unmarshal([]byte(b.want(200, "GET", "/sessions"+query, "", `"data"`)), &list); err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Data {
			who := map[string]string{ada: "ada", bob: "bob", olive: "olive"}[s.UserID]
			if s.Current {
				who += "!"
			}
			got = append(got, who, s.ID)
		}
		return got
	}
	names := func(list []string) (out string) {
		for i := 0; i < len(list); i += 2 {
			out += list[i] + " "
		}
		return out
	}
	own := ids(a, "")
	if got := names(own) + "/ " + names(ids(a, "?user_id="+bob)) + "/ " + names(ids(b, "")) + "/ " + names(ids(b, "?user_id="+ada)); got != "ada! ada / / olive bob! ada ada / ada ada " {
		t.Errorf("lists %s", got)
	}
	foreign := ids(b, "?user_id="+bob)[1]
	a.want(404, "DELETE", "/sessions/"+foreign, "", "there is no session")
	b.want(403, "DELETE", "/sessions/"+ids(b, "?user_id="+olive)[1], "", "does not allow") // an owner's
	a.want(204, "DELETE", "/sessions/"+own[3], "", "")
	first.want(401, "GET", "/me", "", "ended")
	b.want(204, "DELETE", "/sessions/"+own[1], "", "")
	a.want(401, "GET", "/me", "", "ended")

	// Whoever may do less than before, or is no more, has no session.
	o.want(200, "PATCH", "/users/"+bob, `{"name": "Bob"}`, "Bob")
	b.want(200, "GET", "/me", "", bob)
	o.want(200, "PATCH", "/users/"+bob, `{"role": "viewer"}`, "viewer")
	b.want(401, "GET", "/me", "", "ended")
	org := w.make("/orgs", `{"name": "Org"}`)
	m := w.make("/memberships", `{"user_id": "`+ada+`", "organization_id": "`+org+`", "role": "org_admin"}`)
	for _, step := range []struct{ method, path, body string }{{"PATCH", "/memberships/" + m, `{"role": "member"}`}, {"DELETE", "/memberships/" + m, ""}, {"DELETE", "/users/" + ada, ""}} {
		a = next("ada@example.com")
		o.ask(step.method, step.path, step.body)
		a.want(401, "GET", "/me", "", "")
	}
	w.browser().want(401, "POST", "/sign-in", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, password), "not right")
	w.now = w.now.Add(12 * time.Hour)
	o.want(401, "GET", "/me", "", "ended")
}

func TestInvites(t *testing.T) {
	w := newWorld(t)
	org := w.make("/orgs", `{"name": "Org"}`)
	team := w.make("/teams", `{"name": "Team", "organization_id": "`+org+`"}`)
	boss := w.addUser("boss@example.com", core.RoleNone)
	m := w.make("/memberships", `{"user_id": "`+boss+`", "organization_id": "`+org+`", "role": "org_admin"}`)
	b := w.signedIn("boss@example.com")
	invite := func(b *browser, body string) (id, token string) {
		t.Helper()
		w.now = w.now.Add(time.Millisecond)
		var v struct{ ID, Token, Link string }
		if err := json.Unmarshal([]byte(b.want(201, "POST", "/invites", body, `"token":"`)), &v); err != nil || v.Link != publicURL+"/accept-invite#token="+v.Token {
			t.Fatal(v, err)
		}
		return v.ID, v.Token
	}
	accept := func(token, more string) string { return fmt.Sprintf(`{"token": %q%s}`, token, more) }
	b.want(403, "POST", "/invites", `{"email": "x@example.com", "role": "viewer"}`, "does not allow")
	b.want(403, "POST", "/invites", `{"email": "x@example.com", "role": "admin", "organization_id": "`+org+`"}`, "does not allow")
	b.want(400, "POST", "/invites", `{"email": "x", "organization_id": "`+org+`"}`, `"param":"email"`)
	b.want(400, "POST", "/invites", `{"email": "x@example.com", "role": "team_admin", "organization_id": "`+org+`"}`, `"param":"role"`)

	id, token := invite(b, `{"email": "New@example.com", "team_id": "`+team+`"}`)
	b.want(200, "GET", "/invites?open=true&email=New@Example.com", "", `{"data":[{"id":"`+id+`","email":"new@example.com","role":"member","organization_id":"`+org+`"`)
	if text := b.want(200, "GET", "/invites/"+id, "", `"accepted_at":null`); strings.Contains(text, token) {
		t.Error("the token is shown twice")
	}
	guest := w.browser()
	guest.want(400, "POST", "/invites/accept", accept("x", ""), `"param":"token"`)
	guest.want(400, "POST", "/invites/accept", accept(token, `, "name": "New", "password": "short"`), `"param":"password"`)
	b.want(403, "POST", "/invites/accept", accept(token, ""), "another address")
	guest.want(200, "POST", "/invites/accept", accept(token, `, "name": "New", "password": "a good password"`), `"csrf_token"`)
	guest.want(200, "GET", "/me", "", `"team_id":"`+team+`","role":"member"`)
	w.browser().want(400, "POST", "/invites/accept", accept(token, `, "name": "New", "password": "a good password"`), `"param":"token"`)
	b.want(409, "DELETE", "/invites/"+id, "", "accepted")

	// Somebody who is there already.
	_, token = invite(b, `{"email": "new@example.com", "organization_id": "`+org+`", "role": "org_admin"}`)
	w.browser().want(409, "POST", "/invites/accept", accept(token, `, "name": "New", "password": "a good password"`), "sign in first")
	guest.want(200, "POST", "/invites/accept", accept(token, ""), "new@example.com")
	guest.want(200, "GET", "/me", "", `"role":"org_admin"`)

	id, token = invite(b, `{"email": "third@example.com", "organization_id": "`+org+`"}`)
	guest.want(204, "DELETE", "/invites/"+id, "", "")
	w.browser().want(400, "POST", "/invites/accept", accept(token, `, "name": "T", "password": "a good password"`), `"param":"token"`)

	// The inviter must still be able to give the role.
	_, token = invite(b, `{"email": "fourth@example.com", "organization_id": "`+org+`"}`)
	w.want(200, "PATCH", "/memberships/"+m, `{"role": "viewer"}`, nil)
	w.browser().want(403, "POST", "/invites/accept", accept(token, `, "name": "F", "password": "a good password"`), "whoever invited you")
	var k struct{ ID, Secret string }
	w.want(201, "POST", "/keys", `{"name": "inviter", "role": "admin"}`, &k)
	status, _, text := w.do(k.Secret, "POST", "/invites", `{"email": "fifth@example.com", "role": "admin"}`)
	var v struct{ Token string }
	if err := json.Unmarshal([]byte(text), &v); err != nil || status != 201 {
		t.Fatal(text)
	}
	if status, _, text := w.do(k.Secret, "POST", "/invites", `{"email": "fifth@example.com", "role": "owner"}`); status != 403 {
		t.Errorf("an admin invites an owner: %d %s", status, text)
	}
	w.want(204, "DELETE", "/keys/"+k.ID, "", nil)
	w.browser().want(403, "POST", "/invites/accept", accept(v.Token, `, "name": "F", "password": "a good password"`), "whoever invited you")
}

func TestOpenID_Routes(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.want(400, "GET", "/sign-in/oidc?provider=x", "", "there is no sign-in provider")
	b.want(400, "GET", "/sign-in/oidc?return_to="+url.QueryEscape("//evil.example.com"), "", `"param":"return_to"`)
	b.want(401, "GET", "/sign-in/oidc/callback?state=x&code=y&session_state=z", "", "start again")
	flow := base64.RawURLEncoding.EncodeToString([]byte(`{"provider": "x", "state": "s"}`))
	b.head = map[string]string{"Cookie": flowCookie + "=" + flow}
	b.want(400, "GET", "/sign-in/oidc/callback?state=s&code=c&session_state=z", "", "there is no sign-in provider")
	b.want(400, "GET", "/sign-in/oidc/callback?state=s&state=s", "", `"param":"state"`)
	for path, ok := range map[string]bool{"/": true, "/keys?x=1#y": true, "": false, "keys": false, "//x": false, `/\x`: false, "https://x/": false, "/\t/x": false, "javascript:x": false} {
		if localPath(path) != ok {
			t.Errorf("%q is a path of ours: %v", path, !ok)
		}
	}
}
