package adminapi

import (
	"net/http"
	"strings"

	"github.com/tokligence/gateway/core"
)

// userView is a user as the API shows it.
type userView struct {
	*core.User
	Budget *budgetView `json:"budget"`
}

func (a *api) viewUser(c *call, u *core.User) (*userView, error) {
	b, err := a.budgetView(c, userBudget(u.ID))
	return &userView{u, b}, err
}

func (a *api) writeUser(c *call, status int, u *core.User) error {
	v, err := a.viewUser(c, u)
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, v)
}

func (a *api) listUsers(c *call) error {
	q := c.query()
	f := core.UserFilter{Reach: c.caller.reach(users), OrganizationID: q.given("organization_id"), TeamID: q.given("team_id"), Name: q.given("name"), Email: q.given("email"), Page: q.page()}
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
	views, err := eachView(a, c, found, func(u *core.User) core.BudgetSubject { return userBudget(u.ID) },
		func(u *core.User, b *budgetView) *userView { return &userView{u, b} })
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

type userInput struct {
	Name  string    `json:"name" api:"required"`
	Email string    `json:"email" api:"required"`
	Role  core.Role `json:"role"`
	ceilingInput
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
	if err := a.checkGuardrails(in.Guardrails); err != nil {
		return err
	}
	ceiling, err := in.ceiling()
	if err != nil {
		return err
	}
	u := &core.User{ID: c.newID(core.PrefixUser), Name: in.Name, Email: email, Role: in.Role, Ceiling: ceiling, CreatedAt: c.now, UpdatedAt: c.now}
	if err := u.CheckRole(); err != nil {
		return err
	}
	if err := a.withBudget(c, userBudget(u.ID), in.Budget, func() error { return a.Store.CreateUser(c.ctx(), u) }); err != nil {
		return err
	}
	return a.writeUser(c, http.StatusCreated, u)
}

// user is the one of the path; a deleted one is not found.
func (a *api) user(c *call) (*core.User, error) {
	u, err := a.Store.FindUserByID(c.ctx(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return u, c.living("user", u.DeletedAt)
}

func (a *api) getUser(c *call) error {
	u, err := a.user(c)
	if err != nil {
		return err
	}
	return a.writeUser(c, http.StatusOK, u)
}

type userPatch struct {
	Name  *string    `json:"name"`
	Email *string    `json:"email"`
	Role  *core.Role `json:"role"`
	ceilingInput
}

func (a *api) updateUser(c *call) error {
	u, err := a.user(c)
	if err != nil {
		return err
	}
	var in userPatch
	if err := c.body(&in); err != nil {
		return err
	}
	if err := checkNewName(in.Name); err != nil {
		return err
	}
	if in.Email != nil {
		email, err := core.CheckEmail(*in.Email)
		if err != nil {
			return err
		}
		in.Email = &email
	}
	if in.Role != nil {
		if err := (&core.User{Role: *in.Role}).CheckRole(); err != nil {
			return err
		}
	}
	if err := a.checkGuardrails(in.Guardrails); err != nil {
		return err
	}
	ceiling, err := in.update(u.Ceiling)
	if err != nil {
		return err
	}
	defer a.Keys.Forget()
	before := u.Role
	err = a.withBudget(c, userBudget(u.ID), in.Budget, func() (err error) {
		u, err = a.Store.UpdateUser(c.ctx(), u.ID, core.UserUpdate{Name: in.Name, Email: in.Email, Role: in.Role, CeilingUpdate: ceiling}, c.now)
		return err
	})
	if err != nil {
		return err
	}
	if err := a.lowered(c, u.ID, before, u.Role); err != nil {
		return err
	}
	return a.writeUser(c, http.StatusOK, u)
}

func (a *api) deleteUser(c *call) error {
	return c.deleted(a.Store.DeleteUser(c.ctx(), c.path("id"), c.now))
}
