package responses

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// stream is one call's work on a stream.
type stream struct {
	streamState
	codec *Codec
	reply *abi.DecodeEventsReply
	made  []byte // the chunks of this call
	start int    // where the chunk at hand begins in it
}

// DecodeEvents makes chunks of a response's events. The answer is complete with
// response.completed or response.incomplete; response.failed and error end it as failures.
// https://platform.openai.com/docs/api-reference/responses-streaming
func (c *Codec) DecodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	c.events = abi.DecodeEventsReply{}
	s := stream{streamState: parseState(r.State), codec: c, reply: &c.events}
	room := 0
	for i := range r.Events {
		room += len(r.Events[i].Data) + len(chunkBegin)
	}
	s.made, s.reply.Chunks = c.room(room), c.chunks[:0]
	for i := range r.Events {
		if s.event(&r.Events[i]); s.reply.Error != nil || s.reply.Done {
			break
		}
	}
	c.body, c.chunks = s.made, s.reply.Chunks
	s.reply.State = s.String()
	return s.reply, nil
}

var (
	eventFields = scan.NewNames("type", "output_index", "delta", "item", "response", "logprobs", "annotation")
	eventKinds  = scan.NewNames(
		"response.created", "response.in_progress", "response.queued", "response.output_item.added", "response.content_part.added",
		"response.output_text.delta", "response.output_text.annotation.added", "response.refusal.delta",
		"response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_text.delta",
		"response.function_call_arguments.delta", "response.custom_tool_call_input.delta", "response.output_item.done",
		"response.completed", "response.incomplete", "response.failed", "response.cancelled", "error")
)

// event reads one event; those that only repeat others, and names that nobody knows, mean
// nothing.
func (s *stream) event(e *abi.Event) {
	var typ, index, delta, item, response, logprobs, note []byte
	eventFields.Read(e.Data, nil, &typ, &index, &delta, &item, &response, &logprobs, &note)
	kind := e.Name
	if len(typ) > 2 {
		kind = eventKinds.Word(typ)
	}
	n, _ := scan.Int(index)
	at := place(n + 1)
	switch kind {
	case "response.output_text.delta":
		s.content(at, delta, logprobs)
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		s.reason(at, delta)
	case "response.function_call_arguments.delta":
		s.arguments(at, "function", "arguments", delta)
	case "response.custom_tool_call_input.delta":
		s.arguments(at, "custom", "input", delta)
	case "response.refusal.delta":
		s.text = at
		s.member(`"refusal":`, delta)
	case "response.reasoning_summary_part.added":
		if s.thought == at {
			s.member(reasoning, newParagraph)
		}
	case "response.content_part.added":
		s.from = s.pieces
	case "response.output_text.annotation.added":
		s.annotate(note)
	case "response.output_item.added":
		s.added(at, item)
	case "response.output_item.done":
		s.done(at, item)
	case "response.created":
		s.reply.Model = scan.GetString(response, "model")
	case "response.completed", "response.incomplete":
		s.end(response)
	case "response.failed", "response.cancelled":
		s.reply.Error = s.codec.failure(first(scan.Get(response, "error"), e.Data)) // the latter Perplexity's
		s.reply.Usage = s.codec.count(scan.Get(response, "usage"), s.searches, false)
	case "error":
		s.reply.Error = s.codec.failure(e.Data)
	}
}
