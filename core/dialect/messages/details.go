package messages

import (
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// thoughts writes thinking blocks: those that were OpenRouter's details as such.
func (w *requestWriter) thoughts(list []byte) {
	blocks, details := bridge.SplitThoughts(list)
	if blocks != nil {
		w.raw("thinking_blocks", blocks)
	}
	if details != nil {
		w.raw("reasoning_details", details)
	}
}

// detail writes what OpenRouter says of a thought; the block's end is its signature.
func (s *Stream) detail(dst, d []byte) []byte {
	if !bridge.Carried(d) {
		return dst
	}
	if !s.details.Continues(d) {
		dst = s.close(dst)
	}
	block := s.details.Add(d)
	if scan.GetString(block, "type") == "thinking" { // also where it is a signature alone
		dst = s.to(dst, "thinking")
	}
	return s.thought(dst, block)
}
