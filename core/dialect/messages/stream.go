package messages

import (
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Stream writes canonical chunks as the events of a Messages stream. One block
// is open at a time; what comes for another meanwhile waits until it can have a
// block of its own. https://docs.anthropic.com/en/api/messages-streaming
type Stream struct {
	id, model   string
	inputTokens int64
	begun       bool
	open        string // kind of the open block: "", text, thinking, tool
	index       int    // of the open or next block
	tool        int    // index of the open tool call
	tools       []*toolBlock
	late        []byte // text that came while a tool was open, unescaped
	signature   []byte // of the open thinking block, raw
	choice      []byte // the last choice that had a finish reason
}

type toolBlock struct {
	index    int // of the canonical tool call
	id, name []byte
	waiting  []byte // arguments that have not been sent, unescaped
	begun    bool
}

// NewStream begins a stream. inputTokens is an estimate, corrected by Finish.
func NewStream(id, model string, inputTokens int64) *Stream {
	return &Stream{id: id, model: model, inputTokens: inputTokens}
}

func event(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	return append(dst, '"')
}

func endEvent(dst []byte) []byte { return append(dst, "}\n\n"...) }

func (s *Stream) begin(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	dst = scan.AppendString(append(event(dst, "message_start"), `,"message":{"id":`...), s.id)
	dst = scan.AppendString(append(dst, `,"type":"message","role":"assistant","model":`...), s.model)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":`...)
	dst = strconv.AppendInt(dst, s.inputTokens, 10)
	return endEvent(append(dst, `,"output_tokens":0}}`...))
}

// Chunk appends the events of one canonical chunk. Only the first choice counts:
// the Messages API has no others.
func (s *Stream) Chunk(dst, chunk []byte) ([]byte, error) {
	dst = s.begin(dst)
	scan.Elements(scan.Get(chunk, "choices"), func(_ int, choice []byte) bool {
		if n, _ := scan.GetInt(choice, "index"); n == 0 {
			dst = s.delta(dst, scan.Get(choice, "delta"))
			if scan.GetString(choice, "finish_reason") != "" {
				s.choice = append([]byte(nil), choice...)
			}
		}
		return true
	})
	return dst, nil
}

func (s *Stream) delta(dst, delta []byte) []byte {
	reasoning := scan.Get(delta, "reasoning_content")
	blocks := scan.Get(delta, "thinking_blocks")
	if scan.Len(blocks) == 0 && filled(reasoning) {
		dst = s.think(dst, reasoning)
	}
	scan.Elements(blocks, func(_ int, b []byte) bool {
		dst = s.thought(dst, b, reasoning)
		return true
	})
	for _, name := range [...]string{"content", "refusal"} {
		if text := scan.Get(delta, name); filled(text) {
			dst = s.text(dst, text)
		}
	}
	scan.Elements(scan.Get(delta, "tool_calls"), func(i int, call []byte) bool {
		dst = s.call(dst, call, i)
		return true
	})
	return dst
}

// filled reports whether raw is a string with something in it: empty and null
// members open nothing.
func filled(raw []byte) bool { return scan.Kind(raw) == '"' && len(raw) > 2 }

func (s *Stream) thought(dst, b, reasoning []byte) []byte {
	if scan.GetString(b, "type") == "redacted_thinking" {
		dst = s.close(dst)
		dst = s.start(dst, b)
		return s.stop(dst)
	}
	text := scan.Get(b, "thinking")
	if text == nil {
		text = reasoning
	}
	if filled(text) {
		dst = s.think(dst, text)
	}
	if sig := scan.Get(b, "signature"); filled(sig) {
		if s.open != "thinking" {
			dst = s.openThinking(dst)
		}
		s.signature = append(s.signature[:0], sig...)
		dst = s.close(dst)
	}
	return dst
}

func (s *Stream) openThinking(dst []byte) []byte {
	dst = s.close(dst)
	s.open = "thinking"
	return s.start(dst, []byte(`{"type":"thinking","thinking":"","signature":""}`))
}

func (s *Stream) think(dst, raw []byte) []byte {
	if s.open == "tool" {
		return dst // a thought behind a call has no place in the order that clients expect
	}
	if s.open != "thinking" {
		dst = s.openThinking(dst)
	}
	return s.blockDelta(dst, "thinking_delta", "thinking", raw)
}

func (s *Stream) text(dst, raw []byte) []byte {
	if s.open == "tool" {
		s.late = scan.AppendUnescaped(s.late, raw)
		return dst
	}
	if s.open != "text" {
		dst = s.close(dst)
		s.open = "text"
		dst = s.start(dst, []byte(`{"type":"text","text":""}`))
	}
	return s.blockDelta(dst, "text_delta", "text", raw)
}

func (s *Stream) call(dst, call []byte, position int) []byte {
	index := position
	if n, ok := scan.GetInt(call, "index"); ok {
		index = int(n)
	}
	t := s.block(index)
	if id := scan.Get(call, "id"); filled(id) && t.id == nil {
		t.id = append(t.id, id...)
	}
	if name := scan.Get(call, "function", "name"); filled(name) && t.name == nil {
		t.name = append(t.name, name...)
	}
	if args := scan.Get(call, "function", "arguments"); filled(args) {
		t.waiting = scan.AppendUnescaped(t.waiting, args)
	}
	if s.open == "tool" && s.tool != index || t.name == nil {
		return dst
	}
	return s.send(dst, t)
}

func (s *Stream) block(index int) *toolBlock {
	for _, t := range s.tools {
		if t.index == index {
			return t
		}
	}
	t := &toolBlock{index: index}
	s.tools = append(s.tools, t)
	return t
}

// send opens the tool's block if need be and sends what waits for it.
func (s *Stream) send(dst []byte, t *toolBlock) []byte {
	if !t.begun {
		dst = s.close(dst)
		s.open, s.tool, t.begun = "tool", t.index, true
		if t.id == nil {
			t.id = scan.AppendString(nil, "toolu_"+s.id+"_"+strconv.Itoa(t.index))
		}
		start := append([]byte(`{"type":"tool_use","id":`), t.id...)
		start = append(append(start, `,"name":`...), orEmpty(t.name)...)
		dst = s.start(dst, append(start, `,"input":{}}`...))
	}
	if len(t.waiting) > 0 {
		dst = s.blockDelta(dst, "input_json_delta", "partial_json", scan.AppendString(nil, t.waiting))
		t.waiting = t.waiting[:0]
	}
	return dst
}

func (s *Stream) start(dst, block []byte) []byte {
	dst = strconv.AppendInt(append(event(dst, "content_block_start"), `,"index":`...), int64(s.index), 10)
	return endEvent(append(append(dst, `,"content_block":`...), block...))
}

func (s *Stream) blockDelta(dst []byte, kind, member string, raw []byte) []byte {
	dst = strconv.AppendInt(append(event(dst, "content_block_delta"), `,"index":`...), int64(s.index), 10)
	dst = append(append(append(dst, `,"delta":{"type":"`...), kind...), `","`...)
	dst = append(append(append(dst, member...), `":`...), raw...)
	return endEvent(append(dst, '}'))
}

func (s *Stream) stop(dst []byte) []byte {
	dst = strconv.AppendInt(append(event(dst, "content_block_stop"), `,"index":`...), int64(s.index), 10)
	s.index++
	return endEvent(dst)
}

// close ends the open block, a thinking block with its signature.
func (s *Stream) close(dst []byte) []byte {
	if s.open == "" {
		return dst
	}
	if s.open == "thinking" && len(s.signature) > 0 {
		dst = s.blockDelta(dst, "signature_delta", "signature", s.signature)
		s.signature = s.signature[:0]
	}
	s.open = ""
	return s.stop(dst)
}

// Finish appends what ends the stream: the blocks that waited, the stop reason
// and the true usage.
func (s *Stream) Finish(dst []byte, u core.Usage) ([]byte, error) {
	dst = s.close(s.begin(dst))
	for _, t := range s.tools {
		if !t.begun || len(t.waiting) > 0 {
			dst = s.close(s.send(dst, t))
		}
	}
	if len(s.late) > 0 {
		dst = s.close(s.text(dst, scan.AppendString(nil, s.late)))
	}
	reason, sequence := stopReason(s.choice, len(s.tools) > 0)
	dst = scan.AppendString(append(event(dst, "message_delta"), `,"delta":{"stop_reason":`...), reason)
	dst = append(append(append(dst, `,"stop_sequence":`...), sequence...), `},"usage":`...)
	dst = endEvent(appendUsage(dst, u))
	return endEvent(event(dst, "message_stop")), nil
}
