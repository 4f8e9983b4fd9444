package exchange

import (
	"context"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A session may have what its user says written down, by another model that the
// vendor bills beside the responses: https://platform.openai.com/docs/guides/realtime-costs

// committed makes what was heard a part of the conversation. Where it is to be
// written down, that is held for; what no budget covers ends the session.
func (s *session) committed(ctx context.Context, text []byte) *core.Error {
	s.mu.Lock()
	tokens, model := s.buffer, s.state.transcriber
	s.added, s.buffer = s.added+s.buffer, 0
	s.mu.Unlock()
	id := scan.GetString(text, "item_id")
	if s.commits(id, tokens) || model == "" {
		return nil
	}
	return s.takeUp(ctx, id, s.recording(model, tokens))
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
func (s *session) commits(id string, tokens int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.heard[id]
	if t == nil {
		return false
	}
	t.live = false
	t.run.facts.inputTokens = max(t.run.facts.inputTokens, tokens)
	t.run.facts.milliseconds = t.run.facts.inputTokens * 1000 / heardTokens
	return true
}

// live takes up a recording that is written down while it is still being made: it is
// not committed before its first words come.
func (s *session) live(ctx context.Context, text []byte) *core.Error {
	id := scan.GetString(text, "item_id")
	s.mu.Lock()
	known, tokens, model := s.heard[id] != nil, s.buffer, s.state.transcriber
	s.mu.Unlock()
	if known {
		return nil
	}
	t := s.recording(model, tokens)
	t.live = true
	return s.takeUp(ctx, id, t)
}

// listened counts what came of a live recording after its first words, at the end of
// a session in which it was not committed.
func (t *turn) listened() {
	if f := &t.run.facts; t.live {
		f.inputTokens = max(f.inputTokens, t.s.buffer)
		f.milliseconds = f.inputTokens * 1000 / heardTokens
	}
}

// recording is a turn of the model that writes down, about sound of so many tokens.
func (s *session) recording(model string, tokens int64) *turn {
	t := s.newTurn()
	r := t.run
	deployment, target := *r.target.Deployment, *r.target
	deployment.Model, target.Deployment, target.Price = model, &deployment, s.priceOf(model)
	r.bound, r.target = &target, &target
	f := &r.facts
	f.inputTokens, f.heard, f.spoken, f.maxOutput, f.capped = tokens, true, false, 0, false
	f.milliseconds = tokens * 1000 / heardTokens
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
	r.worst = core.Usage{AudioInput: r.facts.inputTokens, Output: r.facts.milliseconds*writtenPerSecond/1000 + 1, Milliseconds: r.facts.milliseconds,
		InputSource: core.UsageEstimated, OutputSource: core.UsageEstimated}
	var worst core.Nano
	if r.target.Price != nil {
		worst, _ = dearestOf(r.target.Price, r.worst, partMilliseconds)
	}
	hold, herr := r.x.Ledger.Reserve(ctx, p.Budgets, worst, r.req.Arrived)
	switch {
	case herr != nil:
		return r.unaffordable(core.AsError(herr))
	case hold.Granted < worst:
		r.x.Ledger.Release(hold)
		return &core.Error{Code: core.CodeBudgetExceeded, Source: core.SourceGateway, NoRetry: true, Message: "budget exceeded: what is left does not cover writing down what was said"}
	}
	r.hold = hold
	if err = r.record(ctx); err != nil {
		r.x.Ledger.Release(hold)
		r.hold = nil
	}
	return err
}

// written settles a recording before the client hears what was said; one that could
// not be written down costs nothing.
func (s *session) written(ctx context.Context, text []byte, well bool) []byte {
	id := scan.GetString(text, "item_id")
	s.mu.Lock()
	t, model := s.heard[id], s.state.transcriber
	delete(s.heard, id)
	s.mu.Unlock()
	if t == nil {
		if !well {
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
