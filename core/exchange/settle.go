package exchange

import (
	"context"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/pdk/abi"
)

// record puts the exchange on record as open, once, before the first vendor is
// called: a crash from here on leaves an interrupted entry, never nothing.
func (r *run) record(ctx context.Context) *core.Error {
	t := r.target
	r.entry.Deployment, r.entry.Provider, r.entry.DeployedModel = t.Deployment.Name, t.Deployment.Provider, t.Deployment.Model
	if r.open {
		return nil
	}
	p := r.principal
	o := &core.OpenExchange{ExchangeID: r.id, At: r.req.Arrived, Key: core.Named{ID: p.Key.ID, Name: p.Key.Name},
		Organization: p.Organization, Team: p.Team, Project: p.Project, User: p.User, EndUser: core.MaskSecrets(r.facts.user), Tags: r.tags, Endpoint: r.endpointName(), Stream: r.facts.stream,
		RequestedModel: core.MaskSecrets(r.facts.model), DeployedModel: t.Deployment.Model, Provider: t.Deployment.Provider,
		Deployment: t.Deployment.Name, Usage: r.held(t, r.worst), Unpriced: t.Price == nil || r.unrated(t)}
	if p.Parent != nil {
		o.ParentKeyID = p.Parent.ID
	}
	if t.Price != nil {
		o.PriceID = t.Price.ID
	}
	if len(r.extra) > 0 {
		o.Reserved = r.reserved()
	}
	if err := r.x.Ledger.Begin(ctx, r.hold, o); err != nil {
		return core.AsError(err)
	}
	r.open = true
	return nil
}

// reserved is all that is held for the exchange.
func (r *run) reserved() (n core.Nano) {
	if r.hold != nil {
		n = r.hold.Granted
	}
	for _, extra := range r.extra {
		n += extra.Granted
	}
	return n
}

// recordMore puts the exchange on record with a further hold, or anew. Where it fails,
// that is given back.
func (r *run) recordMore(ctx context.Context, hold *ledger.Reservation) *core.Error {
	first, more := r.hold == nil, r.extra
	if first {
		r.hold = hold
	} else {
		r.extra = append(more, hold)
	}
	r.open = false
	err := r.record(ctx)
	if err == nil {
		return nil
	}
	r.x.Ledger.Release(hold)
	if r.extra = more; first {
		r.hold = nil
	}
	r.open = !first
	return err
}

// billed reports whether the vendor bills the attempt under way: when its answer
// began, and when nobody waited for that, for the input at least.
func (r *run) billed() bool { return r.target != nil && (r.abandoned || !r.firstByte.IsZero()) }

// usage is what the exchange consumed so far, as reported, else estimated.
func (r *run) usage() core.Usage {
	if !r.billed() || r.free() {
		return core.Usage{InputSource: core.UsageReported, OutputSource: core.UsageReported}
	}
	var paths *usagePaths
	if r.passesThrough() {
		paths = r.plan.usage
	}
	return r.searched(r.counted(r.heard(r.tally.usage(paths, r.facts.inputTokens, r.outTokens, r.whole))))
}

func (r *run) passesThrough() bool {
	if r.streams {
		return r.plan.Stream.Mode != abi.Transform
	}
	return r.plan.Response.Mode != abi.Transform
}

// price fills in what the usage costs at the deployed model's price.
func (r *run) price() {
	e := &r.entry
	e.Usage, e.Amount, e.Unpriced = r.usage(), r.carried, r.unpriced
	if !r.billed() {
		return
	}
	amount, priced := r.amount(e.Usage)
	e.Amount, e.Unpriced = r.carried+amount, r.unpriced || !priced
	if p, _ := r.priceOf(r.target); p != nil {
		e.PriceID = p.ID
	}
}

// amount is what a usage costs at the deployment that is called; priced is false
// when that is not known, or not all of it.
func (r *run) amount(u core.Usage) (n core.Nano, priced bool) {
	p, known := r.priceOf(r.target)
	if r.free() {
		return 0, true
	}
	if p == nil {
		return 0, false
	}
	n, priced = amountOf(p, u, r.unit())
	return n, priced && known && !r.beyond()
}

// cost is the amount in decimal dollars, "" when unknown.
func (r *run) cost() string {
	if r.price(); r.entry.Unpriced {
		return ""
	}
	return r.entry.Amount.String()
}

// settle writes the one ledger entry of the exchange and turns its hold into
// the true amount. What was refused before its budget was asked leaves no
// entry. The context is not the client's: an exchange is settled also when the
// client has left.
func (r *run) settle(outcome core.Outcome, status int, cause *core.Error) *core.Error {
	if r.settled {
		return nil
	}
	r.settled = true
	r.stopKeepAlive()
	now := r.x.now()
	e := &r.entry
	e.ExchangeID, e.At, e.EndedAt, e.Latency = r.id, r.req.Arrived, now, now.Sub(r.req.Arrived)
	e.Endpoint, e.Stream, e.RequestedModel, e.EndUser = r.endpointName(), r.facts.stream, core.MaskSecrets(r.facts.model), core.MaskSecrets(r.facts.user)
	e.Outcome, e.Status = outcome, status
	if cause != nil {
		e.ErrorCode = cause.Code
	}
	if p := r.principal; p != nil {
		e.Key, e.Organization, e.Team, e.User = core.Named{ID: p.Key.ID, Name: p.Key.Name}, p.Organization, p.Team, p.User
		e.Tags, e.Project = r.tags, p.Project
		if p.Parent != nil {
			e.ParentKeyID = p.Parent.ID
		}
	}
	if outcome == core.OutcomeOK && r.target != nil {
		r.noteSuccess()
	}
	if (r.streams || r.out.committed) && !r.firstByte.IsZero() {
		e.FirstByte = r.firstByte.Sub(r.req.Arrived)
	}
	r.price()
	if r.target != nil {
		e.ServedModel = r.tally.model
	}
	if found := r.guard.Findings(); found != nil {
		e.Findings = found
	}
	r.grant.Correct(now, r.tokensUsed(e.Usage))
	var failure *core.Error
	if r.hold != nil {
		e.ID = core.EntryID(r.id)
		instead := r.withheld(outcome)
		if err := r.x.Ledger.Settle(context.Background(), r.hold, e, instead); err != nil {
			failure = core.AsError(err)
			if instead != nil {
				cause = failure
			}
		}
		for _, extra := range r.extra {
			r.x.Ledger.Release(extra)
		}
	}
	r.x.Observe.Exchange(&Observed{Entry: e, Err: cause})
	return failure
}

// withheld is what becomes of the entry if it cannot be committed: the client
// then gets an error in the place of what the entry says. It is nil where the
// client gets, or has got, what the entry says all the same.
func (r *run) withheld(outcome core.Outcome) ledger.Instead {
	switch {
	case outcome == core.OutcomeClientClosed:
		return nil
	case !r.out.started:
		return refused
	case outcome == core.OutcomeOK:
		return cutShort
	}
	return nil
}

// refused is the entry of a client that gets an error and nothing else.
func refused(e *core.LedgerEntry, err error) {
	cutShort(e, err)
	e.Status = dialect.Status(abi.Endpoint(e.Endpoint), core.AsError(err))
}

// cutShort is the entry of a stream that ends with an error: its status has left.
func cutShort(e *core.LedgerEntry, err error) {
	e.Outcome, e.ErrorCode = core.OutcomeFailed, core.AsError(err).Code
}

// noteSuccess lists the attempt that answered; it is still under way.
func (r *run) noteSuccess() {
	start := r.attemptStart
	if start.IsZero() {
		return
	}
	r.entry.Attempts = append(r.entry.Attempts, core.Attempt{Deployment: r.target.Deployment.Name, Status: 200, Latency: r.x.now().Sub(start)})
	r.head.Attempts = len(r.entry.Attempts)
}

// describe fills in the response headers.
func (r *run) describe() {
	h := &r.head
	h.Deployment, h.ServedModel = r.entry.Deployment, r.tally.model
	if r.settled && r.billed() && !r.entry.Unpriced {
		h.Cost = r.entry.Amount.String()
	}
}

// appendRateLimits writes OpenAI's x-ratelimit headers, those that apply.
func appendRateLimits(h []HeaderField, s limit.State) []HeaderField {
	if s == (limit.State{}) {
		return h
	}
	h = slices.Grow(h, 6)
	if s.LimitRequests > 0 {
		most, remaining, reset := rateLimit(s.LimitRequests, s.RemainingRequests, s.ResetRequests)
		h = append(h, HeaderField{"X-Ratelimit-Limit-Requests", most}, HeaderField{"X-Ratelimit-Remaining-Requests", remaining}, HeaderField{"X-Ratelimit-Reset-Requests", reset})
	}
	if s.LimitTokens > 0 {
		most, remaining, reset := rateLimit(s.LimitTokens, s.RemainingTokens, s.ResetTokens)
		h = append(h, HeaderField{"X-Ratelimit-Limit-Tokens", most}, HeaderField{"X-Ratelimit-Remaining-Tokens", remaining}, HeaderField{"X-Ratelimit-Reset-Tokens", reset})
	}
	return h
}

// rateLimit writes three headers' values as parts of one string.
func rateLimit(most, remaining int64, reset time.Duration) (a, b, c string) {
	var room [64]byte
	text := appendInt(room[:0], most)
	i := len(text)
	text = appendInt(text, remaining)
	j := len(text)
	all := string(append(text, reset.Round(time.Millisecond).String()...))
	return all[:i], all[i:j], all[j:]
}
