package adminapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// Keys is what the API needs of virtual keys; *keys.Service fulfils it.
type Keys interface {
	Authenticate(ctx context.Context, secret string, now time.Time) (*core.Principal, error)
	Create(ctx context.Context, spec keys.Spec) (*core.VirtualKey, string, error)
	Get(ctx context.Context, id string) (*core.VirtualKey, error)
	List(ctx context.Context, f core.KeyFilter) ([]*core.VirtualKey, string, error)
	Update(ctx context.Context, id string, u core.KeyUpdate) (*core.VirtualKey, error)
	Block(ctx context.Context, id string) error
	Unblock(ctx context.Context, id string) error
	Rotate(ctx context.Context, id string, grace time.Duration) (string, error)
	Delete(ctx context.Context, id string) error
	SetBudget(ctx context.Context, id string, b *core.Budget) (*core.Budget, error)
	Budgets(ctx context.Context, id string) ([]*core.Budget, error)
}

// keyView is a key as the API shows it. Secret is there once, when it was made.
type keyView struct {
	*core.VirtualKey
	Budget *budgetView `json:"budget"`
	Secret string      `json:"secret,omitempty"`
}

type budgetView struct {
	Amount   core.Nano         `json:"amount"`
	Period   core.Period       `json:"period"`
	Timezone string            `json:"timezone"`
	Policy   core.BudgetPolicy `json:"policy"`
	Spent    core.Nano         `json:"spent"`
	Reserved core.Nano         `json:"reserved"`
	ResetsAt *time.Time        `json:"resets_at"` // null: never
}

// budgetInput is a budget as it is sent.
type budgetInput struct {
	Amount   *money            `json:"amount"`
	Period   core.Period       `json:"period"`
	Timezone string            `json:"timezone"`
	Policy   core.BudgetPolicy `json:"policy"`
}

func (b *budgetInput) budget() (*core.Budget, error) {
	if b.Amount == nil {
		return nil, core.Invalid("budget.amount", "is required")
	}
	out := &core.Budget{Amount: core.Nano(*b.Amount), Period: b.Period, Timezone: b.Timezone, Policy: b.Policy}
	if out.Period == "" {
		out.Period = core.PeriodNone
	}
	if out.Policy == "" {
		out.Policy = core.BudgetStrict
	}
	return out, out.Validate()
}

type keyInput struct {
	Name      string       `json:"name"`
	Admin     bool         `json:"admin"`
	AllModels bool         `json:"all_models"`
	Models    []string     `json:"models"`
	Limits    core.Limits  `json:"limits"`
	Tags      []string     `json:"tags"`
	Budget    *budgetInput `json:"budget"`
	ExpiresAt *instant     `json:"expires_at"`
	Secret    string       `json:"secret"`
}

func (a *api) createKey(c *call) error {
	var in keyInput
	if err := c.body(&in); err != nil {
		return err
	}
	spec := keys.Spec{Name: in.Name, AllModels: in.AllModels, Models: in.Models, Limits: in.Limits, Tags: in.Tags, Secret: in.Secret}
	if in.Admin {
		spec.Role = core.RoleAdmin
	}
	if in.ExpiresAt != nil {
		spec.ExpiresAt = (*time.Time)(in.ExpiresAt)
	}
	if in.Budget != nil {
		b, err := in.Budget.budget()
		if err != nil {
			return err
		}
		spec.Budget = b
	}
	k, secret, err := a.Keys.Create(c.ctx(), spec)
	if err != nil {
		return err
	}
	return a.writeKey(c, http.StatusCreated, k, secret)
}

func (a *api) writeKey(c *call, status int, k *core.VirtualKey, secret string) error {
	v, err := a.view(c, k)
	if err != nil {
		return err
	}
	v.Secret = secret
	return writeJSON(c.w, status, v)
}

func (a *api) view(c *call, k *core.VirtualKey) (*keyView, error) {
	budgets, err := a.Keys.Budgets(c.ctx(), k.ID)
	if err != nil {
		return nil, err
	}
	v := &keyView{VirtualKey: k}
	for _, b := range budgets {
		spent, reserved, resets, err := a.Ledger.Spent(c.ctx(), b, c.now)
		if err != nil {
			return nil, err
		}
		v.Budget = &budgetView{Amount: b.Amount, Period: b.Period, Timezone: b.Timezone, Policy: b.Policy, Spent: spent, Reserved: reserved}
		if !resets.IsZero() {
			v.Budget.ResetsAt = &resets
		}
	}
	return v, nil
}

func (a *api) listKeys(c *call) error {
	q := c.query("limit", "cursor", "name", "blocked")
	f := core.KeyFilter{Limit: q.limit(), Cursor: q.text("cursor")}
	if name := q.text("name"); name != "" {
		f.Name = &name
	}
	if s := q.text("blocked"); s != "" {
		blocked := s == "true"
		if !blocked && s != "false" {
			q.fail("blocked", "must be true or false")
		}
		f.Blocked = &blocked
	}
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Keys.List(c.ctx(), f)
	if err != nil {
		return err
	}
	views := make([]*keyView, len(found))
	for i, k := range found {
		if views[i], err = a.view(c, k); err != nil {
			return err
		}
	}
	return writeList(c.w, views, next)
}

// key finds the key of the path; a deleted one is not found.
func (a *api) key(c *call) (*core.VirtualKey, error) {
	k, err := a.Keys.Get(c.ctx(), c.path("id"))
	if err == nil && k.DeletedAt != nil {
		err = core.Errorf(core.CodeNotFound, core.SourceClient, "there is no key %s", c.path("id"))
	}
	return k, err
}

func (a *api) getKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	return a.writeKey(c, http.StatusOK, k, "")
}

// keyPatch has the members that are to change. Budget and ExpiresAt are taken
// away by null.
type keyPatch struct {
	Name      *string         `json:"name"`
	AllModels *bool           `json:"all_models"`
	Models    *[]string       `json:"models"`
	Limits    *core.Limits    `json:"limits"`
	Tags      *[]string       `json:"tags"`
	Budget    json.RawMessage `json:"budget"`
	ExpiresAt json.RawMessage `json:"expires_at"`
}

func (a *api) updateKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	var in keyPatch
	if err := c.body(&in); err != nil {
		return err
	}
	u := core.KeyUpdate{Name: in.Name, AllModels: in.AllModels, Models: in.Models, Limits: in.Limits, Tags: in.Tags}
	if in.ExpiresAt != nil {
		var at *time.Time
		if !isNull(in.ExpiresAt) {
			var t instant
			if err := strict("expires_at", in.ExpiresAt, &t); err != nil {
				return err
			}
			at = (*time.Time)(&t)
		}
		u.ExpiresAt = &at
	}
	var budget *core.Budget
	if in.Budget != nil && !isNull(in.Budget) {
		var b budgetInput
		if err := strict("budget", in.Budget, &b); err != nil {
			return err
		}
		if budget, err = b.budget(); err != nil {
			return err
		}
	}
	if k, err = a.Keys.Update(c.ctx(), k.ID, u); err != nil {
		return err
	}
	if in.Budget != nil {
		if _, err := a.Keys.SetBudget(c.ctx(), k.ID, budget); err != nil {
			return err
		}
	}
	return a.writeKey(c, http.StatusOK, k, "")
}

func (a *api) rotateKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	var in struct {
		Grace string `json:"grace"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	var grace time.Duration
	if in.Grace != "" {
		if grace, err = time.ParseDuration(in.Grace); err != nil || grace < 0 {
			return core.Invalid("grace", "must be a duration such as %q", "24h")
		}
	}
	secret, err := a.Keys.Rotate(c.ctx(), k.ID, grace)
	if err != nil {
		return err
	}
	if k, err = a.Keys.Get(c.ctx(), k.ID); err != nil {
		return err
	}
	return a.writeKey(c, http.StatusOK, k, secret)
}

func (a *api) blockKey(c *call) error   { return a.change(c, a.Keys.Block) }
func (a *api) unblockKey(c *call) error { return a.change(c, a.Keys.Unblock) }

func (a *api) change(c *call, f func(ctx context.Context, id string) error) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	if err := f(c.ctx(), k.ID); err != nil {
		return err
	}
	return a.getKey(c)
}

func (a *api) deleteKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	if k.ID == c.who.Key.ID {
		return core.Errorf(core.CodeConflict, core.SourceClient, "a key cannot delete itself")
	}
	if err := a.Keys.Delete(c.ctx(), k.ID); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// me is who asks.
func (a *api) me(c *call) error { return a.writeKey(c, http.StatusOK, c.who.Key, "") }
