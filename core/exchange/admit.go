package exchange

import (
	"context"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/pdk/abi"
)

// admit takes what the exchange may use from the limits, narrowest first, and
// then holds its worst case against every budget. A refusal uses nothing up.
func (r *run) admit(ctx context.Context, s *Snapshot) *core.Error {
	input := estimateInput(r.body)
	r.facts.inputTokens, r.facts.cacheMarked, r.facts.heard = input.tokens, input.marked, input.audio
	r.facts.files = input.files
	r.facts.spoken = r.facts.spoken || input.spoken
	r.measure()
	r.findHosted()
	if err := r.limit(r.facts.tokens()); err != nil {
		return err
	}
	grant, refusal := r.grant, r.reserve(ctx, s)
	if refusal != nil {
		grant.Undo(r.req.Arrived)
		r.grant = nil
	}
	r.head.More = appendRateLimits(r.head.More, grant.State())
	return refusal
}

// limit takes a request of so many tokens from the limits of the key and of all
// that it belongs to.
func (r *run) limit(tokens int64) *core.Error {
	var few [6]limit.Subject // room, so that the list costs nothing
	subjects := r.subjects(few[:0])
	grant, err := r.x.Limiter.Acquire(r.req.Arrived, subjects, tokens)
	if err != nil {
		r.head.More = appendRateLimits(r.head.More, r.x.Limiter.State(r.req.Arrived, subjects))
		return core.AsError(err)
	}
	r.grant = grant
	return nil
}

// subjects appends the key and all that it belongs to, narrowest first.
func (r *run) subjects(list []limit.Subject) []limit.Subject {
	list = append(list, limit.Subject{ID: r.principal.Key.ID, Limits: r.principal.Key.Limits})
	for i := range r.principal.Levels {
		list = append(list, limit.Subject{ID: r.principal.Levels[i].ID, Limits: r.principal.Levels[i].Limits})
	}
	return list
}

// reserve holds the dearest that any deployment which may serve the request could cost.
func (r *run) reserve(ctx context.Context, s *Snapshot) *core.Error {
	if r.free() { // of no budget, and of no price
		hold, err := r.x.Ledger.Reserve(ctx, nil, 0, r.req.Arrived)
		if err != nil {
			return core.AsError(err)
		}
		r.hold = hold
		return nil
	}
	budgeted := len(r.principal.Budgets) > 0
	switch {
	case !budgeted:
	case !r.generates():
		r.cap = r.ownCap()
	case !r.facts.capped:
		r.cap = r.defaultOutput()
	}
	w := r.worstCase(s)
	if budgeted && r.x.RefuseUnpriced {
		if err := r.unratedTool(&w); err != nil {
			return err
		}
	}
	worst, priced := w.amount(r.outputCap())
	if !priced && budgeted && r.x.RefuseUnpriced {
		return core.Errorf(core.CodePermissionDenied, core.SourceGateway,
			"the model %q has no price, and this key has a budget: ask your administrator to set one", r.route.Name)
	}
	if member := r.facts.service.member; member != "" && budgeted && r.x.RefuseUnpriced && w.any(r.dearer) {
		e := core.Errorf(core.CodePermissionDenied, core.SourceGateway, "this %s has a price of its own that the gateway does not know, and this key has a budget", member)
		e.Param = member
		return e
	}
	hold, err := r.x.Ledger.Reserve(ctx, r.principal.Budgets, worst, r.req.Arrived)
	if err != nil {
		return r.unaffordable(core.AsError(err))
	}
	if hold.Granted < worst {
		if err := r.shrink(&w, hold.Granted); err != nil {
			r.x.Ledger.Release(hold)
			return err
		}
	}
	r.hold, r.worst = hold, w.usage(r.outputCap())
	return nil
}

// unaffordable is the error of budgets: one who holds a temporary key does not
// hear what the key that made it has left.
func (r *run) unaffordable(e *core.Error) *core.Error {
	if r.principal.Parent == nil || e.Code != core.CodeBudgetExceeded {
		return e
	}
	told := *e
	told.Message = "budget exceeded: the budgets of this temporary key, or of those it is made by and belongs to, do not cover this request"
	return &told
}

// shrink finds the highest output cap whose worst case fits into what was granted.
func (r *run) shrink(w *worstCase, granted core.Nano) *core.Error {
	low, high := int64(0), r.outputCap() // low fits or is zero, high does not fit
	for high-low > 1 {
		mid := low + (high-low)/2
		if worst, _ := w.amount(mid); worst <= granted {
			low = mid
		} else {
			high = mid
		}
	}
	if low == 0 {
		return &core.Error{Code: core.CodeBudgetExceeded, Source: core.SourceGateway, NoRetry: true,
			Message: "the budget that is left does not cover this request"}
	}
	r.cap, r.head.MaxOutput = low, low
	return nil
}

// generates reports whether the endpoint makes output that a cap can bound.
func (r *run) generates() bool {
	if r.vendor.own() {
		return len(r.vendor.route.caps) > 0
	}
	return traits[r.req.Endpoint].generates
}

// free reports whether vendors ask nothing for what the endpoint does.
func (r *run) free() bool {
	return r.req.Endpoint == abi.CountTokens || r.vendor.own() && r.vendor.route.Free
}

// outputCap is the most output tokens of one choice that are counted with; 0 where
// what is made does not go by choices and caps.
func (r *run) outputCap() int64 {
	switch {
	case !r.generates():
		return 0
	case r.cap > 0:
		return r.cap
	case r.facts.capped:
		return r.facts.maxOutput
	}
	return r.defaultOutput()
}

// defaultOutput is the cap where nobody has set one.
func (r *run) defaultOutput() int64 {
	if r.bound != nil || r.session != nil {
		return min(r.x.DefaultMaxOutput, turnOutput)
	}
	return r.x.DefaultMaxOutput
}

// worstCase is the dearest that an exchange can come to, by its output cap.
type worstCase struct {
	input   core.Usage // all but the output
	choices int64      // that are generated
	cached  bool       // the input may be written to a cache, the dearest that it can be
	heard   bool       // the input may be audio
	spoken  bool       // the output may be audio
	unit    int        // that a model may be priced by instead of tokens
	routes  []*Route   // that may serve it
	// asked is the service that a target is asked for; nil where all are asked for the usual.
	asked  func(t *Target) string
	held   func(t *Target, u core.Usage) core.Usage // with what tools at t may add
	serves func(t *Target) bool
}

func (r *run) worstCase(s *Snapshot) worstCase {
	w := worstCase{choices: r.facts.made, routes: r.routes(s), serves: r.maySpend, held: r.held,
		cached: r.facts.cacheMarked, heard: r.facts.heard, spoken: r.facts.spoken,
		input: core.Usage{Input: r.facts.inputTokens, InputSource: core.UsageEstimated, OutputSource: core.UsageEstimated}}
	if r.facts.service.member != "" || r.facts.quick {
		w.asked = r.asked
	}
	if w.unit = r.unit(); w.unit != 0 {
		r.worstUnits(&w.input)
	}
	return w
}

// usage is the estimated input and cap output tokens of each choice.
func (w *worstCase) usage(cap int64) core.Usage {
	u := w.input
	u.Output += cap * w.choices
	return u
}

// amount prices the usage at the dearest deployment. priced is false when some
// deployment has no price for it.
func (w *worstCase) amount(cap int64) (worst core.Nano, priced bool) {
	u := w.usage(cap)
	if w.cached {
		u.Input, u.CacheWrite1h = 0, u.Input
	}
	priced = true
	for _, route := range w.routes {
		for _, t := range route.Targets {
			switch {
			case !w.serves(t):
			case t.Price == nil:
				priced = false
			default:
				u := w.held(t, u)
				n, ok := w.at(t.Price, u)
				priced = priced && ok
				worst = max(worst, n)
				if w.asked != nil { // the vendor may give the usual service all the same
					of, _ := t.Price.Of(w.asked(t))
					n, _ = w.at(of, u)
					worst = max(worst, n)
				}
			}
		}
	}
	return worst, priced
}

// at prices the usage at p, and as audio where it may be that.
func (w *worstCase) at(p *core.Price, u core.Usage) (worst core.Nano, priced bool) {
	worst, priced = dearestOf(p, u, w.unit)
	if w.heard || w.spoken {
		n, _ := dearestOf(p, w.audio(u), w.unit)
		worst = max(worst, n)
	}
	if p.Rates.Reasoning != nil && w.unit == 0 { // all of it may be thought
		v := u
		v.Reasoning = v.Output
		n, _ := p.Amount(v)
		worst = max(worst, n)
	}
	if p.Rates.ImageOutput != nil && w.unit == 0 { // the model may draw instead
		u.ImageOutput, u.Output = u.ImageOutput+u.Output, 0
		n, _ := p.Amount(u)
		worst = max(worst, n)
	}
	return worst, priced
}

// audio is u as if all that may be audio were: its tokens have prices of their own.
func (w *worstCase) audio(u core.Usage) core.Usage {
	if w.heard {
		u.AudioInput, u.Input, u.CacheWrite1h = u.Input+u.CacheWrite1h, 0, 0
	}
	if w.spoken {
		u.AudioOutput, u.Output = u.Output, 0
	}
	return u
}

// any reports whether f holds for a deployment that can be called.
func (w *worstCase) any(f func(t *Target) bool) bool {
	for _, route := range w.routes {
		if slices.ContainsFunc(route.Targets, func(t *Target) bool { return w.serves(t) && f(t) }) {
			return true
		}
	}
	return false
}

// routes are the alias's own and all fallbacks that the key may use: what an
// alias leads to must be allowed as well as the alias.
func (r *run) routes(s *Snapshot) []*Route {
	if r.bound != nil {
		return []*Route{{Targets: []*Target{r.bound}}}
	}
	all := []*Route{r.route}
	for _, list := range [...][]string{r.route.Fallbacks, r.route.ContextWindowFallbacks, r.route.ContentPolicyFallbacks} {
		allowed, _ := r.fallbacks(s, list)
		all = append(all, allowed...)
	}
	return all
}

// fallbacks are the routes of the names that there are: those that the key may
// use, and the names of those that it may not.
func (r *run) fallbacks(s *Snapshot, names []string) (allowed []*Route, barred []string) {
	for _, name := range names {
		switch route := s.Routes[name]; {
		case route == nil || !r.principal.Admitted(route.Owner):
		case r.principal.AllowsModel(name):
			allowed = append(allowed, route)
		default:
			barred = append(barred, name)
		}
	}
	return allowed, barred
}
