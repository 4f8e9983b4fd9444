package exchange

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// maxRetryWait is the longest that a client is kept waiting for another try at
// the same deployment; a vendor that asks for more sends it to a fallback or home.
const maxRetryWait = 10 * time.Second

// answer tries the route and then its fallbacks until one has answered. The
// client is told of the first route's failure, not of a fallback's.
func (r *run) answer(ctx context.Context, s *Snapshot) *core.Error {
	first := r.try(ctx, r.route)
	if first == nil || r.out.committed || ctx.Err() != nil {
		return first
	}
	allowed, barred := r.fallbacks(s, r.fallbackNames(first))
	if len(barred) > 0 {
		r.barred = "; not allowed to the key and skipped: " + strings.Join(barred, ", ")
		r.entry.Reason += r.barred
	}
	for _, route := range allowed {
		err := r.try(ctx, route)
		if err == nil || r.out.committed || ctx.Err() != nil {
			return err
		}
	}
	return first
}

func (r *run) fallbackNames(e *core.Error) []string {
	switch {
	case e.Code == core.CodeContextWindow:
		return r.route.ContextWindowFallbacks
	case e.Code == core.CodeContentPolicy:
		return r.route.ContentPolicyFallbacks
	case e.Retryable():
		return r.route.Fallbacks
	}
	return nil
}

// try goes through a route's deployments, best first, each once, and then again
// those that have retries left.
func (r *run) try(ctx context.Context, route *Route) *core.Error {
	facts := abi.Facts{Endpoint: r.req.Endpoint, Stream: r.facts.stream, InputTokens: r.facts.inputTokens, Tags: r.principal.Tags}
	order, reason := route.order.Order(ctx, r.x.now(), facts, func(i int) bool { return r.serves(route.Targets[i]) })
	r.entry.Reason = r.nativeReason() + reason + r.barred
	if len(order) == 0 {
		if route.Configured() {
			return core.Invalid("model", "the model %q does not serve this endpoint", route.Name)
		}
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the model %q is not configured: its provider's credential is missing", route.Name)
	}
	last := make([]*core.Error, len(route.Targets))
	var failure *core.Error
	for round := 0; ; round++ {
		tried := false
		for _, i := range order {
			t := route.Targets[i]
			if round > 0 {
				if round > t.Deployment.Retries || last[i].NoRetry || !r.wait(ctx, round, last[i]) {
					continue
				}
			}
			tried = true
			err := r.once(ctx, t)
			if err == nil || r.out.committed || ctx.Err() != nil || !err.Retryable() {
				return err
			}
			last[i] = err
			if err.Code == core.CodeUpstreamCredential {
				last[i] = &core.Error{NoRetry: true} // our credential gets no better by asking again
			}
			if failure == nil || round > 0 {
				failure = err
			}
		}
		if !tried {
			return failure
		}
	}
}

// once is one try at t, of an answer or of a session.
func (r *run) once(ctx context.Context, t *Target) *core.Error {
	if r.session != nil {
		return r.session.dial(ctx, t)
	}
	return r.attempt(ctx, t)
}

// serves reports whether t can be called for the request. Tokens are counted here
// where a provider does not.
func (r *run) serves(t *Target) bool {
	return t.NotConfigured == "" && (r.req.Endpoint == abi.CountTokens && r.vendor == nil || r.planOf(t) != nil)
}

// maySpend reports whether a request can come to cost what t does. All of an
// alias count but for native requests, which only one provider's serve.
func (r *run) maySpend(t *Target) bool {
	return t.NotConfigured == "" && (r.vendor == nil || r.planOf(t) != nil)
}

// wait pauses before another try and reports whether there shall be one.
func (r *run) wait(ctx context.Context, round int, e *core.Error) bool {
	d := time.Duration(200+rand.IntN(100)) * time.Millisecond << min(round-1, 5)
	d = max(d, e.RetryAfter)
	if d > maxRetryWait {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt is one try against one deployment, from the original request.
func (r *run) attempt(ctx context.Context, t *Target) *core.Error {
	if err := r.carry(ctx); err != nil {
		return err
	}
	p := r.planOf(t)
	if p == nil {
		return r.countLocally()
	}
	grant, lerr := r.x.Limiter.Acquire(r.x.now(), []limit.Subject{{ID: t.Deployment.Name, Limits: t.Deployment.Limits}}, r.facts.tokens())
	if lerr != nil {
		e := core.AsError(lerr)
		e.Source, e.Message = core.SourceUpstream, "the deployments of this model are at their own rate limit" // so that others are tried
		return e
	}
	var used int64
	called := false
	defer func() {
		if !called { // nothing was used of what the vendor allows
			grant.Undo(r.x.now())
			return
		}
		grant.Correct(r.x.now(), used)
		grant.Release()
	}()
	start := r.x.now()
	r.target, r.plan, r.tally, r.outTokens, r.pictures, r.whole, r.streams, r.abandoned, r.firstByte, r.attemptStart = t, p, tally{}, 0, 0, false, false, false, time.Time{}, start
	call, err := r.build(ctx)
	if err != nil {
		return err
	}
	if err := r.record(ctx); err != nil {
		return err
	}
	called = true
	status, used, err := r.using(ctx, t, start, func() (int, *core.Error) { return r.exchange(ctx, call) })
	r.failed = err
	if err != nil && r.req.Endpoint == abi.CountTokens && uncounted(status, err) {
		return r.countLocally()
	}
	return err
}

// using has f call t, which is in use meanwhile, and notes how that went: the status of
// the answer, 0 for none, and the tokens that it used.
func (r *run) using(ctx context.Context, t *Target, start time.Time, f func() (int, *core.Error)) (status int, used int64, err *core.Error) {
	t.State.Begin(start)
	over := false
	defer func() {
		if !over { // a panic: the deployment is not in use any more
			t.State.End(r.x.now(), routing.Result{Neutral: true}, 0)
		}
	}()
	status, err = f()
	over = true
	return status, r.noteAttempt(ctx, t, start, status, err), err
}

// carry puts what the vendor bills for the attempt that has just failed beside
// what the next one will cost, in the ledger and in the budgets. Where they do
// not allow another, the failure stands.
func (r *run) carry(ctx context.Context) *core.Error {
	u := r.usage()
	if len(r.entry.Attempts) == 0 || u.InputTokens()+u.OutputTokens()+u.Characters+u.Milliseconds+u.Images+u.Searches == 0 {
		return nil
	}
	amount, priced := r.amount(u)
	extra, err := r.x.Ledger.Reserve(ctx, r.principal.Budgets, amount, r.req.Arrived)
	if err != nil || extra.Granted < amount {
		if err == nil {
			r.x.Ledger.Release(extra)
		}
		final := *r.failed
		final.NoRetry = true
		return &final
	}
	a := &r.entry.Attempts[len(r.entry.Attempts)-1]
	a.InputTokens, a.OutputTokens, a.Amount = u.InputTokens(), u.OutputTokens(), amount
	r.extra, r.carried, r.unpriced = append(r.extra, extra), r.carried+amount, r.unpriced || !priced
	r.abandoned, r.firstByte = false, time.Time{} // the next attempt is billed for its own
	return nil
}

// exchange sends the call and relays its answer. The status is the vendor's, 0
// when it never answered.
func (r *run) exchange(ctx context.Context, c *call) (status int, err *core.Error) {
	if r.plan.Local {
		return r.relayLocal(ctx, c)
	}
	resp, doErr := r.x.Upstream.Do(ctx, &c.request)
	c.sent()
	if doErr != nil {
		r.abandoned = ctx.Err() != nil && !errors.Is(doErr, upstream.ErrNotSent)
		return 0, r.upstreamError(ctx, doErr)
	}
	defer resp.Body.Close()
	if resp.Status < 200 || resp.Status > 299 {
		return resp.Status, r.vendorError(ctx, r.target, r.plan, resp)
	}
	return resp.Status, r.relay(ctx, c, resp)
}

// relay passes an answer on in the way that it comes. Where the endpoint may
// answer with something else than events, the vendor's content type decides: not
// every model can do what "stream" wishes.
func (r *run) relay(ctx context.Context, c *call, resp *upstream.Response) *core.Error {
	t := traits[r.plan.endpoint]
	kind := mediaType(resp.Get("content-type"))
	switch r.streams = r.facts.stream && (t.generates || kind == "text/event-stream" || r.vendor.own()); {
	case r.streams:
		return r.relayStream(ctx, c, resp)
	case t.sound && r.plan.Response.Mode != abi.Transform:
		return r.relaySound(ctx, resp)
	}
	return r.relayWhole(ctx, c, resp, kind)
}

// mediaType is a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// upstreamError gives a failed read or send its code. A context that has ended
// is the client's doing.
func (r *run) upstreamError(ctx context.Context, err error) *core.Error {
	if stop := stopped(ctx); stop != nil {
		return stop
	}
	if ctx.Err() != nil {
		return core.Errorf(core.CodeInternal, core.SourceClient, "the client has left").With(err)
	}
	e := core.AsError(err)
	if e.Code == core.CodeInternal {
		e = core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the connection to the provider broke").With(err)
	}
	return e
}

// noteAttempt tells the deployment's health and the entry how the attempt ended,
// and returns the tokens that it came to.
func (r *run) noteAttempt(ctx context.Context, t *Target, start time.Time, status int, err *core.Error) (tokens int64) {
	u := r.usage()
	now := r.x.now()
	a := core.Attempt{Deployment: t.Deployment.Name, Status: status, Latency: now.Sub(start)}
	res := routing.Result{Latency: a.Latency, Tokens: u.InputTokens() + u.OutputTokens(), Err: err, Neutral: ctx.Err() != nil || r.clientLeft || err != nil && err.Source == core.SourceClient}
	if err != nil {
		a.Error = err.Code
	}
	if (r.streams || r.out.committed) && !r.firstByte.IsZero() {
		res.FirstByte = r.firstByte.Sub(start)
	}
	t.State.End(now, res, r.cooldown)
	if !r.settled {
		r.entry.Attempts = append(r.entry.Attempts, a)
		r.head.Attempts = len(r.entry.Attempts)
	}
	return res.Tokens
}
