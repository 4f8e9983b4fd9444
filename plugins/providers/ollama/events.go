package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// streamState is what must be remembered of an answer.
type streamState struct {
	before  int64 // calls in the conversation before it
	calls   int64 // in it so far
	offset  int64 // characters of a completion so far whose logprobs were told
	started bool  // its first chunk has been sent
}

// parseState reads what encode gives, the calls before, or what String wrote: those,
// the calls so far and the offset, with an "s" behind them when started.
func parseState(text string) (s streamState) {
	text, s.started = strings.CutSuffix(text, "s")
	before, rest, _ := strings.Cut(text, ",")
	calls, offset, _ := strings.Cut(rest, ",")
	for _, n := range [...]struct {
		to     *int64
		digits string
	}{{&s.before, before}, {&s.calls, calls}, {&s.offset, offset}} {
		*n.to, _ = strconv.ParseInt(n.digits, 10, 64)
	}
	return s
}

func (s *streamState) String() string {
	b := append(strconv.AppendInt(nil, s.before, 10), ',')
	b = append(strconv.AppendInt(b, s.calls, 10), ',')
	b = strconv.AppendInt(b, s.offset, 10)
	if s.started {
		b = append(b, 's')
	}
	return string(b)
}

// decodeEvents: the answer is complete with done.
func decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	state, reply := parseState(r.State), &abi.DecodeEventsReply{}
	for i := range r.Events {
		a := readAnswer(r.Events[i].Data)
		if a.usage != nil {
			reply.Usage = a.usage
		}
		if a.model != "" {
			reply.Model = a.model
		}
		if reply.Error = a.failed; reply.Error != nil {
			break
		}
		if r.Endpoint == abi.Completions {
			state.textChunk(reply, &a)
		} else {
			state.chatChunk(reply, &a)
		}
		if a.done {
			state.finish(reply, &a, r.Endpoint)
		}
		if reply.Error != nil || reply.Done {
			break
		}
	}
	reply.State = state.String()
	return reply, nil
}

// chatChunk tells what is new; calls come whole, and seldom with the end.
func (s *streamState) chatChunk(reply *abi.DecodeEventsReply, a *answer) {
	calls := a.appendCalls(nil, s, true)
	if a.text == nil && a.thinking == nil && len(calls) == 0 && scan.Len(a.logprobs) == 0 {
		return
	}
	b := append([]byte(nil), `{"choices":[{"index":0,"delta":`...)
	start := len(b)
	if !s.started {
		b = append(scan.AppendName(b, "role"), `"assistant"`...)
	}
	b = a.appendThinking(b)
	if a.text != nil {
		b = append(scan.AppendName(b, "content"), a.text...)
	}
	if len(calls) > 0 {
		b = append(scan.AppendName(b, "tool_calls"), scan.CloseArray(calls, 0)...)
	}
	b = scan.CloseObject(b, start)
	if scan.Len(a.logprobs) > 0 {
		b = appendLogprobs(scan.AppendName(b, "logprobs"), a.logprobs)
	}
	s.started = true
	reply.Chunks = append(reply.Chunks, append(b, `,"finish_reason":null}]}`...))
}

func (s *streamState) textChunk(reply *abi.DecodeEventsReply, a *answer) {
	if a.text == nil && a.thinking == nil && scan.Len(a.logprobs) == 0 {
		return
	}
	b := a.appendText([]byte(`{"choices":[{"index":0`), s)
	reply.Chunks = append(reply.Chunks, append(b, `,"finish_reason":null}]}`...))
}

func (s *streamState) finish(reply *abi.DecodeEventsReply, a *answer, endpoint abi.Endpoint) {
	finish, failed := a.finish(s.calls > 0)
	if reply.Error = failed; failed != nil {
		return
	}
	begin := `{"choices":[{"index":0,"delta":{}`
	if endpoint == abi.Completions {
		begin = `{"choices":[{"index":0,"text":""`
	}
	reply.Chunks = append(reply.Chunks, []byte(begin+`,"finish_reason":"`+finish+`"}]}`))
	reply.Done = true
}
