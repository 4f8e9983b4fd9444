package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core"
)

func (a *api) listTeams(c *call) error {
	q := c.query()
	f := core.TeamFilter{OrganizationID: q.given("organization_id"), Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListTeams(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c.w, found, next)
}

type teamInput struct {
	OrganizationID string `json:"organization_id" api:"required"`
	Name           string `json:"name" api:"required"`
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
	t := &core.Team{ID: core.NewID(core.PrefixTeam, c.now), OrganizationID: in.OrganizationID, Name: in.Name, CreatedAt: c.now, UpdatedAt: c.now}
	if err := a.Store.CreateTeam(c.ctx(), t); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, t)
}

func (a *api) getTeam(c *call) error {
	t, err := a.Store.FindTeamByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return c.writeLiving("team", t.DeletedAt, t)
}

// updateTeam renames: a team stays in its organization.
func (a *api) updateTeam(c *call) error {
	name, err := c.newName()
	if err != nil {
		return err
	}
	t, err := a.Store.UpdateTeam(c.ctx(), c.path("id"), core.TeamUpdate{Name: name}, c.now)
	if err != nil {
		return err
	}
	a.Keys.Forget()
	return writeJSON(c.w, http.StatusOK, t)
}

func (a *api) deleteTeam(c *call) error {
	return c.deleted(a.Store.DeleteTeam(c.ctx(), c.path("id"), c.now))
}
