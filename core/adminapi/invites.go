package adminapi

import (
	"net/http"
	"strings"

	"github.com/tokligence/gateway/core"
)

// inviteView is an invitation as the API shows it. Token and link are there
// once, when it was made.
type inviteView struct {
	*core.Invite
	Token string `json:"token,omitempty"`
	Link  string `json:"link,omitempty"`
}

func (a *api) listInvites(c *call) error {
	q := c.query()
	f := core.InviteFilter{Reach: c.caller.reach(invites), OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), Email: q.given("email"), Page: q.page()}
	if open := q.flag("open"); open != nil && *open {
		f.OpenAt = &c.now
	}
	if q.err != nil {
		return q.err
	}
	if f.Email != nil {
		*f.Email = strings.ToLower(*f.Email)
	}
	found, next, err := a.Store.ListInvites(c.ctx(), f)
	if err != nil {
		return err
	}
	views := make([]inviteView, len(found))
	for i, v := range found {
		views[i] = inviteView{Invite: v}
	}
	return writeList(c, views, next)
}

// inviteInput names a team, an organization, or neither: then it is the whole installation.
type inviteInput struct {
	Email          string    `json:"email" api:"required"`
	Role           core.Role `json:"role" doc:"Member unless given, except over the whole installation."`
	OrganizationID string    `json:"organization_id" api:"null"`
	TeamID         string    `json:"team_id" api:"null"`
}

func (a *api) createInvite(c *call) error {
	in := inviteInput{Role: core.RoleMember}
	if err := c.body(&in); err != nil {
		return err
	}
	email, err := core.CheckEmail(in.Email)
	if err != nil {
		return err
	}
	i := &core.Invite{ID: c.newID(core.PrefixInvite), Email: email, Role: in.Role, OrganizationID: in.OrganizationID, TeamID: in.TeamID, InvitedBy: c.caller.actor}
	t, err := a.SignIn.Invite(c.ctx(), i, c.now)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, inviteView{i, t.Token, t.Link})
}

// againInvite answers with an invitation whose first answer nobody got: its link
// can only be made anew.
func (a *api) againInvite(c *call) error {
	i, t, err := a.SignIn.RenewInvite(c.ctx(), c.made)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, inviteView{i, t.Token, t.Link})
}

func (a *api) revokeInvite(c *call) error {
	return c.deleted(a.Store.RevokeInvite(c.ctx(), c.path("id"), c.now))
}

type acceptInput struct {
	Token    string `json:"token" api:"required"`
	Name     string `json:"name" doc:"Of a new user."`
	Password string `json:"password" doc:"Of a new user; who has signed in needs none."`
}

// acceptInvite lets somebody in by an invitation: who has signed in, or somebody new.
func (a *api) acceptInvite(c *call) error {
	var in acceptInput
	if err := a.openBody(c, &in); err != nil {
		return err
	}
	i, err := a.SignIn.Invited(c.ctx(), in.Token)
	if err != nil {
		return err
	}
	var u *core.User
	if cookieOf(c.r, sessionCookie) != "" {
		if u, err = a.Sessions.Authenticate(c.r, c.now); err != nil && core.AsError(err).Code != core.CodeUnauthenticated {
			return err
		}
	}
	e, err := a.SignIn.Accept(c.ctx(), i, u, in.Name, in.Password, func() error { return a.vouched(c, i) }, a.from(c), c.now)
	if err != nil {
		return err
	}
	return a.enter(c, http.StatusOK, "invite.accept", e, core.AuditObject{Kind: "invite", Named: core.Named{ID: i.ID}})
}

// vouched refuses an invitation whose inviter may not, or not any more, give the role.
func (a *api) vouched(c *call, i *core.Invite) error {
	gone := core.Errorf(core.CodePermissionDenied, core.SourceClient, "whoever invited you may not give this role any more: ask for another invitation")
	var inviter *caller
	switch i.InvitedBy.Kind {
	case core.ActorKey:
		k, err := a.Keys.Get(c.ctx(), i.InvitedBy.ID)
		if err != nil {
			return err
		}
		if k.DeletedAt != nil || k.Blocked || k.ExpiresAt != nil && !c.now.Before(*k.ExpiresAt) {
			return gone
		}
		inviter = keyCaller(k)
	case core.ActorUser:
		u, err := a.Store.FindUserByID(c.ctx(), i.InvitedBy.ID)
		if err != nil {
			return err
		}
		if u.DeletedAt != nil {
			return gone
		}
		if inviter, err = a.person(c.ctx(), u); err != nil {
			return err
		}
	default:
		return gone
	}
	if rank, ok := inviter.may(create, invites, core.Place{OrganizationID: i.OrganizationID, TeamID: i.TeamID}); !ok || rank < i.Role.Rank() {
		return gone
	}
	return nil
}

// inviteAt is where an invitation stands.
func (a *api) inviteAt(c *call, id string) (*object, error) {
	i, err := a.Store.FindInviteByID(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: i.OrganizationID, TeamID: i.TeamID}}, role: i.Role}, nil
}

func (a *api) getInvite(c *call) error {
	i, err := a.Store.FindInviteByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, inviteView{Invite: i})
}

func (a *api) auditInvite(name string) action {
	return action{name: name, find: func(c *call, id string) (*subject, error) {
		i, err := a.Store.FindInviteByID(c.ctx(), id)
		if err != nil {
			return nil, unlessMissing(err)
		}
		return &subject{Named: core.Named{ID: i.ID}, state: i}, nil
	}}
}
