package responses

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

const (
	chunkBegin = `{"choices":[{"index":0,"delta":{`
	chunkEnd   = `},"finish_reason":null}]}`
	role       = `"role":"assistant",`
	content    = `"content":`
	reasoning  = `"reasoning_content":`
)

var newParagraph = []byte(`"\n\n"`)

// chunk begins a chunk: the members of its delta are appended, and say ends it.
func (s *stream) chunk() []byte {
	s.start = len(s.made)
	b := append(s.made, chunkBegin...)
	if !s.begun {
		s.begun = true
		b = append(b, role...)
	}
	return b
}

func (s *stream) say(b []byte, end string) {
	s.made = append(b, end...)
	s.reply.Chunks = append(s.reply.Chunks, abi.Raw(s.made[s.start:len(s.made):len(s.made)]))
}

// member says one member of a delta, a string; an empty one is none.
func (s *stream) member(name string, raw []byte) {
	if filled(raw) {
		s.say(wrapped(s.chunk(), name, raw, ""), chunkEnd)
	}
}

// content says a piece of the message at a place; another message begins a paragraph.
func (s *stream) content(at place, text, logprobs []byte) {
	if !filled(text) {
		return
	}
	if s.text != at {
		if s.pieces > 0 {
			s.member(content, newParagraph)
			s.pieces++
		}
		s.text, s.from = at, s.pieces
	}
	s.pieces++
	if scan.Kind(logprobs) != '[' || len(logprobs) == 2 {
		s.member(content, text)
		return
	}
	b := wrapped(s.chunk(), content, text, `},"logprobs":{"content":`)
	s.say(append(b, logprobs...), `,"refusal":null},"finish_reason":null}]}`)
}

// reason says what the model thought in the item at a place.
func (s *stream) reason(at place, text []byte) {
	if !filled(text) {
		return
	}
	if s.thought != 0 && s.thought != at {
		s.member(reasoning, newParagraph)
	}
	s.thought = at
	s.member(reasoning, text)
}

func (s *stream) annotate(note []byte) {
	if b := appendNote(nil, note, s.from, s.pieces); len(b) > 0 {
		s.say(wrapped(s.chunk(), `"annotations":[`, b[1:], "]"), chunkEnd)
	}
}

// added begins a call, unless it stands here whole: then it is told when it is done, since
// Perplexity's agent shows calls of its own tools so, whose items are of other kinds then.
func (s *stream) added(at place, item []byte) {
	if said := scan.Get(item, "arguments"); !filled(said) {
		s.called(at, item)
	}
}

// called begins a call: calls are numbered by their own order, not by that of the items.
func (s *stream) called(at place, item []byte) {
	var typ, id, called, unused []byte
	itemFields.Read(item, nil, &typ, &unused, &unused, &unused, &unused, &id, &called, &unused, &unused)
	kind, said := "function", "arguments"
	switch itemKinds.Word(typ) {
	case "function_call":
	case "custom_tool_call":
		kind, said = "custom", "input"
	default:
		return
	}
	b := strconv.AppendInt(append(s.chunk(), `"tool_calls":[{"index":`...), int64(len(s.calls)), 10)
	b = append(wrapped(b, `,"id":`, orEmpty(id), `,"type":"`), kind...)
	b = append(append(append(b, `","`...), kind...), `":{"name":`...)
	b = append(append(wrapped(b, "", orEmpty(called), `,"`), said...), `":""}}]`...)
	s.calls = append(s.calls, calledItem{at: at})
	s.say(b, chunkEnd)
}

// arguments says more of what a call is made with.
func (s *stream) arguments(at place, kind, member string, fragment []byte) {
	i := s.call(at)
	if i < 0 || s.calls[i].whole || !filled(fragment) {
		return
	}
	s.calls[i].input = true
	b := strconv.AppendInt(append(s.chunk(), `"tool_calls":[{"index":`...), int64(i), 10)
	b = append(append(b, `,"`...), kind...)
	b = append(append(b, `":{"`...), member...)
	s.say(wrapped(b, `":`, fragment, `}}]`), chunkEnd)
}

// done ends an item: what no event before has told of it is said now.
func (s *stream) done(at place, item []byte) {
	var typ, id, parts, summary, encrypted, unused, arguments, input []byte
	itemFields.Read(item, nil, &typ, &id, &parts, &summary, &encrypted, &unused, &unused, &arguments, &input)
	switch kind := itemKinds.Word(typ); kind {
	case "message":
		if s.text != at {
			s.whole(at, parts)
		}
	case "reasoning":
		s.endThought(at, id, summary, parts, encrypted)
	case "function_call":
		s.endCall(at, item, "function", "arguments", arguments)
	case "custom_tool_call":
		s.endCall(at, item, "custom", "input", input)
	default:
		if searches(kind, item) {
			s.searches++
		}
		if finds(kind) {
			if b := appendSources(nil, item); len(b) > 0 {
				s.say(wrapped(s.chunk(), `"annotations":[`, b[1:], "]"), chunkEnd)
			}
		}
	}
}

// whole says a message of which nothing has been said.
func (s *stream) whole(at place, parts []byte) {
	scan.Elements(parts, func(_ int, part []byte) bool {
		var kind, text, refusal, notes, logprobs []byte
		outputFields.Read(part, nil, &kind, &text, &refusal, &notes, &logprobs)
		if s.text == at {
			s.from = s.pieces
		}
		s.content(at, text, logprobs)
		scan.Elements(notes, func(_ int, note []byte) bool { s.annotate(note); return true })
		s.member(`"refusal":`, refusal)
		return true
	})
}

// endThought tells what is encrypted of a thought, behind its words.
func (s *stream) endThought(at place, id, summary, parts, encrypted []byte) {
	if s.thought != at {
		for _, list := range [...][]byte{summary, parts} {
			scan.Elements(list, func(_ int, part []byte) bool {
				if s.thought == at {
					s.member(reasoning, newParagraph)
				}
				s.reason(at, scan.Get(part, "text"))
				return true
			})
		}
	}
	if !filled(encrypted) {
		return
	}
	b := append(s.chunk(), `"thinking_blocks":[{"type":"thinking","signature":`...) // its words have been told as reasoning_content
	s.say(append(appendSealed(b, id, encrypted), "}]"...), chunkEnd)
}

func (s *stream) endCall(at place, item []byte, kind, member string, all []byte) {
	if s.call(at) < 0 {
		s.called(at, item)
	}
	i := s.call(at)
	if !s.calls[i].input {
		s.arguments(at, kind, member, all)
	}
	s.calls[i].whole = true
}

// end is the end of the answer.
func (s *stream) end(response []byte) {
	var status, incomplete, model, output, counts, tier, unused []byte
	responseFields.Read(response, nil, &status, &unused, &incomplete, &model, &output, &counts, &tier)
	var found int64
	scan.Elements(output, func(_ int, item []byte) bool {
		if searches(scan.GetString(item, "type"), item) {
			found++
		}
		return true
	})
	s.reply.Model, s.reply.Done = scan.GetString(response, "model"), true
	s.reply.Usage = s.codec.count(counts, max(s.searches, found), s.asked)
	s.start = len(s.made)
	b := append(s.made, `{"choices":[{"index":0,"delta":{},"finish_reason":"`...)
	b = append(append(b, finish(status, incomplete, len(s.calls) > 0)...), `"}]`...)
	s.say(scan.AppendMember(b, "service_tier", tier), "}")
}
