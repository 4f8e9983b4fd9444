package anthropic

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/codec/claude"
)

// memory is what replies are built in. One call follows the other, and a reply
// is written before the next one (see [pdk.Plugin]), so what the last call has
// made serves again: making and collecting it is a tenth of a call in a guest.
type memory struct {
	body, messages, system, tools, arguments []byte

	called [][]byte
	chunks []abi.Raw

	deployment abi.Raw // of which the next two are
	options    options
	family     *claude.Family

	chat     chat
	dialogue dialogue
	encoded  abi.EncodeReply
	decoded  abi.DecodeReply
	events   abi.DecodeEventsReply
	usage    usage
}

// keepBytes is the largest body whose buffers are kept for the next call.
const keepBytes = 1 << 20

// room is the empty body with room for n bytes.
func (m *memory) room(n int) []byte {
	if cap(m.body) > keepBytes {
		*m = memory{}
	}
	m.body = slices.Grow(m.body[:0], n)
	return m.body
}
