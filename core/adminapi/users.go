package adminapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// userView is a user as the API shows it. What he is over the whole installation,
// and may do and spends in all of it, is not for those who manage a part.
type userView struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	Role          core.Role `json:"role,omitempty"`
	*core.Ceiling `api:"absent"`
	Budget        *budgetView `json:"budget" doc:"Null also for a caller to whom only a part of the installation is open."`
	CreatedAt     time.Time   `json:"created_at"`
	UpdatedAt     time.Time   `json:"updated_at"`
}

func (c *call) viewUser(u *core.User, b *budgetView) *userView {
	v := &userView{ID: u.ID, Name: u.Name, Email: u.Email, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
	if _, whole := c.caller.may(read, users, core.Place{}); whole || c.caller.user != nil && c.caller.user.ID == u.ID {
		v.Role, v.Ceiling, v.Budget = u.Role, &u.Ceiling, b
	}
	return v
}

func (a *api) writeUser(c *call, status int, u *core.User) error {
	b, err := a.budgetView(c, userBudget(u.ID))
	if err != nil {
		return err
	}
	return writeJSON(c.w, status, c.viewUser(u, b))
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
		c.viewUser)
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
	ceiling, err := a.newCeiling(&in.ceilingInput)
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
	ceiling, err := a.changedCeiling(&in.ceilingInput, u.Ceiling)
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
