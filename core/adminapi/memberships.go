package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core"
)

func (a *api) listMemberships(c *call) error {
	q := c.query()
	f := core.MembershipFilter{OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), UserID: q.given("user_id"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListMemberships(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c.w, found, next)
}

// membershipInput names a team, an organization, or both; without a role it is a member's.
type membershipInput struct {
	UserID         string    `json:"user_id" api:"required"`
	OrganizationID string    `json:"organization_id" api:"null"`
	TeamID         string    `json:"team_id" api:"null"`
	Role           core.Role `json:"role" doc:"Member unless given."`
}

// createMembership makes a user a member of an organization or, with team_id, of a team.
func (a *api) createMembership(c *call) error {
	in := membershipInput{Role: core.RoleMember}
	if err := c.body(&in); err != nil {
		return err
	}
	m := &core.Membership{ID: core.NewID(core.PrefixMembership, c.now), UserID: in.UserID, OrganizationID: in.OrganizationID, TeamID: in.TeamID,
		Role: in.Role, CreatedAt: c.now, UpdatedAt: c.now}
	if err := m.CheckRole(); err != nil {
		return err
	}
	if m.UserID == "" {
		return core.Invalid("user_id", "is required")
	}
	if err := a.Store.CreateMembership(c.ctx(), m); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, m)
}

func (a *api) getMembership(c *call) error {
	m, err := a.Store.FindMembershipByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return c.writeLiving("membership", m.DeletedAt, m)
}

type membershipPatch struct {
	Role core.Role `json:"role"`
}

// updateMembership gives it another role: another place is another membership.
func (a *api) updateMembership(c *call) error {
	m, err := a.Store.FindMembershipByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	in := membershipPatch{m.Role}
	if err := c.body(&in); err != nil {
		return err
	}
	m.Role = in.Role
	if err := m.CheckRole(); err != nil {
		return err
	}
	if m, err = a.Store.UpdateMembership(c.ctx(), m.ID, in.Role, c.now); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, m)
}

func (a *api) deleteMembership(c *call) error {
	return c.deleted(a.Store.DeleteMembership(c.ctx(), c.path("id"), c.now))
}
