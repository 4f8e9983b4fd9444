package adminapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tokligence/gateway/core"
)

// owner makes an action of objects that find finds and describe describes: their
// id and name, and when they were deleted. A nil budget: they have none.
func owner[T any](a *api, name string, find func(core.Store, context.Context, string) (*T, error), describe func(*T) (core.Named, *time.Time), budget func(*T) core.BudgetSubject) action {
	return action{name: name, find: func(c *call, id string) (*subject, error) {
		v, err := find(a.Store, c.ctx(), id)
		if err != nil {
			return nil, unlessMissing(err)
		}
		named, deleted := describe(v)
		s := &subject{Named: named}
		if deleted != nil {
			return s, nil
		}
		if budget == nil {
			s.state = v
			return s, nil
		}
		b, err := a.budgetOf(c, budget(v))
		if err == nil {
			s.state, err = besides(v, b)
		}
		return s, err
	}}
}

// besides is the object with its budget as one more member.
func besides(object any, b *core.Budget) (any, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	all["budget"] = b
	return all, nil
}

func (a *api) auditOrg(name string) action {
	return owner(a, name, core.Store.FindOrganizationByID, func(o *core.Organization) (core.Named, *time.Time) {
		return core.Named{ID: o.ID, Name: o.Name}, o.DeletedAt
	}, func(o *core.Organization) core.BudgetSubject { return orgBudget(o.ID) })
}

func (a *api) auditTeam(name string) action {
	return owner(a, name, core.Store.FindTeamByID, func(t *core.Team) (core.Named, *time.Time) {
		return core.Named{ID: t.ID, Name: t.Name}, t.DeletedAt
	}, func(t *core.Team) core.BudgetSubject { return teamBudget(t.ID) })
}

func (a *api) auditUser(name string) action {
	return owner(a, name, core.Store.FindUserByID, func(u *core.User) (core.Named, *time.Time) {
		return core.Named{ID: u.ID, Name: u.Name}, u.DeletedAt
	}, func(u *core.User) core.BudgetSubject { return userBudget(u.ID) })
}

func (a *api) auditMembership(name string) action {
	find := func(s core.Store, ctx context.Context, id string) (*core.Membership, error) {
		m, err := s.FindMembershipByID(ctx, id)
		if err == nil { // another name is no change of the membership
			m.UserName, m.OrganizationName, m.TeamName = "", "", ""
		}
		return m, err
	}
	return owner(a, name, find, func(m *core.Membership) (core.Named, *time.Time) {
		return core.Named{ID: m.ID}, m.DeletedAt
	}, memberBudget)
}
