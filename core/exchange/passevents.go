package exchange

import (
	"bytes"
	"io"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// pass looks at one event that client and vendor both speak, and sends it on as
// it came. What it looks for is found by a search of the bytes first, so that
// an ordinary event costs no parsing.
func (s *streamRelay) pass(ev sse.Event) error {
	if len(ev.Data) == 0 {
		return nil
	}
	native := dialect.Of(s.r.plan.endpoint)
	if string(bytes.TrimSpace(ev.Data)) == "[DONE]" {
		if s.done = native.Event == nil; !s.done {
			return io.EOF // where events have a type, one of them ends the answer
		}
		return nil
	}
	seen, err := s.look(ev.Data)
	if err != nil {
		if ev.Unterminated {
			return io.EOF // a half event: dropped, and the stream has ended
		}
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider sent an event that is not JSON").With(err)
	}
	if ev.Unterminated {
		ev.Raw = nil
	}
	if edited, changed := patch.Apply(ev.Data, s.r.plan.stream); changed {
		ev.Data, ev.Raw = edited, nil
		seen, _ = s.look(edited) // an edit leaves it valid
	}
	if seen.err {
		if err := s.eventError(ev); err != nil {
			return err
		}
	}
	if native.Event != nil {
		return s.passTyped(native, ev, seen)
	}
	return s.passChat(ev, seen)
}

// eventError finds a failure that the vendor reports within its stream.
func (s *streamRelay) eventError(ev sse.Event) error {
	if e := s.r.reported(ev.Data); e != nil {
		return e
	}
	return nil
}

// reported is the failure that a document tells of in the place of an answer: in a
// stream, or with a status that says that all is well. nil is none.
func (r *run) reported(doc []byte) *core.Error {
	v := scan.Get(doc, "error")
	if scan.IsNull(v) || scan.Get(doc, "choices") != nil {
		return nil
	}
	status := errorStatus(v)
	e := statusError(status)
	message := r.plan.errors.read(e, status, doc)
	if scan.Kind(v) == '"' {
		message, _ = scan.String(v)
	}
	return finishVendorError(e, r.target, message)
}

// failedEvent is the failure that an event is all about: its members are those of
// an error, or its response has one.
func (s *streamRelay) failedEvent(ev sse.Event) error {
	v := scan.Get(ev.Data, "response", "error")
	if scan.Kind(v) != '{' {
		v = scan.Get(ev.Data, "error") // Perplexity's
	}
	if scan.Kind(v) != '{' {
		v = ev.Data
	}
	return s.eventError(sse.Event{Data: append(append([]byte(`{"error":`), v...), '}')})
}

// errorStatus reads what an error object says of its HTTP status; 502 when nothing.
func errorStatus(v []byte) int {
	for _, name := range [...]string{"status", "code", "http_code"} {
		if n, ok := scan.GetInt(v, name); ok && n >= 400 && n < 600 {
			return int(n)
		}
	}
	switch scan.GetString(v, "type") {
	case "overloaded_error":
		return 529
	case "rate_limit_error":
		return 429
	case "invalid_request_error":
		return 400
	}
	return 502
}

func (s *streamRelay) passChat(ev sse.Event, seen glance) error {
	if seen.usage && !scan.IsNull(scan.Get(ev.Data, "usage")) {
		s.r.tally.read(s.r.plan.usage, ev.Data)
		if scan.Len(scan.Get(ev.Data, "choices")) == 0 {
			s.usage = bytes.Clone(ev.Data) // it goes out last, and only to those who asked
			return nil
		}
	}
	return s.chunk(ev, seen)
}

// readChunk notes what a chat chunk says of the answer's progress.
func (s *streamRelay) readChunk(chunk []byte, seen glance) {
	if seen.tokens > 0 || !seen.blank && (seen.delta || s.r.plan.endpoint != abi.Chat) {
		s.began() // what a filter found is no beginning
	}
	if s.r.tally.model == "" {
		s.r.tally.model = scan.GetString(chunk, "model")
	}
	s.countText(seen)
	if !seen.finish {
		if seen.tokens > 0 {
			s.ending() // some vendors have more to say after a finish
		}
		return
	}
	scan.Elements(scan.Get(chunk, "choices"), func(i int, choice []byte) bool {
		if scan.GetString(choice, "finish_reason") == "" {
			return true
		}
		n, ok := scan.GetInt(choice, "index")
		if !ok {
			n = int64(i)
		}
		if !slices.Contains(s.finishes, n) { // some say it twice
			s.finishes = append(s.finishes, n)
		}
		return true
	})
	s.ending()
}

// countText keeps the estimate of the output that is used when the vendor never
// tells: after a client has left, or a stream has broken.
func (s *streamRelay) countText(seen glance) {
	s.r.outTokens += seen.tokens
	s.r.tally.since += seen.tokens
}

// passTyped sends on an event that says its type.
func (s *streamRelay) passTyped(d *dialect.Dialect, ev sse.Event, seen glance) error {
	kind := scan.GetString(ev.Data, "type")
	mark := d.Event(kind, ev.Data)
	s.r.uses(ev.Data)
	switch {
	case mark&dialect.Usage == 0:
	case mark&dialect.Adds != 0:
		s.r.tally.add(s.r.plan.usage, ev.Data)
	default:
		s.r.tally.read(s.r.plan.usage, ev.Data)
	}
	if mark&dialect.Fails != 0 {
		return s.failedEvent(ev)
	}
	if mark&dialect.Begins != 0 {
		s.began()
		if mark&dialect.Repeats == 0 {
			s.countText(seen)
		}
	}
	if mark&dialect.Stops != 0 {
		s.stops++
		s.r.pictures = s.stops // where each is one
		s.stopped = s.stops >= s.r.facts.choices
		s.ending()
	}
	if mark&dialect.Ends != 0 {
		s.done = true
	}
	if own := s.r.dialect.Own; own != nil && scan.Get(ev.Data, "response") != nil {
		a := s.r.answerFacts(core.Usage{})
		ev.Data, ev.Raw = own(ev.Data, &a), nil
	}
	if err := s.openPart(kind, ev.Data); err != nil {
		return err
	}
	return s.emit(ev)
}
