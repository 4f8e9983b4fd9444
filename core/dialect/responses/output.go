package responses

import (
	"strconv"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// reasoning is the open item of thoughts.
type reasoning struct {
	place
	parts []byte // of the summary, each after a comma
	count int    // of them, without the open one
	text  []byte // of the open part
	open  bool
	kept  thoughts
}

// openReasoning makes the thoughts go on, in an item of their own.
func (s *stream) openReasoning(dst []byte) []byte {
	if s.reasoning != nil {
		return dst
	}
	dst = s.closeWhole(s.closeMessage(dst))
	s.reasoning = &reasoning{place: s.next("rs_")}
	return s.add(dst, s.reasoning.place, s.reasoning.item("in_progress"))
}

func (r *reasoning) item(status string) []byte {
	b := scan.AppendString([]byte(`{"id":`), r.id)
	b = scan.AppendString(append(b, `,"type":"reasoning","status":`...), status)
	b = append(append(b, `,"summary":`...), scan.CloseArray(append([]byte(nil), r.parts...), 0)...)
	if sealed := r.kept.sealed(); sealed != nil {
		b = append(append(b, `,"encrypted_content":`...), sealed...)
	}
	return append(b, '}')
}

func (r *reasoning) event(s *stream, dst []byte, kind string) []byte {
	dst = append(s.of(dst, "response.reasoning_summary_"+kind, r.place), `,"summary_index":`...)
	return strconv.AppendInt(dst, int64(r.count), 10)
}

// say adds raw text to the open part of the summary.
func (r *reasoning) say(s *stream, dst, raw []byte) []byte {
	if !r.open {
		r.open = true
		dst = s.end(append(r.event(s, dst, "part.added"), `,"part":{"type":"summary_text","text":""}`...))
	}
	r.text = scan.AppendUnescaped(r.text, raw)
	dst = append(append(r.event(s, dst, "text.delta"), `,"delta":`...), raw...)
	return s.end(dst)
}

// sign ends the open part, or keeps the signature of a thought without words.
func (r *reasoning) sign(s *stream, dst, signature []byte) []byte {
	if !r.open {
		r.kept.sign(signature, "")
		return dst
	}
	r.kept.sign(signature, string(r.text))
	return r.donePart(s, dst)
}

// block takes a thinking block, or an increment of one.
func (r *reasoning) block(s *stream, dst, b []byte) []byte {
	if scan.GetString(b, "type") == "redacted_thinking" {
		dst = r.endPart(s, dst)
		r.kept.redacted(orEmpty(scan.Get(b, "data")))
		return dst
	}
	if text := scan.Get(b, "thinking"); filled(text) {
		dst = r.say(s, dst, text)
	}
	if signature := scan.Get(b, "signature"); filled(signature) {
		dst = r.sign(s, dst, signature)
	}
	return dst
}

// endPart ends the open part, unsigned unless a detail of OpenRouter's is open.
func (r *reasoning) endPart(s *stream, dst []byte) []byte {
	if signature := s.details.End(); signature != nil {
		return r.sign(s, dst, signature)
	}
	if !r.open {
		return dst
	}
	r.kept.unsigned()
	return r.donePart(s, dst)
}

func (r *reasoning) donePart(s *stream, dst []byte) []byte {
	text := scan.AppendString(nil, r.text)
	part := append(append([]byte(`{"type":"summary_text","text":`), text...), '}')
	dst = s.end(append(append(r.event(s, dst, "text.done"), `,"text":`...), text...))
	dst = s.end(append(append(r.event(s, dst, "part.done"), `,"part":`...), part...))
	r.parts = append(append(r.parts, ','), part...)
	r.count, r.text, r.open = r.count+1, nil, false
	return dst
}

// keepSigned puts the signatures of what was said into a reasoning item, as those of
// calls: into one of its own behind a message that is open already.
func (s *stream) keepSigned(dst []byte) []byte {
	if s.message != nil {
		return dst
	}
	if signed := s.extra.Cut(bridge.Signed); signed != nil {
		dst = s.openReasoning(dst)
		s.reasoning.kept.answer(signed)
	}
	return dst
}

func (s *stream) closeReasoning(dst []byte) []byte {
	r := s.reasoning
	if r == nil {
		return dst
	}
	s.reasoning = nil
	dst = r.endPart(s, dst)
	return s.done(dst, r.place, r.item("completed"))
}

// message is the open item of what the model says.
type message struct {
	place
	parts           []byte // each after a comma
	count           int    // of them, without the open one
	kind            string // of the open part; "" for none
	text            []byte // of the open part
	notes, logprobs []byte // of the open part, each after a comma
	extra           []byte // the extra_content of the message, when it is whole
}

// The kinds of parts.
const (
	partText    = "output_text"
	partRefusal = "refusal"
)

// say adds raw text to a part of that kind.
func (s *stream) say(dst []byte, kind string, raw, logprobs []byte) []byte {
	if !filled(raw) {
		return dst
	}
	dst = s.openPart(dst, kind)
	m := s.message
	m.text = scan.AppendUnescaped(m.text, raw)
	scan.Elements(logprobs, func(_ int, one []byte) bool {
		m.logprobs = append(append(m.logprobs, ','), one...)
		return true
	})
	dst = append(append(m.event(s, dst, "response."+kind+".delta"), `,"delta":`...), raw...)
	if kind == partText {
		if scan.Kind(logprobs) != '[' {
			logprobs = []byte("[]")
		}
		dst = append(append(dst, `,"logprobs":`...), logprobs...)
	}
	return s.end(dst)
}

// openPart makes a part of that kind the open one.
func (s *stream) openPart(dst []byte, kind string) []byte {
	dst = s.closeReasoning(dst)
	if s.message == nil {
		dst = s.closeWhole(dst)
		s.message = &message{place: s.next("msg_")}
		dst = s.add(dst, s.message.place, s.message.item("in_progress"))
	}
	m := s.message
	if m.kind == kind {
		return dst
	}
	dst = m.endPart(s, dst)
	m.kind = kind
	dst = append(append(m.event(s, dst, "response.content_part.added"), `,"part":`...), m.part()...)
	return s.end(dst)
}

func (m *message) event(s *stream, dst []byte, kind string) []byte {
	return strconv.AppendInt(append(s.of(dst, kind, m.place), `,"content_index":`...), int64(m.count), 10)
}

// part is the open part as it stands.
func (m *message) part() []byte {
	if m.kind == partRefusal {
		return append(scan.AppendString([]byte(`{"type":"refusal","refusal":`), m.text), '}')
	}
	b := scan.AppendString([]byte(`{"type":"output_text","text":`), m.text)
	b = append(append(b, `,"annotations":`...), scan.CloseArray(append([]byte(nil), m.notes...), 0)...)
	b = append(append(b, `,"logprobs":`...), scan.CloseArray(append([]byte(nil), m.logprobs...), 0)...)
	return append(b, '}')
}

func (m *message) endPart(s *stream, dst []byte) []byte {
	if m.kind == "" {
		return dst
	}
	name := "text"
	if m.kind == partRefusal {
		name = m.kind
	}
	dst = scan.AppendString(scan.AppendName(m.event(s, dst, "response."+m.kind+".done"), name), m.text)
	if m.kind == partText {
		dst = append(append(dst, `,"logprobs":`...), scan.CloseArray(append([]byte(nil), m.logprobs...), 0)...)
	}
	dst = s.end(dst)
	part := m.part()
	dst = s.end(append(append(m.event(s, dst, "response.content_part.done"), `,"part":`...), part...))
	m.parts = append(append(m.parts, ','), part...)
	m.count, m.kind, m.text, m.notes, m.logprobs = m.count+1, "", nil, nil, nil
	return dst
}

func (m *message) item(status string) []byte {
	b := scan.AppendString([]byte(`{"id":`), m.id)
	b = scan.AppendString(append(b, `,"type":"message","status":`...), status)
	b = append(append(b, `,"role":"assistant","content":`...), scan.CloseArray(append([]byte(nil), m.parts...), 0)...)
	return append(scan.AppendMember(b, "extra_content", m.extra), '}')
}

func (s *stream) closeMessage(dst []byte) []byte {
	m := s.message
	if m == nil {
		return dst
	}
	s.message = nil
	dst = m.endPart(s, dst)
	m.extra = s.extra.Cut(bridge.Done)
	dst = s.done(dst, m.place, m.item(s.ending()))
	return s.closeReasoning(s.keepSigned(dst))
}

// annotate adds the notes of a delta to the text: chat has an object of its own in
// each, but for some servers.
func (s *stream) annotate(dst, notes []byte) []byte {
	scan.Elements(notes, func(_ int, note []byte) bool {
		kind := scan.GetString(note, "type")
		flat := scan.AppendString(scan.AppendName(nil, "type"), kind)
		if scan.Kind(scan.Get(note, kind)) != '{' {
			flat = nil
		} else {
			note = scan.Get(note, kind)
		}
		scan.Members(note, func(key, value []byte) bool {
			flat = append(append(scan.AppendString(append(flat, ','), key), ':'), value...)
			return true
		})
		flat = scan.CloseObject(flat, 0)
		dst = s.openPart(dst, partText)
		m := s.message
		n := scan.Len(scan.CloseArray(append([]byte(nil), m.notes...), 0))
		dst = strconv.AppendInt(append(m.event(s, dst, "response.output_text.annotation.added"), `,"annotation_index":`...), int64(n), 10)
		dst = s.end(append(append(dst, `,"annotation":`...), flat...))
		m.notes = append(append(m.notes, ','), flat...)
		return true
	})
	return dst
}
