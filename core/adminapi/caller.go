package adminapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

// Sessions tells who has signed in.
type Sessions interface {
	// Authenticate returns the person of a request that bears no key:
	// CodeUnauthenticated without a session that is in force, CodePermissionDenied
	// for a change that the person's browser may have been led to.
	Authenticate(r *http.Request, now time.Time) (*core.User, error)
}

// caller is who asks: an admin key, or a person who has signed in.
type caller struct {
	actor  core.AuditActor
	user   *core.User // nil for a key
	grants []grant
}

// grant is a role and where it holds.
type grant struct {
	role core.Role
	at   core.Place
}

// covers reports whether the role holds where an object stands.
func (g grant) covers(p core.Place) bool {
	return (g.at.OrganizationID == "" || g.at.OrganizationID == p.OrganizationID) &&
		(g.at.TeamID == "" || g.at.TeamID == p.TeamID) &&
		(g.at.UserID == "" || g.at.UserID == p.UserID)
}

// keyCaller is what a key may do. The powers of owners and admins are those of
// the installation, whoever the key belongs to.
func keyCaller(k *core.VirtualKey) *caller {
	c := &caller{actor: core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: k.ID, Name: k.Name}}}
	switch {
	case k.Role == core.RoleNone:
	case k.Role.Rank() >= core.RoleAdmin.Rank():
		c.grants = []grant{{role: k.Role}}
	default:
		c.grant(k.Role, k.OrganizationID, k.TeamID)
	}
	return c
}

// grant adds a role at a place and what comes with it.
func (c *caller) grant(role core.Role, organizationID, teamID string) {
	at := core.Place{OrganizationID: organizationID}
	if organizationID != "" {
		c.grants = append(c.grants, grant{insider, at})
	}
	if role == core.RoleTeamAdmin {
		c.grants = append(c.grants, grant{directory, at})
	}
	if role == core.RoleMember && teamID == "" {
		return // to be in an organization opens none of its teams
	}
	at.TeamID = teamID
	c.grants = append(c.grants, grant{role, at})
}

// maxMemberships is more than anybody has; more of them count for nothing.
const maxMemberships = 1000

// person is what a user may do now.
func (a *api) person(ctx context.Context, u *core.User) (*caller, error) {
	c := &caller{actor: core.AuditActor{Kind: core.ActorUser, Named: core.Named{ID: u.ID, Name: u.Name}}, user: u}
	c.grants = []grant{{self, core.Place{UserID: u.ID}}}
	if u.Role != core.RoleNone {
		c.grants = append(c.grants, grant{role: u.Role})
	}
	list, _, err := a.Store.ListMemberships(ctx, core.MembershipFilter{UserID: &u.ID, Page: core.Page{Limit: maxMemberships}})
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		c.grant(m.Role, m.OrganizationID, m.TeamID)
		if m.TeamID == "" || m.Role != core.RoleMember {
			continue
		}
		t, err := a.Store.FindTeamByID(ctx, m.TeamID)
		if err != nil {
			return nil, err
		}
		if t.MemberKeys {
			c.grants = append(c.grants, grant{keyMaker, core.Place{OrganizationID: m.OrganizationID, TeamID: m.TeamID, UserID: u.ID}})
		}
	}
	return c, nil
}

// may reports whether the caller may do the verb with something of the resource
// at one of the places, and how much power the best role for it has.
func (c *caller) may(v verb, r resource, places ...core.Place) (rank int, ok bool) {
	for _, g := range c.grants {
		if permissions[r][g.role]&v == v && slices.ContainsFunc(places, g.covers) {
			rank, ok = max(rank, g.role.Rank()), true
		}
	}
	return rank, ok
}

// mayAnywhere reports whether there is a place where the caller may do it.
func (c *caller) mayAnywhere(v verb, r resource) bool {
	return slices.ContainsFunc(c.grants, func(g grant) bool { return permissions[r][g.role]&v == v })
}

// reach is what the caller may read of the resource.
func (c *caller) reach(r resource) *core.Reach {
	reach := &core.Reach{}
	for _, g := range c.grants {
		if permissions[r][g.role]&read == 0 {
			continue
		}
		switch at := g.at; {
		case at == core.Place{}:
			return nil
		case at.UserID != "":
			reach.UserID = at.UserID
		case at.TeamID != "":
			reach.Teams = append(reach.Teams, at.TeamID)
		default:
			reach.Organizations = append(reach.Organizations, at.OrganizationID)
		}
	}
	return reach
}

// is reports whether the key of the id is the one that asks.
func (c *caller) is(keyID string) bool { return c.actor.Kind == core.ActorKey && c.actor.ID == keyID }
