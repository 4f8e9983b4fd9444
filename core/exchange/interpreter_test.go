package exchange_test

import (
	"context"
	"fmt"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// interpreter is a provider whose vendor hears each event of the client with a number
// before it, and tells events and asks for messages. It refuses what says so,
// and fails at what does.
type interpreter struct{ passthrough }

func (p interpreter) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	plan, err := p.passthrough.Plan(ctx, r)
	if r.Endpoint == abi.Realtime {
		plan.Request.Mode = abi.Transform
		plan.Realtime = &abi.RealtimePlan{HeardTokens: 8000, SaidTokens: 8000, Transcribes: true, Grows: true}
	}
	return plan, err
}

func (interpreter) Converse(_ context.Context, r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	reply := &abi.ConverseReply{State: r.State}
	each := func(name string, to *[]abi.Raw) {
		scan.Elements(scan.Get(r.Vendor, name), func(_ int, v []byte) bool { *to = append(*to, v); return true })
	}
	switch {
	case r.State == nil:
		reply.State = abi.Raw("0")
		reply.ToClient = []abi.Raw{abi.Raw(`{"type":"session.created","session":{"type":"realtime","model":"vendor-model","max_output_tokens":"inf"}}`)}
	case scan.Get(r.Client, "refuse") != nil, scan.Get(r.Client, "response", "refuse") != nil:
		return nil, core.Invalid("refuse", "refuse cannot be")
	case scan.Get(r.Client, "break") != nil:
		return nil, core.Errorf(core.CodePluginFailed, core.SourcePlugin, "the plugin has failed")
	case r.Client != nil:
		n, _ := scan.Int(r.State)
		reply.State = fmt.Append(nil, n+1)
		reply.ToVendor = []abi.Raw{fmt.Appendf(nil, `{"n":%d,"heard":%s}`, n+1, r.Client)}
	default:
		each("ask", &reply.ToVendor)
		each("tell", &reply.ToClient)
	}
	return reply, nil
}
