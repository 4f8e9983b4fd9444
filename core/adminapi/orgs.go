package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
)

func (a *api) listOrgs(c *call) error {
	q := c.query()
	f := core.OrganizationFilter{Name: q.given("name"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Store.ListOrganizations(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c.w, found, next)
}

type orgInput struct {
	Name string `json:"name" api:"required"`
}

func (a *api) createOrg(c *call) error {
	var in orgInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	o := &core.Organization{ID: core.NewID(core.PrefixOrganization, c.now), Name: in.Name, CreatedAt: c.now, UpdatedAt: c.now}
	if err := a.Store.CreateOrganization(c.ctx(), o); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, o)
}

func (a *api) getOrg(c *call) error {
	o, err := a.Store.FindOrganizationByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return c.writeLiving("organization", o.DeletedAt, o)
}

func (a *api) updateOrg(c *call) error {
	name, err := c.newName()
	if err != nil {
		return err
	}
	o, err := a.Store.UpdateOrganization(c.ctx(), c.path("id"), core.OrganizationUpdate{Name: name}, c.now)
	if err != nil {
		return err
	}
	a.Keys.Forget()
	return writeJSON(c.w, http.StatusOK, o)
}

func (a *api) deleteOrg(c *call) error {
	return c.deleted(a.Store.DeleteOrganization(c.ctx(), c.path("id"), c.now))
}

type namePatch struct {
	Name *string `json:"name"`
}

// newName reads the body of a change of nothing but the name; nil keeps it.
func (c *call) newName() (*string, error) {
	var in namePatch
	if err := c.body(&in); err != nil || in.Name == nil {
		return nil, err
	}
	return in.Name, core.CheckName(*in.Name)
}

// writeLiving answers with v, unless it is deleted and so not found.
func (c *call) writeLiving(noun string, deleted *time.Time, v any) error {
	if deleted != nil {
		return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no %s %s", noun, c.path("id"))
	}
	return writeJSON(c.w, http.StatusOK, v)
}

// deleted answers with nothing, or passes the error of a deletion on.
func (c *call) deleted(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}
