package adminapi

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
)

// ceilingInput is what an owner of keys allows, as it is sent; what is absent
// keeps its value. Limits and budget change member by member, and null takes a
// budget away.
type ceilingInput struct {
	AllModels *bool            `json:"all_models"`
	Models    *[]string        `json:"models"`
	Limits    *limitsPatch     `json:"limits"`
	Budget    raw[budgetInput] `json:"budget"`

	Guardrails *[]string `json:"guardrails"`
}

// ownerPatch changes an organization or a team.
type ownerPatch struct {
	Name *string `json:"name"`
	ceilingInput
}

// changedCeiling is what the input makes of have. A list of models restricts an
// owner that had all.
func (a *api) changedCeiling(in *ceilingInput, have core.Ceiling) (core.CeilingUpdate, error) {
	if err := a.checkGuardrails(in.Guardrails); err != nil {
		return core.CeilingUpdate{}, err
	}
	u := core.CeilingUpdate{AllModels: in.AllModels, Models: in.Models, Guardrails: in.Guardrails}
	if in.Models != nil {
		if in.AllModels == nil {
			u.AllModels = new(bool)
		} else if err := oneOf(*in.AllModels, *in.Models); err != nil {
			return u, err
		}
	}
	if in.Limits != nil {
		l := in.Limits.onto(have.Limits)
		u.Limits = &l
	}
	return u, u.Check()
}

// newCeiling is that of a new owner.
func (a *api) newCeiling(in *ceilingInput) (c core.Ceiling, err error) {
	u, err := a.changedCeiling(in, c)
	set(&c.AllModels, u.AllModels)
	set(&c.Models, u.Models)
	set(&c.Limits, u.Limits)
	set(&c.Guardrails, u.Guardrails)
	return c, err
}

// onto is what the patch makes of l.
func (p *limitsPatch) onto(l core.Limits) core.Limits {
	set(&l.RPM, p.RPM)
	set(&l.TPM, p.TPM)
	set(&l.Parallel, p.Parallel)
	return l
}

// budgetOf is the subject's budget, nil for none.
func (a *api) budgetOf(c *call, of core.BudgetSubject) (*core.Budget, error) {
	have, err := a.Store.FindBudgets(c.ctx(), []core.BudgetSubject{of})
	if err != nil || len(have) == 0 {
		return nil, err
	}
	return have[0], nil
}

// newBudget is what raw, nil for nothing, makes of the subject's budget.
func (a *api) newBudget(c *call, of core.BudgetSubject, raw []byte) (*core.Budget, error) {
	if raw == nil || isNull(raw) {
		return nil, nil
	}
	var in budgetInput
	if err := strict("budget", raw, &in); err != nil {
		return nil, err
	}
	old, err := a.budgetOf(c, of)
	if err != nil {
		return nil, err
	}
	return in.onto(old)
}

// checkGuardrails refuses names that the configuration does not have.
func (a *api) checkGuardrails(names *[]string) error {
	if names == nil {
		return nil
	}
	if len(*names) > 64 {
		return core.Invalid("guardrails", "must not have more than 64 entries")
	}
	known := a.Runtime.Guardrails()
	for i, name := range *names {
		if !slices.Contains(known, name) {
			return core.Invalid("guardrails["+strconv.Itoa(i)+"]", "there is no guardrail %q", name)
		}
	}
	return nil
}

// withBudget sets the subject's budget as raw says, if it says anything, and does
// the rest of the change. The budget comes first: should the rest fail, nobody
// may spend more than was meant.
func (a *api) withBudget(c *call, of core.BudgetSubject, raw []byte, rest func() error) error {
	b, err := a.newBudget(c, of, raw)
	if err != nil {
		return err
	}
	if raw != nil {
		if _, err := a.Keys.SetBudgetOf(c.ctx(), of, b); err != nil {
			return err
		}
	}
	return rest()
}

// budgetView is the subject's budget with what is spent of it, nil for none.
func (a *api) budgetView(c *call, of core.BudgetSubject) (*budgetView, error) {
	b, err := a.budgetOf(c, of)
	if err != nil || b == nil {
		return nil, err
	}
	return a.spentOf(c, b)
}

func (a *api) spentOf(c *call, b *core.Budget) (*budgetView, error) {
	spent, reserved, resets, err := a.Ledger.Spent(c.ctx(), b, c.now)
	if err != nil {
		return nil, err
	}
	v := &budgetView{Amount: b.Amount, Period: b.Period, Timezone: b.Timezone, Policy: b.Policy, Thresholds: append([]int{}, b.Thresholds...), Spent: spent, Reserved: reserved}
	if !resets.IsZero() {
		v.ResetsAt = &resets
	}
	return v, nil
}

// eachView makes the views of a list: the budgets of all, and what is spent of
// them, are found together. of gives the zero subject to what has no budget.
func eachView[T, V any](a *api, c *call, found []T, of func(T) core.BudgetSubject, view func(T, *budgetView) V) ([]V, error) {
	subjects := make([]core.BudgetSubject, 0, len(found))
	for _, v := range found {
		if s := of(v); s.ID != "" {
			subjects = append(subjects, s)
		}
	}
	budgets, err := a.Store.FindBudgets(c.ctx(), subjects)
	if err != nil {
		return nil, err
	}
	if err := a.Ledger.Prepare(c.ctx(), budgets, c.now); err != nil {
		return nil, err
	}
	shown := make(map[core.BudgetSubject]*budgetView, len(budgets))
	for _, b := range budgets {
		if shown[core.BudgetSubject{Scope: b.Scope, ID: b.SubjectID}], err = a.spentOf(c, b); err != nil {
			return nil, err
		}
	}
	views := make([]V, len(found))
	for i, v := range found {
		views[i] = view(v, shown[of(v)])
	}
	return views, nil
}

func orgBudget(id string) core.BudgetSubject {
	return core.BudgetSubject{Scope: core.ScopeOrganization, ID: id}
}
func teamBudget(id string) core.BudgetSubject {
	return core.BudgetSubject{Scope: core.ScopeTeam, ID: id}
}
func userBudget(id string) core.BudgetSubject {
	return core.BudgetSubject{Scope: core.ScopeUser, ID: id}
}

// memberBudget is a team member's; there is none in an organization.
func memberBudget(m *core.Membership) core.BudgetSubject {
	if m.TeamID == "" {
		return core.BudgetSubject{}
	}
	return core.BudgetSubject{Scope: core.ScopeMember, ID: core.MemberSubject(m.TeamID, m.UserID)}
}
