package exchange

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// watched is a session under guardrails. They have one state for both directions, as
// in any exchange, so that only one of them is looked at at a time.
//
// Of the vendor's events each leaves when all before it have: those with text when
// that has passed, and sound when all the words of its part have. Nobody can tell
// which of them are spoken in which piece of it.
type watched struct {
	mu     sync.Mutex
	run    *guard.Run
	talk   *guard.Talk
	stream *guard.Stream // nil where no guardrail inspects streams
	out    []realtime.Message
	sounds map[string]*sounding // by the part that they are of
	worded map[string]string    // the parts whose words are over, and the response that they are of
	fails  map[string]bool      // the responses whose end no client hears of
	size   int                  // of all that wait, bytes
}

// sounding is sound that waits for its words.
type sounding struct {
	response string
	events   [][]byte
}

// maxSounding is how much sound may wait for its words, in bytes of events: about ten
// minutes of speech.
const maxSounding = 48 << 20

// watch begins the guardrails of a session; nil for none.
func watch(run *guard.Run) *watched {
	if run == nil {
		return nil
	}
	w := &watched{run: run, talk: run.Talk(), stream: run.Stream(), sounds: map[string]*sounding{}, worded: map[string]string{}, fails: map[string]bool{}}
	if w.stream != nil {
		w.stream.Frame = func(dst []byte, _ string, data []byte) []byte {
			if !w.hidden(data) {
				w.out = append(w.out, realtime.Message{Text: true, Data: data})
			}
			return dst
		}
	}
	return w
}

// input inspects an event of the client. A place in the conversation would bring
// texts together that have not come so.
func (w *watched) input(ctx context.Context, e realtime.Event, text []byte) ([]byte, *core.Error) {
	if w == nil {
		return text, nil
	}
	if !scan.IsNull(e.Get("previous_item_id")) {
		return nil, core.Invalid("previous_item_id", "previous_item_id is not passed on: guardrails read the conversation in the order that it comes")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	body, err := w.talk.Input(ctx, text)
	if err != nil {
		return nil, core.AsError(err)
	}
	return body, nil
}

// heard inspects what the client's user was heard to say. Its pieces are kept back:
// it comes whole at the end.
func (w *watched) heard(ctx context.Context, kind string, text []byte) (shown []byte, err *core.Error) {
	const prefix = "conversation.item.input_audio_transcription."
	what, ok := strings.CutPrefix(kind, prefix)
	if w == nil || !ok || !w.run.Takes(abi.StageInput) {
		return text, nil
	}
	if what != "completed" && what != "failed" {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	body, ierr := w.run.Input(ctx, text)
	if ierr != nil {
		return nil, core.AsError(ierr)
	}
	return body, nil
}

// output takes one event of the vendor and returns those that may leave. last says
// that no response is under way any more.
func (w *watched) output(ctx context.Context, kind string, text []byte, last bool) ([]realtime.Message, *core.Error) {
	if w == nil || w.stream == nil {
		return []realtime.Message{{Text: true, Data: text}}, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	part := scan.GetString(text, "item_id") + "/" + string(scan.Get(text, "content_index"))
	if _, over := w.worded[part]; isSound(kind) && !over {
		return nil, w.wait(part, text)
	}
	w.stream.Push(sse.Event{Data: text})
	switch kind {
	case "response.output_audio_transcript.done", "response.audio_transcript.done":
		w.follow(part, scan.GetString(text, "response_id"))
	case "response.done":
		w.drop(scan.GetString(text, "response", "id"))
	}
	advance := w.stream.Ready
	if last {
		advance = w.stream.End
	}
	w.out = nil
	if _, err := advance(ctx, nil); err != nil {
		return w.out, core.AsError(err)
	}
	return w.out, nil
}

// isSound reports whether an event is a piece of sound or the end of it.
func isSound(kind string) bool {
	return strings.HasPrefix(kind, "response.output_audio.") || strings.HasPrefix(kind, "response.audio.")
}

// wait keeps sound back.
func (w *watched) wait(part string, text []byte) *core.Error {
	if w.size += len(text); w.size > maxSounding {
		return core.Errorf(core.CodeGuardrailBlocked, core.SourceGateway, "the sound of the response has no end, and guardrails wait for its words")
	}
	s := w.sounds[part]
	if s == nil {
		s = &sounding{response: scan.GetString(text, "response_id")}
		w.sounds[part] = s
	}
	s.events = append(s.events, text)
	return nil
}

// follow has the sound of a part leave behind its words, and what comes of it later
// as it comes.
func (w *watched) follow(part, response string) {
	w.worded[part] = response
	s := w.sounds[part]
	if s == nil {
		return
	}
	delete(w.sounds, part)
	for _, text := range s.events {
		w.size -= len(text)
		w.stream.Push(sse.Event{Data: text})
	}
}

// hide keeps the end of a response from the client, which is told something else:
// among released, or when it leaves.
func (w *watched) hide(response string, released []realtime.Message) []realtime.Message {
	for i, m := range released {
		if endOf(m.Data) == response {
			return slices.Delete(released, i, i+1)
		}
	}
	if w != nil && w.stream != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fails[response] = true
	}
	return released
}

// hidden reports whether an event is the end of a response that is hidden. w.mu is held.
func (w *watched) hidden(text []byte) bool {
	if len(w.fails) == 0 {
		return false
	}
	id := endOf(text)
	hidden := w.fails[id]
	delete(w.fails, id)
	return hidden
}

// endOf is the response that an event is the end of; "" for others.
func endOf(text []byte) string {
	if scan.GetString(text, "type") != "response.done" {
		return ""
	}
	return scan.GetString(text, "response", "id")
}

// drop leaves out what a response has said without words.
func (w *watched) drop(response string) {
	maps.DeleteFunc(w.worded, func(_, of string) bool { return of == response })
	for part, s := range w.sounds {
		if s.response != response {
			continue
		}
		for _, text := range s.events {
			w.size -= len(text)
		}
		delete(w.sounds, part)
	}
}

// findings are those since the last call.
func (w *watched) findings() []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.Clone(w.run.Findings())
	w.run.Forget()
	return names
}

// blocked writes the entry of an event of the client that a guardrail has blocked,
// which counts as a request.
func (s *session) blocked(cause *core.Error) *core.Error {
	t := s.newTurn()
	t.run.facts.inputTokens, t.run.facts.maxOutput = 0, 0
	if err := t.limit(); err != nil {
		return err
	}
	t.run.hold, t.run.target = &ledger.Reservation{}, nil
	if err := t.settle(core.OutcomeBlocked, 400, cause); err != nil {
		return err
	}
	return cause
}

// unheard takes what the user was heard to say, and a guardrail has blocked, out of
// the conversation, with the response to it.
func (s *session) unheard(text []byte, cause *core.Error) realtime.Moves {
	event := func(head string) realtime.Message {
		e := scan.AppendString([]byte(head), s.run.id)
		return realtime.Message{Text: true, Data: append(e, '}')}
	}
	item := scan.AppendString(nil, scan.GetString(text, "item_id"))
	return realtime.Moves{
		Vendor: []realtime.Message{event(`{"type":"response.cancel","event_id":`), event(`{"type":"conversation.item.delete","item_id":` + string(item) + `,"event_id":`)},
		Client: []realtime.Message{s.errorEvent(cause, "")},
	}
}

// blockedOutput settles the response whose text a guardrail has blocked. The session
// ends: its conversation has what nobody may hear.
func (s *session) blockedOutput(text []byte, cause *core.Error) {
	id := scan.GetString(text, "response_id")
	if id == "" {
		id = scan.GetString(text, "response", "id")
	}
	s.mu.Lock()
	t := s.turns[id]
	delete(s.turns, id)
	s.mu.Unlock()
	if t != nil {
		t.run.tally.read(t.run.plan.usage, text)
		outcome := core.OutcomeBlocked
		if cause.Code != core.CodeGuardrailBlocked {
			outcome = core.OutcomeFailed // the guardrail could not say
		}
		t.settle(outcome, 200, cause)
	}
}
