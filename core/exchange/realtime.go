package exchange

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// MaxMessage is the most bytes that a message of a session may have: what OpenAI
// takes of sound in one event, 15 MiB, in base64 and with its event around it.
// https://platform.openai.com/docs/api-reference/realtime-client-events/input_audio_buffer/append
const MaxMessage = 21 << 20

// sessionLimits are those of OpenAI's sessions, which last an hour at the most, and
// what is long enough for a side that has gone.
// https://platform.openai.com/docs/guides/realtime-conversations#session-lifecycle-events
var sessionLimits = realtime.Limits{Total: time.Hour, Idle: 15 * time.Minute, Patience: 30 * time.Second, Ping: 30 * time.Second}

// handshakeWait bounds a vendor's answer where the deployment does not.
const handshakeWait = 30 * time.Second

// Session is one request for a realtime session.
type Session struct {
	Model   string
	Arrived time.Time
	// Header reads a client header by its lower-case name; "" when absent.
	Header func(name string) string
	// Accept takes the client's connection over, once the vendor's is there. It has
	// answered the client also where it fails.
	Accept func(h *Head) (realtime.Conn, error)
	// Again says whose the client's key is by now, or that it is nobody's any more.
	Again func(ctx context.Context) (*core.Principal, error)
}

// Realtime serves one session from its handshake to its end. The deployment is
// chosen as for any request, until one has opened a session: from then on all stays
// there. What is refused is answered by reply, over HTTP.
func (x *Exchanger) Realtime(ctx context.Context, p *core.Principal, req *Session, reply Reply) {
	inner := &Request{Endpoint: abi.Realtime, Model: req.Model, Arrived: req.Arrived, Header: req.Header}
	r := &run{x: x, req: inner, reply: reply, principal: p, dialect: dialect.Of(abi.Realtime), id: core.NewID(core.PrefixExchange, req.Arrived)}
	r.head.ExchangeID = r.id
	r.facts = facts{model: req.Model, stream: true, choices: 1, made: 1}
	s := &session{run: r, req: req, turns: map[string]*turn{}, heard: map[string]*turn{}, state: sessionState{spoken: true}}
	r.session = s
	snap := x.acquire()
	defer snap.release()
	r.cooldown = snap.Cooldown
	if r.cooldown == 0 {
		r.cooldown = x.Cooldown
	}
	defer r.end()
	defer s.leave()
	if err := s.guarded(func() *core.Error { return s.open(ctx, snap.Snapshot) }); err != nil {
		r.fail(ctx, err)
		return
	}
	s.serve(ctx)
}

// guarded turns a panic into an error of this session alone.
func (s *session) guarded(f func() *core.Error) (err *core.Error) {
	defer func() {
		if p := recover(); p != nil {
			s.run.x.log.Error("panic", "exchange", s.run.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = core.Errorf(core.CodeInternal, core.SourceGateway, "internal error")
		}
	}()
	return f()
}

// open admits the session and has a vendor open it.
func (s *session) open(ctx context.Context, snap *Snapshot) (err *core.Error) {
	r := s.run
	if r.principal == nil {
		return core.Errorf(core.CodeUnauthenticated, core.SourceClient, "a virtual key is required")
	}
	r.tags = r.principal.Tags
	if err = r.heed(); err != nil {
		return err
	}
	if !r.principal.Key.AllowsEndpoint(string(abi.Realtime)) {
		return core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not use the endpoint %q", abi.Realtime)
	}
	if r.route, err = snap.lookup(r.principal, r.facts.model); err != nil {
		return err
	}
	chain, cerr := snap.Guards.Chain(r.route.guards, r.principal.Guardrails)
	if cerr != nil {
		return core.AsError(cerr)
	}
	s.snap, s.guards, s.watched = snap, chain, watch(chain.Begin(abi.Realtime, r.route.Name))
	grant, lerr := r.x.Limiter.AcquireSlot(r.req.Arrived, r.subjects(nil))
	if lerr != nil {
		return core.AsError(lerr)
	}
	r.grant = grant
	return r.answer(ctx, snap)
}

// sameGuards ends a session that other guardrails would have to watch by now than
// did from its beginning.
func (s *session) sameGuards(now *Snapshot, route *Route, p *core.Principal) *core.Error {
	if now == s.snap && slices.Equal(p.Guardrails, s.run.principal.Guardrails) {
		return nil
	}
	chain, err := now.Guards.Chain(route.guards, p.Guardrails)
	switch {
	case err != nil:
		return core.AsError(err)
	case !chain.Equal(s.guards):
		return core.Errorf(core.CodePermissionDenied, core.SourceGateway, "the guardrails of this session have changed: open another")
	}
	return nil
}

// dial has one deployment open the session.
func (s *session) dial(ctx context.Context, t *Target) *core.Error {
	r := s.run
	grant, lerr := r.x.Limiter.AcquireSlot(r.x.now(), []limit.Subject{{ID: t.Deployment.Name, Limits: t.Deployment.Limits}})
	if lerr != nil {
		e := core.AsError(lerr)
		e.Source, e.Message = core.SourceUpstream, "the deployments of this model are at their own rate limit" // so that others are tried
		return e
	}
	start := r.x.now()
	r.target, r.plan, r.attemptStart = t, r.planOf(t), start
	r.entry.Deployment, r.entry.Provider, r.entry.DeployedModel = t.Deployment.Name, t.Deployment.Provider, t.Deployment.Model
	if _, _, err := r.using(ctx, t, start, func() (int, *core.Error) { return s.handshake(ctx, t) }); err != nil {
		grant.Release()
		return err
	}
	s.slot = grant
	if err := s.startMeter(ctx); err != nil {
		s.vendor.Cut()
		err.NoRetry = true
		return err
	}
	return nil
}

// handshake asks the vendor for a WebSocket. The status is its answer's, 0 when
// there is none.
func (s *session) handshake(ctx context.Context, t *Target) (int, *core.Error) {
	r := s.run
	wait := t.Deployment.Timeouts.FirstToken
	if wait == 0 {
		wait = handshakeWait
	}
	headers := slices.DeleteFunc(r.headers(r.plan), func(h upstream.Header) bool { return h.Name == "content-type" })
	out := &upstream.Request{URL: r.plan.URL, Headers: headers, Auth: r.plan.Auth, Credential: t.Credential, AllowPrivate: t.AllowPrivate, HeadTimeout: wait}
	// The connection lasts longer than what ctx is of: the client's request over HTTP.
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	conn, refused, err := upstream.Socket(lasting, r.x.Upstream, out, MaxMessage)
	if !stop() && err == nil && refused == nil {
		conn.Cut()
		err = ctx.Err()
	}
	switch {
	case err != nil:
		cancel()
		return 0, r.upstreamError(ctx, err)
	case refused != nil:
		defer cancel()
		defer refused.Body.Close()
		return refused.Status, r.vendorError(ctx, t, r.plan, refused)
	}
	s.vendor, s.hangUp = conn, cancel
	if r.plan.Request.Mode != abi.Transform {
		return 101, nil
	}
	translated, terr := s.translate(ctx, t, conn)
	if terr != nil {
		conn.Cut()
		cancel()
		return 0, terr
	}
	s.vendor = translated
	return 101, nil
}

// serve takes the client's connection over and carries the session.
func (s *session) serve(ctx context.Context) {
	r := s.run
	r.settled = true // a session has no entry: each of its responses has
	r.describe()
	client, err := s.req.Accept(&r.head)
	if err != nil {
		r.x.log.Info("realtime session not taken up", "exchange", r.id, "error", err)
		s.vendor.Cut()
		return
	}
	end := realtime.Run(ctx, client, s.vendor, s, sessionLimits)
	s.end = end
	s.settleOpen(end)
	r.x.log.Info("realtime session ended", "exchange", r.id, "key", r.principal.Key.ID, "model", core.MaskSecrets(r.facts.model), "deployment", r.entry.Deployment,
		"by", string(end.By), "code", end.Code, "responses", s.count, "lasted", r.x.now().Sub(r.req.Arrived).Round(time.Millisecond).String())
}

// leave gives back what the session holds.
func (s *session) leave() {
	s.stopMeter(s.end)
	s.slot.Release()
	if s.hangUp != nil {
		s.hangUp()
	}
}

// again finds out whose the key is by now, and whether it still leads to what the
// session is bound to.
func (s *session) again(ctx context.Context) (*core.Principal, *core.Error) {
	p, err := s.req.Again(ctx)
	if err != nil {
		return nil, core.AsError(err)
	}
	r, now := s.run, s.run.x.Snapshot()
	route, lerr := now.lookup(p, r.facts.model)
	switch {
	case !p.Key.AllowsEndpoint(string(abi.Realtime)):
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "this key may not use the endpoint %q", abi.Realtime)
	case lerr != nil:
		return nil, lerr
	case !s.reaches(now, route):
		return nil, core.Errorf(core.CodeNotFound, core.SourceGateway, "the deployment that this session is with is not there any more")
	}
	return p, s.sameGuards(now, route, p)
}

// reaches reports whether a route, or one of its fallbacks, still has the session's
// deployment.
func (s *session) reaches(now *Snapshot, route *Route) bool {
	has := func(r *Route) bool {
		return r != nil && slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.Deployment.Name == s.run.target.Deployment.Name })
	}
	if has(route) {
		return true
	}
	for _, list := range [...][]string{route.Fallbacks, route.ContextWindowFallbacks, route.ContentPolicyFallbacks} {
		for _, name := range list {
			if has(now.Routes[name]) {
				return true
			}
		}
	}
	return false
}

// asStop is an error that ends the session, nil for none.
func asStop(e *core.Error) error {
	if e == nil {
		return nil
	}
	return e
}
