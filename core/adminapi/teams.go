package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core"
)

// teamView is a team as the API shows it.
type teamView struct {
	*core.Team
	Budget *budgetView `json:"budget"`
}

func (a *api) writeTeam(c *call, status int, t *core.Team) error {
	b, err := a.budgetView(c, teamBudget(t.ID))
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, teamView{t, b})
}

func (a *api) listTeams(c *call) error {
	q := c.query()
	f := core.TeamFilter{Reach: c.caller.reach(teams), OrganizationID: q.given("organization_id"), Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListTeams(c.ctx(), f)
	if err != nil {
		return err
	}
	views, err := eachView(a, c, found, func(t *core.Team) core.BudgetSubject { return teamBudget(t.ID) },
		func(t *core.Team, b *budgetView) *teamView { return &teamView{t, b} })
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

type teamInput struct {
	OrganizationID string `json:"organization_id" api:"required"`
	Name           string `json:"name" api:"required"`
	MemberKeys     bool   `json:"member_keys" doc:"Its members may make keys of their own in it."`
	ceilingInput
}

func (a *api) createTeam(c *call) error {
	var in teamInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	if in.OrganizationID == "" {
		return core.Invalid("organization_id", "is required")
	}
	ceiling, err := a.newCeiling(&in.ceilingInput)
	if err != nil {
		return err
	}
	t := &core.Team{ID: c.newID(core.PrefixTeam), OrganizationID: in.OrganizationID, Name: in.Name, MemberKeys: in.MemberKeys, Ceiling: ceiling, CreatedAt: c.now, UpdatedAt: c.now}
	if err := a.withBudget(c, teamBudget(t.ID), in.Budget, func() error { return a.Store.CreateTeam(c.ctx(), t) }); err != nil {
		return err
	}
	return a.writeTeam(c, http.StatusCreated, t)
}

// team is the one of the path; a deleted one is not found.
func (a *api) team(c *call) (*core.Team, error) {
	t, err := a.Store.FindTeamByID(c.ctx(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return t, c.living("team", t.DeletedAt)
}

func (a *api) getTeam(c *call) error {
	t, err := a.team(c)
	if err != nil {
		return err
	}
	return a.writeTeam(c, http.StatusOK, t)
}

type teamPatch struct {
	ownerPatch
	MemberKeys *bool `json:"member_keys"`
}

// updateTeam changes all but the organization: a team stays in it.
func (a *api) updateTeam(c *call) error {
	t, err := a.team(c)
	if err != nil {
		return err
	}
	var in teamPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if err := checkNewName(in.Name); err != nil {
		return err
	}
	ceiling, err := a.changedCeiling(&in.ceilingInput, t.Ceiling)
	if err != nil {
		return err
	}
	defer a.Keys.Forget()
	err = a.withBudget(c, teamBudget(t.ID), in.Budget, func() (err error) {
		t, err = a.Store.UpdateTeam(c.ctx(), t.ID, core.TeamUpdate{Name: in.Name, MemberKeys: in.MemberKeys, CeilingUpdate: ceiling}, c.now)
		return err
	})
	if err != nil {
		return err
	}
	return a.writeTeam(c, http.StatusOK, t)
}

func (a *api) deleteTeam(c *call) error {
	return c.deleted(a.Store.DeleteTeam(c.ctx(), c.path("id"), c.now))
}
