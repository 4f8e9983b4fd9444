package keys

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core"
)

// Temporary says what temporary key to make. What is left out is as much as the
// policy of the key that makes it allows.
type Temporary struct {
	ID     string // "" makes one
	Name   string // "" is the parent's
	TTL    time.Duration
	Models []string // nil: what the policy, or else the parent, has
	Limits core.Limits
	Tags   []string
	Budget *core.Budget
}

// Mint makes a temporary key for the one who presents its parent, by the parent's
// policy. CodePermissionDenied means that it has none.
func (s *Service) Mint(ctx context.Context, p *core.Principal, t Temporary) (*core.VirtualKey, string, error) {
	policy := p.Key.MayMint
	if policy == nil || p.Parent != nil {
		return nil, "", core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not make temporary keys")
	}
	if t.TTL == 0 {
		t.TTL = time.Duration(policy.MaxTTL)
	}
	if t.TTL < time.Second || t.TTL > time.Duration(policy.MaxTTL) {
		return nil, "", core.Invalid("ttl", "must be from 1s to %s", time.Duration(policy.MaxTTL))
	}
	ends := s.now().Add(t.TTL)
	if e := p.Key.ExpiresAt; e != nil && e.Before(ends) {
		ends = *e
	}
	spec := Spec{ID: t.ID, Name: t.Name, ParentID: p.Key.ID, Limits: t.Limits, Tags: t.Tags, Budget: t.Budget, ExpiresAt: &ends,
		IPRanges: p.Key.IPRanges, Endpoints: p.Key.Endpoints}
	if spec.Name == "" {
		spec.Name = p.Key.Name
	}
	if err := spec.mintModels(p, t.Models); err != nil {
		return nil, "", err
	}
	if err := checkMintLimits(t.Limits, p.Key.Limits); err != nil {
		return nil, "", err
	}
	if most := policy.MaxBudget; most != nil {
		if spec.Budget == nil {
			spec.Budget = &core.Budget{Amount: *most, Period: core.PeriodNone, Policy: core.BudgetStrict}
		}
		if spec.Budget.Amount > *most || spec.Budget.Period != core.PeriodNone && spec.Budget.Period != "" {
			return nil, "", core.Invalid("budget", "must be $%s at most, and once", *most)
		}
	}
	return s.Create(ctx, spec)
}

// mintModels are those that were asked for, all of which must be the parent's to
// give, or all that it has.
func (spec *Spec) mintModels(p *core.Principal, models []string) error {
	policy := p.Key.MayMint
	switch {
	case models == nil && policy.Models != nil:
		spec.Models = policy.Models
	case models == nil:
		spec.AllModels, spec.Models = p.Key.AllModels, p.Key.Models
	default:
		spec.Models = models
		for i, m := range models {
			listed := policy.Models == nil && (p.Key.AllModels || slices.Contains(p.Key.Models, m)) || slices.Contains(policy.Models, m)
			if !listed && !(policy.Models == nil && p.AllowsModel(m)) {
				return core.Invalid("models["+strconv.Itoa(i)+"]", "the key that asks may not give %q away", m)
			}
		}
	}
	return nil
}

// checkMintLimits refuses limits above the parent's, which would promise too much.
func checkMintLimits(l, most core.Limits) error {
	for _, c := range []struct {
		member  string
		n, most int64
	}{{"limits.rpm", l.RPM, most.RPM}, {"limits.tpm", l.TPM, most.TPM}, {"limits.parallel", l.Parallel, most.Parallel}} {
		if c.most > 0 && c.n > c.most {
			return core.Invalid(c.member, "must not be above that of the key that asks")
		}
	}
	return nil
}
