package dialect

import (
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/dialect/completions"
	"github.com/tokligence/gateway/core/dialect/messages"
	"github.com/tokligence/gateway/core/dialect/responses"
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
	// Native makes a request fit for a vendor that speaks the dialect; nil where it is
	// as it comes.
	Native func(body []byte) ([]byte, error)
	// Own gives what a vendor answered, or an event of it, the gateway's own id; nil
	// where ids name nothing that can be found again.
	Own func(doc []byte, a *bridge.Answer) []byte
	// Fail ends a stream with an error; nil where an error is one event with the body
	// that it has elsewhere. sequence counts the events before it.
	Fail func(dst []byte, a *bridge.Answer, e *core.Error, code string, sequence int64) []byte
	// ID begins the id of an answer whose vendor gave none.
	ID string
	// Object is what an answer says that it is, and Chunk a piece of a stream of choices.
	Object, Chunk string
	// Stamps are the members of a whole answer that a provider plugin may leave to the
	// host: id, object, created, model and usage.
	Stamps []string

	usage     func(dst []byte, u core.Usage) []byte // nil: as chat
	anthropic bool                                  // errors are Anthropic's and not OpenAI's
}

// Mark says what an event means for the answer that it belongs to.
type Mark uint8

// The marks; an event has none, one or several.
const (
	Begins  Mark = 1 << iota // it is a part of the answer; text in it counts as output
	Usage                    // usage may stand in it
	Stops                    // nothing follows that is generated
	Ends                     // nothing follows at all; it leaves when the exchange is settled
	Repeats                  // its text is that of earlier events once more
	Fails                    // the vendor tells of an error, in the event or its response
	Adds                     // its usage is of what it carries, and adds to that of earlier events
)

var chatStamps = []string{"id", "object", "created", "model", "usage"}

var table = map[abi.Endpoint]*Dialect{
	abi.Chat:        {ID: "chatcmpl-", Object: "chat.completion", Chunk: "chat.completion.chunk", Stamps: chatStamps},
	abi.Completions: {ID: "cmpl-", Object: "text_completion", Chunk: "text_completion", Stamps: chatStamps, Bridge: completions.Bridge{}},
	abi.Responses:   {ID: responses.IDPrefix, Bridge: responses.Bridge{}, Event: responsesEvent, Native: responses.Native, Own: responses.Own, Fail: responses.Failed},
	abi.Embeddings:  {Object: "list", Stamps: []string{"object", "model", "usage"}, usage: vectorUsage},
	abi.Rerank:      {ID: "rerank-", Stamps: []string{"id"}},
	abi.Moderations: {ID: "modr-", Stamps: []string{"id", "model"}},
	abi.Messages: {ID: "msg_", Bridge: messages.Bridge{}, Event: messagesEvent, Native: messages.Native, anthropic: true,
		End: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
	abi.CountTokens: {anthropic: true},
	abi.Images:      images, abi.ImageEdits: images, abi.ImageVariations: images,
	abi.Speech: {Event: soundEvent}, abi.Transcriptions: {Event: soundEvent}, abi.Translations: {Event: soundEvent},
}

var images = &Dialect{Event: imageEvent, Stamps: []string{"created", "usage"}, usage: imageUsage}

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

// responsesEvent reads OpenAI's. What is done repeats what came before; a response
// that has failed is an error.
// https://platform.openai.com/docs/api-reference/responses-streaming
func responsesEvent(kind string, _ []byte) Mark {
	switch kind {
	case "response.completed", "response.incomplete":
		return Begins | Repeats | Usage | Ends
	case "response.failed", "response.cancelled":
		return Usage | Fails
	case "error":
		return Fails
	case "response.created", "response.in_progress", "response.queued", "keepalive":
		return 0
	}
	if strings.HasSuffix(kind, ".done") {
		return Begins | Repeats
	}
	return Begins
}

// soundEvent reads the events of speech and of transcripts.
// https://platform.openai.com/docs/api-reference/audio
func soundEvent(kind string, _ []byte) Mark {
	switch kind {
	case "speech.audio.delta", "transcript.text.delta", "transcript.text.segment":
		return Begins
	case "speech.audio.done", "transcript.text.done":
		return Begins | Usage | Stops | Ends
	}
	return 0
}

// imageEvent reads the events of pictures. With each that is whole the answer may
// be so, and another may follow: only the end of the stream tells. Each has one
// picture, and output_tokens of its usage is "the number of image tokens in the output
// image": what several pictures cost is the sum.
// https://platform.openai.com/docs/api-reference/images-streaming
func imageEvent(kind string, _ []byte) Mark {
	switch kind {
	case "image_generation.partial_image", "image_edit.partial_image":
		return Begins
	case "image_generation.completed", "image_edit.completed":
		return Begins | Usage | Adds | Stops
	}
	return 0
}
