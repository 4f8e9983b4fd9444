package exchange

import (
	"context"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A vendor begins the responses that the client asks for, and others by itself when it
// has heard the user finish. Which of them a response is, the vendor says by repeating
// the metadata that it was asked for with.
// https://platform.openai.com/docs/api-reference/realtime-client-events/response/create

// turnMark is the member of a response's metadata that names its turn. It is the gateway's,
// and no client sees it.
const turnMark = "tokligence_turn"

// maxMetadata is how many members a response's metadata may have.
const maxMetadata = 16

// markIn is the metadata of a response.create with the turn's mark; nil where there is
// no room for it.
func (t *turn) markIn(wishes []byte) (metadata []byte, err *core.Error) {
	if t.s.included != nil { // whose it is makes no difference
		return nil, nil
	}
	metadata = scan.Get(wishes, "metadata")
	switch kind := scan.Kind(metadata); {
	case kind == '{':
		if err = realtime.Once(metadata, "response.metadata.", turnMark); err != nil {
			return nil, err
		}
	case scan.IsNull(metadata):
		metadata, t.bare = []byte("{}"), true
	default:
		return nil, nil // the vendor's to refuse
	}
	n := 0
	scan.Members(metadata, func(_, _ []byte) bool { n++; return true })
	if n >= maxMetadata && scan.Get(metadata, turnMark) == nil {
		return nil, nil
	}
	t.marked = true
	return scan.Apply(nil, metadata, []scan.Edit{{Key: turnMark, Value: scan.AppendString(nil, t.run.id)}}), nil
}

// unmarked is an event of a response without the turn's mark.
func (s *session) unmarked(text []byte) []byte {
	response := scan.Get(text, "response")
	metadata := scan.Get(response, "metadata")
	if scan.Get(metadata, turnMark) == nil {
		return text
	}
	s.mu.Lock()
	t := s.turns[scan.GetString(response, "id")]
	s.mu.Unlock()
	metadata = scan.Apply(nil, metadata, []scan.Edit{{Key: turnMark}})
	if t != nil && t.bare {
		metadata = []byte("null")
	}
	response = scan.Apply(nil, response, []scan.Edit{{Key: "metadata", Value: metadata}})
	return scan.Apply(nil, text, []scan.Edit{{Key: "response", Value: response}})
}

// begun takes up a response that the vendor has begun: one that the client asked for, or
// one that the vendor makes by itself, which is admitted now. Where it may not be, it is
// cancelled, and where no other may be, the session ends.
func (s *session) begun(ctx context.Context, text []byte) (out realtime.Moves, stop *core.Error) {
	response := scan.Get(text, "response")
	id := scan.GetString(response, "id")
	t, displaced := s.next(scan.Get(response, "metadata"))
	switch {
	case t == nil:
		t = s.newTurn()
		out, stop = t.takeUp(ctx, id)
	case displaced != "": // another has been taken for it, and is the vendor's own
		out, stop = s.displace(ctx, t, displaced)
	}
	t.run.firstByte = t.run.x.now()
	conversation := scan.Get(response, "conversation_id")
	t.aside = t.aside || conversation != nil && scan.IsNull(conversation)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.before = s.added
	s.turns[id] = t
	s.count++
	return out, stop
}

// takeUp admits a response that the vendor has begun by itself.
func (t *turn) takeUp(ctx context.Context, id string) (out realtime.Moves, stop *core.Error) {
	ends, err := t.admit(ctx)
	if err == nil {
		err = t.uncapped()
	}
	if err == nil {
		return out, nil
	}
	t.unheld(ctx)
	cancel := scan.AppendString([]byte(`{"type":"response.cancel","response_id":`), id)
	out.Vendor = []realtime.Message{{Text: true, Data: append(cancel, '}')}}
	if ends || lasting(err) {
		return out, err // the client is told at the end
	}
	out.Client = []realtime.Message{t.s.errorEvent(err, "")}
	return out, nil
}

// displace gives back to t what another response has had of it: the vendor's own, which
// came before the vendor had repeated any mark.
func (s *session) displace(ctx context.Context, t *turn, id string) (out realtime.Moves, stop *core.Error) {
	own := s.newTurn()
	out, stop = own.takeUp(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := t.run, own.run
	to.firstByte, to.outTokens, to.said = from.firstByte, from.outTokens, from.said
	from.outTokens, from.said = 0, 0
	own.before = t.before
	s.turns[id] = own
	return out, stop
}

// lasting reports whether what refuses a response of the vendor's own will refuse the
// next as well, of which each costs a little before it is cancelled.
func lasting(err *core.Error) bool {
	return err.Code == core.CodeBudgetExceeded || err.Code == core.CodePermissionDenied
}

// uncapped refuses a response of the vendor's own making that the budget covers only
// with a lower cap than it has.
func (t *turn) uncapped() *core.Error {
	r := t.run
	has := r.defaultOutput()
	if r.facts.capped {
		has = r.facts.maxOutput
	}
	if r.cap == 0 || r.cap >= has {
		return nil
	}
	r.x.Ledger.Release(r.hold)
	r.grant.Undo(r.x.now())
	r.hold, r.grant, r.open = nil, nil, false
	return &core.Error{Code: core.CodeBudgetExceeded, Source: core.SourceGateway, NoRetry: true,
		Message: "budget exceeded: what is left does not cover the response that the provider has begun"}
}

// next is the turn of a response that the client asked for, by its metadata; nil for one
// of the vendor's own. Vendors that have not repeated a mark yet are taken to begin what
// was asked for, in order. Where that was wrong, displaced is the response that has had
// the turn.
func (s *session) next(metadata []byte) (t *turn, displaced string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := scan.GetString(metadata, turnMark)
	s.repeats = s.repeats || name != ""
	for i, t := range s.asked {
		if t.may(name, metadata, s.repeats) {
			s.asked = append(s.asked[:i:i], s.asked[i+1:]...)
			return t, ""
		}
	}
	for id, t := range s.turns {
		if name != "" && t.run.id == name {
			return t, id
		}
	}
	return nil, ""
}

// may reports whether a response with this metadata, and the mark that it has, may be
// the one that the turn was asked for. Without room for a mark it had all of its own.
func (t *turn) may(name string, metadata []byte, repeats bool) bool {
	if name != "" {
		return t.run.id == name
	}
	return !repeats || !t.marked && scan.Kind(metadata) == '{'
}
