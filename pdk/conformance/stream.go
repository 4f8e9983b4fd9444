package conformance

import (
	"context"
	"fmt"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// stream plays the corpus as one stream, event by event with the state that came
// back, on one instance and again on two in turn: any instance may get the next
// events.
func stream(ctx context.Context, purity *Result, one, two *plugin.Loaded) {
	if !one.Has(abi.DecodeEvents) {
		return
	}
	events := corpus[abi.Event]("events.jsonl")
	alone := playStream(ctx, purity, events, one)
	inTurn := playStream(ctx, purity, events, one, two)
	for i := range min(len(alone), len(inTurn)) {
		if alone[i] != inTurn[i] {
			purity.fail("decode_events of a stream's event %s: one instance with all events said\n        %s\n    two in turn\n        %s",
				short(events[i].Data), short([]byte(alone[i])), short([]byte(inTurn[i])))
			return
		}
	}
}

// session plays the corpus as one realtime session, as stream does.
func session(ctx context.Context, purity *Result, m *abi.Manifest, one, two *plugin.Loaded) {
	if !one.Has(abi.Converse) {
		return
	}
	alone := playSession(ctx, purity, m, one)
	inTurn := playSession(ctx, purity, m, one, two)
	for i := range min(len(alone), len(inTurn)) {
		if alone[i] != inTurn[i] {
			purity.fail("converse of a session's message %d: one instance with all messages said\n        %s\n    two in turn\n        %s",
				i, short([]byte(alone[i])), short([]byte(inTurn[i])))
			return
		}
	}
}

// playSession opens a session and gives its messages to the plugins in turn. What is
// refused leaves the state as it was.
func playSession(ctx context.Context, c *Result, m *abi.Manifest, plugins ...*plugin.Loaded) (said []string) {
	messages := append([]abi.ConverseRequest{{}}, corpus[abi.ConverseRequest]("session.jsonl")...)
	var state abi.Raw
	for i := range messages {
		c.Calls++
		r := &messages[i]
		r.Deployment, r.Session, r.State = deployments(m)[0], "exc_1", state
		out, err := plugins[i%len(plugins)].Plugin.Call(ctx, abi.Converse, wire.AppendConverseRequest(nil, r), nil)
		if err != nil {
			said = append(said, fmt.Sprint(err))
			continue
		}
		said = append(said, string(out))
		var reply abi.ConverseReply
		if wire.ParseConverseReply(out, &reply) != nil { // told of by the other checks
			return said
		}
		state = reply.State
	}
	return said
}

// playStream gives the events to the plugins in turn and returns what each
// said. It ends with the first failure: the gateway would end the exchange.
func playStream(ctx context.Context, c *Result, events []abi.Event, plugins ...*plugin.Loaded) (said []string) {
	state := ""
	for i := range events {
		c.Calls++
		in := wire.AppendDecodeEventsRequest(nil, &abi.DecodeEventsRequest{
			Endpoint: abi.Chat, State: state, Events: events[i : i+1], End: i == len(events)-1,
		})
		out, err := plugins[i%len(plugins)].Plugin.Call(ctx, abi.DecodeEvents, in, nil)
		if err != nil {
			return append(said, fmt.Sprint(err))
		}
		said = append(said, string(out))
		var reply abi.DecodeEventsReply
		if wire.ParseDecodeEventsReply(out, &reply) != nil { // told of by the other checks
			return said
		}
		state = reply.State
	}
	return said
}
