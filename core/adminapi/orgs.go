package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
)

// organizationView is an organization as the API shows it.
type organizationView struct {
	*core.Organization
	Budget *budgetView `json:"budget"`
}

func (a *api) writeOrg(c *call, status int, o *core.Organization) error {
	b, err := a.budgetView(c, orgBudget(o.ID))
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, organizationView{o, b})
}

func (a *api) listOrgs(c *call) error {
	q := c.query()
	f := core.OrganizationFilter{Reach: c.caller.reach(organizations), Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListOrganizations(c.ctx(), f)
	if err != nil {
		return err
	}
	views, err := eachView(a, c, found, func(o *core.Organization) core.BudgetSubject { return orgBudget(o.ID) },
		func(o *core.Organization, b *budgetView) *organizationView { return &organizationView{o, b} })
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

type orgInput struct {
	Name string `json:"name" api:"required"`
	ceilingInput
}

func (a *api) createOrg(c *call) error {
	var in orgInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	ceiling, err := a.newCeiling(&in.ceilingInput)
	if err != nil {
		return err
	}
	o := &core.Organization{ID: c.newID(core.PrefixOrganization), Name: in.Name, Ceiling: ceiling, CreatedAt: c.now, UpdatedAt: c.now}
	if err := a.withBudget(c, orgBudget(o.ID), in.Budget, func() error { return a.Store.CreateOrganization(c.ctx(), o) }); err != nil {
		return err
	}
	return a.writeOrg(c, http.StatusCreated, o)
}

// org is the one of the path; a deleted one is not found.
func (a *api) org(c *call) (*core.Organization, error) {
	o, err := a.Store.FindOrganizationByID(c.ctx(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return o, c.living("organization", o.DeletedAt)
}

func (a *api) getOrg(c *call) error {
	o, err := a.org(c)
	if err != nil {
		return err
	}
	return a.writeOrg(c, http.StatusOK, o)
}

func (a *api) updateOrg(c *call) error {
	o, err := a.org(c)
	if err != nil {
		return err
	}
	var in ownerPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if err := checkNewName(in.Name); err != nil {
		return err
	}
	ceiling, err := a.changedCeiling(&in.ceilingInput, o.Ceiling)
	if err != nil {
		return err
	}
	defer a.Keys.Forget()
	err = a.withBudget(c, orgBudget(o.ID), in.Budget, func() (err error) {
		o, err = a.Store.UpdateOrganization(c.ctx(), o.ID, core.OrganizationUpdate{Name: in.Name, CeilingUpdate: ceiling}, c.now)
		return err
	})
	if err != nil {
		return err
	}
	return a.writeOrg(c, http.StatusOK, o)
}

func (a *api) deleteOrg(c *call) error {
	return c.deleted(a.Store.DeleteOrganization(c.ctx(), c.path("id"), c.now))
}

// checkNewName holds a name to the rules; nil keeps the old one.
func checkNewName(name *string) error {
	if name == nil {
		return nil
	}
	return core.CheckName(*name)
}

// living is the error for an object of the path that is deleted, nil for the others.
func (c *call) living(noun string, deleted *time.Time) error {
	if deleted == nil {
		return nil
	}
	return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no %s %s", noun, c.path("id"))
}

// deleted answers with nothing, or passes the error of a deletion on.
func (c *call) deleted(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
