package exchange

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// session is one realtime session under way: the steward of what passes.
type session struct {
	run    *run // its opening, with all that the responses have in common
	req    *Session
	vendor vendorConn
	hangUp func()       // ends the vendor's connection
	slot   *limit.Grant // of the deployment

	snap    *Snapshot // that it was opened under
	guards  *guard.Chain
	watched *watched // nil without guardrails

	meter    *meter        // nil where responses are what is sold
	included *Target       // of responses that the meter's price includes; nil for none
	end      *realtime.End // nil before it

	books sync.Mutex // of recordings and the meter: held while more is held for, and before one is settled

	mu      sync.Mutex
	asked   []*turn          // responses that the client asked for and that have not begun, in order
	turns   map[string]*turn // responses under way, by their id
	heard   map[string]*turn // recordings that are being written down, by their item's id
	repeats bool             // the vendor repeats the metadata of responses
	count   int              // responses that have begun
	context int64            // tokens of the conversation, as the last response had it
	added   int64            // estimate of what has come to it since
	buffer  time.Duration    // of the sound that waits to be part of it
	sounds  bool             // some of it is sound
	state   sessionState     // as the vendor has said last
	pending []pendingUpdate  // that it has not answered yet, in order
}

// turnOutput is the output cap of responses that have none, under a budget: the
// highest that the API takes.
// https://platform.openai.com/docs/api-reference/realtime-client-events/response/create
const turnOutput = 4096

// FromClient implements [realtime.Steward].
func (s *session) FromClient(ctx context.Context, m realtime.Message) (out realtime.Moves, err error) {
	stop := s.guarded(func() *core.Error {
		event, refused := realtime.ReadClient(m.Data)
		var stop bool
		if refused == nil {
			out, stop, refused = s.client(ctx, event, m)
		}
		if refused == nil {
			return nil
		}
		if stop {
			return refused
		}
		if refused.Err != nil {
			s.run.x.log.Warn("realtime event refused", "exchange", s.run.id, "code", refused.Code, "source", refused.Source, "error", refused.Err)
		}
		s.run.x.log.Debug("realtime event refused", "exchange", s.run.id, "code", refused.Code)
		id, _ := scan.String(event.Get("event_id"))
		out = realtime.Moves{Client: []realtime.Message{s.errorEvent(refused, id)}}
		return nil
	})
	return out, asStop(stop)
}

// client decides over one event of the client. What is refused is answered, or
// ends the session.
func (s *session) client(ctx context.Context, e realtime.Event, m realtime.Message) (out realtime.Moves, stop bool, err *core.Error) {
	text, blocked := s.watched.input(ctx, e, m.Data)
	if blocked != nil {
		if blocked.Code == core.CodeGuardrailBlocked {
			blocked = s.blocked(blocked)
		}
		return out, false, blocked
	}
	if s.watched != nil { // it may have been rewritten
		e.Object = scan.Walk(text)
	}
	switch e.Type {
	case "session.update", "transcription_session.update":
		text, err = s.update(e, text)
	case "response.create":
		text, stop, err = s.create(ctx, e, text)
	case "conversation.item.create":
		item := e.Get("item")
		if err = s.passes(ctx, s.itemSound(item), addsText(item), false); err != nil {
			return realtime.Moves{}, false, err
		}
		s.add(item)
	case "input_audio_buffer.append":
		stop, err = true, s.listen(ctx, e.Get("audio"))
	case "input_audio_buffer.clear":
		s.mu.Lock()
		s.buffer = 0
		s.mu.Unlock()
	}
	if err != nil {
		return realtime.Moves{}, stop, err
	}
	return realtime.Moves{Vendor: []realtime.Message{{Text: true, Data: text}}}, false, nil
}

// add counts what the client puts into the conversation.
func (s *session) add(item []byte) {
	count := estimator{}
	count.value(item)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added += count.tokens
	s.sounds = s.sounds || count.audio
}

// create admits a response that the client asks for.
func (s *session) create(ctx context.Context, e realtime.Event, text []byte) (sent []byte, stop bool, err *core.Error) {
	wishes := e.Get("response")
	if s.crowded() {
		return nil, false, core.Errorf(core.CodeRateLimited, core.SourceGateway, "%d responses have been asked for that have not begun", maxAsked)
	}
	var edits []scan.Edit
	t := s.newTurn()
	t.capAt(s.wantedCap())
	switch {
	case scan.IsNull(wishes):
		wishes = []byte("{}")
	case scan.Kind(wishes) != '{':
		return nil, false, core.Invalid("response", "response must be an object")
	default:
		if edits, err = s.settings(wishes, "response."); err != nil {
			return nil, false, err
		}
		t.wishes(wishes)
	}
	metadata, err := t.markIn(wishes)
	if err != nil {
		return nil, false, err
	}
	if metadata != nil {
		edits = append(edits, scan.Edit{Key: "metadata", Value: metadata})
	}
	if stop, err = t.admit(ctx); err != nil {
		return nil, stop, err
	}
	if len(t.run.principal.Budgets) > 0 && s.included == nil { // what is held must be what is in force, whatever becomes of updates
		edits = append(edits, scan.Edit{Key: t.capName(), Value: appendInt(nil, t.run.outputCap())})
	}
	var own []scan.Edit
	if t.cause, _ = scan.String(e.Get("event_id")); t.cause == "" { // so that the vendor can say which event it refuses
		t.cause, t.named = t.run.id, true
		own = append(own, scan.Edit{Key: "event_id", Value: scan.AppendString(nil, t.cause)})
	}
	if len(edits) > 0 {
		own = append(own, scan.Edit{Key: "response", Value: scan.Apply(nil, wishes, edits)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, t)
	if len(own) == 0 {
		return text, false, nil
	}
	return e.Apply(nil, own), false, nil
}

// FromVendor implements [realtime.Steward].
func (s *session) FromVendor(ctx context.Context, m realtime.Message) (out realtime.Moves, err error) {
	stop := s.guarded(func() (stop *core.Error) {
		out, stop = s.fromVendor(ctx, m)
		return stop
	})
	return out, asStop(stop)
}

// fromVendor decides over one event of the vendor.
func (s *session) fromVendor(ctx context.Context, m realtime.Message) (out realtime.Moves, stop *core.Error) {
	kind := scan.GetString(m.Data, "type")
	if kind == "conversation.item.input_audio_transcription.delta" && !s.run.plan.says().Transcribes {
		stop = s.live(ctx, m.Data)
	}
	text, blocked := s.watched.heard(ctx, kind, m.Data)
	if blocked != nil {
		s.written(ctx, m.Data, true)
		if s.run.plan.says().Grows { // it would be answered all the same
			return out, blocked
		}
		return s.unheard(m.Data, blocked), nil
	}
	if text == nil {
		return out, stop
	}
	switch kind {
	case "session.created", "session.updated", "transcription_session.updated":
		text, out.Vendor = s.settled(kind, text)
	case "rate_limits.updated":
		return out, nil // they are of an account that all keys share
	case "response.created":
		out, stop = s.begun(ctx, text)
		text = s.unmarked(text)
	case "response.done":
		return s.finished(ctx, kind, s.unmarked(text))
	case "input_audio_buffer.committed":
		stop = s.committed(ctx, text)
	case "input_audio_buffer.cleared":
		s.mu.Lock()
		s.buffer = 0
		s.mu.Unlock()
	case "conversation.item.input_audio_transcription.completed", "conversation.item.input_audio_transcription.failed":
		text = s.written(ctx, text, strings.HasSuffix(kind, "completed"))
	case "error":
		if text = s.refused(text); text == nil {
			return out, nil
		}
	default:
		if err := s.piece(ctx, kind, text); err != nil {
			stop = err
		}
	}
	released, blocked := s.watched.output(ctx, kind, text, false)
	out.Client = append(released, out.Client...)
	if blocked != nil {
		s.blockedOutput(text, blocked)
		return out, blocked
	}
	return out, stop
}

// finished passes the end of a response on, once all of its text has passed and it
// is settled.
func (s *session) finished(ctx context.Context, kind string, text []byte) (out realtime.Moves, stop *core.Error) {
	s.mu.Lock()
	_, known := s.turns[scan.GetString(text, "response", "id")]
	last := len(s.turns) == 0 || known && len(s.turns) == 1
	s.mu.Unlock()
	released, blocked := s.watched.output(ctx, kind, text, last)
	if out.Client = released; blocked != nil {
		s.blockedOutput(text, blocked)
		return out, blocked
	}
	if instead := s.done(text); instead != nil {
		released = s.watched.hide(scan.GetString(text, "response", "id"), released)
		out.Client = append(released, realtime.Message{Text: true, Data: instead})
	}
	return out, nil
}

// errorEvent is an error of the gateway's as the vendor's come.
func (s *session) errorEvent(e *core.Error, cause string) realtime.Message {
	body := dialect.ErrorBody(nil, abi.Realtime, e, s.run.id)
	return realtime.Message{Text: true, Data: realtime.ErrorEvent(body, core.NewID("event", s.run.x.now()), cause)}
}

// Check implements [realtime.Steward]: a key that is blocked, has expired or may not
// use the model any more ends its sessions.
func (s *session) Check(ctx context.Context) error {
	return asStop(s.guarded(func() *core.Error {
		_, err := s.again(ctx)
		return err
	}))
}

// Farewell implements [realtime.Steward].
func (s *session) Farewell(e *core.Error) []byte {
	if e.Err != nil {
		s.run.x.log.Warn("realtime session broke", "exchange", s.run.id, "code", e.Code, "source", e.Source, "error", e.Err)
	}
	return s.errorEvent(e, "").Data
}
