package exchange

import (
	"bytes"
	"io"

	"github.com/tokligence/gateway/core"
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
	messages := s.r.plan.endpoint == abi.Messages
	if !messages && string(bytes.TrimSpace(ev.Data)) == "[DONE]" {
		s.done = true
		return nil
	}
	if err := scan.Valid(ev.Data); err != nil {
		if ev.Unterminated {
			return io.EOF // a half event: dropped, and the stream has ended
		}
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider sent an event that is not JSON").With(err)
	}
	if ev.Unterminated {
		ev.Raw = nil
	}
	if err := s.eventError(ev); err != nil {
		return err
	}
	if messages {
		return s.passMessages(ev)
	}
	return s.passChat(ev)
}

// eventError finds a failure that the vendor reports within its stream.
func (s *streamRelay) eventError(ev sse.Event) error {
	if !bytes.Contains(ev.Data, []byte(`"error"`)) {
		return nil
	}
	v := scan.Get(ev.Data, "error")
	if scan.IsNull(v) || scan.Get(ev.Data, "choices") != nil {
		return nil
	}
	status := errorStatus(v)
	e := statusError(status)
	message := s.r.plan.errors.read(e, status, ev.Data)
	if scan.Kind(v) == '"' {
		message, _ = scan.String(v)
	}
	return finishVendorError(e, s.r.target, message)
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

func (s *streamRelay) passChat(ev sse.Event) error {
	if bytes.Contains(ev.Data, []byte(`"usage"`)) && !scan.IsNull(scan.Get(ev.Data, "usage")) {
		s.r.tally.read(s.r.plan.usage, ev.Data)
		if scan.Len(scan.Get(ev.Data, "choices")) == 0 {
			s.usage = bytes.Clone(ev.Data) // it goes out last, and only to those who asked
			return nil
		}
	}
	return s.chunk(ev)
}

// readChunk notes what a chat chunk says of the answer's progress.
func (s *streamRelay) readChunk(chunk []byte) {
	s.began()
	if s.r.tally.model == "" {
		s.r.tally.model = scan.GetString(chunk, "model")
	}
	s.countText(chunk)
	if !bytes.Contains(chunk, []byte(`"finish_reason"`)) || bytes.Contains(chunk, []byte(`"finish_reason":null`)) {
		return
	}
	scan.Elements(scan.Get(chunk, "choices"), func(_ int, choice []byte) bool {
		if scan.GetString(choice, "finish_reason") != "" {
			s.finishes++
		}
		return true
	})
	s.ending()
}

// textMembers hold generated text in the events of either dialect.
var textMembers = [...][]byte{[]byte(`"content":"`), []byte(`"reasoning_content":"`), []byte(`"arguments":"`),
	[]byte(`"text":"`), []byte(`"thinking":"`), []byte(`"partial_json":"`)}

// countText keeps the estimate of the output that is used when the vendor never
// tells: after a client has left, or a stream has broken.
func (s *streamRelay) countText(data []byte) {
	for _, member := range textMembers {
		i := bytes.Index(data, member)
		if i < 0 {
			continue
		}
		text := data[i+len(member):]
		if end := bytes.IndexByte(text, '"'); end > 0 {
			n := estimateText(text[:end])
			s.r.outTokens += n
			s.r.tally.since += n
		}
	}
}

func (s *streamRelay) passMessages(ev sse.Event) error {
	kind := scan.GetString(ev.Data, "type")
	switch kind {
	case "message_start", "message_delta":
		s.r.tally.read(s.r.plan.usage, ev.Data)
		if kind == "message_start" {
			s.began()
		}
		if !scan.IsNull(scan.Get(ev.Data, "delta", "stop_reason")) {
			s.finishes = s.r.facts.choices
			s.ending()
		}
	case "content_block_delta":
		s.began()
		s.countText(ev.Data)
	case "message_stop":
		s.done = true
		s.tail = sse.Append(s.tail, kind, ev.Data)
		return nil
	}
	return s.emit(ev)
}
