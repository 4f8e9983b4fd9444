// Package exchange is the life of one request: admit, guard, route, attempt,
// relay, settle. Guardrails, limits, budgets and the ledger live here and not
// in a handler, so that an endpoint that goes around one of them cannot be written.
package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/form"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Options are what an Exchanger needs.
type Options struct {
	Ledger   *ledger.Ledger
	Limiter  *limit.Limiter
	Upstream upstream.Client
	Observe  Observer
	Kept     *kept.Keeper // of responses; nil keeps none
	Log      *slog.Logger
	Now      func() time.Time

	// RefuseUnpriced refuses models without a price to keys that have a budget.
	RefuseUnpriced bool
	// DefaultMaxOutput is the output cap, in tokens, for requests under a budget
	// that have none of their own: what is reserved must be what can be spent.
	DefaultMaxOutput int64
	Cooldown         time.Duration // of a failing deployment; default 5 s
	MaxBody          int64         // of a vendor's whole answer, bytes; default 64 MiB
	KeepAlive        time.Duration // between comments to the client of a silent stream; default 15 s
	FinishGrace      time.Duration // how long to wait for usage after an answer's finish; default 2 s
}

// Observer is told of every exchange when it has ended.
type Observer interface {
	Exchange(o *Observed)
}

// Observed is one ended exchange: what the metrics and the log line are made of.
// It holds no prompt text.
type Observed struct {
	Entry *core.LedgerEntry
	Err   *core.Error
}

// Exchanger serves requests against the snapshot in force. Safe for concurrent use.
type Exchanger struct {
	Options
	now  func() time.Time
	log  *slog.Logger
	snap atomic.Pointer[held]
}

// New makes an Exchanger that serves nothing until Swap.
func New(o Options) *Exchanger {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.Cooldown, 5*time.Second)
	set(&o.KeepAlive, 15*time.Second)
	set(&o.FinishGrace, 2*time.Second)
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	if o.DefaultMaxOutput == 0 {
		o.DefaultMaxOutput = 16384
	}
	return &Exchanger{Options: o, now: o.Now, log: o.Log}
}

// run is one exchange under way.
type run struct {
	x         *Exchanger
	req       *Request
	reply     Reply
	principal *core.Principal
	id        string
	dialect   *dialect.Dialect // the client's
	head      Head
	facts     facts
	body      scan.Object // the client's, after the guardrails
	form      *form.Form  // that the body was read from; nil for JSON
	route     *Route
	vendor    *nativeCall // nil for the gateway's own endpoints
	session   *session    // of which this is the opening; nil for all else
	bound     *Target     // of a session's response: the one deployment that answers it
	tags      []string
	keeps     bool   // the answer can be found again
	previous  string // the response that it goes on from
	history   int    // how many items of the input come from there
	barred    string // which fallbacks were skipped, for the entry's reason
	guard     *guard.Run
	grant     *limit.Grant // nil before it is taken, and where nothing is limited
	hold      *ledger.Reservation
	cap       int64 // output cap that the gateway sets; 0 leaves the client's
	worst     core.Usage
	bridged   map[*Target]*extras // what those that a bridge leads to are asked for
	open      bool                // on record before the vendor is called
	cooldown  time.Duration
	out       outlet
	settled   bool
	entry     core.LedgerEntry

	// Of the attempt under way.
	target    *Target
	plan      *plan
	tally     tally
	outTokens int64         // estimate of the output seen so far
	said      time.Duration // of the sound in it, in a session
	pictures  int64         // that have been delivered
	whole     bool          // the answer is complete
	streams   bool          // it comes as events
	abandoned bool          // the client left, or the gateway stopped, before an answer began
	firstByte time.Time

	// Of earlier attempts that a vendor bills all the same.
	failed   *core.Error // how the last attempt ended
	carried  core.Nano
	unpriced bool // one of them has no price
	extra    []*ledger.Reservation

	attemptStart time.Time
	clientLeft   bool  // a write to the client failed
	events       int64 // that the client's stream has so far, in a dialect of typed events
}

// Do serves one request. It returns when the answer is written and the
// exchange settled, whatever happens on the way. When ctx ends the client has
// left, unless its cause is a *core.Error: that is what the client is then told.
func (x *Exchanger) Do(ctx context.Context, p *core.Principal, req *Request, reply Reply) {
	r := &run{x: x, req: req, reply: reply, principal: p, dialect: dialect.Of(req.Endpoint), id: core.NewID(core.PrefixExchange, req.Arrived)}
	r.head.ExchangeID = r.id
	snap := x.acquire()
	defer snap.release()
	r.cooldown = cmp.Or(snap.Cooldown, x.Cooldown)
	defer r.end()
	if err := r.guarded(ctx, snap.Snapshot); err != nil {
		r.fail(ctx, err)
	}
}

// guarded turns a panic into an error of this exchange alone.
func (r *run) guarded(ctx context.Context, s *Snapshot) (err *core.Error) {
	defer func() {
		if p := recover(); p != nil {
			r.x.log.Error("panic", "exchange", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = core.Errorf(core.CodeInternal, core.SourceGateway, "internal error")
		}
	}()
	return r.serve(ctx, s)
}

// serve is the nine steps of an exchange, but for its settling at the end of
// the relay, which [run.settle] does.
func (r *run) serve(ctx context.Context, s *Snapshot) (err *core.Error) {
	if r.principal == nil {
		return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "a virtual key is required")
	}
	r.tags = r.principal.Tags
	if err = r.read(s); err != nil {
		return err
	}
	if err = r.heed(); err != nil {
		return err
	}
	if r.req.Counts {
		if err = r.limit(0); err != nil {
			return err
		}
	}
	if r.dialect.Own != nil {
		if err = r.recall(ctx); err != nil {
			return err
		}
	}
	if name := r.endpointName(); !r.principal.Key.AllowsEndpoint(name) {
		return core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not use the endpoint %q", name)
	}
	if r.route, err = r.find(s); err != nil {
		return err
	}
	if r.req.Counts {
		return r.count()
	}
	if err = r.admit(ctx, s); err != nil {
		return err
	}
	if err = r.guardInput(ctx, s); err != nil {
		return err
	}
	if r.facts.stream && r.generates() && r.commentsPass() {
		r.holdOpen()
	}
	return r.answer(ctx, s)
}

// read reads the facts from the request's body.
func (r *run) read(s *Snapshot) *core.Error {
	if r.req.Native != nil {
		return r.resolveNative(s)
	}
	text, err := r.readForm()
	if err == nil {
		r.facts, r.body, err = parse(r.req.Endpoint, r.req.Model, text)
	}
	return err
}

// find finds the route that the request leads to.
func (r *run) find(s *Snapshot) (*Route, *core.Error) {
	if r.vendor != nil {
		return r.lookupNative(s)
	}
	return s.lookup(r.principal, r.facts.model)
}

// endpointName is what keys and the ledger call the endpoint.
func (r *run) endpointName() string {
	if r.vendor != nil {
		return string(abi.Native)
	}
	return string(r.req.Endpoint)
}

// lookup finds the alias among those that the key may call.
func (s *Snapshot) lookup(p *core.Principal, alias string) (*Route, *core.Error) {
	route := s.Routes[alias]
	switch {
	case route == nil || !p.Admitted(route.Owner):
		e := core.Errorf(core.CodeNotFound, core.SourceClient, "the model %q does not exist", alias)
		e.Param = "model"
		return nil, e
	case !p.AllowsModel(alias):
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not use the model %q", alias)
	}
	return route, nil
}

func (r *run) guardInput(ctx context.Context, s *Snapshot) *core.Error {
	chain, cerr := s.Guards.Chain(r.route.guards, r.principal.Guardrails)
	if cerr != nil {
		return core.AsError(cerr)
	}
	if r.guard = chain.Begin(r.req.Endpoint, r.route.Name); r.guard == nil {
		return nil
	}
	body, err := r.guard.Input(ctx, r.body.Text())
	if err != nil {
		return core.AsError(err)
	}
	r.body = scan.Walk(body)
	r.form.Rename(body)
	return nil
}

// fail settles and tells the client, in whatever way is still open.
func (r *run) fail(ctx context.Context, e *core.Error) {
	r.stopKeepAlive() // from here on nobody else starts the stream
	switch stop := stopped(ctx); {
	case r.settled:
	case r.clientLeft || ctx.Err() != nil && stop == nil:
		r.settle(core.OutcomeClientClosed, 499, e)
		return
	case stop != nil && e.Code != core.CodeGuardrailBlocked:
		e = stop
	}
	outcome := core.OutcomeFailed
	if e.Code == core.CodeGuardrailBlocked {
		outcome = core.OutcomeBlocked
	}
	status := dialect.Status(r.req.Endpoint, e)
	if r.out.started {
		status = 200
	}
	if err := r.settle(outcome, status, e); err != nil && !r.out.started {
		e = err
	}
	r.tellClient(e)
}

// stopped is why the gateway itself ended the exchange's context, nil when it
// did not: whoever ends contexts for another reason than that the client has left
// gives a *core.Error as the cause.
func stopped(ctx context.Context) *core.Error {
	var e *core.Error
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &e) {
		return e
	}
	return nil
}

func (r *run) tellClient(e *core.Error) {
	if e.Err != nil {
		r.x.log.Warn("exchange failed", "exchange", r.id, "code", e.Code, "source", e.Source, "deployment", r.entry.Deployment, "error", e.Err)
	}
	if r.out.started && r.head.ContentType != "" && !r.vendor.own() {
		r.reply.Break()
		return
	}
	if r.out.started {
		if r.reply.Write(r.errorEvent(e)) == nil {
			_ = r.reply.Flush() // the client may have gone: nothing is left to tell
		}
		return
	}
	r.describe()
	writeError(r.reply, r.req.Endpoint, r.shapedErrors(), e, &r.head)
}

// WriteError answers a request that never became an exchange.
func WriteError(reply Reply, endpoint abi.Endpoint, e *core.Error, h *Head) {
	writeError(reply, endpoint, nil, e, h)
}

// writeError is the one place that answers with an error before a stream began.
func writeError(reply Reply, endpoint abi.Endpoint, shape *nativeErrors, e *core.Error, h *Head) {
	switch {
	case e.Code == core.CodeRateLimited || e.RetryAfter > 0:
		seconds := max(int64((e.RetryAfter+time.Second-1)/time.Second), 1)
		h.add("Retry-After", string(appendInt(nil, seconds)))
	case e.Code == core.CodeOverloaded || e.Status == 503 || e.Status == 529:
		h.add("Retry-After", "1")
	}
	if e.NoRetry || e.Code == core.CodeBudgetExceeded {
		h.add("X-Should-Retry", "false")
	}
	status := dialect.Status(endpoint, e)
	body := dialect.ErrorBody(nil, endpoint, e, h.ExchangeID)
	if shape != nil {
		body = shape.write(e, status)
	}
	_ = reply.Whole(status, h, body) // a client that has gone hears nothing
}

func (h *Head) add(name, value string) {
	h.More = append(h.More, HeaderField{name, value})
}

// end releases what the exchange holds, settles what nothing else has, and tells.
func (r *run) end() {
	r.stopKeepAlive()
	r.grant.Release()
	if !r.settled && r.hold != nil {
		r.settle(core.OutcomeFailed, 500, core.Errorf(core.CodeInternal, core.SourceGateway, "internal error"))
	}
}
