package adminapi

import (
	"net/http"
	"time"

	"github.com/tokligence/gateway/core"
)

// keyPatch has the members that are to change; limits and budget change member
// by member. Owners, Budget, ExpiresAt, IPRanges and Endpoints are taken away by null.
type keyPatch struct {
	OrganizationID idPatch `json:"organization_id"`
	TeamID         idPatch `json:"team_id"`
	ProjectID      idPatch `json:"project_id"`
	UserID         idPatch `json:"user_id"`

	Name      *string       `json:"name"`
	AllModels *bool         `json:"all_models"`
	Models    *[]string     `json:"models"`
	IPRanges  raw[[]string] `json:"ip_ranges"`
	Endpoints raw[[]string] `json:"endpoints"`
	Limits    *limitsPatch  `json:"limits"`
	Tags      *[]string     `json:"tags"`

	Guardrails *[]string                `json:"guardrails"`
	EndUser    raw[core.EndUserPolicy]  `json:"end_user"`
	Metadata   raw[core.MetadataPolicy] `json:"metadata"`
	MayMint    raw[core.MintPolicy]     `json:"may_mint"`

	RotateEvery   *core.Span `json:"rotate_every"`
	RotationGrace *core.Span `json:"rotation_grace"`

	Budget    raw[budgetInput] `json:"budget"`
	ExpiresAt raw[instant]     `json:"expires_at"`
}

type limitsPatch struct {
	RPM      *int64 `json:"rpm"`
	TPM      *int64 `json:"tpm"`
	Parallel *int64 `json:"parallel"`
}

// update is what the patch makes of k. A list of models restricts a key that had all.
func (p *keyPatch) update(k *core.VirtualKey) (core.KeyUpdate, error) {
	u := core.KeyUpdate{Name: p.Name, AllModels: p.AllModels, Models: p.Models, Tags: p.Tags}
	u.OrganizationID, u.TeamID, u.ProjectID, u.UserID = p.OrganizationID.id, p.TeamID.id, p.ProjectID.id, p.UserID.id
	if p.Models != nil && p.AllModels != nil {
		if err := oneOf(*p.AllModels, *p.Models); err != nil {
			return u, err
		}
	}
	if p.Models != nil && p.AllModels == nil {
		u.AllModels = new(bool)
	}
	if p.Limits != nil {
		l := p.Limits.onto(k.Limits)
		u.Limits = &l
	}
	if p.ExpiresAt != nil {
		var at *time.Time
		if !isNull(p.ExpiresAt) {
			at = new(time.Time)
			if err := strict("expires_at", p.ExpiresAt, (*instant)(at)); err != nil {
				return u, err
			}
		}
		u.ExpiresAt = &at
	}
	u.Guardrails, u.RotateEvery, u.RotationGrace = p.Guardrails, p.RotateEvery, p.RotationGrace
	var err error
	if u.EndUser, err = replaced[core.EndUserPolicy]("end_user", p.EndUser); err != nil {
		return u, err
	}
	if u.Metadata, err = replaced[core.MetadataPolicy]("metadata", p.Metadata); err != nil {
		return u, err
	}
	if u.MayMint, err = replaced[core.MintPolicy]("may_mint", p.MayMint); err != nil {
		return u, err
	}
	return u, p.places(&u)
}

// replaced is an object that the patch puts in the place of the old one, whole;
// nil when it says nothing of it.
func replaced[T any](member string, text raw[T]) (**T, error) {
	if text == nil {
		return nil, nil
	}
	var p *T
	if isNull(text) {
		return &p, nil
	}
	p = new(T)
	return &p, strict(member, text, p)
}

// places are what the patch makes of where the key may be used and what for.
func (p *keyPatch) places(u *core.KeyUpdate) error {
	if p.IPRanges != nil {
		var list []string
		if err := strict("ip_ranges", p.IPRanges, &list); err != nil {
			return err
		}
		ranges, err := core.ParseRanges("ip_ranges", list)
		if err != nil {
			return err
		}
		u.IPRanges = &ranges
	}
	if p.Endpoints != nil {
		u.Endpoints = new([]string)
		return strict("endpoints", p.Endpoints, u.Endpoints)
	}
	return nil
}

// patchBudget is the budget that the patch makes of the key's, nil for none.
func (a *api) patchBudget(c *call, k *core.VirtualKey, raw []byte) (*core.Budget, error) {
	if isNull(raw) {
		return nil, nil
	}
	var in budgetInput
	if err := strict("budget", raw, &in); err != nil {
		return nil, err
	}
	have, err := a.Keys.Budgets(c.ctx(), k.ID)
	if err != nil {
		return nil, err
	}
	var old *core.Budget
	if len(have) > 0 {
		old = have[0]
	}
	return in.onto(old)
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
	u, err := in.update(k)
	if err != nil {
		return err
	}
	if err := a.checkGuardrails(in.Guardrails); err != nil {
		return err
	}
	if c.caller.is(k.ID) && u.ExpiresAt != nil && *u.ExpiresAt != nil && !(*u.ExpiresAt).After(c.now) {
		return core.Errorf(core.CodeConflict, core.SourceClient, "a key cannot end itself")
	}
	if c.caller.is(k.ID) && u.IPRanges != nil && *u.IPRanges != nil && !core.InRanges(*u.IPRanges, a.origin(c.r)()) {
		return core.Errorf(core.CodeConflict, core.SourceClient, "a key cannot shut itself out: ip_ranges must hold the address that it asks from")
	}
	var budget *core.Budget
	if in.Budget != nil {
		if budget, err = a.patchBudget(c, k, in.Budget); err != nil {
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
