package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core"
)

// membershipView is a membership as the API shows it. Only one of a team has a budget.
type membershipView struct {
	*core.Membership
	Budget *budgetView `json:"budget"`
}

func (a *api) viewMember(c *call, m *core.Membership) (*membershipView, error) {
	if m.TeamID == "" {
		return &membershipView{Membership: m}, nil
	}
	b, err := a.budgetView(c, memberBudget(m))
	return &membershipView{m, b}, err
}

func (a *api) writeMember(c *call, status int, m *core.Membership) error {
	v, err := a.viewMember(c, m)
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, v)
}

// checkMemberBudget refuses a budget where it would limit nothing.
func checkMemberBudget(m *core.Membership, raw []byte) error {
	if m.TeamID == "" && raw != nil && !isNull(raw) {
		return core.Invalid("budget", "is a team member's: in an organization give the user a budget, or a team")
	}
	return nil
}

func (a *api) listMemberships(c *call) error {
	q := c.query()
	f := core.MembershipFilter{Reach: c.caller.reach(memberships), OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), UserID: q.given("user_id"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListMemberships(c.ctx(), f)
	if err != nil {
		return err
	}
	views, err := eachView(a, c, found, memberBudget, func(m *core.Membership, b *budgetView) *membershipView { return &membershipView{m, b} })
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

// membershipInput names a team, an organization, or both; without a role it is a member's.
type membershipInput struct {
	UserID         string           `json:"user_id" api:"required"`
	OrganizationID string           `json:"organization_id" api:"null"`
	TeamID         string           `json:"team_id" api:"null"`
	Role           core.Role        `json:"role" doc:"Member unless given."`
	Budget         raw[budgetInput] `json:"budget"`
}

// createMembership makes a user a member of an organization or, with team_id, of a team.
func (a *api) createMembership(c *call) error {
	in := membershipInput{Role: core.RoleMember}
	if err := c.body(&in); err != nil {
		return err
	}
	m := &core.Membership{ID: c.newID(core.PrefixMembership), UserID: in.UserID, OrganizationID: in.OrganizationID, TeamID: in.TeamID,
		Role: in.Role, CreatedAt: c.now, UpdatedAt: c.now}
	if err := m.CheckRole(); err != nil {
		return err
	}
	if m.UserID == "" {
		return core.Invalid("user_id", "is required")
	}
	if err := checkMemberBudget(m, in.Budget); err != nil {
		return err
	}
	if _, err := a.newBudget(c, memberBudget(m), in.Budget); err != nil {
		return err
	}
	if err := a.Store.CreateMembership(c.ctx(), m); err != nil { // first: it may be the second one there, of which nothing must change
		return err
	}
	if err := a.withBudget(c, memberBudget(m), in.Budget, func() error { return nil }); err != nil {
		return err
	}
	return a.writeMember(c, http.StatusCreated, m)
}

// membership is the one of the path; a deleted one is not found.
func (a *api) membership(c *call) (*core.Membership, error) {
	m, err := a.Store.FindMembershipByID(c.ctx(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return m, c.living("membership", m.DeletedAt)
}

func (a *api) getMembership(c *call) error {
	m, err := a.membership(c)
	if err != nil {
		return err
	}
	return a.writeMember(c, http.StatusOK, m)
}

type membershipPatch struct {
	Role   core.Role        `json:"role"`
	Budget raw[budgetInput] `json:"budget"`
}

// updateMembership gives it another role or budget: another place is another membership.
func (a *api) updateMembership(c *call) error {
	m, err := a.membership(c)
	if err != nil {
		return err
	}
	in, before := membershipPatch{Role: m.Role}, m.Role
	if err := c.body(&in); err != nil {
		return err
	}
	m.Role = in.Role
	if err := m.CheckRole(); err != nil {
		return err
	}
	if err := checkMemberBudget(m, in.Budget); err != nil {
		return err
	}
	err = a.withBudget(c, memberBudget(m), in.Budget, func() (err error) {
		m, err = a.Store.UpdateMembership(c.ctx(), m.ID, in.Role, c.now)
		return err
	})
	if err != nil {
		return err
	}
	if err := a.lowered(c, m.UserID, before, m.Role); err != nil {
		return err
	}
	return a.writeMember(c, http.StatusOK, m)
}

// deleteMembership takes the member's budget along, where nobody would see it any more.
func (a *api) deleteMembership(c *call) error {
	m, err := a.Store.FindMembershipByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	if err := a.Store.DeleteMembership(c.ctx(), m.ID, c.now); err != nil {
		return err
	}
	if err := a.lowered(c, m.UserID, m.Role, core.RoleNone); err != nil {
		return err
	}
	_, err = a.Keys.SetBudgetOf(c.ctx(), memberBudget(m), nil)
	return c.deleted(err)
}
