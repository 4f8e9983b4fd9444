package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// nativeStream is what a relay keeps of a stream in a provider's own dialect.
type nativeStream struct {
	finishes int64
	// late are the events from the last finish on: they leave when the exchange is settled.
	late []sse.Event
}

// eventTypes are the media types of framings.
var eventTypes = map[abi.Framing]string{abi.FramingNDJSON: "application/x-ndjson", abi.FramingAWSEventStream: "application/vnd.amazon.eventstream"}

// eventType is the media type of the stream that the client gets; "" is events'.
func (r *run) eventType() string {
	if !r.vendor.own() {
		return ""
	}
	return eventTypes[r.vendor.route.Framing]
}

// commentsPass reports whether the client's stream can carry comments.
func (r *run) commentsPass() bool { return r.eventType() == "" }

// framing is that of the vendor's stream.
func (s *streamRelay) framing() abi.Framing { return cmp.Or(s.r.plan.Stream.Framing, abi.FramingSSE) }

// frameNative has the guardrails' events framed as the vendor's are.
func (s *streamRelay) frameNative() {
	if s.guard == nil {
		return
	}
	framing, wrapped := s.framing(), s.r.plan.native.Wrapped
	s.guard.Frame = func(dst []byte, name string, data []byte) []byte {
		if wrapped != "" && !strings.HasPrefix(name, upstream.ExceptionMark) {
			data = wrap(wrapped, data)
		}
		return upstream.AppendEvent(dst, framing, name, data)
	}
}

func wrap(name string, data []byte) []byte {
	text := scan.AppendString([]byte("{"), name)
	return append(scan.AppendString(append(text, ':'), base64.StdEncoding.EncodeToString(data)), '}')
}

// passNative looks at one event in the provider's own dialect, and sends it on as
// it came.
func (s *streamRelay) passNative(ev sse.Event) error {
	r := s.r
	if len(ev.Data) == 0 {
		return nil
	}
	if kind, ok := strings.CutPrefix(string(ev.Name), upstream.ExceptionMark); ok {
		return r.exception(s.ctx, kind, ev.Data)
	}
	if string(bytes.TrimSpace(ev.Data)) == "[DONE]" {
		s.done = true
		return s.emitNative(ev, ev.Data)
	}
	data := ev.Data
	if name := r.plan.native.Wrapped; name != "" {
		inner, err := base64.StdEncoding.DecodeString(scan.GetString(data, name))
		if err != nil {
			return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider sent an event that is not base64").With(err)
		}
		data = inner
	}
	seen, err := s.look(data)
	if err != nil {
		if ev.Unterminated {
			return io.EOF // a half event: dropped, and the stream has ended
		}
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider sent an event that is not JSON").With(err)
	}
	if seen.err {
		if err := s.eventError(sse.Event{Data: data}); err != nil {
			return err
		}
	}
	s.began()
	s.countText(seen)
	r.uses(data)
	r.tally.read(r.plan.usage, data)
	s.noteFinish(data, seen.tokens > 0)
	return s.emitNative(ev, data)
}

// noteFinish says whether the answer may be complete. Some of Gemini's models write
// a finish into every event: where text follows one it was not the last, and behind
// an event with text the stream has the time that it always has.
func (s *streamRelay) noteFinish(data []byte, text bool) {
	if s.stopped && text {
		s.finishNative()
		if s.body != nil {
			s.body.deadline = time.Time{}
		}
	}
	for _, path := range s.r.plan.native.finish {
		s.native.finishes += countValues(data, path)
	}
	if s.native.finishes >= s.r.facts.choices {
		s.stopped = true
		if !text {
			s.ending()
		}
	}
}

// emitNative sends an event on; those from the finish on wait for the settlement.
func (s *streamRelay) emitNative(ev sse.Event, data []byte) error {
	if s.stopped || s.done {
		s.native.late = append(s.native.late, sse.Event{Name: bytes.Clone(ev.Name), Data: bytes.Clone(data), Raw: bytes.Clone(ev.Raw), Unterminated: ev.Unterminated})
		return nil
	}
	s.writeNative(ev, data)
	return nil
}

func (s *streamRelay) writeNative(ev sse.Event, data []byte) {
	switch wrapped := s.r.plan.native.Wrapped; {
	case s.guard != nil:
		s.guard.Push(sse.Event{Name: ev.Name, Data: data})
	case len(ev.Raw) > 0 && !ev.Unterminated:
		s.out = append(s.out, ev.Raw...)
	case wrapped != "":
		s.out = upstream.AppendEvent(s.out, s.framing(), string(ev.Name), wrap(wrapped, data))
	default:
		s.out = upstream.AppendEvent(s.out, s.framing(), string(ev.Name), data)
	}
}

// finishNative hands on what waited for the end of the stream.
func (s *streamRelay) finishNative() {
	for _, ev := range s.native.late {
		s.writeNative(ev, ev.Data)
	}
	s.native.late = nil
}

// exception is a failure that the vendor reports by an event of its own sort.
func (r *run) exception(ctx context.Context, kind string, data []byte) error {
	e := statusError(0)
	resp := &upstream.Response{Headers: []upstream.Header{{Name: "x-amzn-errortype", Value: kind}}}
	if r.plan.decodesErrors && r.pluginError(ctx, r.target, resp, data, e) {
		return finishVendorError(e, r.target, "")
	}
	return finishVendorError(e, r.target, r.plan.errors.read(e, 0, data))
}
