package anthropic

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// streamState is what a stream must remember.
type streamState struct {
	tools   []toolBlock // in the order of their calls
	hour    int64       // 1 h cache writes
	stopped bool        // a stop_reason has come
	search  bool        // the model may search the web, and what follows is kept
	at      place
	// The open block of Anthropic's own tools, and its input so far: raw, without quotes.
	server, serverInput string

	text   []byte // the chunks of this call
	from   int    // where the chunk at hand begins in it
	counts *usage // what the reply's usage is counted in
}

// toolBlock is a content block that is a call.
type toolBlock struct {
	block int64 // index among the content blocks
	input bool  // some of its input has come
}

// parseState reads what String wrote. The first line has words with a comma
// after each: "w" and the place where the model may search, per call the block and "i" for input,
// "h" and the 1 h writes, "s" once stopped. The second has the pages that the
// open text cites, the third is the input of a server tool, the rest its block.
func parseState(text string) (s streamState) {
	if text == "" {
		return s
	}
	words, rest, _ := strings.Cut(text, "\n")
	pages, rest, _ := strings.Cut(rest, "\n")
	s.at.pages = []byte(pages)
	s.serverInput, s.server, _ = strings.Cut(rest, "\n")
	for words != "" {
		var word string
		word, words, _ = strings.Cut(words, ",")
		if hour, ok := strings.CutPrefix(word, "h"); ok {
			s.hour, _ = strconv.ParseInt(hour, 10, 64)
			continue
		}
		digits, input := strings.CutSuffix(word, "i")
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			s.tools = append(s.tools, toolBlock{n, input})
		}
		s.stopped = s.stopped || word == "s"
		if at, ok := strings.CutPrefix(word, "w"); ok {
			s.search = true
			from, pieces, _ := strings.Cut(at, ".")
			s.at.from, _ = strconv.ParseInt(from, 10, 64)
			s.at.pieces, _ = strconv.ParseInt(pieces, 10, 64)
		}
	}
	return s
}

// searching is the state of a stream whose model may search.
const searching = "w0.0,"

func (s *streamState) String() string {
	var b []byte
	if s.search {
		b = append(strconv.AppendInt(append(b, 'w'), s.at.from, 10), '.')
		b = append(strconv.AppendInt(b, s.at.pieces, 10), ',')
	}
	for _, t := range s.tools {
		b = strconv.AppendInt(b, t.block, 10)
		if t.input {
			b = append(b, 'i')
		}
		b = append(b, ',')
	}
	if s.hour > 0 {
		b = append(strconv.AppendInt(append(b, 'h'), s.hour, 10), ',')
	}
	if s.stopped {
		b = append(b, 's', ',')
	}
	if s.server != "" || len(s.at.pages) > 0 {
		b = append(append(append(b, '\n'), s.at.pages...), '\n')
		b = append(append(append(b, s.serverInput...), '\n'), s.server...)
	}
	return string(b)
}

// decodeEvents: the answer is complete with message_stop, or with the end of the
// stream after a stop_reason.
func (m *memory) decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	s, reply := parseState(r.State), &m.events
	s.counts, *reply = &m.usage, abi.DecodeEventsReply{}
	room := 0
	for i := range r.Events {
		room += len(r.Events[i].Data) + len(chunkBegin)
	}
	s.text, reply.Chunks = m.room(room), m.chunks[:0]
	for i := range r.Events {
		if s.event(reply, &r.Events[i]); reply.Error != nil {
			break
		}
	}
	m.body, m.chunks = s.text, reply.Chunks
	reply.State = s.String()
	reply.Done = reply.Error == nil && (reply.Done || r.End && s.stopped)
	return reply, nil
}

var (
	eventFields = scan.NewNames("type", "index", "delta", "message", "usage")
	eventKinds  = scan.NewNames("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "error")
)

// event reads one event; ping and names that nobody knows mean nothing.
func (s *streamState) event(reply *abi.DecodeEventsReply, e *abi.Event) {
	var typ, index, delta, message, counts []byte
	eventFields.Read(e.Data, nil, &typ, &index, &delta, &message, &counts)
	kind := e.Name
	if len(typ) > 2 {
		kind = eventKinds.Word(typ)
	}
	switch kind {
	case "message_start":
		reply.Model = scan.GetString(message, "model")
		s.usage(reply, scan.Get(message, "usage"))
		if u := reply.Usage; s.search && u != nil && u.Searches == nil { // what is not told later was not done
			u.Searches = new(int64)
		}
		s.begin(reply, scan.Get(message, "usage"))
	case "content_block_start":
		s.start(reply, index, scan.Get(e.Data, "content_block"))
	case "content_block_delta":
		s.delta(reply, index, delta)
	case "content_block_stop":
		s.stop(reply, index)
	case "message_delta":
		s.usage(reply, counts)
		s.finish(reply, delta)
	case "message_stop":
		reply.Done = true
	case "error":
		reply.Error = streamError(e.Data)
	}
}

// usage: what an event names replaces what one before it said.
func (s *streamState) usage(reply *abi.DecodeEventsReply, raw []byte) {
	if scan.Kind(raw) != '{' {
		return
	}
	if reply.Usage == nil {
		s.counts.Usage = abi.Usage{}
		reply.Usage = &s.counts.Usage
	}
	s.hour = s.counts.read(raw, s.hour)
}

const (
	chunkBegin = `{"choices":[{"index":0,"delta":{`
	chunkEnd   = `},"finish_reason":null}]}`
)

// chunk begins a chunk: the members of its delta are appended, and say ends it.
func (s *streamState) chunk() []byte {
	s.from = len(s.text)
	return append(s.text, chunkBegin...)
}

func (s *streamState) say(reply *abi.DecodeEventsReply, b []byte) {
	s.text = append(b, chunkEnd...)
	reply.Chunks = append(reply.Chunks, s.text[s.from:len(s.text):len(s.text)])
}

// begin says the role, and as what the answer is served.
func (s *streamState) begin(reply *abi.DecodeEventsReply, usage []byte) {
	b := append(s.chunk(), `"role":"assistant","content":""`...)
	b = append(b, chunkEnd[:len(chunkEnd)-1]...)
	s.text = append(appendTier(b, usage), '}')
	reply.Chunks = append(reply.Chunks, s.text[s.from:len(s.text):len(s.text)])
}

func (s *streamState) finish(reply *abi.DecodeEventsReply, delta []byte) {
	reason := scan.Get(delta, "stop_reason")
	if len(reason) <= 2 || scan.Kind(reason) != '"' || s.stopped {
		return
	}
	s.stopped = true
	if why := scan.Get(delta, "stop_details", "explanation"); isRefusal(reason) {
		s.sayText(reply, `"refusal":`, why)
	}
	b := append([]byte(`{"choices":[{"index":0,"delta":{},"finish_reason":"`), finishReason(reason, len(s.tools) > 0)...)
	b = appendStopSequence(append(b, '"'), scan.Get(delta, "stop_sequence"))
	reply.Chunks = append(reply.Chunks, append(b, `}]}`...))
}

func (s *streamState) start(reply *abi.DecodeEventsReply, index, block []byte) {
	switch kind := scan.GetString(block, "type"); {
	case kind == "tool_use":
		s.startCall(reply, index, block)
	case kind == "server_tool_use":
		s.server, s.serverInput = string(block), ""
	case isServerBlock([]byte(kind)):
		s.say(reply, appendExtra(s.chunk(), block))
	case kind == "redacted_thinking":
		if data := scan.Get(block, "data"); scan.Kind(data) == '"' {
			s.say(reply, append(append(append(s.chunk(), `"thinking_blocks":[{"type":"redacted_thinking","data":`...), data...), '}', ']'))
		}
	case kind == "text":
		s.sayText(reply, contentMember, scan.Get(block, "text")) // "" by rule, but not with every server
	case kind == "thinking":
		s.sayText(reply, `"reasoning_content":`, scan.Get(block, "thinking"))
	}
}

const contentMember = `"content":`

func (s *streamState) sayText(reply *abi.DecodeEventsReply, member string, text []byte) {
	if scan.Kind(text) == '"' && len(text) > 2 {
		if member == contentMember {
			s.at.text(text)
		}
		s.say(reply, wrapped(s.chunk(), member, text, ""))
	}
}

// startCall numbers calls by their own order, not by that of the blocks.
func (s *streamState) startCall(reply *abi.DecodeEventsReply, index, block []byte) {
	id, name, input := scan.Get(block, "id"), scan.Get(block, "name"), scan.Get(block, "input")
	if scan.Kind(id) != '"' || scan.Kind(name) != '"' {
		return
	}
	number, _ := scan.Int(index)
	b := strconv.AppendInt(append(s.chunk(), `"tool_calls":[{"index":`...), int64(len(s.tools)), 10)
	b = append(append(b, `,"id":`...), id...)
	b = append(append(b, `,"type":"function","function":{"name":`...), name...)
	s.tools = append(s.tools, toolBlock{block: number})
	s.say(reply, append(b, `,"arguments":""}}]`...))
	empty := true
	scan.Members(input, func(_, _ []byte) bool { empty = false; return false })
	if !empty { // some servers send the whole input here
		s.input(reply, len(s.tools)-1, scan.AppendString(nil, input))
	}
}

// call is the ordinal of the call that the block of the index is, -1 for none.
func (s *streamState) call(index []byte) int {
	number, ok := scan.Int(index)
	for i := len(s.tools) - 1; ok && i >= 0; i-- {
		if s.tools[i].block == number {
			return i
		}
	}
	return -1
}

var (
	deltaFields = scan.NewNames("type", "text")
	deltaKinds  = scan.NewNames("text_delta", "thinking_delta", "signature_delta", "citations_delta", "input_json_delta")
)

func (s *streamState) delta(reply *abi.DecodeEventsReply, index, delta []byte) {
	var kind, text []byte
	deltaFields.Read(delta, nil, &kind, &text)
	switch deltaKinds.Word(kind) {
	case "text_delta":
		s.sayText(reply, contentMember, text)
	case "thinking_delta":
		s.sayText(reply, `"reasoning_content":`, scan.Get(delta, "thinking"))
	case "signature_delta": // ends the block whose words have been told as reasoning_content
		if v := scan.Get(delta, "signature"); scan.Kind(v) == '"' && len(v) > 2 {
			s.say(reply, append(append(append(s.chunk(), `"thinking_blocks":[{"type":"thinking","signature":`...), v...), '}', ']'))
		}
	case "citations_delta":
		if v := scan.Get(delta, "citation"); scan.Kind(v) == '{' {
			s.say(reply, append(append(append(s.chunk(), `"citations":[`...), v...), ']'))
			if s.search {
				s.at.cite(v)
			}
		}
	case "input_json_delta":
		fragment := scan.Get(delta, "partial_json")
		if i := s.call(index); i >= 0 {
			s.input(reply, i, fragment)
		} else if s.server != "" && scan.Kind(fragment) == '"' {
			s.serverInput += string(fragment[1 : len(fragment)-1])
		}
	}
}

func (s *streamState) input(reply *abi.DecodeEventsReply, call int, fragment []byte) {
	if scan.Kind(fragment) != '"' || len(fragment) == 2 {
		return
	}
	s.tools[call].input = true
	b := strconv.AppendInt(append(s.chunk(), `"tool_calls":[{"index":`...), int64(call), 10)
	b = append(append(b, `,"function":{"arguments":`...), fragment...)
	s.say(reply, append(b, `}}]`...))
}

// stop gives a call without input the empty object that it means, and tells of
// the use of a server tool when it is whole.
func (s *streamState) stop(reply *abi.DecodeEventsReply, index []byte) {
	if i := s.call(index); i >= 0 {
		if !s.tools[i].input {
			s.input(reply, i, []byte(`"{}"`))
		}
		return
	}
	if notes := s.at.close(nil); notes != nil {
		s.say(reply, wrapped(s.chunk(), `"annotations":[`, notes[1:], "]"))
	}
	if s.server == "" {
		return
	}
	block := []byte(s.server)
	if input := scan.AppendUnescaped(nil, []byte(`"`+s.serverInput+`"`)); scan.Kind(input) == '{' && scan.Valid(input) == nil {
		block = scan.Apply(nil, block, []scan.Edit{{Key: "input", Value: input}})
	}
	s.server, s.serverInput = "", ""
	s.say(reply, appendExtra(s.chunk(), block))
}
