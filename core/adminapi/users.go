package adminapi

import (
	"net/http"
	"strings"

	"github.com/tokligence/gateway/core"
)

func (a *api) listUsers(c *call) error {
	q := c.query()
	f := core.UserFilter{OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), Name: q.given("name"), Email: q.given("email"), Page: q.page()}
	if q.err != nil {
		return q.err
	}
	if f.Email != nil {
		*f.Email = strings.ToLower(*f.Email)
	}
	found, next, err := a.Store.ListUsers(c.ctx(), f)
	if err != nil {
		return err
	}
	return writeList(c.w, found, next)
}

type userInput struct {
	Name  string `json:"name" api:"required"`
	Email string `json:"email" api:"required"`
}

func (a *api) createUser(c *call) error {
	var in userInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := core.CheckName(in.Name); err != nil {
		return err
	}
	email, err := core.CheckEmail(in.Email)
	if err != nil {
		return err
	}
	u := &core.User{ID: core.NewID(core.PrefixUser, c.now), Name: in.Name, Email: email, CreatedAt: c.now, UpdatedAt: c.now}
	if err := a.Store.CreateUser(c.ctx(), u); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusCreated, u)
}

func (a *api) getUser(c *call) error {
	u, err := a.Store.FindUserByID(c.ctx(), c.path("id"))
	if err != nil {
		return err
	}
	return c.writeLiving("user", u.DeletedAt, u)
}

type userPatch struct {
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

func (a *api) updateUser(c *call) error {
	var in userPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if in.Name != nil {
		if err := core.CheckName(*in.Name); err != nil {
			return err
		}
	}
	if in.Email != nil {
		email, err := core.CheckEmail(*in.Email)
		if err != nil {
			return err
		}
		in.Email = &email
	}
	u, err := a.Store.UpdateUser(c.ctx(), c.path("id"), core.UserUpdate{Name: in.Name, Email: in.Email}, c.now)
	if err != nil {
		return err
	}
	a.Keys.Forget()
	return writeJSON(c.w, http.StatusOK, u)
}

func (a *api) deleteUser(c *call) error {
	return c.deleted(a.Store.DeleteUser(c.ctx(), c.path("id"), c.now))
}
