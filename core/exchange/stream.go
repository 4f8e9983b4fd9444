package exchange

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxEvent is the most bytes that one event of a vendor may have.
const maxEvent = 32 << 20

// eventReader is where a vendor's events come from.
type eventReader interface {
	// Next returns the next event; its slices are valid until the call after.
	Next() (sse.Event, error)
	// Buffered reports whether Next will return without waiting.
	Buffered() bool
}

// streamRelay carries one stream from the vendor to the client. Whatever the
// client can read in one go is written and flushed in one go; nothing waits for
// what the vendor has not sent.
type streamRelay struct {
	looker
	r      *run
	ctx    context.Context
	source eventReader
	body   *timedBody // nil for a source without network
	guard  *guard.Stream
	bridge bridge.Stream // nil unless bridged
	prefix []byte        // of every canonical chunk
	same   identity      // of every chunk that is passed on
	state  string        // of the provider plugin

	out      []byte  // event text for the client
	usage    []byte  // the vendor's usage chunk, for clients that asked
	finishes []int64 // choices that have ended
	stops    int64   // how often that was said
	stopped  bool    // the message has, in a dialect that has no choices
	done     bool    // the vendor said that the answer is complete
	batch    []abi.Event
	arena    []byte
	native   nativeStream
	texts    map[int64]*characters // of choices that may be cited; nil where none may
	parts    []part                // of a response that have begun
}

func (r *run) relayStream(ctx context.Context, c *call, resp *upstream.Response) *core.Error {
	t := r.target.Deployment.Timeouts
	body := &timedBody{Body: resp.Body, now: r.x.now, idle: t.StreamIdle}
	if t.FirstToken > 0 {
		body.deadline = r.x.now().Add(t.FirstToken)
	}
	s := r.newStream(ctx, c)
	s.body, s.source = body, upstream.Events(r.plan.Stream.Framing, body, maxEvent)
	return s.relay()
}

func (r *run) newStream(ctx context.Context, c *call) *streamRelay {
	s := &streamRelay{r: r, ctx: ctx, state: c.state}
	if c.bridged {
		a := r.answerFacts(core.Usage{Input: r.facts.inputTokens})
		s.bridge = r.dialect.Bridge.Stream(&a)
	}
	if r.guard != nil {
		s.guard = r.guard.Stream()
	}
	if r.cites() {
		s.texts = map[int64]*characters{}
	}
	if r.vendor.own() {
		s.frameNative()
	}
	return s
}

// relay moves events until the answer is complete, and settles it.
func (s *streamRelay) relay() *core.Error {
	for !s.done {
		if err := s.step(); err != nil {
			if e := s.ended(err); e != nil {
				return e
			}
			break
		}
		if s.source.Buffered() || s.early() {
			continue
		}
		if (s.done || s.stopped) && s.r.dialect.Event != nil {
			continue // the last event leaves when the exchange is settled, as does what nothing but an end follows
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return s.finish()
}

// early reports whether the client has nothing yet but what a vendor says before
// it answers: that waits, since another deployment can still answer.
func (s *streamRelay) early() bool {
	return s.r.dialect.Own != nil && s.r.firstByte.IsZero()
}

// step reads what is at hand and appends what it means for the client to out.
func (s *streamRelay) step() error {
	if s.r.plan.Stream.Mode == abi.Transform {
		return s.decode()
	}
	ev, err := s.source.Next()
	if err != nil {
		return err
	}
	if s.r.vendor.own() {
		return s.passNative(ev)
	}
	return s.pass(ev)
}

// ended says whether a source that gave no more events has told the whole
// answer: after the finish of every choice a missing terminator is forgiven.
func (s *streamRelay) ended(err error) *core.Error {
	s.r.abandoned = s.ctx.Err() != nil && s.r.firstByte.IsZero()
	var e *core.Error
	if errors.As(err, &e) && (e.Source != core.SourceUpstream || e.Code != core.CodeUpstreamTimeout && e.Code != core.CodeUpstreamUnavailable) {
		return s.broken(e)
	}
	if s.finished() && s.ctx.Err() == nil {
		return nil
	}
	if err == io.EOF {
		return s.broken(core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider ended its stream before the answer was complete"))
	}
	return s.broken(s.r.upstreamError(s.ctx, err))
}

// broken gives the client what was complete before the failure.
func (s *streamRelay) broken(e *core.Error) *core.Error {
	if s.ctx.Err() == nil && s.r.out.committed && e.Code != core.CodeGuardrailBlocked {
		if s.endGuard() == nil && len(s.out) > 0 {
			_ = s.r.send(s.out) // the failure is what matters now
		}
	}
	return e
}

func (s *streamRelay) finished() bool {
	return s.stopped || int64(len(s.finishes)) >= s.r.facts.choices
}

// flush sends what is ready. A failed write means that the client has left.
func (s *streamRelay) flush() *core.Error {
	if s.guard != nil {
		var err error
		if s.out, err = s.guard.Ready(s.ctx, s.out); err != nil {
			return core.AsError(err)
		}
	}
	if len(s.out) == 0 {
		return nil
	}
	err := s.r.send(s.out)
	s.out = s.out[:0]
	if err != nil {
		return s.r.left(err)
	}
	return nil
}

func (r *run) left(cause error) *core.Error {
	r.clientLeft = true
	return core.Errorf(core.CodeInternal, core.SourceClient, "the client has left").With(cause)
}

// finish settles the exchange and sends the end of the stream: the last byte of
// an answer leaves after its ledger entry is written.
func (s *streamRelay) finish() *core.Error {
	r := s.r
	r.whole = true
	usage := r.usage()
	if err := s.finishBridge(usage); err != nil {
		return core.AsError(err)
	}
	s.finishNative()
	if len(s.same.waiting) > 0 {
		if err := s.release(s.stamp()); err != nil {
			return core.AsError(err)
		}
	}
	if err := s.endGuard(); err != nil {
		return err
	}
	switch {
	case r.vendor.own(): // its vendor's stream ends as it ends
	case r.dialect.Event == nil:
		s.out = s.appendUsageChunk(s.out, usage)
		s.out = append(s.out, "data: [DONE]\n\n"...)
	case s.bridge == nil && !s.done: // a bridge has just written it
		s.out = append(s.out, r.dialect.End...)
	}
	if err := r.settle(core.OutcomeOK, 200, nil); err != nil {
		return err
	}
	r.rememberStream(s.ctx, s.out)
	if err := r.send(s.out); err != nil {
		r.x.log.Debug("client left before the end of its stream", "exchange", r.id)
	}
	return nil
}

// finishBridge hands on what the bridge held until the end; the guardrails have
// yet to see it.
func (s *streamRelay) finishBridge(u core.Usage) error {
	if s.bridge == nil {
		return nil
	}
	out, err := s.bridge.Finish(nil, u)
	if err != nil {
		return err
	}
	return s.emitText(out)
}

// appendUsageChunk writes the usage chunk, with the cost, for a client that asked for it.
func (s *streamRelay) appendUsageChunk(dst []byte, u core.Usage) []byte {
	if !s.r.facts.includeUsage {
		return dst
	}
	chunk := s.usage
	if chunk == nil || s.bridge != nil {
		chunk = append(s.stamp(), `"choices":[],"usage":`...)
		chunk = append(s.r.dialect.AppendUsage(chunk, u), '}')
	}
	if cost := s.r.cost(); cost != "" {
		chunk = scan.Apply(nil, chunk, []scan.Edit{{Key: "x_tokligence", Value: []byte(`{"cost":"` + cost + `"}`)}})
	}
	return sse.Append(dst, "", chunk)
}

func (s *streamRelay) endGuard() *core.Error {
	if s.guard == nil {
		return nil
	}
	var err error
	if s.out, err = s.guard.End(s.ctx, s.out); err != nil {
		return core.AsError(err)
	}
	return nil
}

// emit hands one event in the client's dialect to the guardrails, or on.
func (s *streamRelay) emit(ev sse.Event) error {
	s.r.events++
	if s.guard != nil {
		s.guard.Push(ev)
		return nil
	}
	if ev.Raw != nil && s.framing() == abi.FramingSSE {
		s.out = append(s.out, ev.Raw...)
	} else {
		s.out = sse.Append(s.out, string(ev.Name), ev.Data)
	}
	return nil
}

// began notes the first event with content.
func (s *streamRelay) began() {
	if s.r.firstByte.IsZero() {
		s.r.firstByte = s.r.x.now()
		if s.body != nil {
			s.body.deadline = time.Time{}
		}
	}
}

// ending gives the vendor a short while for what follows the finish.
func (s *streamRelay) ending() {
	if s.body != nil && s.finished() {
		s.body.deadline = s.r.x.now().Add(s.r.x.FinishGrace)
	}
}

// decode has the provider plugin read all events at hand in one call.
func (s *streamRelay) decode() error {
	end, err := s.gather()
	if err != nil {
		return err
	}
	r := s.r
	reply, err := r.target.provider.DecodeEvents(s.ctx, &abi.DecodeEventsRequest{Endpoint: r.plan.endpoint, State: s.state, Events: s.batch, End: end})
	if err != nil {
		return err
	}
	s.state = reply.State
	r.tally.report(reply.Usage, reply.Model)
	for _, chunk := range reply.Chunks {
		r.servedAs(chunk)
		if s.texts != nil {
			chunk = indexed(chunk, "delta", s.texts)
		}
		seen, _ := s.look(chunk) // the whole reply was found valid
		if err := s.chunk(sse.Event{Data: append(s.stamp(), chunk[1:]...)}, seen); err != nil {
			return err
		}
	}
	if reply.Error != nil {
		e := &core.Error{Source: core.SourceUpstream, Code: core.CodeUpstreamUnavailable, Message: reply.Error.Message}
		setCode(e, reply.Error.Code)
		return finishVendorError(e, r.target, "")
	}
	if s.done = reply.Done; end && !s.done {
		return io.EOF
	}
	return nil
}

// gather fills the batch with the events at hand, at least one. Their data is
// copied: the reader's own slices do not outlive its next call.
func (s *streamRelay) gather() (end bool, err error) {
	s.batch, s.arena = s.batch[:0], s.arena[:0]
	for {
		ev, err := s.source.Next()
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil && len(s.batch) == 0:
			return false, err
		case err != nil:
			return false, nil // it comes again when the batch has been read
		}
		data, ok := eventData(ev)
		if ok {
			data, _ = patch.Apply(data, s.r.plan.stream)
			from := len(s.arena)
			s.arena = append(s.arena, data...)
			s.batch = append(s.batch, abi.Event{Name: string(ev.Name), Data: s.arena[from:len(s.arena):len(s.arena)]})
		}
		if len(s.batch) > 0 && !s.source.Buffered() {
			return false, nil
		}
	}
}

// eventData is an event's data as JSON. A cut-off event that is not whole is no event.
func eventData(ev sse.Event) ([]byte, bool) {
	if scan.Valid(ev.Data) == nil {
		return ev.Data, true
	}
	if ev.Unterminated {
		return nil, false
	}
	return scan.AppendString(nil, ev.Data), true
}

// chunk sends on one canonical chunk, through the bridge if there is one.
func (s *streamRelay) chunk(ev sse.Event, seen glance) error {
	s.readChunk(ev.Data, seen)
	if s.bridge == nil {
		return s.alike(ev, seen)
	}
	out, err := s.bridge.Chunk(nil, ev.Data)
	if err != nil {
		return err
	}
	return s.emitText(out)
}

// stamp begins a canonical chunk with what is the same in all of a stream.
func (s *streamRelay) stamp() []byte {
	if s.prefix == nil {
		b := scan.AppendString([]byte(`{"id":`), s.r.replyID())
		b = scan.AppendString(append(b, `,"object":`...), s.r.dialect.Chunk)
		b = appendInt(append(b, `,"created":`...), s.r.req.Arrived.Unix())
		b = scan.AppendString(append(b, `,"model":`...), s.r.target.Deployment.Model)
		s.prefix = append(b, ',')
	}
	return append(make([]byte, 0, len(s.prefix)+256), s.prefix...)
}

// emitText takes ready event text apart again for the guardrails.
func (s *streamRelay) emitText(text []byte) error {
	if s.guard == nil {
		s.r.events += int64(bytes.Count(text, []byte("\ndata: ")))
		s.out = append(s.out, text...)
		return nil
	}
	reader := sse.NewReader(bytes.NewReader(text), maxEvent)
	for {
		ev, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = s.emit(ev)
		}
		if err != nil {
			return err
		}
	}
}
