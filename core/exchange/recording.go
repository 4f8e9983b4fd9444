package exchange

import (
	"context"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A session may have what its user says written down, by another model that the
// vendor bills beside the responses: https://platform.openai.com/docs/guides/realtime-costs

// committed makes what was heard a part of the conversation. Where it is to be
// written down, that is held for; what no budget covers ends the session.
func (s *session) committed(ctx context.Context, text []byte) *core.Error {
	err := s.cover(ctx, 0)
	s.mu.Lock()
	length, model := s.buffer, s.state.transcriber
	s.added, s.buffer = s.added+soundTokens(length, s.run.plan.heardRate()), 0
	s.mu.Unlock()
	id := scan.GetString(text, "item_id")
	if s.commits(id, length) || model == "" {
		return err
	}
	return s.takeUp(ctx, id, s.recording(model, length))
}

// takeUp admits the recording of an item. What could not be admitted is counted all the
// same: the vendor has it.
func (s *session) takeUp(ctx context.Context, id string, t *turn) *core.Error {
	err := t.admitRecording(ctx)
	if err != nil {
		t.unheld(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[id] = t
	return err
}

// commits reports whether a recording is written down already, and counts all of it.
func (s *session) commits(id string, length time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.heard[id]
	if t == nil {
		return false
	}
	t.live = false
	t.lasts(length)
	return true
}

// live takes up a recording that is written down while it is still being made: it is
// not committed before its first words come.
func (s *session) live(ctx context.Context, text []byte) *core.Error {
	id := scan.GetString(text, "item_id")
	s.mu.Lock()
	known, length, model := s.heard[id] != nil, s.buffer, s.state.transcriber
	s.mu.Unlock()
	switch {
	case known:
		return s.cover(ctx, 0)
	case s.meter != nil: // that includes it
		return nil
	}
	t := s.recording(model, length)
	t.live = true
	return s.takeUp(ctx, id, t)
}

// cover holds more for a live recording that is about to grow by a length, where that is
// more than what is held for: twice as much as before where a budget has it, so that it
// is seldom asked.
func (s *session) cover(ctx context.Context, length time.Duration) *core.Error {
	s.books.Lock()
	defer s.books.Unlock()
	t, all := s.outgrown(length)
	if t == nil {
		return nil
	}
	if 2*t.holds > all && t.extendTo(ctx, 2*t.holds) == nil {
		return nil
	}
	return t.extendTo(ctx, all)
}

// outgrown is a live recording that would be longer than what is held for; nil for none.
func (s *session) outgrown(length time.Duration) (t *turn, all time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = s.buffer + length
	for _, t := range s.heard {
		if t.live && all > t.holds {
			return t, all
		}
	}
	return nil, 0
}

// listened counts what came of a live recording after its first words, at the end of
// a session in which it was not committed.
func (t *turn) listened() {
	if t.live {
		t.lasts(t.s.buffer)
	}
}

// lasts sets a recording's length, if it is longer than it was.
func (t *turn) lasts(length time.Duration) {
	f := &t.run.facts
	f.inputTokens, f.milliseconds = max(f.inputTokens, soundTokens(length, heardTokens)), max(f.milliseconds, upMilliseconds(length))
}

// recording is a turn of the model that writes down, about sound of a length.
func (s *session) recording(model string, length time.Duration) *turn {
	t := s.newTurn()
	r := t.run
	deployment, target := *r.target.Deployment, *r.target
	deployment.Model, target.Deployment, target.Price = model, &deployment, s.priceOf(model)
	r.bound, r.target = &target, &target
	f := &r.facts
	f.inputTokens, f.heard, f.spoken, f.maxOutput, f.capped = 0, true, false, 0, false
	t.lasts(length)
	t.holds = length
	r.entry.DeployedModel = model
	r.entry.Reason = "transcription in " + r.entry.Reason
	r.firstByte = r.x.now()
	return t
}

// admitRecording holds the dearest that writing down may come to.
func (t *turn) admitRecording(ctx context.Context) *core.Error {
	r := t.run
	p, err := t.s.again(ctx)
	if err != nil {
		return err
	}
	r.principal = p
	if r.target.Price == nil && len(p.Budgets) > 0 && r.x.RefuseUnpriced { // also one that the vendor has chosen
		return core.Errorf(core.CodePermissionDenied, core.SourceGateway,
			"the model %q, which writes down what is said, has no price here, and this key has a budget: a deployment of it is needed", core.MaskSecrets(r.entry.DeployedModel))
	}
	if err = t.limit(); err != nil {
		return err
	}
	return t.extendTo(ctx, t.holds)
}

// extendTo holds for a recording of a length.
func (t *turn) extendTo(ctx context.Context, length time.Duration) *core.Error {
	r, ms := t.run, upMilliseconds(length)
	worst := core.Usage{AudioInput: soundTokens(length, heardTokens), Output: ms*writtenPerSecond/1000 + 1, Milliseconds: ms,
		InputSource: core.UsageEstimated, OutputSource: core.UsageEstimated}
	var amount core.Nano
	if r.target.Price != nil {
		amount, _ = dearestOf(r.target.Price, worst, partMilliseconds)
	}
	err := t.extend(ctx, worst, amount, "budget exceeded: what is left does not cover writing down what was said")
	if err == nil {
		t.holds = length
	}
	return err
}

// extend holds an amount for all of the turn, of which some may be held already, and
// puts that on record. exceeded is told where a budget has not enough.
func (t *turn) extend(ctx context.Context, worst core.Usage, amount core.Nano, exceeded string) *core.Error {
	r := t.run
	amount = max(amount-r.reserved(), 0)
	hold, err := r.x.Ledger.Reserve(ctx, r.principal.Budgets, amount, r.req.Arrived)
	switch {
	case err != nil:
		return r.unaffordable(core.AsError(err))
	case hold.Granted < amount:
		r.x.Ledger.Release(hold)
		return &core.Error{Code: core.CodeBudgetExceeded, Source: core.SourceGateway, NoRetry: true, Message: exceeded}
	}
	before := r.worst
	r.worst = worst
	if cerr := r.recordMore(ctx, hold); cerr != nil {
		r.worst = before
		return cerr
	}
	return nil
}

// written settles a recording before the client hears what was said; one that could
// not be written down costs nothing.
func (s *session) written(ctx context.Context, text []byte, well bool) []byte {
	if s.run.plan.says().Transcribes { // its tokens are those of a response
		return text
	}
	id := scan.GetString(text, "item_id")
	t, model := s.writtenDown(id)
	if t == nil {
		if !well || s.meter != nil {
			return text
		}
		t = s.recording(model, 0)
		t.unheld(ctx)
	}
	r := t.run
	if !well {
		r.target = nil
		t.settle(core.OutcomeFailed, 502, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "what was said could not be written down"))
		return text
	}
	r.tally.read(r.plan.usage, text)
	if r.tally.known[partMilliseconds] && !r.tally.known[partInput] { // it is sold by the second
		r.tally.set(partInput, 0)
		r.tally.set(partOutput, 0)
	}
	r.whole = true
	if err := t.settle(core.OutcomeOK, 200, nil); err != nil {
		return s.errorEvent(err, "").Data
	}
	return text
}

// writtenDown takes out the recording of an item, nil for none, so that no more is held
// for it.
func (s *session) writtenDown(id string) (t *turn, model string) {
	s.books.Lock()
	defer s.books.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, model = s.heard[id], s.state.transcriber
	delete(s.heard, id)
	return t, model
}
