package main

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// streamState is what a stream must remember.
type streamState struct {
	tools   []toolBlock // in the order of their calls
	stopped bool        // messageStop has come
	// What a guardrail found, and how the answer was served, comes after messageStop, whose
	// finish_reason waits for it where one of them was asked for.
	waits  bool
	finish string
	// Where the model may search the web, how often it has, and what its sources are of.
	counting bool
	searches int64
	at       *place // nil where it was not asked to
}

// toolBlock is a content block that is a call.
type toolBlock struct {
	block int64 // contentBlockIndex
	input bool  // some of its input has come
}

// parseState reads what String wrote: per call the block and "i" for input, "g",
// the searches, "@" and the place where they count, "t" and the finish_reason, where one
// waits, then "s" once stopped, each with a comma.
func parseState(text string) (s streamState) {
	for word := range strings.SplitSeq(text, ",") {
		if n, ok := strings.CutPrefix(word, "g"); ok {
			s.counting = true
			n, at, asked := strings.Cut(n, "@")
			if s.searches, _ = strconv.ParseInt(n, 10, 64); asked {
				s.at = parsePlace(at)
			}
			continue
		}
		if finish, ok := strings.CutPrefix(word, "t"); ok {
			s.waits, s.finish = true, finish
			continue
		}
		digits, input := strings.CutSuffix(word, "i")
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			s.tools = append(s.tools, toolBlock{n, input})
		}
		s.stopped = s.stopped || word == "s"
	}
	return s
}

func (s *streamState) String() string {
	var b []byte
	for _, t := range s.tools {
		b = strconv.AppendInt(b, t.block, 10)
		if t.input {
			b = append(b, 'i')
		}
		b = append(b, ',')
	}
	if s.counting {
		if b = strconv.AppendInt(append(b, 'g'), s.searches, 10); s.at != nil {
			b = append(append(b, '@'), s.at.String()...)
		}
		b = append(b, ',')
	}
	if s.waits {
		b = append(append(append(b, 't'), s.finish...), ',')
	}
	if s.stopped {
		b = append(b, 's', ',')
	}
	return string(b)
}

// decodeEvents: the answer is complete with the metadata that follows
// messageStop, or with the end of the stream after messageStop.
func decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	s, reply := parseState(r.State), &abi.DecodeEventsReply{}
	for i := range r.Events {
		e := &r.Events[i]
		if kind, ok := strings.CutPrefix(e.Name, "exception:"); ok {
			reply.Error = exception(kind, e.Data)
		} else {
			reply.Error = s.event(reply, e.Name, e.Data)
		}
		if reply.Error != nil {
			break
		}
	}
	if r.End && reply.Error == nil {
		s.end(reply, nil)
	}
	reply.State = s.String()
	reply.Done = reply.Error == nil && (reply.Done || r.End && s.stopped)
	return reply, nil
}

// event reads one event; names that nobody knows are for later versions.
func (s *streamState) event(reply *abi.DecodeEventsReply, name string, data []byte) *abi.Error {
	switch name {
	case "messageStart":
		reply.Chunks = append(reply.Chunks, chunk([]byte(`"role":"assistant","content":""`), `null`))
	case "contentBlockStart":
		s.start(reply, data)
	case "contentBlockDelta":
		s.delta(reply, data)
	case "contentBlockStop":
		s.stop(reply, data)
	case "messageStop":
		finish, failed := finishReason(scan.GetString(data, "stopReason"), len(s.tools) > 0)
		if failed != nil {
			return failed
		}
		if s.stopped, s.finish = true, finish; !s.waits {
			s.end(reply, nil)
		}
	case "metadata":
		if u := readUsage(scan.Get(data, "usage")); u != nil {
			reply.Usage = u
			s.told(u)
		}
		reply.Model = scan.GetString(data, "trace", "promptRouter", "invokedModelId")
		s.end(reply, data)
		reply.Done = s.stopped
	}
	return nil
}

// end tells the finish_reason, where one waits, with what a guardrail found and how the
// answer was served.
func (s *streamState) end(reply *abi.DecodeEventsReply, metadata []byte) {
	if s.finish != "" {
		last := chunk(bare(appendTrace(nil, metadata)), `"`+s.finish+`"`)
		reply.Chunks = append(reply.Chunks, append(appendTier(last[:len(last)-1], metadata), '}'))
		s.finish = ""
	}
}

// bare are members without the comma before them.
func bare(members []byte) []byte { return bytes.TrimPrefix(members, []byte(",")) }

func chunk(delta []byte, finish string) []byte {
	b := append(make([]byte, 0, len(delta)+96), `{"choices":[{"index":0,"delta":{`...)
	b = append(append(b, delta...), `},"finish_reason":`...)
	return append(append(b, finish...), `}]}`...)
}

func (s *streamState) start(reply *abi.DecodeEventsReply, data []byte) {
	use := scan.Get(data, "start", "toolUse")
	id, name := scan.Get(use, "toolUseId"), scan.Get(use, "name")
	if isSearch(use) {
		s.counting = true
		s.searches++
		reply.Usage = &abi.Usage{}
		s.told(reply.Usage)
	}
	if scan.Kind(id) != '"' || scan.Kind(name) != '"' || string(scan.GetText(use, "type")) == "server_tool_use" {
		return
	}
	block, _ := scan.GetInt(data, "contentBlockIndex")
	b := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(len(s.tools)), 10)
	b = append(append(b, `,"id":`...), id...)
	b = append(append(b, `,"type":"function","function":{"name":`...), name...)
	s.tools = append(s.tools, toolBlock{block: block})
	reply.Chunks = append(reply.Chunks, chunk(append(b, `,"arguments":""}}]`...), `null`))
}

// call is the ordinal of the call that a block is, -1 for none.
func (s *streamState) call(data []byte) int {
	block, ok := scan.GetInt(data, "contentBlockIndex")
	for i := len(s.tools) - 1; ok && i >= 0; i-- {
		if s.tools[i].block == block {
			return i
		}
	}
	return -1
}

// told adds the searches to a usage, where they count.
func (s *streamState) told(u *abi.Usage) {
	if n := s.searches; s.counting {
		u.Searches = &n
	}
}

func (s *streamState) delta(reply *abi.DecodeEventsReply, data []byte) {
	scan.Members(scan.Get(data, "delta"), func(kind, v []byte) bool {
		var b []byte
		switch string(kind) {
		case "text":
			if scan.Kind(v) == '"' && len(v) > 2 {
				b = append([]byte(`"content":`), v...)
				block, _ := scan.GetInt(data, "contentBlockIndex")
				s.at.text(block)
			}
		case "citation":
			if scan.Kind(v) == '{' {
				b = append(append([]byte(`"citations":[`), v...), ']')
				if note := s.at.cite(v); note != nil {
					b = append(scan.AppendName(b, "annotations"), scan.CloseArray(note, 0)...)
				}
			}
		case "reasoningContent":
			b = reasoning(v)
		case "toolUse":
			b = s.input(s.call(data), scan.Get(v, "input"))
		}
		if b != nil {
			reply.Chunks = append(reply.Chunks, chunk(b, `null`))
		}
		return true
	})
}

// reasoning: the words are told once, as reasoning_content; the signature ends
// the block that they belong to.
func reasoning(v []byte) []byte {
	if text := scan.Get(v, "text"); scan.Kind(text) == '"' && len(text) > 2 {
		return append([]byte(`"reasoning_content":`), text...)
	}
	if signature := scan.Get(v, "signature"); scan.Kind(signature) == '"' && len(signature) > 2 {
		return append(append([]byte(`"thinking_blocks":[{"type":"thinking","signature":`), signature...), '}', ']')
	}
	if data := scan.Get(v, "redactedContent"); scan.Kind(data) == '"' {
		return append(append([]byte(`"thinking_blocks":[{"type":"redacted_thinking","data":`), data...), '}', ']')
	}
	return nil
}

func (s *streamState) input(call int, fragment []byte) []byte {
	if call < 0 || scan.Kind(fragment) != '"' || len(fragment) == 2 {
		return nil
	}
	s.tools[call].input = true
	b := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(call), 10)
	b = append(append(b, `,"function":{"arguments":`...), fragment...)
	return append(b, `}}]`...)
}

// stop gives a call without input the empty object that it means.
func (s *streamState) stop(reply *abi.DecodeEventsReply, data []byte) {
	if i := s.call(data); i >= 0 && !s.tools[i].input {
		reply.Chunks = append(reply.Chunks, chunk(s.input(i, []byte(`"{}"`)), `null`))
	}
}
