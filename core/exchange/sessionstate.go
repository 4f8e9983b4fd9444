package exchange

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/realtime"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// sessionState is what the gateway knows of a session's settings.
type sessionState struct {
	preamble    int64  // estimate of instructions and tools
	cap         int64  // on the output of a response; 0 is none
	capName     string // what the API at hand calls that
	spoken      bool   // answers may be sound
	transcriber string // the model that writes recordings down; "" for none
	kind        string // "realtime", or "transcription"; "" in the API before
	heardSecond int64  // bytes of a second of sound that is heard; 0 is the usual
	saidSecond  int64  // of one that is said
}

// pendingUpdate is a session.update that the vendor has not answered yet.
type pendingUpdate struct {
	cause string       // its event_id
	made  bool         // which the gateway has made
	own   bool         // all of the event is the gateway's
	asks  sessionState // what it says; zero where it says nothing
}

// maxPending is how many updates may wait for the vendor's answer.
const maxPending = 32

// sent notes an update before the vendor hears of it: from here on it may be in force.
func (s *session) sent(u pendingUpdate) *core.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= maxPending {
		return core.Errorf(core.CodeRateLimited, core.SourceGateway, "%d updates of the session have been sent that the provider has not answered", maxPending)
	}
	s.pending = append(s.pending, u)
	return nil
}

// refusedUpdate forgets the update that the vendor has refused, nil for none.
func (s *session) refusedUpdate(cause string) *pendingUpdate {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, u := range s.pending {
		if u.cause == cause {
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			return &u
		}
	}
	return nil
}

// expected is the dearest that the session's settings may be by now: as the vendor has
// said last, and with each update that it may have taken since. s.mu is held.
func (s *session) expected() sessionState {
	st := s.state
	for i := range s.pending {
		asks := &s.pending[i].asks
		st.preamble += asks.preamble
		st.spoken = st.spoken || asks.spoken
		st.heardSecond, st.saidSecond = longer(st.heardSecond, asks.heardSecond), longer(st.saidSecond, asks.saidSecond)
		if asks.capName != "" {
			st.capName, st.cap = cmp.Or(st.capName, asks.capName), looser(st.cap, asks.cap)
		}
	}
	return st
}

// wantedCap is the cap that the client has asked for last; it may not be in force yet.
func (s *session) wantedCap() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range slices.Backward(s.pending) {
		if u.asks.capName != "" {
			return u.asks.cap
		}
	}
	return s.state.cap
}

// looser is the higher of two caps, of which 0 is none.
func looser(a, b int64) int64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return max(a, b)
}

// readCap is the cap on the output that settings name, and by which name. Where they
// use both, the vendor heeds either.
func readCap(settings []byte) (name string, most int64) {
	for _, n := range [...]string{"max_output_tokens", "max_response_output_tokens"} {
		v := scan.Get(settings, n)
		if scan.IsNull(v) {
			continue
		}
		number, _ := scan.Int(v)
		if name != "" {
			number = looser(most, number)
		}
		name, most = n, number
	}
	return name, most
}

// update is a session.update as the vendor gets it: of its own model, without what
// the gateway does not pass on, and with a cap on the output where a budget needs it.
func (s *session) update(e realtime.Event, text []byte) ([]byte, *core.Error) {
	settings := e.Get("session")
	if scan.Kind(settings) != '{' {
		return text, nil // the vendor's to refuse
	}
	edits, err := s.settings(settings, "session.")
	switch kind := scan.GetString(settings, "type"); {
	case err != nil:
		return nil, err
	case kind != "" && kind != "realtime" && kind != "transcription":
		return nil, core.Invalid("session.type", "sessions of the type %q are not passed on: what they cost is not known", kind)
	}
	for _, name := range [...]string{"max_output_tokens", "max_response_output_tokens"} {
		v := scan.Get(settings, name)
		if _, bound := scan.Int(v); v != nil && !bound && s.caps() {
			edits = append(edits, scan.Edit{Key: name, Value: appendInt(nil, s.run.defaultOutput())})
		}
	}
	settings = scan.Apply(nil, settings, edits)
	own := []scan.Edit{{Key: "session", Value: settings}}
	u := pendingUpdate{asks: readState(settings, false)}
	if u.cause, _ = scan.String(e.Get("event_id")); u.cause == "" { // so that the vendor can say which event it refuses
		u.cause, u.made = core.NewID("event", s.run.x.now()), true
		own = append(own, scan.Edit{Key: "event_id", Value: scan.AppendString(nil, u.cause)})
	}
	if err = s.sent(u); err != nil {
		return nil, err
	}
	return e.Apply(nil, own), nil
}

// caps reports whether responses need a cap for a budget to cover them.
func (s *session) caps() bool { return len(s.run.principal.Budgets) > 0 && s.included == nil }

// settings checks what a session and a response are asked to be in common.
func (s *session) settings(obj []byte, path string) (edits []scan.Edit, err *core.Error) {
	if err := realtime.Once(obj, path, "type", "model", "prompt", "max_output_tokens", "max_response_output_tokens", "audio", "input_audio_transcription", "conversation",
		"instructions", "tools", "input", "metadata", "output_modalities", "modalities", "input_audio_format"); err != nil {
		return nil, err
	}
	if v := scan.Get(obj, "prompt"); !scan.IsNull(v) {
		return nil, core.Invalid(path+"prompt", "%sprompt is not supported: it is kept with an account that all keys share", path)
	}
	if err := s.unratedTool(obj, path); err != nil {
		return nil, err
	}
	if v := scan.Get(obj, "model"); v != nil {
		name, _ := scan.String(v)
		if name != s.run.facts.model {
			return nil, core.Invalid(path+"model", "a session stays with the model that it was opened for, %q", s.run.facts.model)
		}
		edits = append(edits, scan.Edit{Key: "model", Value: scan.AppendString(nil, s.run.target.Deployment.Model)})
	}
	return edits, s.writes(obj, path)
}

// unratedTool refuses a tool that runs at the vendor and is billed apart to a key that
// has a budget: not all that sell sessions tell of its uses.
func (s *session) unratedTool(obj []byte, path string) (err *core.Error) {
	scan.Elements(scan.Get(obj, "tools"), func(i int, def []byte) bool {
		if _, apart := billedApart(scan.GetString(def, "type"), def); apart && s.pricedOnly() {
			at := fmt.Sprintf("%stools[%d]", path, i)
			err = core.Errorf(core.CodePermissionDenied, core.SourceGateway, "%s is a tool whose uses have a price of their own that the gateway does not know, and this key has a budget", at)
			err.Param = at
		}
		return err == nil
	})
	return err
}

// writes refuses a model that writes recordings down and whose price is not known,
// to a key that has a budget.
func (s *session) writes(obj []byte, path string) *core.Error {
	model := transcriber(obj)
	if model == "" || s.meter != nil || !s.pricedOnly() || s.priceOf(model) != nil {
		return nil
	}
	return core.Errorf(core.CodePermissionDenied, core.SourceGateway,
		"the model %q, which is to write down what is said, has no price here, and this key has a budget: a deployment of it is needed", core.MaskSecrets(model))
}

// transcriber is the model that a session's settings have for writing down what
// the user says: in OpenAI's present API, and in the one before.
func transcriber(settings []byte) string {
	for _, path := range [...][]string{{"audio", "input", "transcription", "model"}, {"input_audio_transcription", "model"}} {
		if name := scan.GetString(settings, path...); name != "" {
			return name
		}
	}
	return ""
}

// priceOf is the price of another model of the session's provider: that of a
// deployment which has it.
func (s *session) priceOf(model string) *core.Price {
	for _, route := range s.run.x.Snapshot().Routes {
		for _, t := range route.Targets {
			if t.Deployment.Provider == s.run.target.Deployment.Provider && t.Deployment.Model == model && t.Price != nil {
				return t.Price
			}
		}
	}
	return nil
}

// settled notes a session's settings, and shows the client its alias in the place of
// the deployed model. Under a budget a session without a cap on its responses is
// given one, as soon as it is there.
func (s *session) settled(kind string, text []byte) (shown []byte, send []realtime.Message) {
	settings := scan.Get(text, "session")
	if scan.Kind(settings) != '{' {
		return text, nil
	}
	state := readState(settings, true)
	s.settle(&state, kind != "session.created")
	if kind == "session.created" && state.cap == 0 && state.capName != "" && s.caps() {
		send = s.askCap(&state)
	}
	if scan.Kind(scan.Get(settings, "model")) != '"' {
		return text, send
	}
	settings = scan.Apply(nil, settings, []scan.Edit{{Key: "model", Value: scan.AppendString(nil, s.run.facts.model)}})
	return scan.Apply(nil, text, []scan.Edit{{Key: "session", Value: settings}}), send
}

// settle takes the state that the vendor has said. Updates are answered in the order
// that they come; the format of sound stays as it was where no answer names it.
func (s *session) settle(state *sessionState, updated bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asks sessionState
	if updated && len(s.pending) > 0 {
		asks, s.pending = s.pending[0].asks, s.pending[1:]
	}
	state.heardSecond = cmp.Or(state.heardSecond, asks.heardSecond, s.state.heardSecond)
	state.saidSecond = cmp.Or(state.saidSecond, asks.saidSecond, s.state.saidSecond)
	if s.meter != nil { // what is said is written down at its price
		state.transcriber = ""
	}
	s.state = *state
}

// askCap asks the vendor for a cap on all responses.
func (s *session) askCap(state *sessionState) []realtime.Message {
	id, most := core.NewID("event", s.run.x.now()), s.run.defaultOutput()
	if s.sent(pendingUpdate{cause: id, own: true, asks: sessionState{cap: most, capName: state.capName}}) != nil {
		return nil
	}
	e := scan.AppendString([]byte(`{"type":"session.update","event_id":`), id)
	e = append(e, `,"session":{`...)
	if state.kind != "" {
		e = append(scan.AppendString(append(e, `"type":`...), state.kind), ',')
	}
	e = append(scan.AppendString(e, state.capName), ':')
	return []realtime.Message{{Text: true, Data: append(appendInt(e, most), "}}"...)}}
}

// readState reads a session's settings, whose answers may be sound where they do not
// say otherwise.
func readState(settings []byte, spoken bool) (st sessionState) {
	var count estimator
	count.value(scan.Get(settings, "instructions"))
	count.value(scan.Get(settings, "tools"))
	st.kind = scan.GetString(settings, "type")
	st.preamble, st.transcriber = count.tokens, transcriber(settings)
	st.capName, st.cap = readCap(settings)
	st.spoken = speaks(settings, spoken)
	st.heardSecond, st.saidSecond = second(settings, "input"), second(settings, "output")
	return st
}

// speaks reports whether settings ask for sound; otherwise where they do not say.
func speaks(settings []byte, otherwise bool) bool {
	for _, name := range [...]string{"output_modalities", "modalities"} {
		if v := scan.Get(settings, name); scan.Kind(v) == '[' {
			return bytes.Contains(v, []byte(`"audio"`))
		}
	}
	return otherwise
}
