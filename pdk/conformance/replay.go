package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// call is one raw call and what came of it.
type call struct {
	check    *Result
	function abi.Function
	input    []byte
	// sane says that the input is valid JSON: the reply must be what it should be.
	sane bool

	output []byte
	err    error
}

// replay makes all raw calls on one instance, and again in the opposite order on another.
func (s *suite) replay(ctx context.Context, one *plugin.Loaded) {
	limits, hostile, purity, log := s.check("limits"), s.check("hostile"), s.check("purity"), s.check("log")
	defer func() { s.log.judge(log) }()
	var calls []*call
	for _, f := range asked(one) {
		documents := inputs(f, one.Manifest)
		for _, in := range documents {
			calls = append(calls, &call{check: hostile, function: f, input: in, sane: true})
		}
		calls = append(calls, extremes(limits, f, documents[0])...)
		calls = append(calls, attacks(hostile, f, documents)...)
	}
	for _, c := range calls {
		if !c.run(ctx, one.Plugin) {
			return
		}
	}
	// Another loader, because one shares instances between equal declarations.
	two, err := s.loader().Load(ctx, s.target.Declaration)
	if err != nil {
		purity.fail("%v", err)
		return
	}
	defer two.Release()
	for _, c := range slices.Backward(calls) {
		if !c.again(ctx, two.Plugin, purity) {
			return
		}
	}
	stream(ctx, purity, one, two)
	session(ctx, purity, one.Manifest, one, two)
}

// asked are the functions that are called once a plugin is configured.
func asked(l *plugin.Loaded) (list []abi.Function) {
	byKind := map[abi.Kind][]abi.Function{
		abi.KindProvider:  {abi.Plan, abi.Encode, abi.Decode, abi.DecodeEvents, abi.DecodeError, abi.Converse},
		abi.KindStrategy:  {abi.Rank},
		abi.KindGuardrail: {abi.Inspect},
	}
	for _, f := range byKind[l.Manifest.Kind] {
		if l.Has(f) {
			list = append(list, f)
		}
	}
	return list
}

// run makes the call and judges it. false ends the check: the plugin has failed
// so often that it is left alone.
func (c *call) run(ctx context.Context, p plugin.Plugin) (goOn bool) {
	c.check.Calls++
	c.output, c.err = p.Call(ctx, c.function, c.input, nil)
	var fault *plugin.Fault
	var refusal *abi.Error
	switch {
	case errors.As(c.err, &fault) && (fault.Kind == plugin.FaultBreaker || fault.Kind == plugin.FaultCanceled):
		c.check.fail("the other calls were not made: %v", fault)
		return false
	case errors.As(c.err, &fault) && fault.Kind == plugin.FaultOutput && !c.sane:
	case errors.As(c.err, &fault):
		c.check.fail("%s of %s: %v%s", c.function, short(c.input), fault, lastWords(fault))
	case errors.As(c.err, &refusal):
		if refusal.Code == "" || refusal.Message == "" {
			c.check.fail("%s of %s: an error needs a code and a message", c.function, short(c.input))
		}
	case c.sane:
		if err := read(c.function, c.output); err != nil {
			c.check.fail("%s of %s: the reply %s: %v", c.function, short(c.input), short(c.output), err)
		}
	}
	return true
}

// again makes the call on another instance and compares.
func (c *call) again(ctx context.Context, p plugin.Plugin, purity *Result) (goOn bool) {
	var fault *plugin.Fault
	if errors.As(c.err, &fault) {
		return true
	}
	purity.Calls++
	output, err := p.Call(ctx, c.function, c.input, nil)
	if errors.As(err, &fault) && (fault.Kind == plugin.FaultBreaker || fault.Kind == plugin.FaultCanceled) {
		purity.fail("the other calls were not made: %v", fault)
		return false
	}
	first, second := said(c.output, c.err), said(output, err)
	if first != second {
		purity.fail("%s of %s: one instance said\n        %s\n    another, after other calls,\n        %s", c.function, short(c.input), short([]byte(first)), short([]byte(second)))
	}
	return true
}

func said(output []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(output)
}

// read reports whether b is the document that f answers with.
func read(f abi.Function, b []byte) error {
	if err := scan.Valid(b); err != nil {
		return err
	}
	switch f {
	case abi.Plan:
		return json.Unmarshal(b, new(abi.PlanReply))
	case abi.Encode:
		return wire.ParseEncodeReply(b, new(abi.EncodeReply))
	case abi.Decode:
		return wire.ParseDecodeReply(b, new(abi.DecodeReply))
	case abi.DecodeEvents:
		return wire.ParseDecodeEventsReply(b, new(abi.DecodeEventsReply))
	case abi.DecodeError:
		return wire.ParseDecodeErrorReply(b, new(abi.DecodeErrorReply))
	case abi.Converse:
		return wire.ParseConverseReply(b, new(abi.ConverseReply))
	case abi.Rank:
		return wire.ParseRankReply(b, new(abi.RankReply))
	case abi.Inspect:
		return wire.ParseInspectReply(b, new(abi.InspectReply))
	}
	return fmt.Errorf("%s is not a function that this kit knows", f)
}

// inputs are sound documents for f; the first is the most ordinary one.
func inputs(f abi.Function, m *abi.Manifest) (list [][]byte) {
	d := deployments(m)[0]
	switch f {
	case abi.Plan:
		for _, e := range endpoints {
			b, err := json.Marshal(abi.PlanRequest{Endpoint: e, Deployment: d})
			if err != nil {
				panic(err)
			}
			list = append(list, b)
		}
	case abi.Encode:
		for _, b := range corpus[body]("bodies.jsonl") {
			list = append(list, wire.AppendEncodeRequest(nil, &abi.EncodeRequest{Endpoint: b.Endpoint, Deployment: d, Body: b.Body}))
		}
	case abi.Decode:
		for _, b := range corpus[abi.Raw]("answers.jsonl") {
			list = append(list, wire.AppendDecodeRequest(nil, &abi.DecodeRequest{Endpoint: abi.Chat, Deployment: d, Status: 200, Body: b}))
		}
	case abi.DecodeError:
		for _, status := range []int{429, 400, 599} {
			for _, b := range corpus[abi.Raw]("answers.jsonl") {
				list = append(list, wire.AppendDecodeErrorRequest(nil, &abi.DecodeErrorRequest{Status: status, Body: b}))
			}
		}
	case abi.DecodeEvents:
		events := corpus[abi.Event]("events.jsonl")
		for i := range events {
			list = append(list, wire.AppendDecodeEventsRequest(nil, &abi.DecodeEventsRequest{Endpoint: abi.Chat, Events: events[i : i+1]}))
		}
		list = append(list,
			wire.AppendDecodeEventsRequest(nil, &abi.DecodeEventsRequest{Endpoint: abi.Chat, Events: events, End: true}),
			wire.AppendDecodeEventsRequest(nil, &abi.DecodeEventsRequest{Endpoint: abi.Chat, State: "\x00 not of this plugin", Events: events}),
			wire.AppendDecodeEventsRequest(nil, &abi.DecodeEventsRequest{Endpoint: abi.Chat, End: true}))
	case abi.Converse:
		list = append(list, wire.AppendConverseRequest(nil, &abi.ConverseRequest{Deployment: d, Session: "exc_1"}))
		for _, r := range corpus[abi.ConverseRequest]("session.jsonl") {
			r.Deployment, r.Session = d, "exc_1"
			list = append(list, wire.AppendConverseRequest(nil, &r))
			r.State = abi.Raw(`["not of this plugin"]`)
			list = append(list, wire.AppendConverseRequest(nil, &r))
		}
	case abi.Rank:
		for _, r := range corpus[abi.RankRequest]("rank.jsonl") {
			list = append(list, wire.AppendRankRequest(nil, &r))
		}
	case abi.Inspect:
		for _, r := range corpus[abi.InspectRequest]("inspect.jsonl") {
			list = append(list, wire.AppendInspectRequest(nil, &r))
		}
	}
	return list
}

// extremes are inputs at the edges of size.
func extremes(check *Result, f abi.Function, ordinary []byte) []*call {
	const longText, depth, count = 256 << 10, scan.MaxDepth - 16, 5000
	long := append(append([]byte(`"`), bytes.Repeat([]byte("long "), longText/5)...), '"')
	deep := append(bytes.Repeat([]byte("["), depth), bytes.Repeat([]byte("]"), depth)...)
	many := append(append([]byte("["), bytes.Repeat([]byte(`{"role":"user","content":"x"},`), count)...), "{}]"...)
	list := []*call{{check: check, function: f}, {check: check, function: f, input: []byte(" ")}}
	for _, v := range [][]byte{long, deep, many} {
		for _, key := range []string{"body", "state", "model", "segments", "candidates", "events", "unknown"} {
			list = append(list, &call{check: check, function: f, sane: true, input: scan.Apply(nil, ordinary, []scan.Edit{{Key: key, Value: v}})})
		}
	}
	if f == abi.Encode {
		for _, v := range [][]byte{long, deep, many} {
			b := fmt.Appendf(nil, `{"model":"m","messages":%s,"tools":%s}`, v, v)
			list = append(list, &call{check: check, function: f, sane: true, input: scan.Apply(nil, ordinary, []scan.Edit{{Key: "body", Value: b}})})
			b = fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":%s}]}`, v)
			list = append(list, &call{check: check, function: f, sane: true, input: scan.Apply(nil, ordinary, []scan.Edit{{Key: "body", Value: b}})})
		}
	}
	return list
}
