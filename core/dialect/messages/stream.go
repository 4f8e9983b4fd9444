package messages

import (
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Stream writes canonical chunks as the events of a Messages stream. One block
// is open at a time; what comes for another while a tool call is not complete
// waits for its own block. https://docs.anthropic.com/en/api/messages-streaming
type Stream struct {
	id, model   string
	inputTokens int64
	begun       bool
	tier        string    // that the provider serves the answer by
	open        string    // kind of the open block: "", text, thinking, tool
	index       int       // of the open or next block
	tool        *toolCall // the open one
	tools       []*toolCall
	late        [][]byte     // deltas with text or thoughts that wait for the open tool call
	choice      []byte       // the last choice that had a finish reason
	extra       bridge.Extra // of the answer, as far as it has no place yet
	cited       sources
	details     bridge.Details
}

// toolCall is one call of the answer.
type toolCall struct {
	bridge.Call
	wrong bool // it went on after its end
}

// complete reports whether the arguments sent so far are a whole object, so that
// nothing can follow.
func (t *toolCall) complete() bool { return bridge.Whole(t.Sent) }

// NewStream begins a stream. inputTokens is an estimate, corrected by Finish.
func NewStream(id, model string, inputTokens int64) *Stream {
	return &Stream{id: id, model: model, inputTokens: inputTokens}
}

// Chunk appends the events of one canonical chunk. Only the first choice counts:
// the Messages API has no others. The error is a *core.Error of a vendor that
// goes on with a call after its end.
func (s *Stream) Chunk(dst, chunk []byte) ([]byte, error) {
	if !s.begun {
		s.tier = scan.GetString(chunk, "service_tier")
	}
	dst = s.begin(dst)
	scan.Elements(scan.Get(chunk, "choices"), func(_ int, choice []byte) bool {
		if n, _ := scan.GetInt(choice, "index"); n == 0 {
			delta := scan.Get(choice, "delta")
			s.extra.Take(scan.Get(delta, "extra_content"))
			dst = s.prose(dst, delta)
			s.cited.take(delta)
			dst = s.calls(s.cite(dst), delta)
			if scan.GetString(choice, "finish_reason") != "" {
				s.choice = slices.Clone(choice)
			}
		}
		return true
	})
	for _, t := range s.tools {
		if t.wrong {
			return dst, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider went on with a tool call after its end")
		}
	}
	return dst, nil
}

// filled reports whether raw is a string with something in it: empty and null
// members open nothing.
func filled(raw []byte) bool { return scan.Kind(raw) == '"' && len(raw) > 2 }

// prose writes the thoughts and texts of a delta.
func (s *Stream) prose(dst, delta []byte) []byte {
	reasoning, thoughts, details := scan.Get(delta, "reasoning_content"), scan.Get(delta, "thinking_blocks"), scan.Get(delta, "reasoning_details")
	content, refusal := scan.Get(delta, "content"), scan.Get(delta, "refusal")
	pictures := bridge.Pictures(delta)
	if !filled(reasoning) && scan.Len(thoughts) == 0 && scan.Len(details) == 0 && !filled(content) && !filled(refusal) && pictures == nil {
		return dst
	}
	if s.open == "tool" {
		s.late = append(s.late, slices.Clone(delta))
		return s.advance(dst)
	}
	if filled(reasoning) && !hasWords(thoughts) && !bridge.HaveWords(details) {
		dst = s.say(dst, "thinking", reasoning)
	}
	scan.Elements(thoughts, func(_ int, b []byte) bool {
		dst = s.thought(dst, b)
		return true
	})
	scan.Elements(details, func(_ int, d []byte) bool {
		dst = s.detail(dst, d)
		return true
	})
	for _, text := range [...][]byte{content, refusal} {
		if filled(text) {
			dst = s.say(dst, "text", text)
		}
	}
	for _, p := range pictures { // each in a block of its own, as in a whole answer
		dst = s.close(s.say(s.close(dst), "text", pictured(&p)))
	}
	return dst
}

// hasWords reports whether thinking_blocks bring their own text; else it is that
// of reasoning_content.
func hasWords(thoughts []byte) (found bool) {
	scan.Elements(thoughts, func(_ int, b []byte) bool {
		found = found || filled(scan.Get(b, "thinking"))
		return !found
	})
	return found
}

// thought writes an increment of a thinking block; its signature ends the block.
func (s *Stream) thought(dst, b []byte) []byte {
	if scan.GetString(b, "type") == "redacted_thinking" {
		return s.stop(s.start(s.close(dst), b))
	}
	if text := scan.Get(b, "thinking"); filled(text) {
		dst = s.say(dst, "thinking", text)
	}
	if signature := scan.Get(b, "signature"); filled(signature) {
		dst = s.to(dst, "thinking")
		dst = s.close(s.blockDelta(dst, "signature_delta", "signature", signature))
	}
	return dst
}

// say writes raw text to a block of that kind: text or thinking. The extra_content
// that has to come back from the client stands on the start of a text.
func (s *Stream) say(dst []byte, kind string, raw []byte) []byte {
	if kind == "text" && s.open == kind && s.extra.Has(bridge.Signed, bridge.Done) {
		dst = s.close(dst)
	}
	return s.blockDelta(s.to(dst, kind), kind+"_delta", kind, raw)
}

// to makes a block of that kind the open one.
func (s *Stream) to(dst []byte, kind string) []byte {
	if s.open == kind {
		return dst
	}
	dst = s.close(dst)
	s.open = kind
	if kind == "thinking" {
		return s.start(dst, []byte(`{"type":"thinking","thinking":"","signature":""}`))
	}
	block := scan.AppendMember([]byte(`{"type":"text","text":""`), "extra_content", s.extra.Cut(bridge.Signed, bridge.Done))
	return s.start(dst, append(block, '}'))
}

// calls takes the fragments of tool calls in a delta.
func (s *Stream) calls(dst, delta []byte) []byte {
	scan.Elements(scan.Get(delta, "tool_calls"), func(i int, call []byte) bool {
		if n, ok := scan.GetInt(call, "index"); ok {
			i = int(n)
		}
		t := s.call(i)
		t.wrong = !t.Take(call) || t.wrong
		dst = s.advance(dst)
		return true
	})
	return dst
}

func (s *Stream) call(index int) *toolCall {
	for _, t := range s.tools {
		if t.Index == index {
			return t
		}
	}
	t := &toolCall{Call: bridge.Call{Index: index}}
	s.tools = append(s.tools, t)
	return t
}

// advance sends what waits for the open call. Once that is complete and
// something else waits, it makes room for it.
func (s *Stream) advance(dst []byte) []byte {
	for {
		if s.open == "tool" {
			dst = s.sendArguments(dst)
			if len(s.late) == 0 && s.next() == nil || !s.tool.complete() {
				return dst
			}
			dst = s.replay(s.close(dst))
		}
		t := s.next()
		if t == nil {
			return dst
		}
		dst = s.beginCall(dst, t)
	}
}

// replay writes the texts and thoughts that have waited.
func (s *Stream) replay(dst []byte) []byte {
	late := s.late
	s.late = nil
	for _, delta := range late {
		dst = s.prose(dst, delta)
	}
	return dst
}

// next is the first call that has a name and no block yet, or nil.
func (s *Stream) next() *toolCall {
	for _, t := range s.tools {
		if !t.Begun && t.Name != nil {
			return t
		}
	}
	return nil
}

func (s *Stream) beginCall(dst []byte, t *toolCall) []byte {
	dst = s.leave(s.close(dst))
	s.open, s.tool, t.Begun = "tool", t, true
	id := t.ID
	if id == nil {
		id = callID(s.id, t.Index)
	}
	b := append([]byte(`{"type":"tool_use","id":`), id...)
	b = append(append(append(b, `,"name":`...), t.Name...), `,"input":{}`...)
	return s.start(dst, append(appendExtra(b, t.Extra), '}'))
}

func (s *Stream) sendArguments(dst []byte) []byte {
	t := s.tool
	if len(t.Waiting) == 0 {
		return dst
	}
	dst = s.blockDelta(dst, "input_json_delta", "partial_json", scan.AppendString(nil, t.Waiting))
	t.Sent = append(t.Sent, t.Waiting...)
	t.Waiting = nil
	return dst
}

// Finish appends what ends the stream: the blocks that have waited, the stop
// reason and the true usage.
func (s *Stream) Finish(dst []byte, u core.Usage) ([]byte, error) {
	dst = s.advance(s.begin(dst))
	for s.open == "tool" { // nothing more comes, complete or not
		dst = s.advance(s.replay(s.close(dst)))
	}
	dst = s.leave(s.close(dst))
	reason, sequence := stopReason(s.choice, len(s.tools) > 0)
	dst = scan.AppendString(append(event(dst, "message_delta"), `,"delta":{"stop_reason":`...), reason)
	dst = append(append(dst, `,"stop_sequence":`...), sequence...)
	dst = append(scan.AppendMember(dst, "extra_content", s.extra.Cut(bridge.Told)), `},"usage":`...)
	dst = endEvent(appendUsage(dst, u))
	return endEvent(event(dst, "message_stop")), nil
}
