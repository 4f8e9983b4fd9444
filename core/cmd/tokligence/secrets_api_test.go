package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// apiRoute is one operation of the admin API's description.
type apiRoute struct {
	method, path string
	parameters   []string // of the query
	members      []string // of the body
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// described reads the routes from the description that the gateway serves.
func (h *hunt) described() (routes []apiRoute) {
	var d struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref        string `json:"$ref"`
						Properties map[string]any
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	h.call("GET", "/openapi.json", "", &d)
	for path, methods := range d.Paths {
		for method, o := range methods {
			r := apiRoute{method: strings.ToUpper(method), path: path}
			for _, p := range o.Parameters {
				if p.In == "query" {
					r.parameters = append(r.parameters, p.Name)
				}
			}
			for _, c := range o.RequestBody.Content {
				properties := c.Schema.Properties
				if _, name, ok := strings.Cut(c.Schema.Ref, "#/components/schemas/"); ok {
					properties = d.Components.Schemas[name].Properties
				}
				for name := range properties {
					r.members = append(r.members, name)
				}
			}
			slices.Sort(r.members)
			routes = append(routes, r)
		}
	}
	slices.SortFunc(routes, func(a, b apiRoute) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(routes) < 40 {
		h.t.Fatalf("only %d routes are described", len(routes))
	}
	return routes
}

// automation writes secrets in all places of every route of the admin API: as
// parts of the path, parameters and members, by an admin, by somebody who may
// nothing and by somebody unknown.
func (h *hunt) automation() {
	for _, r := range h.described() {
		for _, who := range []string{huntAdmin, h.stranger.Secret, ""} {
			send := func(what, query, body string) {
				secret := h.secret()
				fill := strings.NewReplacer("SECRET", secret, "ESCAPED", escaped(secret)).Replace
				headers := map[string]string{"X-Api-Key": who, "User-Agent": "script " + secret}
				if who == "" {
					headers["X-Api-Key"] = secret
				}
				path := "/api/v1" + inBraces.ReplaceAllLiteralString(r.path, secret)
				h.ask(r.path+" with "+what, r.method, path+fill(query), headers, fill(body))
			}
			send("nothing else", "", "")
			send("?key=", "?key=SECRET", "")
			send("a parameter's name", "?SECRET=1", "")
			send("an escaped parameter", "?access_token=ESCAPED", "")
			for _, name := range r.parameters {
				send(name, "?"+name+"=SECRET", "")
			}
			if r.method == http.MethodGet {
				continue
			}
			send("a member's name", "", `{"SECRET": 1}`)
			send("a text for a body", "", `"SECRET"`)
			send("broken JSON", "", `{"name": SECRET`)
			for _, name := range r.members {
				for _, value := range []string{`"SECRET"`, `["SECRET"]`, `{"SECRET": "SECRET"}`} {
					if name == "secret" && value == `"SECRET"` {
						continue // where a secret belongs: see byAPI
					}
					send(name, "", fmt.Sprintf(`{%q: %s}`, name, value))
					send(name+" beside a name", "", fmt.Sprintf(`{"name": "n%d", %q: %s}`, h.number, name, value))
				}
			}
		}
	}
}

// byAPI gives secrets where they belong, and does with what was made all that can
// be done. What the gateway itself made of it is searched for as well.
func (h *hunt) byAPI() {
	admin := map[string]string{"X-Api-Key": h.admin}
	routes := h.described()
	for _, p := range apiPlants {
		fill := strings.NewReplacer("SECRET", h.secret(), "VENDOR", h.vendor.URL).Replace
		status, answer := h.ask(p.path+" with a secret", "POST", "/api/v1"+p.path, admin, fill(p.body))
		if status != p.status {
			h.t.Errorf("POST %s %s: %d %s", p.path, p.body, status, answer)
		}
		var made struct{ ID, Name string }
		if status != 201 || json.Unmarshal([]byte(answer), &made) != nil {
			continue
		}
		for _, r := range routes {
			under, ok := strings.CutPrefix(r.path, p.path+"/{")
			if _, rest, _ := strings.Cut(under, "}"); ok && r.method != "DELETE" && !strings.Contains(rest, "{") {
				h.ask(r.path+" of one with a secret", r.method, "/api/v1"+p.path+"/"+cmp.Or(made.ID, made.Name)+rest, admin, "")
			}
		}
	}
	if status, answer := h.ask("a use of a credential", "POST", chatPath, map[string]string{"X-Api-Key": h.good.Secret}, strings.Replace(okBody, `"ok"`, `"made"`, 1)); status != 400 || !strings.Contains(answer, "Incorrect") {
		h.t.Errorf("the model with a credential made by API: %d %s", status, answer)
	}
	own := "gk-own-MARK0123456789"
	h.call("POST", "/keys", fmt.Sprintf(`{"name": "own", "all_models": true, "secret": %q}`, own), nil) // it is shown this once
	h.ask("a secret that there is", "POST", "/api/v1/keys", admin, fmt.Sprintf(`{"name": "own", "all_models": true, "secret": %q}`, own))
	if status, _ := h.ask("a use of it", "POST", chatPath, map[string]string{"X-Api-Key": own}, okBody); status != 200 {
		h.t.Errorf("the key with a secret of one's own: %d", status)
	}
}

// people has somebody in by an invitation, with a password, and lets sessions go wrong.
func (h *hunt) people() {
	const password = "MARK-correct-horse-battery"
	var org struct{ ID string }
	h.call("POST", "/orgs", `{"name": "Acme"}`, &org)
	var invite struct{ ID, Token string }
	h.call("POST", "/invites", `{"email": "ada@example.com", "role": "org_admin", "organization_id": "`+org.ID+`"}`, &invite)
	h.made[invite.Token] = true
	json := map[string]string{"Content-Type": "application/json"}
	enter := func(path, body string) map[string]string {
		status, answer := h.ask(path, "POST", "/api/v1"+path, json, body)
		if status > 299 {
			h.t.Fatalf("%s: %d %s", path, status, answer)
		}
		_, token, _ := strings.Cut(answer, `"csrf_token":"`)
		token, _, _ = strings.Cut(token, `"`)
		return map[string]string{"Content-Type": "application/json", "Cookie": h.cookie, "X-CSRF-Token": token}
	}
	session := enter("/invites/accept", fmt.Sprintf(`{"token": %q, "name": "Ada", "password": %q}`, invite.Token, password))
	secret := strings.TrimPrefix(h.cookie, "tokligence_session=")
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/me", ""},
		{"POST", "/password", `{"current_password": "MARK-wrong", "new_password": "MARK-another-horse-battery"}`},
		{"POST", "/password", `{"current_password": "` + password + `", "new_password": "MARK"}`},
		{"POST", "/keys", `{"name": "k", "organization_id": "` + org.ID + `"}`},
		{"POST", "/keys", `{"name": "` + secret + `", "organization_id": "` + org.ID + `"}`},
		{"GET", "/keys/" + secret, ""},
		{"DELETE", "/sessions/" + secret, ""},
		{"GET", "/invites/" + invite.Token, ""},
		{"DELETE", "/users/" + secret, ""},
	} {
		if _, answer := h.ask(r.path+" by a session", r.method, "/api/v1"+r.path, session, r.body); strings.Contains(answer, secret) {
			h.t.Errorf("%s %s repeats the session: %s", r.method, r.path, answer)
		}
		h.ask(r.path+" by a session without its token", r.method, "/api/v1"+r.path, map[string]string{"Content-Type": "application/json", "Cookie": session["Cookie"], "X-CSRF-Token": "MARK"}, r.body)
	}
	h.ask("a session for a key", "POST", chatPath, map[string]string{"Authorization": "Bearer " + secret}, okBody)
	enter("/sign-in", `{"email": "ada@example.com", "password": "`+password+`"}`)
	h.ask("a reset", "POST", "/api/v1/password/reset", json, `{"email": "ada@example.com"}`)
	h.ask("the end of a session", "POST", "/api/v1/sign-out", session, "")
	h.ask("the same again", "POST", "/api/v1/sign-out", session, "")
}
