package pdk

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

// documents are reused between the calls of one plugin, so that a function
// that is called for every event of a stream stops allocating its input.
type documents struct {
	plan         abi.PlanRequest
	encode       abi.EncodeRequest
	decode       abi.DecodeRequest
	decodeEvents abi.DecodeEventsRequest
	decodeError  abi.DecodeErrorRequest
	converse     abi.ConverseRequest
	rank         abi.RankRequest
	inspect      abi.InspectRequest
}

// Call answers one call; see [Plugin].
func (p *Provider) Call(f abi.Function, dst, input []byte) ([]byte, error) {
	switch f {
	case abi.Describe:
		return describe(dst, p.Manifest, abi.KindProvider, p.functions())
	case abi.Configure:
		return configure(p.Configure, dst, input)
	case abi.Plan:
		return call(f, p.Plan, &p.documents.plan, wire.ParsePlanRequest, wire.AppendPlanReply, dst, input)
	case abi.Encode:
		return call(f, p.Encode, &p.documents.encode, wire.ParseEncodeRequest, wire.AppendEncodeReply, dst, input)
	case abi.Decode:
		return call(f, p.Decode, &p.documents.decode, wire.ParseDecodeRequest, wire.AppendDecodeReply, dst, input)
	case abi.DecodeEvents:
		return call(f, p.DecodeEvents, &p.documents.decodeEvents, wire.ParseDecodeEventsRequest, wire.AppendDecodeEventsReply, dst, input)
	case abi.DecodeError:
		return call(f, p.DecodeError, &p.documents.decodeError, wire.ParseDecodeErrorRequest, wire.AppendDecodeErrorReply, dst, input)
	case abi.Converse:
		return call(f, p.Converse, &p.documents.converse, wire.ParseConverseRequest, wire.AppendConverseReply, dst, input)
	}
	return dst, notImplemented(f)
}

func (p *Provider) functions() []abi.Function {
	list := abi.Required(abi.KindProvider)
	for _, o := range []struct {
		f   abi.Function
		has bool
	}{
		{abi.Encode, p.Encode != nil},
		{abi.Decode, p.Decode != nil},
		{abi.DecodeEvents, p.DecodeEvents != nil},
		{abi.DecodeError, p.DecodeError != nil},
		{abi.Converse, p.Converse != nil},
	} {
		if o.has {
			list = append(list, o.f)
		}
	}
	return list
}

// Call answers one call; see [Plugin].
func (s *Strategy) Call(f abi.Function, dst, input []byte) ([]byte, error) {
	switch f {
	case abi.Describe:
		return describe(dst, s.Manifest, abi.KindStrategy, abi.Required(abi.KindStrategy))
	case abi.Configure:
		return configure(s.Configure, dst, input)
	case abi.Rank:
		return call(f, s.Rank, &s.documents.rank, wire.ParseRankRequest, wire.AppendRankReply, dst, input)
	}
	return dst, notImplemented(f)
}

// Call answers one call; see [Plugin].
func (g *Guardrail) Call(f abi.Function, dst, input []byte) ([]byte, error) {
	switch f {
	case abi.Describe:
		return describe(dst, g.Manifest, abi.KindGuardrail, abi.Required(abi.KindGuardrail))
	case abi.Configure:
		return configure(g.Configure, dst, input)
	case abi.Inspect:
		return call(f, g.Inspect, &g.documents.inspect, wire.ParseInspectRequest, wire.AppendInspectReply, dst, input)
	}
	return dst, notImplemented(f)
}

// describe fills in what the kit knows better than the author.
func describe(dst []byte, m abi.Manifest, kind abi.Kind, functions []abi.Function) ([]byte, error) {
	m.Kind, m.ABI, m.Functions = kind, abi.Version, functions
	return wire.AppendManifest(dst, &m), nil
}

func configure(f func(abi.Raw) []abi.Problem, dst, input []byte) ([]byte, error) {
	var r abi.ConfigureRequest
	if err := wire.ParseConfigureRequest(input, &r); err != nil {
		return dst, badInput(abi.Configure, err)
	}
	if len(r.Config) == 0 {
		r.Config = abi.Raw("{}")
	}
	var reply abi.ConfigureReply
	if f != nil {
		// A plugin may keep its configuration, but the input buffer is reused.
		reply.Problems = f(append(abi.Raw(nil), r.Config...))
	}
	return wire.AppendConfigureReply(dst, &reply), nil
}

func call[Q, R any](f abi.Function, do func(*Q) (*R, error), q *Q, parse func([]byte, *Q) error,
	write func([]byte, *R) []byte, dst, input []byte,
) ([]byte, error) {
	if do == nil {
		return dst, notImplemented(f)
	}
	if err := parse(input, q); err != nil {
		return dst, badInput(f, err)
	}
	r, err := do(q)
	switch {
	case err != nil:
		return dst, err
	case r == nil:
		return dst, &abi.Error{Code: abi.PluginFailed, Message: string(f) + " gave no reply"}
	}
	return write(dst, r), nil
}

func notImplemented(f abi.Function) error {
	return &abi.Error{Code: abi.PluginFailed, Message: string(f) + " is not implemented"}
}

func badInput(f abi.Function, err error) error {
	return &abi.Error{Code: abi.PluginFailed, Message: string(f) + ": input: " + err.Error()}
}
