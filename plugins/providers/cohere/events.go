package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// streamState is what a stream must remember: its calls, in their order.
type streamState struct{ calls []streamCall }

// streamCall is a call by the index that its events have.
type streamCall struct {
	index     int64
	arguments bool // some have come
}

// parseState reads what String wrote: per call its index, "a" when some of its
// arguments have come, and a comma.
func parseState(text string) (s streamState) {
	for word := range strings.SplitSeq(text, ",") {
		digits, arguments := strings.CutSuffix(word, "a")
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			s.calls = append(s.calls, streamCall{n, arguments})
		}
	}
	return s
}

func (s *streamState) String() string {
	var b []byte
	for _, c := range s.calls {
		if b = strconv.AppendInt(b, c.index, 10); c.arguments {
			b = append(b, 'a')
		}
		b = append(b, ',')
	}
	return string(b)
}

// decodeEvents: the answer is complete with message-end.
func decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	state, reply := parseState(r.State), &abi.DecodeEventsReply{}
	for i := range r.Events {
		if state.event(reply, &r.Events[i]); reply.Error != nil {
			break
		}
	}
	reply.State = state.String()
	return reply, nil
}

var (
	eventFields = scan.NewNames("type", "index", "delta", "logprobs")
	eventKinds  = scan.NewNames("message-start", "content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta",
		"tool-call-end", "citation-start", "message-end", "error")
)

// event reads one event; others than those of eventKinds mean nothing.
func (s *streamState) event(reply *abi.DecodeEventsReply, e *abi.Event) {
	var kind, index, delta, logprobs []byte
	eventFields.Read(e.Data, nil, &kind, &index, &delta, &logprobs)
	name := e.Name
	if kind != nil {
		name = eventKinds.Word(kind)
	}
	message := scan.Get(delta, "message")
	switch name {
	case "message-start":
		say(reply, `"role":"assistant","content":""`, nil)
	case "content-start", "content-delta":
		content := scan.Get(message, "content")
		sayText(reply, `"reasoning_content":`, scan.Get(content, "thinking"), nil)
		sayText(reply, `"content":`, scan.Get(content, "text"), logprobs)
	case "tool-plan-delta":
		sayText(reply, `"reasoning_content":`, scan.Get(message, "tool_plan"), nil)
	case "tool-call-start":
		s.startCall(reply, index, scan.Get(message, "tool_calls"))
	case "tool-call-delta":
		s.arguments(reply, s.call(index), scan.Get(message, "tool_calls", "function", "arguments"))
	case "tool-call-end": // a call without arguments has an empty object of them
		if i := s.call(index); i >= 0 && !s.calls[i].arguments {
			s.arguments(reply, i, []byte(`"{}"`))
		}
	case "citation-start":
		if c := scan.Get(message, "citations"); scan.Kind(c) == '{' {
			say(reply, `"citations":[`+string(c)+`]`, nil)
		}
	case "message-end":
		s.finish(reply, delta)
	case "error":
		reply.Error = &abi.Error{Code: abi.UpstreamUnavailable, Message: "Cohere reported an error in its stream"}
		if text := scan.GetString(e.Data, "message"); text != "" {
			reply.Error.Message = text
		}
	}
}

// say adds a chunk with the members of its delta.
func say(reply *abi.DecodeEventsReply, delta string, logprobs []byte) {
	b := append(make([]byte, 0, len(delta)+80), `{"choices":[{"index":0,"delta":{`...)
	b = append(append(b, delta...), '}')
	if logprobs != nil {
		b = appendLogprobs(append(b, `,"logprobs":`...), logprobs)
	}
	reply.Chunks = append(reply.Chunks, append(b, `,"finish_reason":null}]}`...))
}

func sayText(reply *abi.DecodeEventsReply, member string, text, logprobs []byte) {
	if scan.Kind(text) == '"' && len(text) > 2 || logprobs != nil {
		if scan.Kind(text) != '"' {
			text = []byte(`""`)
		}
		say(reply, member+string(text), logprobs)
	}
}

func (s *streamState) startCall(reply *abi.DecodeEventsReply, index, call []byte) {
	c := readCall(call)
	if c.id == nil || c.name == nil {
		return
	}
	number, _ := scan.Int(index)
	first := c.arguments // often empty
	c.arguments = []byte(`""`)
	b := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(len(s.calls)), 10)
	b = append(c.append(append(b, ',')), '}', ']')
	s.calls = append(s.calls, streamCall{index: number})
	say(reply, string(b), nil)
	s.arguments(reply, len(s.calls)-1, first)
}

// call is the ordinal of the call that an index means, -1 for none.
func (s *streamState) call(index []byte) int {
	number, ok := scan.Int(index)
	for i := len(s.calls) - 1; ok && i >= 0; i-- {
		if s.calls[i].index == number {
			return i
		}
	}
	return -1
}

func (s *streamState) arguments(reply *abi.DecodeEventsReply, call int, fragment []byte) {
	if call < 0 || scan.Kind(fragment) != '"' || len(fragment) == 2 {
		return
	}
	s.calls[call].arguments = true
	b := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(call), 10)
	b = append(append(b, `,"function":{"arguments":`...), fragment...)
	say(reply, string(append(b, `}}]`...)), nil)
}

func (s *streamState) finish(reply *abi.DecodeEventsReply, delta []byte) {
	if u := chatUsage(scan.Get(delta, "usage")); u != nil {
		reply.Usage = u
	}
	finish, failed := finishReason(scan.Get(delta, "finish_reason"), len(s.calls) > 0, scan.Get(delta, "error"))
	if reply.Error = failed; failed != nil {
		return
	}
	reply.Chunks = append(reply.Chunks, []byte(`{"choices":[{"index":0,"delta":{},"finish_reason":"`+finish+`"}]}`))
	reply.Done = true
}
