package dialect

import (
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/dialect/completions"
	"github.com/tokligence/gateway/core/dialect/messages"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Dialect is how the bodies and events of one endpoint look. What one of them has
// of its own stands in the table below, so that whoever carries them needs to know
// none by name.
type Dialect struct {
	// Bridge carries the endpoint over chat; nil when nothing does.
	Bridge bridge.Bridge
	// Event tells what an event of a stream means, by the type that its data says.
	// It is nil where events have no type: a stream of choices, which have a
	// finish_reason, and which ends with [DONE].
	Event func(kind string, data []byte) Mark
	// End is the last event, for a stream of typed events whose vendor sent none.
	End string
	// ID begins the id of an answer whose vendor gave none.
	ID string
	// Object is what an answer says that it is, and Chunk a piece of a stream of choices.
	Object, Chunk string

	anthropic bool // errors are Anthropic's and not OpenAI's
}

// Mark says what an event means for the answer that it belongs to.
type Mark uint8

// The marks; an event has none, one or several.
const (
	Begins Mark = 1 << iota // it is a part of the answer; text in it counts as output
	Usage                   // usage may stand in it
	Stops                   // nothing follows that is generated
	Ends                    // nothing follows at all; it leaves when the exchange is settled
)

var table = map[abi.Endpoint]*Dialect{
	abi.Chat:        {ID: "chatcmpl-", Object: "chat.completion", Chunk: "chat.completion.chunk"},
	abi.Completions: {ID: "cmpl-", Object: "text_completion", Chunk: "text_completion", Bridge: completions.Bridge{}},
	abi.Embeddings:  {Object: "list"},
	abi.Messages: {ID: "msg_", Bridge: messages.Bridge{}, Event: messagesEvent, anthropic: true,
		End: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
	abi.CountTokens: {anthropic: true},
}

var plain = &Dialect{}

// Of is the dialect of an endpoint.
func Of(endpoint abi.Endpoint) *Dialect {
	if d := table[endpoint]; d != nil {
		return d
	}
	return plain
}

// messagesEvent reads Anthropic's events.
// https://docs.anthropic.com/en/api/messages-streaming
func messagesEvent(kind string, data []byte) Mark {
	switch kind {
	case "message_start":
		return Begins | Usage
	case "content_block_delta":
		return Begins
	case "message_delta":
		if !scan.IsNull(scan.Get(data, "delta", "stop_reason")) {
			return Usage | Stops
		}
		return Usage
	case "message_stop":
		return Ends
	}
	return 0
}
