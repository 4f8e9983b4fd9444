package exchange

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// turn is what a vendor bills of a session: a response, or a recording that is
// written down. Each is an exchange of its own, with a hold and one entry.
type turn struct {
	s      *session
	run    *run
	cause  string        // the event_id that it was asked for by
	named  bool          // which the gateway has made
	marked bool          // its response.create says in its metadata whose it is
	bare   bool          // which had no metadata otherwise
	before int64         // session.added when it began
	aside  bool          // it is no part of the conversation
	live   bool          // a recording that is being made while it is written down
	holds  time.Duration // of a recording: what is held for
}

// maxAsked is how many responses a client may have asked for before they begin.
const maxAsked = 32

func (s *session) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked) >= maxAsked
}

// newTurn makes a turn as the session stands.
func (s *session) newTurn() *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, now := s.run, s.run.x.now()
	target := o.target
	if s.included != nil {
		target = s.included
	}
	r := &run{x: o.x, req: &Request{Endpoint: o.req.Endpoint, Model: o.req.Model, Arrived: now, Header: o.req.Header},
		principal: o.principal, dialect: o.dialect, id: core.NewID(core.PrefixExchange, now), route: o.route, tags: o.tags,
		bound: target, target: target, plan: o.plan, streams: true, attemptStart: now}
	r.out.started = true
	state := s.expected()
	r.facts = facts{model: o.facts.model, user: o.facts.user, stream: true, choices: 1, made: 1,
		inputTokens: s.context + s.added + soundTokens(s.buffer, o.plan.heardRate()) + state.preamble + o.plan.says().Preamble, heard: s.sounds, spoken: state.spoken,
		maxOutput: state.cap, capped: state.cap > 0}
	d := o.target.Deployment
	r.entry.Deployment, r.entry.Provider, r.entry.DeployedModel = d.Name, d.Provider, d.Model
	r.entry.Reason = "realtime session " + o.id + "; " + o.entry.Reason
	return &turn{s: s, run: r}
}

// wishes reads what a client asks a response to be.
func (t *turn) wishes(obj []byte) {
	f := &t.run.facts
	var count estimator
	for _, name := range [...]string{"instructions", "input", "tools"} {
		count.value(scan.Get(obj, name))
	}
	f.inputTokens += count.tokens
	f.heard = f.heard || count.audio
	f.spoken = speaks(obj, f.spoken)
	if name, most := readCap(obj); name != "" {
		t.capAt(most)
	}
	t.aside = scan.Is(scan.Get(obj, "conversation"), "none")
}

// capAt bounds the response's output; 0 is none.
func (t *turn) capAt(most int64) {
	t.run.facts.maxOutput, t.run.facts.capped = most, most > 0
}

// capName is what the API at hand calls the cap on a response's output.
func (t *turn) capName() string {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return cmp.Or(t.s.expected().capName, "max_output_tokens")
}

// admit takes the turn from the limits, holds its worst case and puts it on record.
// stop says that the error ends the session.
func (t *turn) admit(ctx context.Context) (stop bool, err *core.Error) {
	r := t.run
	p, err := t.s.again(ctx)
	if err != nil {
		return true, err
	}
	r.principal = p
	if err = t.limit(); err != nil {
		return false, err
	}
	if err = t.hold(ctx); err != nil {
		r.grant.Undo(r.x.now())
		r.grant = nil
	}
	return false, err
}

func (t *turn) hold(ctx context.Context) *core.Error {
	r := t.run
	if err := r.reserve(ctx, r.x.Snapshot()); err != nil {
		return err
	}
	if err := r.record(ctx); err != nil {
		r.x.Ledger.Release(r.hold)
		r.hold = nil
		return err
	}
	return nil
}

// limit takes a request and its tokens from the limits of the key, of all that it
// belongs to and of the deployment. The parallel slot is the session's.
func (t *turn) limit() *core.Error {
	r := t.run
	list := append(r.subjects(nil), limit.Subject{ID: r.target.Deployment.Name, Limits: r.target.Deployment.Limits})
	for i := range list {
		list[i].Limits.Parallel = 0
	}
	grant, err := r.x.Limiter.Acquire(r.req.Arrived, list, r.facts.tokens())
	if err != nil {
		return core.AsError(err)
	}
	r.grant = grant
	return nil
}

// unheld puts a turn on record that no budget covers and that the vendor has begun
// all the same: what it comes to is counted.
func (t *turn) unheld(ctx context.Context) {
	r := t.run
	w := r.worstCase(r.x.Snapshot())
	worst, _ := w.amount(r.outputCap())
	r.hold, r.worst = &ledger.Reservation{Granted: worst}, w.usage(r.outputCap())
	if err := r.record(ctx); err != nil { // its entry is written when the ledger works again
		r.x.log.Warn("realtime response not on record", "exchange", r.id, "error", err)
	}
}

// settle ends the turn. The error says that its entry is not written yet.
func (t *turn) settle(outcome core.Outcome, status int, cause *core.Error) *core.Error {
	t.run.entry.Findings = t.s.watched.findings()
	err := t.run.settle(outcome, status, cause)
	t.run.grant.Release()
	return err
}

// piece counts what has come of a response.
func (s *session) piece(ctx context.Context, kind string, text []byte) *core.Error {
	sound := isSound(kind) && strings.HasSuffix(kind, ".delta")
	if !sound && !isTextDelta(kind) {
		return nil
	}
	delta := scan.Get(text, "delta")
	length := s.counted(scan.GetString(text, "response_id"), delta, sound)
	if !sound {
		return nil
	}
	return s.passes(ctx, length, 0, true)
}

// counted adds a piece to its response. length is how long it sounds.
func (s *session) counted(id string, delta []byte, sound bool) (length time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sound {
		length = soundLength(delta, s.expected().saidSecond)
	}
	t := s.turns[id]
	if t == nil {
		return length
	}
	r := t.run
	if r.outTokens == 0 && r.said == 0 {
		r.firstByte = r.x.now()
	}
	if r.said += length; !sound {
		r.outTokens += estimateText(bytes.Trim(delta, `"`))
	}
	return length
}

// isTextDelta reports whether an event has a piece of what a response says or calls; one
// of a kind that nobody knows is taken for that.
func isTextDelta(kind string) bool {
	return strings.HasPrefix(kind, "response.") && strings.HasSuffix(kind, ".delta") && !isSound(kind)
}

// done settles a response before the client hears that it is done. Where its entry
// cannot be committed, the client is told what it returns instead.
func (s *session) done(text []byte) (instead []byte) {
	id := scan.GetString(text, "response", "id")
	s.mu.Lock()
	t := s.turns[id]
	delete(s.turns, id)
	s.mu.Unlock()
	if t == nil {
		return nil // it did not begin
	}
	r := t.run
	r.tally.read(r.plan.usage, text)
	r.tally.outputUses(text)
	r.whole = true
	outcome, status, cause := core.OutcomeOK, 200, (*core.Error)(nil)
	if scan.GetString(text, "response", "status") == "failed" {
		outcome, status = core.OutcomeFailed, 502
		cause = core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the response failed")
		if !r.tally.known[partInput] {
			r.target = nil // nothing is billed of it
		}
	}
	err := t.settle(outcome, status, cause)
	if r.tally.known[partInput] && !t.aside {
		s.mu.Lock()
		s.context, s.added = r.tally.parts[partInput]+r.tally.parts[partOutput], max(s.added-t.before, 0)
		s.mu.Unlock()
	}
	if err != nil {
		return s.errorEvent(err, "").Data
	}
	return nil
}

// refused reads an error of the vendor's: the response that was asked for by the
// event at fault does not come. nil keeps from the client what it did not cause.
func (s *session) refused(text []byte) []byte {
	cause := scan.GetString(text, "error", "event_id")
	if cause == "" {
		return text
	}
	if cause == s.run.id {
		s.warnRefused()
		return nil
	}
	if t := s.take(cause); t != nil {
		t.settle(core.OutcomeFailed, 400, core.Errorf(core.CodeUpstreamRejected, core.SourceUpstream, "the provider refused the response"))
		return unnamed(text, t.named)
	}
	switch u := s.refusedUpdate(cause); {
	case u == nil:
		return text
	case u.own:
		s.warnRefused()
		return nil
	default:
		return unnamed(text, u.made)
	}
}

func (s *session) warnRefused() {
	s.run.x.log.Warn("the provider refused an event of the gateway's", "exchange", s.run.id, "deployment", s.run.entry.Deployment)
}

// unnamed takes the event_id that the gateway has made out of an error.
func unnamed(text []byte, made bool) []byte {
	if !made {
		return text
	}
	e := scan.Apply(nil, scan.Get(text, "error"), []scan.Edit{{Key: "event_id", Value: []byte("null")}})
	return scan.Apply(nil, text, []scan.Edit{{Key: "error", Value: e}})
}

// take removes a response that was asked for by an event, nil for none.
func (s *session) take(cause string) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.asked {
		if t.cause == cause {
			s.asked = append(s.asked[:i:i], s.asked[i+1:]...)
			return t
		}
	}
	return nil
}

// settleOpen settles what the session's end has left: as far as it came, estimated.
func (s *session) settleOpen(end *realtime.End) {
	outcome, status := core.OutcomeInterrupted, 200
	if end.By == realtime.Client {
		outcome, status = core.OutcomeClientClosed, 499
	}
	cause := end.Err
	if cause == nil {
		cause = core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the session ended")
	}
	for _, t := range s.asked {
		t.run.abandoned = end.By == realtime.Client
		t.settle(outcome, status, cause)
	}
	for _, open := range [...]map[string]*turn{s.turns, s.heard} {
		for _, t := range open {
			t.listened()
			t.settle(outcome, status, cause)
		}
	}
}

// heard makes of the usage of a turn that nobody told what it most likely is: sound,
// where there was any.
func (r *run) heard(u core.Usage) core.Usage {
	if r.bound == nil {
		return u
	}
	if u.InputSource == core.UsageEstimated && r.facts.heard {
		u.AudioInput, u.Input = u.AudioInput+u.Input, 0
	}
	if u.OutputSource == core.UsageEstimated {
		u.AudioOutput += soundTokens(r.said, r.plan.saidRate())
	}
	if p := r.target.Price; u.InputSource == core.UsageEstimated && r.facts.milliseconds > 0 && p != nil && p.Rates.Second != nil && !hasTokens(&p.Rates) {
		u.AudioInput, u.Output, u.Milliseconds = 0, 0, r.facts.milliseconds // it is sold by the second
	}
	return u
}
