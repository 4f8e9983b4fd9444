package adminapi

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/keys"
)

// Keys is what the API needs of virtual keys; *keys.Service fulfils it.
type Keys interface {
	Authenticate(ctx context.Context, secret string, from func() netip.Addr, now time.Time) (*core.Principal, error)
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
	SetBudgetOf(ctx context.Context, of core.BudgetSubject, b *core.Budget) (*core.Budget, error)
	Groups(ctx context.Context, models []string) (map[string][]string, error)
	Mint(ctx context.Context, p *core.Principal, t keys.Temporary) (*core.VirtualKey, string, error)
	Person(ctx context.Context, u core.Named) (*core.Principal, error)
	Forget() // after a change of an owner
}

// keyView is a key as the API shows it. Secret is there once, when it was made.
type keyView struct {
	*core.VirtualKey
	Kind   core.KeyKind `json:"kind"`
	Budget *budgetView  `json:"budget"`
	Secret string       `json:"secret,omitempty"`

	RotationDueAt *time.Time `json:"rotation_due_at"`
	// UnknownModels are told of one key, and not in lists.
	UnknownModels []string `json:"unknown_models,omitempty"`
}

type budgetView struct {
	Amount     core.Nano         `json:"amount"`
	Period     core.Period       `json:"period"`
	Timezone   string            `json:"timezone"`
	Policy     core.BudgetPolicy `json:"policy"`
	Thresholds []int             `json:"thresholds"`
	Spent      core.Nano         `json:"spent"`
	Reserved   core.Nano         `json:"reserved"`
	ResetsAt   *time.Time        `json:"resets_at"` // null: never
}

// budgetInput is a budget as it is sent; what is absent keeps its value, or
// its default in a new one.
type budgetInput struct {
	Amount     *money             `json:"amount"`
	Period     *core.Period       `json:"period"`
	Timezone   *string            `json:"timezone"`
	Policy     *core.BudgetPolicy `json:"policy"`
	Thresholds *[]int             `json:"thresholds" doc:"Percentages at which an event tells what is spent; 80 and 100 unless given."`
}

// onto makes the budget that b and the one before it, nil for none, come to.
func (b *budgetInput) onto(old *core.Budget) (*core.Budget, error) {
	out := core.Budget{Period: core.PeriodNone, Policy: core.BudgetStrict, Thresholds: core.DefaultThresholds()}
	switch {
	case old != nil:
		out = *old
	case b.Amount == nil:
		return nil, core.Invalid("budget.amount", "is required")
	}
	if b.Amount != nil {
		out.Amount = core.Nano(*b.Amount)
	}
	set(&out.Period, b.Period)
	set(&out.Timezone, b.Timezone)
	set(&out.Policy, b.Policy)
	if b.Thresholds != nil {
		out.Thresholds = slices.Sorted(slices.Values(*b.Thresholds))
	}
	return &out, out.Validate()
}

// set replaces *to unless from is nil.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

type keyInput struct {
	OrganizationID string `json:"organization_id" api:"null"`
	TeamID         string `json:"team_id" api:"null"`
	ProjectID      string `json:"project_id" api:"null"`
	UserID         string `json:"user_id" api:"null"`

	Name      string      `json:"name" api:"required"`
	Admin     bool        `json:"admin" doc:"Short for the role."`
	Role      core.Role   `json:"role"`
	AllModels bool        `json:"all_models"`
	Models    []string    `json:"models"`
	IPRanges  []string    `json:"ip_ranges" api:"null"`
	Endpoints []string    `json:"endpoints" api:"null"`
	Limits    core.Limits `json:"limits"`
	Tags      []string    `json:"tags"`

	Guardrails []string             `json:"guardrails"`
	EndUser    *core.EndUserPolicy  `json:"end_user" api:"null"`
	Metadata   *core.MetadataPolicy `json:"metadata" api:"null"`
	MayMint    *core.MintPolicy     `json:"may_mint" api:"null"`

	RotateEvery   core.Span `json:"rotate_every"`
	RotationGrace core.Span `json:"rotation_grace"`

	Budget    *budgetInput `json:"budget" api:"null"`
	ExpiresAt *instant     `json:"expires_at" api:"null"`
	Secret    string       `json:"secret" doc:"A secret to bring along, of 20 or more visible ASCII characters; one is made unless it is given."`
}

// keyKinds are those that keys can be asked for by.
var keyKinds = []string{string(core.KindUser), string(core.KindServiceAccount), string(core.KindOrganization), string(core.KindInstallation)}

// oneOf refuses a list of models that restricts nothing.
func oneOf(all bool, models []string) error {
	if all && len(models) > 0 {
		return core.Invalid("models", "and all_models exclude each other")
	}
	return nil
}

func (a *api) createKey(c *call) error {
	var in keyInput
	if err := c.body(&in); err != nil {
		return err
	}
	if err := oneOf(in.AllModels, in.Models); err != nil {
		return err
	}
	spec := keys.Spec{ID: c.newID(core.PrefixKey), Name: in.Name, AllModels: in.AllModels, Models: in.Models, Limits: in.Limits, Tags: in.Tags, Secret: in.Secret}
	var err error
	if spec.IPRanges, err = core.ParseRanges("ip_ranges", in.IPRanges); err != nil {
		return err
	}
	spec.Endpoints = in.Endpoints
	spec.OrganizationID, spec.TeamID, spec.ProjectID, spec.UserID = in.OrganizationID, in.TeamID, in.ProjectID, in.UserID
	spec.Role = in.Role
	spec.Guardrails, spec.EndUser, spec.Metadata = in.Guardrails, in.EndUser, in.Metadata
	spec.MayMint, spec.RotateEvery, spec.RotationGrace = in.MayMint, in.RotateEvery, in.RotationGrace
	if err := a.checkGuardrails(&in.Guardrails); err != nil {
		return err
	}
	if in.Admin {
		if in.Role != core.RoleNone && in.Role != core.RoleAdmin {
			return core.Invalid("role", "and admin exclude each other")
		}
		spec.Role = core.RoleAdmin
	}
	if in.ExpiresAt != nil {
		spec.ExpiresAt = (*time.Time)(in.ExpiresAt)
	}
	if in.Budget != nil {
		b, err := in.Budget.onto(nil)
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

// againKey answers with a key that was made by an attempt whose answer nobody got:
// its secret, unless it was brought along, can only be made anew.
func (a *api) againKey(c *call) error {
	var in keyInput
	if err := c.body(&in); err != nil {
		return err
	}
	secret := in.Secret
	if secret == "" {
		var err error
		if secret, err = a.Keys.Rotate(c.ctx(), c.made, 0); err != nil {
			return err
		}
	}
	k, err := a.Keys.Get(c.ctx(), c.made)
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
	groups, err := a.Keys.Groups(c.ctx(), k.Models)
	if err != nil {
		return err
	}
	v.UnknownModels = a.unknown(k.Models, groups)
	return writeJSON(c.w, status, v)
}

func (a *api) view(c *call, k *core.VirtualKey) (*keyView, error) {
	budgets, err := a.Keys.Budgets(c.ctx(), k.ID)
	if err != nil {
		return nil, err
	}
	v := showKey(k, nil)
	for _, b := range budgets {
		if v.Budget, err = a.spentOf(c, b); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func showKey(k *core.VirtualKey, b *budgetView) *keyView {
	shown := *k
	if shown.Models == nil {
		shown.Models = []string{}
	}
	return &keyView{VirtualKey: &shown, Kind: k.Kind(), RotationDueAt: k.RotationDue(), Budget: b}
}

func keyBudget(k *core.VirtualKey) core.BudgetSubject {
	return core.BudgetSubject{Scope: core.ScopeKey, ID: k.ID}
}

func (a *api) listKeys(c *call) error {
	q := c.query()
	f := core.KeyFilter{Reach: c.caller.reach(virtualKeys), Limit: q.limit(), Cursor: q.text("cursor"), Name: q.given("name")}
	f.ProjectID, f.ParentID = q.given("project_id"), q.given("parent_id")
	if kind := core.KeyKind(q.choice("kind")); kind != "" {
		f.Kind = &kind
	}
	f.OrganizationID, f.TeamID, f.UserID = q.given("organization_id"), q.given("team_id"), q.given("user_id")
	f.Blocked = q.flag("blocked")
	if q.err != nil {
		return q.err
	}
	found, next, err := a.Keys.List(c.ctx(), f)
	if err != nil {
		return err
	}
	views, err := eachView(a, c, found, keyBudget, showKey)
	if err != nil {
		return err
	}
	return writeList(c, views, next)
}

// key finds the key of the path.
func (a *api) key(c *call) (*core.VirtualKey, error) { return a.findKey(c, c.path("id")) }

// findKey finds a key; a deleted one is not found.
func (a *api) findKey(c *call, id string) (*core.VirtualKey, error) {
	k, err := a.Keys.Get(c.ctx(), id)
	if err == nil && k.DeletedAt != nil {
		err = core.Errorf(core.CodeNotFound, core.SourceClient, "there is no key %s", id)
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

type rotateInput struct {
	Grace string `json:"grace" doc:"How long the earlier secrets work on, such as 24h; for the key's rotation_grace unless given."`
}

func (a *api) rotateKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	var in rotateInput
	if err := c.body(&in); err != nil {
		return err
	}
	grace := time.Duration(k.RotationGrace)
	if in.Grace != "" && c.caller.is(k.ID) && k.Role == core.RoleNone {
		return core.Invalid("grace", "a key that rotates itself has its rotation_grace") // or who found it would lock its owner out
	}
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

func (a *api) blockKey(c *call) error {
	k, err := a.otherKey(c)
	if err != nil {
		return err
	}
	if err := a.Keys.Block(c.ctx(), k.ID); err != nil {
		return err
	}
	return a.getKey(c)
}

func (a *api) unblockKey(c *call) error {
	k, err := a.key(c)
	if err != nil {
		return err
	}
	if err := a.Keys.Unblock(c.ctx(), k.ID); err != nil {
		return err
	}
	return a.getKey(c)
}

// otherKey is key, unless it is the one that asks: nobody is to lock the last
// door from outside.
func (a *api) otherKey(c *call) (*core.VirtualKey, error) {
	k, err := a.key(c)
	if err == nil && c.caller.is(k.ID) {
		err = core.Errorf(core.CodeConflict, core.SourceClient, "a key cannot block or delete itself")
	}
	return k, err
}

func (a *api) deleteKey(c *call) error {
	k, err := a.otherKey(c)
	if err != nil {
		return err
	}
	if err := a.Keys.Delete(c.ctx(), k.ID); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
