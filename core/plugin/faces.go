package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// face is what the typed faces have in common. Their methods' errors are
// *core.Error, safe for the client, or the context's.
type face struct {
	id           string
	plugin       Plugin
	capabilities abi.Capabilities
}

// keptBuffer is the largest input buffer that waits for another call.
const keptBuffer = 256 << 10

var inputs = sync.Pool{New: func() any { return new([]byte) }}

// call encodes the request into a pooled buffer and runs f. The output stands in
// room, which may grow; nil is for one of its own.
func (f *face) call(ctx context.Context, fn abi.Function, room *[]byte, encode func(dst []byte) []byte) ([]byte, error) {
	if room == nil {
		room = new([]byte)
	}
	held := inputs.Get().(*[]byte)
	input := encode((*held)[:0])
	out, err := f.plugin.Call(ctx, fn, input, (*room)[:0])
	if *held = input; cap(input) > keptBuffer {
		*held = nil
	}
	inputs.Put(held)
	if err != nil {
		return nil, f.asError(ctx, fn, err)
	}
	*room = out
	return out, nil
}

// asError turns a plugin's refusal or failure into an error of the gateway.
func (f *face) asError(ctx context.Context, fn abi.Function, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *abi.Error
	if errors.As(err, &refused) && refused.Code != abi.PluginFailed {
		e := core.Errorf(core.Code(refused.Code), core.SourceUpstream, "%s", refused.Message)
		switch refused.Code {
		case abi.InvalidRequest:
			e.Source, e.Param = core.SourceClient, refused.Param
		case abi.ContextWindow, abi.ContentPolicy, abi.RateLimited, abi.UpstreamCredential, abi.UpstreamUnavailable, abi.UpstreamRejected:
		default:
			return f.failed(fn, err)
		}
		return e
	}
	return f.failed(fn, err)
}

func (f *face) failed(fn abi.Function, err error) error {
	return core.Errorf(core.CodePluginFailed, core.SourcePlugin, "the plugin %s failed in %s", f.id, fn).With(err)
}

// broken is failed for a reply that breaks the contract.
func (f *face) broken(fn abi.Function, err error) error {
	if syntax := (*scan.SyntaxError)(nil); errors.As(err, &syntax) {
		err = fmt.Errorf("the reply is not JSON: %w", err)
	}
	return f.failed(fn, &Fault{Plugin: f.id, Function: fn, Kind: FaultContract, Err: err})
}

func newFace(l *Loaded, kind abi.Kind) (*face, error) {
	if l.Manifest.Kind != kind {
		return nil, fmt.Errorf("plugin %s is a %s, not a %s", l.Declaration.ID, l.Manifest.Kind, kind)
	}
	return &face{id: l.Declaration.ID, plugin: l.Plugin, capabilities: l.Manifest.Capabilities}, nil
}

// Provider is a provider plugin. Every reply is checked before it is used.
type Provider struct {
	*face
	has           func(abi.Function) bool
	decodesErrors bool
	// plans holds a planned for each planKey; what Encode gives is held to it.
	plans    sync.Map
	longText bool // it must see long strings
	// local is whether one of the plans is: it saves Encode most look-ups.
	local atomic.Bool
	// base is the address that the plugin is configured with ("base_url"), which its
	// plans are held to where a deployment has none; "" for none.
	base string
}

// planned is what of a plan binds Encode.
type planned struct {
	url   string
	local bool
}

type planKey struct {
	deployment string
	endpoint   abi.Endpoint
	stream     bool
}

// AsProvider gives a loaded provider its face.
func AsProvider(l *Loaded) (*Provider, error) {
	f, err := newFace(l, abi.KindProvider)
	if err != nil {
		return nil, err
	}
	p := &Provider{face: f, has: l.Has, decodesErrors: l.Has(abi.DecodeError), longText: l.Manifest.LongText, base: scan.GetString(l.config, "base_url")}
	if strings.Contains(p.base, "{") { // a deployment's options complete the name of the host
		p.base = ""
	}
	return p, nil
}

// DecodesErrors reports whether the plugin has a DecodeError of its own.
func (p *Provider) DecodesErrors() bool { return p.decodesErrors }

// Plan asks how an endpoint of a deployment is served.
func (p *Provider) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	input, err := json.Marshal(r)
	if err != nil {
		return nil, p.failed(abi.Plan, err)
	}
	out, err := p.call(ctx, abi.Plan, nil, func(dst []byte) []byte { return append(dst, input...) })
	if err != nil {
		return nil, err
	}
	reply := &abi.PlanReply{}
	if err := json.Unmarshal(out, reply); err != nil {
		return nil, p.broken(abi.Plan, err)
	}
	if err := checkPlan(reply, r.Endpoint, cmp.Or(r.Deployment.BaseURL, p.base), p.has); err != nil {
		return nil, p.broken(abi.Plan, err)
	}
	p.plans.Store(planKey{r.Deployment.Name, r.Endpoint, r.Stream}, planned{reply.URL, reply.Local})
	if reply.Local {
		p.local.Store(true)
	}
	return reply, nil
}

// Encode makes the vendor's request. Its URL keeps the scheme and host of the
// plan that Plan gave for the same deployment, endpoint and stream. Its body
// stands in room, which may have to grow; nil is for one of its own.
func (p *Provider) Encode(ctx context.Context, r *abi.EncodeRequest, room *[]byte) (*abi.EncodeReply, error) {
	outside := p.keepOut(r.Body)
	defer outside.free()
	out, err := p.call(ctx, abi.Encode, outside.room(room), func(dst []byte) []byte {
		short := *r
		short.Body = outside.body
		return wire.AppendEncodeRequest(dst, &short)
	})
	if err != nil {
		return nil, outside.hide(err)
	}
	reply := &abi.EncodeReply{}
	if err = putBack(outside, room, out, reply, wire.ReadEncodeReply, wire.ParseEncodeReply); err == nil {
		var plan planned
		if reply.URL != "" || p.local.Load() {
			found, _ := p.plans.Load(planKey{r.Deployment.Name, r.Endpoint, r.Stream})
			plan, _ = found.(planned)
		}
		err = checkEncode(reply, &plan)
	}
	if err != nil {
		return nil, p.broken(abi.Encode, err)
	}
	return reply, nil
}

// Decode reads a whole answer. For room see Encode.
func (p *Provider) Decode(ctx context.Context, r *abi.DecodeRequest, room *[]byte) (*abi.DecodeReply, error) {
	outside := p.keepOut(r.Body)
	defer outside.free()
	out, err := p.call(ctx, abi.Decode, outside.room(room), func(dst []byte) []byte {
		short := *r
		short.Body = outside.body
		return wire.AppendDecodeRequest(dst, &short)
	})
	if err != nil {
		return nil, outside.hide(err)
	}
	reply := &abi.DecodeReply{}
	if err = putBack(outside, room, out, reply, wire.ReadDecodeReply, wire.ParseDecodeReply); err == nil {
		err = checkDecoded(reply)
	}
	if err != nil {
		return nil, p.broken(abi.Decode, err)
	}
	return reply, nil
}

// DecodeEvents reads the events at hand of a stream.
func (p *Provider) DecodeEvents(ctx context.Context, r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	outside, short := p.keepOutOfEvents(r)
	defer outside.free()
	out, err := p.call(ctx, abi.DecodeEvents, nil, func(dst []byte) []byte { return wire.AppendDecodeEventsRequest(dst, short) })
	if err != nil {
		return nil, outside.hide(err)
	}
	reply := &abi.DecodeEventsReply{}
	if err = putBack(outside, nil, out, reply, readEvents, wire.ParseDecodeEventsReply); err == nil {
		err = checkEvents(reply)
	}
	if err != nil {
		return nil, p.broken(abi.DecodeEvents, err)
	}
	return reply, nil
}

// maxDetails is the most of what an error may say beside its message, in bytes.
const maxDetails = 8 << 10

// DecodeError says what a vendor's failure means.
func (p *Provider) DecodeError(ctx context.Context, r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	out, err := p.call(ctx, abi.DecodeError, nil, func(dst []byte) []byte { return wire.AppendDecodeErrorRequest(dst, r) })
	if err != nil {
		return nil, err
	}
	reply := &abi.DecodeErrorReply{}
	if err = scan.Valid(out); err == nil {
		err = wire.ParseDecodeErrorReply(out, reply)
	}
	switch {
	case err != nil:
	case reply.RetryAfterMS < 0:
		err = errors.New("retry_after_ms is negative")
	case reply.Details != nil && (scan.Kind(reply.Details) != '{' || len(reply.Details) > maxDetails):
		err = errors.New("details is no object, or too large")
	}
	if err != nil {
		return nil, p.broken(abi.DecodeError, err)
	}
	return reply, nil
}

// Strategy is a strategy plugin.
type Strategy struct{ *face }

// AsStrategy gives a loaded strategy its face.
func AsStrategy(l *Loaded) (*Strategy, error) {
	f, err := newFace(l, abi.KindStrategy)
	return &Strategy{f}, err
}

// Rank orders candidates.
func (s *Strategy) Rank(ctx context.Context, r *abi.RankRequest) (*abi.RankReply, error) {
	out, err := s.call(ctx, abi.Rank, nil, func(dst []byte) []byte { return wire.AppendRankRequest(dst, r) })
	if err != nil {
		return nil, err
	}
	reply := &abi.RankReply{}
	if err = scan.Valid(out); err == nil {
		if err = wire.ParseRankReply(out, reply); err == nil {
			err = checkRank(reply, len(r.Candidates))
		}
	}
	if err != nil {
		return nil, s.broken(abi.Rank, err)
	}
	return reply, nil
}

// Guardrail is a guardrail plugin.
type Guardrail struct{ *face }

// AsGuardrail gives a loaded guardrail its face.
func AsGuardrail(l *Loaded) (*Guardrail, error) {
	f, err := newFace(l, abi.KindGuardrail)
	return &Guardrail{f}, err
}

// Inspect asks about text.
func (g *Guardrail) Inspect(ctx context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	out, err := g.call(ctx, abi.Inspect, nil, func(dst []byte) []byte { return wire.AppendInspectRequest(dst, r) })
	if err != nil {
		return nil, err
	}
	reply := &abi.InspectReply{}
	if err = scan.Valid(out); err == nil {
		if err = wire.ParseInspectReply(out, reply); err == nil {
			err = checkInspect(reply, r, &g.capabilities)
		}
	}
	if err != nil {
		return nil, g.broken(abi.Inspect, err)
	}
	return reply, nil
}
