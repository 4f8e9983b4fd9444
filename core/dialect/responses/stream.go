package responses

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// stream writes canonical chunks as the events of a Responses stream. Thoughts
// and a message are open one at a time; calls may be side by side, and each is
// told as done once its arguments are whole and something else begins.
// https://platform.openai.com/docs/api-reference/responses-streaming
type stream struct {
	answer   *bridge.Answer
	tools    toolTable
	quiet    bool  // only the response at the end is wanted
	sequence int64 // of the next event
	begun    bool
	data     int // where the data of the event that is written begins

	output    [][]byte // items by output index; nil while one is open
	reasoning *reasoning
	message   *message
	calls     []*toolCall
	extra     bridge.Extra // of the answer, as far as it has no place yet
	finish    string       // the finish reason
	tier      string       // that the provider serves the answer by
	details   bridge.Details
}

// Stream begins to translate a stream.
func (Bridge) Stream(a *bridge.Answer) bridge.Stream { return newStream(a) }

func newStream(a *bridge.Answer) *stream { return &stream{answer: a, tools: toolsOf(a.Request)} }

// Chunk appends the events of one canonical chunk. Only the first choice counts:
// the Responses API has no others. The error is a *core.Error of a vendor that
// goes on with a call after its end.
func (s *stream) Chunk(dst, chunk []byte) (_ []byte, err error) {
	s.noteTier(chunk)
	dst = s.begin(dst)
	scan.Elements(scan.Get(chunk, "choices"), func(_ int, choice []byte) bool {
		if n, _ := scan.GetInt(choice, "index"); n == 0 {
			dst, err = s.take(dst, choice, scan.Get(choice, "delta"))
		}
		return err == nil
	})
	return dst, err
}

// take reads a choice, whose message or delta it is given.
func (s *stream) take(dst, choice, delta []byte) ([]byte, error) {
	if reason := scan.GetString(choice, "finish_reason"); reason != "" {
		s.finish = reason
	}
	s.extra.Take(scan.Get(delta, "extra_content"))
	dst = s.keepSigned(s.think(dst, delta))
	content := scan.Get(delta, "content")
	if scan.Kind(content) == '[' { // as some servers answer
		scan.Elements(content, func(_ int, part []byte) bool {
			dst = s.say(dst, partText, scan.Get(part, "text"), nil)
			return true
		})
	}
	dst = s.say(dst, partText, content, scan.Get(choice, "logprobs", "content"))
	dst = s.say(dst, partRefusal, scan.Get(delta, "refusal"), scan.Get(choice, "logprobs", "refusal"))
	dst = s.annotate(dst, scan.Get(delta, "annotations"))
	for _, p := range bridge.Pictures(delta) {
		dst = s.picture(dst, &p)
	}
	wrong := false
	scan.Elements(scan.Get(delta, "tool_calls"), func(i int, c []byte) bool {
		if n, ok := scan.GetInt(c, "index"); ok {
			i = int(n)
		}
		t := s.call(i)
		wrong = wrong || !t.Take(c)
		dst = s.advance(dst, t)
		return true
	})
	if wrong {
		return dst, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider went on with a tool call after its end")
	}
	return dst, nil
}

// think takes the thoughts of a delta.
func (s *stream) think(dst, delta []byte) []byte {
	words, blocks, details := scan.Get(delta, "reasoning_content"), scan.Get(delta, "thinking_blocks"), scan.Get(delta, "reasoning_details")
	if !filled(words) && scan.Len(blocks) == 0 && !bridge.AnyCarried(details) {
		return dst
	}
	own := bridge.HaveWords(details) // blocks bring their own words, which the words repeat
	scan.Elements(blocks, func(_ int, b []byte) bool {
		own = own || filled(scan.Get(b, "thinking"))
		return !own
	})
	dst = s.openReasoning(dst)
	r := s.reasoning
	if filled(words) && !own {
		dst = r.say(s, dst, words)
	}
	scan.Elements(blocks, func(_ int, b []byte) bool {
		dst = r.block(s, dst, b)
		return true
	})
	scan.Elements(details, func(_ int, d []byte) bool {
		if bridge.Carried(d) {
			if !s.details.Continues(d) {
				dst = r.endPart(s, dst)
			}
			dst = r.block(s, dst, s.details.Add(d))
		}
		return true
	})
	return dst
}

// Finish appends what ends the stream, with the true usage.
func (s *stream) Finish(dst []byte, u core.Usage) ([]byte, error) {
	dst = s.close(s.begin(dst))
	status, _ := s.status()
	dst = s.event(dst, "response."+status)
	return s.end(s.response(append(dst, `,"response":`...), &u)), nil
}

// begin writes the first two events, once.
func (s *stream) begin(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	for _, kind := range [...]string{"response.created", "response.in_progress"} {
		dst = append(s.event(dst, kind), `,"response":`...)
		dst = s.end(envelope(dst, s.answer, s.tier, "in_progress", "", nil, []byte("[]"), nil))
	}
	return dst
}

// close ends all that is open, in the order of the output.
func (s *stream) close(dst []byte) []byte {
	dst = s.closeMessage(s.closeReasoning(dst))
	for _, t := range s.calls {
		dst = s.endCall(dst, t)
	}
	return dst
}

// status is how the response ended, and why it is not whole.
func (s *stream) status() (status, reason string) {
	switch s.finish {
	case "length":
		return "incomplete", "max_output_tokens"
	case "content_filter":
		return "incomplete", "content_filter"
	}
	return "completed", ""
}

// ending is the status of an item that is still open when the answer ends.
func (s *stream) ending() string {
	status, _ := s.status()
	return status
}

// response is the whole of it, when everything is closed.
func (s *stream) response(dst []byte, u *core.Usage) []byte {
	var list []byte
	for _, item := range s.output {
		list = append(append(list, ','), item...)
	}
	status, reason := s.status()
	dst = envelope(dst, s.answer, s.tier, status, reason, nil, scan.CloseArray(list, 0), u)
	extra := s.extra.Cut(bridge.Told, bridge.Done)
	return append(scan.AppendMember(dst[:len(dst)-1], "extra_content", extra), '}')
}

// call is the one with that index.
func (s *stream) call(index int) *toolCall {
	for _, t := range s.calls {
		if t.Index == index {
			return t
		}
	}
	t := &toolCall{Call: bridge.Call{Index: index}}
	s.calls = append(s.calls, t)
	return t
}

// toolCall is one call of the answer.
type toolCall struct {
	bridge.Call
	tool    tool
	item    place
	kept    bool   // extra_content was
	carried []byte // the message's extra_content that stands on its item
}

// whole reports whether nothing can follow the arguments so far.
func (t *toolCall) whole() bool {
	if t.tool.kind != "function" {
		return bridge.Whole(t.Waiting)
	}
	return bridge.Whole(t.Sent)
}
