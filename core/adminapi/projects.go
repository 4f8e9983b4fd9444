package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
)

// projectView is a project as the API shows it.
type projectView struct {
	*core.Project
	Budget *budgetView `json:"budget"`
}

func projectBudget(id string) core.BudgetSubject {
	return core.BudgetSubject{Scope: core.ScopeProject, ID: id}
}

func (a *api) writeProject(c *call, status int, p *core.Project) error {
	b, err := a.budgetView(c, projectBudget(p.ID))
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, projectView{p, b})
}

func (a *api) listProjects(c *call) error {
	q := c.query()
	f := core.ProjectFilter{Reach: c.caller.reach(projects), OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListProjects(c.ctx(), f)
	if err != nil {
		return err
	}
	views, err := eachView(a, c, found, func(p *core.Project) core.BudgetSubject { return projectBudget(p.ID) },
		func(p *core.Project, b *budgetView) *projectView { return &projectView{p, b} })
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

type projectInput struct {
	TeamID string   `json:"team_id" api:"required"`
	Name   string   `json:"name" api:"required"`
	Tags   []string `json:"tags"`
	ceilingInput
}

func (a *api) createProject(c *call) error {
	var in projectInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	if in.TeamID == "" {
		return core.Invalid("team_id", "is required")
	}
	ceiling, err := a.newCeiling(&in.ceilingInput)
	if err != nil {
		return err
	}
	p := &core.Project{ID: c.newID(core.PrefixProject), TeamID: in.TeamID, Name: in.Name, Tags: in.Tags, Ceiling: ceiling, CreatedAt: c.now, UpdatedAt: c.now}
	if p.Tags == nil {
		p.Tags = []string{}
	}
	if err := a.withBudget(c, projectBudget(p.ID), in.Budget, func() error { return a.Store.CreateProject(c.ctx(), p) }); err != nil {
		return err
	}
	return a.writeProject(c, http.StatusCreated, p)
}

// project is the one of the path; a deleted one is not found.
func (a *api) project(c *call) (*core.Project, error) {
	p, err := a.Store.FindProjectByID(c.ctx(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return p, c.living("project", p.DeletedAt)
}

func (a *api) getProject(c *call) error {
	p, err := a.project(c)
	if err != nil {
		return err
	}
	return a.writeProject(c, http.StatusOK, p)
}

type projectPatch struct {
	ownerPatch
	Tags *[]string `json:"tags"`
}

// updateProject changes all but the team: a project stays in it.
func (a *api) updateProject(c *call) error {
	p, err := a.project(c)
	if err != nil {
		return err
	}
	var in projectPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if err := checkNewName(in.Name); err != nil {
		return err
	}
	ceiling, err := a.changedCeiling(&in.ceilingInput, p.Ceiling)
	if err != nil {
		return err
	}
	defer a.Keys.Forget()
	err = a.withBudget(c, projectBudget(p.ID), in.Budget, func() (err error) {
		p, err = a.Store.UpdateProject(c.ctx(), p.ID, core.ProjectUpdate{Name: in.Name, Tags: in.Tags, CeilingUpdate: ceiling}, c.now)
		return err
	})
	if err != nil {
		return err
	}
	return a.writeProject(c, http.StatusOK, p)
}

func (a *api) deleteProject(c *call) error {
	return c.deleted(a.Store.DeleteProject(c.ctx(), c.path("id"), c.now))
}

func (a *api) projectObject(c *call, id string) (*object, error) {
	p, err := a.Store.FindProjectByID(c.ctx(), id)
	if err != nil || p.DeletedAt != nil {
		return nil, err
	}
	return &object{places: []core.Place{{OrganizationID: p.OrganizationID, TeamID: p.TeamID}}}, nil
}

func (a *api) auditProject(name string) action {
	return owner(a, name, core.Store.FindProjectByID, func(p *core.Project) (core.Named, *time.Time) {
		return core.Named{ID: p.ID, Name: p.Name}, p.DeletedAt
	}, func(p *core.Project) core.BudgetSubject { return projectBudget(p.ID) })
}
