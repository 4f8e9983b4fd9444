package messages

import (
	"strconv"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// The events of a Messages stream. SSE's event name equals the data's type.

func event(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	return append(dst, '"')
}

func endEvent(dst []byte) []byte { return append(dst, "}\n\n"...) }

// begin writes message_start, once and before anything else.
func (s *Stream) begin(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	dst = scan.AppendString(append(event(dst, "message_start"), `,"message":{"id":`...), s.id)
	dst = scan.AppendString(append(dst, `,"type":"message","role":"assistant","model":`...), s.model)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":`...)
	dst = append(strconv.AppendInt(dst, s.inputTokens, 10), `,"output_tokens":0`...)
	return endEvent(append(appendTier(dst, s.tier), "}}"...))
}

// start writes the start of a block; the caller notes what is open.
func (s *Stream) start(dst, block []byte) []byte {
	dst = strconv.AppendInt(append(event(dst, "content_block_start"), `,"index":`...), int64(s.index), 10)
	return endEvent(append(append(dst, `,"content_block":`...), block...))
}

// blockDelta writes a delta of the open block with one member.
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

// leave writes the extra_content and the citations that no text has come for, on an
// empty one.
func (s *Stream) leave(dst []byte) []byte {
	if s.extra.Has(bridge.Signed, bridge.Done) || len(s.cited.list) > 0 {
		dst = s.close(s.to(s.close(dst), "text"))
	}
	return dst
}

// cite writes the citations at hand if a text is open, else they wait for one.
func (s *Stream) cite(dst []byte) []byte {
	if s.open != "text" {
		return dst
	}
	for _, c := range s.cited.list {
		dst = s.blockDelta(dst, "citations_delta", "citation", c)
	}
	s.cited.list = nil
	return dst
}

// close ends the open block, if there is one.
func (s *Stream) close(dst []byte) []byte {
	switch s.open {
	case "":
		return dst
	case "text":
		dst = s.cite(dst)
	case "thinking":
		if signature := s.details.End(); signature != nil {
			dst = s.blockDelta(dst, "signature_delta", "signature", signature)
		}
	case "tool":
		s.tool.Ended, s.tool = true, nil
	}
	s.open = ""
	return s.stop(dst)
}
