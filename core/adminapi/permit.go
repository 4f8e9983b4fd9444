package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tokligence/gateway/core"
)

// need is what a route asks of its caller.
type need struct {
	verb     verb
	resource resource
	// object finds the one that the path names. Without it, and without the next
	// two, the route is about the whole installation.
	object func(c *call, id string) (*object, error)
	// named: the body says where the new object is to stand.
	named bool
	// narrowed: the route is about many objects, and its handler sees to it that
	// none is beyond the caller: a list by [caller.reach], others one by one.
	narrowed bool
	// itself: a key may have it done to itself, see [call.ownRotation].
	itself bool
	// open: the route is for people who have not signed in yet.
	open bool
}

// anyone may call a route that is about the caller alone.
var anyone = need{}

// open is a route that nobody is asked who he is for.
var open = need{open: true}

// object is what permissions look at. A nil one does not exist.
type object struct {
	places []core.Place
	role   core.Role
}

// errForeign marks what is not found because it is somebody else's.
var errForeign = errors.New("it is out of the caller's reach")

// permit decides whether the caller may have the route served: the one place
// where that is done. The error is CodePermissionDenied, or CodeNotFound for an
// object that is none for him, whether there is one or not.
func (a *api) permit(n need, c *call) error {
	switch {
	case n.resource == "":
		return nil
	case c.ownRotation(n, c.id()):
		return nil
	case n.object != nil:
		return a.permitObject(n, c, c.id())
	case n.named:
		return a.permitBody(n, c, &object{places: []core.Place{{}}})
	case n.narrowed:
		return c.permitted(c.caller.mayAnywhere(n.verb, n.resource))
	}
	_, ok := c.caller.may(n.verb, n.resource, core.Place{})
	return c.permitted(ok)
}

// permitted is the error of what is not allowed.
func (c *call) permitted(ok bool) error {
	switch {
	case ok:
		return nil
	case len(c.caller.grants) == 0:
		return core.Errorf(core.CodePermissionDenied, core.SourceClient, "this needs an admin key")
	}
	return core.Errorf(core.CodePermissionDenied, core.SourceClient, "your role does not allow this")
}

// permitObject decides about the object of the id, and about where the body moves it.
func (a *api) permitObject(n need, c *call, id string) error {
	if !c.caller.mayAnywhere(n.verb, n.resource) {
		return c.permitted(false) // before anything is looked up
	}
	o, err := n.object(c, id)
	if err != nil && core.AsError(err).Code != core.CodeNotFound {
		return err
	}
	if o == nil {
		return missing(n.resource, id)
	}
	if _, ok := c.caller.may(read, n.resource, o.places...); !ok {
		return missing(n.resource, id).With(errForeign)
	}
	if err := c.permitAt(n, o); err != nil || n.verb != update {
		return err
	}
	return a.permitBody(n, c, o)
}

// permitAt decides about the verb where an object stands.
func (c *call) permitAt(n need, o *object) error {
	rank, ok := c.caller.may(n.verb, n.resource, o.places...)
	return c.permitted(ok && (n.verb == read || o.role.Rank() <= rank))
}

func missing(r resource, id string) *core.Error {
	return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no %s %s", nouns[r], id)
}

var nouns = map[resource]string{organizations: "organization", teams: "team", projects: "project", users: "user", memberships: "membership", virtualKeys: "key", models: "model", deployments: "deployment", credentials: "credential", guardrails: "guardrail", eventLog: "event", webhooks: "webhook", sessions: "session", passwords: "user", invites: "invite"}

// moves are the members of a body that say where an object stands, how powerful
// it is, and what it may have.
type moves struct {
	OrganizationID json.RawMessage `json:"organization_id"`
	TeamID         json.RawMessage `json:"team_id"`
	UserID         json.RawMessage `json:"user_id"`
	Role           *core.Role      `json:"role"`
	Admin          bool            `json:"admin"`

	AllModels json.RawMessage `json:"all_models"`
	Models    json.RawMessage `json:"models"`
	Limits    json.RawMessage `json:"limits"`
	Budget    json.RawMessage `json:"budget"`

	Guardrails json.RawMessage `json:"guardrails"`
}

// allots reports whether the body says what an owner of keys may have.
func (m *moves) allots(r resource) bool {
	return (r == organizations || r == teams || r == users) && (m.AllModels != nil || m.Models != nil || m.Limits != nil || m.Budget != nil || m.Guardrails != nil)
}

// permitBody decides about what the body makes of the object: the caller must
// know all that it names and may have what results.
func (a *api) permitBody(n need, c *call, o *object) error {
	raw, err := c.readBody()
	if err != nil {
		return err
	}
	var m moves
	if err := decode(json.NewDecoder(bytes.NewReader(raw)), "", &m); err != nil {
		return err
	}
	if _, err := objectMembers(raw); err != nil {
		return err
	}
	if m.allots(n.resource) {
		n.verb |= allot
	}
	after := object{places: o.places, role: o.role}
	if m.Role != nil && !(n.resource == memberships && m.Role.Rank() > core.RoleOrgAdmin.Rank()) { // no member has that: 400
		after.role = *m.Role
	}
	if m.Admin {
		after.role = core.RoleAdmin
	}
	if m.OrganizationID != nil || m.TeamID != nil || m.UserID != nil {
		p, err := a.moved(c, o.places[0], &m)
		if err != nil {
			return err
		}
		after.places = []core.Place{p}
	}
	return c.permitAt(n, &after)
}

// moved is the place that m makes of p.
func (a *api) moved(c *call, p core.Place, m *moves) (core.Place, error) {
	team := given(m.TeamID)
	if team != "" && m.OrganizationID == nil {
		p.OrganizationID = "" // the team's
	}
	for _, part := range []struct {
		to    *string
		raw   json.RawMessage
		param string
		what  resource
		find  func(*call, string) (*object, error)
	}{
		{&p.OrganizationID, m.OrganizationID, "organization_id", organizations, a.orgObject},
		{&p.TeamID, m.TeamID, "team_id", teams, a.teamObject},
		{&p.UserID, m.UserID, "user_id", users, a.userObject},
	} {
		if part.raw == nil {
			continue
		}
		*part.to = given(part.raw)
		if *part.to == "" {
			continue
		}
		o, err := part.find(c, *part.to)
		if err != nil && core.AsError(err).Code != core.CodeNotFound {
			return p, err
		}
		known := o != nil
		if known {
			_, known = c.caller.may(read, part.what, o.places...)
		}
		if !known {
			return p, core.Invalid(part.param, "%s %q does not exist", nouns[part.what], *part.to)
		}
		if part.what == teams && p.OrganizationID == "" {
			p.OrganizationID = o.places[0].OrganizationID
		}
	}
	return p, nil
}

// given is the string of a member, "" for null and for what is none.
func given(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}
