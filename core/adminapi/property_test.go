package adminapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// thing is an object of the model: an organization, a team, a user, a membership
// or a key. What it has not is "".
type thing struct {
	kind          resource
	ID            string
	Org           string `json:"organization_id"`
	Team          string `json:"team_id"`
	User          string `json:"user_id"`
	Role          core.Role
	Blocked       bool
	secret        string
	DeletedAt     *time.Time `json:"deleted_at"`
	Email, Secret string     // of an answer
}

// company is the model: what there is, and who may do what, said otherwise than
// the program says it.
type company struct {
	*world
	rnd    *rand.Rand
	things map[resource]map[string]*thing
	count  int
}

// who is a principal of the model: a key, or a user who has signed in.
type who struct {
	key, user *thing
	has       []thing // roles, with the Org and Team where they hold
}

func (c *company) principal() who {
	var all []who
	for _, k := range c.sorted(virtualKeys) {
		if k.Role != "" && !k.Blocked {
			all = append(all, who{key: k, has: []thing{*k}})
		}
	}
	for _, u := range c.sorted(users) {
		w := who{user: u}
		if u.Role != "" {
			w.has = append(w.has, thing{Role: u.Role})
		}
		for _, m := range c.sorted(memberships) {
			if m.User == u.ID {
				w.has = append(w.has, *m)
			}
		}
		all = append(all, w)
	}
	return all[c.rnd.IntN(len(all))]
}

// global reports whether the role holds everywhere, wherever its holder stands.
func global(r thing) bool {
	return r.Role == "owner" || r.Role == "admin" || r.Role == "viewer" && r.Org == "" && r.Team == ""
}

// heads is how much power w has over what stands there, by roles that change things.
func (w who) heads(o *thing) (rank int) {
	for _, r := range w.has {
		switch {
		case r.Role == "owner":
			rank = max(rank, 6)
		case r.Role == "admin":
			rank = max(rank, 5)
		case r.Role == "org_admin" && r.Org == o.Org && o.kind != users:
			rank = max(rank, 4)
		case r.Role == "team_admin" && r.Team == o.Team && (o.kind == virtualKeys || o.kind == memberships || o.kind == teams):
			rank = max(rank, 3)
		}
	}
	return rank
}

var ranks = map[core.Role]int{"owner": 6, "admin": 5, "org_admin": 4, "team_admin": 3, "member": 2, "viewer": 1}

// sees reports whether w may know of the object.
func (c *company) sees(w who, o *thing) bool {
	for _, r := range w.has {
		if global(r) {
			return true
		}
		whole := r.Role == "org_admin" || r.Role == "viewer" && r.Team == "" // of the organization
		team := r.Role == "team_admin" || r.Role == "viewer"                 // of the team
		switch o.kind {
		case organizations:
			if r.Org == o.ID {
				return true
			}
		case teams:
			if whole && r.Org == o.Org || r.Team == o.ID {
				return true
			}
		case users:
			for _, m := range c.things[memberships] {
				if m.User == o.ID && (r.Org == m.Org && (whole || r.Role == "team_admin") || team && r.Team != "" && r.Team == m.Team) {
					return true
				}
			}
		default:
			if whole && r.Org == o.Org || team && r.Team != "" && r.Team == o.Team {
				return true
			}
		}
	}
	return w.user != nil && (o.kind == users && o.ID == w.user.ID || (o.kind == memberships || o.kind == virtualKeys) && o.User == w.user.ID)
}

// may reports whether w may do it to the object.
func (c *company) may(w who, method, action string, o *thing) bool {
	if !c.sees(w, o) {
		return false
	}
	head := w.heads(o)
	switch {
	case o.kind == organizations && method == "DELETE", o.kind == users:
		return head >= 5 && head >= ranks[o.Role]
	case o.kind == teams && method == "DELETE":
		return head >= 4
	case o.kind == organizations || o.kind == teams:
		return head > 0
	case (action == "/rotate" || action == "/block") && w.user != nil && o.User == w.user.ID && o.Role == "":
		return true
	}
	return head > 0 && head >= ranks[o.Role]
}

func (c *company) sorted(r resource) (list []*thing) {
	for _, o := range c.things[r] {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *thing) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// some is one of a kind, or nil now and then.
func (c *company) some(r resource) *thing {
	list := c.sorted(r)
	if len(list) == 0 || c.rnd.IntN(8) == 0 {
		return nil
	}
	return list[c.rnd.IntN(len(list))]
}

func (c *company) ask(w who, method, path, body string) (int, string) {
	f := firm{world: c.world, signedIn: map[string]*core.User{}}
	if w.key != nil {
		return f.ask(c.handler, asker{secret: w.key.secret}, method, path, body)
	}
	return f.ask(c.handler, asker{cookie: w.user.ID}, method, path, body)
}

// Authenticate implements Sessions: the cookie is the user's id.
func (c *company) Authenticate(r *http.Request, _ time.Time) (*core.User, error) {
	return c.store.FindUserByID(r.Context(), r.Header.Get("Cookie"))
}

var propertyPaths = map[resource]string{organizations: "/orgs", teams: "/teams", users: "/users", memberships: "/memberships", virtualKeys: "/keys"}
var propertyKinds = []resource{organizations, teams, users, memberships, virtualKeys}

// create makes something at a random place, by w.
func (c *company) create(w who) {
	c.count++
	o := &thing{kind: propertyKinds[c.rnd.IntN(len(propertyKinds))]}
	in := map[string]any{"name": fmt.Sprint("n", c.count)}
	agree := true // the team is in the organization that is named, if one is: else there is nothing to allow
	named := func(r resource, member string, to *string) (known bool) {
		x := c.some(r)
		if x == nil {
			return true
		}
		in[member], *to = x.ID, x.ID
		if r == teams && o.Org == "" {
			o.Org = x.Org
		}
		agree = agree && (r != teams || o.Org == x.Org)
		return c.sees(w, x)
	}
	known := true
	switch o.kind {
	case teams:
		known = named(organizations, "organization_id", &o.Org)
	case users:
		in["email"] = fmt.Sprintf("u%d@example.com", c.count)
	case memberships, virtualKeys:
		if o.kind == memberships {
			delete(in, "name")
		}
		known = c.rnd.IntN(2) == 0 || named(organizations, "organization_id", &o.Org)
		known = named(teams, "team_id", &o.Team) && known
		if team := c.things[teams][o.Team]; team != nil && team.Org != o.Org {
			known = false // there is no such place
		}
		known = (o.kind == virtualKeys && c.rnd.IntN(2) == 0 || named(users, "user_id", &o.User)) && known
	}
	if roles := []core.Role{"", "", "owner", "admin", "org_admin", "team_admin", "member", "viewer"}; o.kind != organizations && o.kind != teams {
		if o.Role = roles[c.rnd.IntN(len(roles))]; o.Role != "" {
			in["role"] = o.Role
		} else if o.kind == memberships {
			o.Role = core.RoleMember
		}
	}
	raw, _ := json.Marshal(in)
	status, body := c.ask(w, "POST", propertyPaths[o.kind], string(raw))
	allowed := known && agree && w.heads(o) >= ranks[o.Role] && w.heads(o) > 0
	switch o.kind {
	case organizations, users:
		allowed = allowed && w.heads(o) >= 5
	case teams:
		allowed = allowed && w.heads(o) >= 4
	}
	if t := c.things[teams][o.Team]; t != nil && t.Org != o.Org { // the two disagree
		allowed = false
	}
	c.judge(w, "POST "+propertyPaths[o.kind]+string(raw), status, body, allowed, true)
	if status == http.StatusCreated {
		c.learn(o.kind, body)
	}
}

// learn takes what an answer says into the model.
func (c *company) learn(r resource, body string) {
	o := &thing{}
	if err := json.Unmarshal([]byte(body), o); err != nil {
		c.t.Fatal(err)
	}
	o.kind, o.secret = r, o.Secret
	if r == organizations {
		o.Org = o.ID
	}
	if r == teams {
		o.Team = o.ID
	}
	if was := c.things[r][o.ID]; was != nil && o.secret == "" {
		o.secret = was.secret
	}
	c.things[r][o.ID] = o
}

// judge holds an answer against what the model allows.
func (c *company) judge(w who, what string, status int, body string, allowed, visible bool) {
	c.t.Helper()
	denied := status == 401 || status == 403 || status == 404
	switch {
	case status >= 500:
		c.t.Fatalf("%s: %d %s", what, status, body)
	case allowed && denied, !allowed && status < 400, !allowed && !visible && status == 409:
		c.t.Fatalf("%s by %+v %+v with %+v: status %d, allowed %t, visible %t: %s", what, w.key, w.user, w.has, status, allowed, visible, body)
	}
}

// change does something to an object, by w.
func (c *company) change(w who) {
	kind := propertyKinds[c.rnd.IntN(len(propertyKinds))]
	o := c.some(kind)
	if o == nil {
		return
	}
	method, action, in := "PATCH", "", map[string]any{}
	allowed := true
	switch n := c.rnd.IntN(6); {
	case n == 0:
		method = "DELETE"
	case n == 1:
		method = "GET"
	case kind == virtualKeys && n < 4:
		method, action = "POST", []string{"/rotate", "/block", "/unblock"}[c.rnd.IntN(3)]
	case kind == memberships, kind == users && n < 4:
		after := *o
		after.Role = []core.Role{"owner", "admin", "org_admin", "team_admin", "member", "viewer"}[c.rnd.IntN(6)]
		in["role"] = after.Role
		allowed = w.heads(o) >= ranks[after.Role]
	case kind == virtualKeys:
		after := *o
		if t := c.some(teams); t != nil {
			in["team_id"], after.Team, after.Org = t.ID, t.ID, t.Org
			allowed = c.sees(w, t)
		} else {
			in["team_id"], in["organization_id"], after.Team, after.Org = nil, nil, "", ""
		}
		allowed = allowed && w.heads(&after) > 0 && w.heads(&after) >= ranks[o.Role]
	default:
		c.count++
		in["name"] = fmt.Sprint("n", c.count)
	}
	visible := c.sees(w, o)
	if method == "GET" {
		allowed = visible
	} else {
		allowed = allowed && c.may(w, method, action, o)
	}
	raw, _ := json.Marshal(in)
	path := propertyPaths[kind] + "/" + o.ID + action
	status, body := c.ask(w, method, path, string(raw))
	c.judge(w, method+" "+path+string(raw), status, body, allowed, visible)
	if status == http.StatusOK && method != "GET" {
		c.learn(kind, body)
	}
	if status == http.StatusNoContent {
		c.gone(o)
	}
}

// gone takes a deleted object out of the model, with the memberships that end with it.
func (c *company) gone(o *thing) {
	delete(c.things[o.kind], o.ID)
	for id, m := range c.things[memberships] {
		if o.kind != memberships && o.kind != virtualKeys && (m.Org == o.ID || m.Team == o.ID || m.User == o.ID) {
			delete(c.things[memberships], id)
		}
	}
}

// shownRole is the role of o that w is shown: what somebody is over the whole
// installation is not for those who manage a part.
func (c *company) shownRole(w who, o *thing) core.Role {
	if o.kind != users || slices.ContainsFunc(w.has, global) || w.user != nil && w.user.ID == o.ID {
		return o.Role
	}
	return ""
}

// look compares every list that w can ask for with the model.
func (c *company) look(w who) {
	c.t.Helper()
	for _, kind := range propertyKinds {
		var want []string
		for _, o := range c.sorted(kind) {
			if c.sees(w, o) {
				want = append(want, o.ID)
			}
		}
		status, body := c.ask(w, "GET", propertyPaths[kind]+"?limit=1000", "")
		if status == http.StatusForbidden && want == nil {
			continue
		}
		var list struct{ Data []thing }
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 {
			c.t.Fatalf("%s: %d %s", kind, status, body)
		}
		var got []string
		for _, o := range list.Data {
			got = append(got, o.ID)
			if is := c.things[kind][o.ID]; is != nil && (c.shownRole(w, is) != o.Role || kind != organizations && is.Org != o.Org || is.User != o.User || kind != teams && is.Team != o.Team) {
				c.t.Fatalf("%s is %+v, the model has %+v", o.ID, o, is)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			c.t.Fatalf("%+v %+v with %+v sees %v of %s, the model %v", w.key, w.user, w.has, got, kind, want)
		}
	}
}

// TestPermissions_Property lets random principals do random things: each may what
// a model allows him and no more, and sees nothing else, whoever made, moved,
// promoted or deleted what before.
func TestPermissions_Property(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := &company{world: newWorld(t), rnd: rand.New(rand.NewPCG(seed, 0)), things: map[resource]map[string]*thing{}}
			for _, r := range propertyKinds {
				c.things[r] = map[string]*thing{}
			}
			c.deps.Sessions = c
			c.handler = New(c.deps)
			c.things[virtualKeys][c.plain.ID] = &thing{kind: virtualKeys, ID: c.plain.ID}
			c.things[virtualKeys][c.admin.ID] = &thing{kind: virtualKeys, ID: c.admin.ID, Role: core.RoleAdmin, secret: adminSecret}
			for n := range 300 {
				w := c.principal()
				if k := c.things[virtualKeys][c.admin.ID]; (n < 30 || n%10 == 0) && k != nil && !k.Blocked { // a company has to grow
					w = who{key: k, has: []thing{*k}}
				}
				if c.rnd.IntN(2) == 0 || n < 30 {
					c.create(w)
				} else {
					c.change(w)
				}
				if n%10 == 0 {
					c.look(c.principal())
				}
			}
		})
	}
}
