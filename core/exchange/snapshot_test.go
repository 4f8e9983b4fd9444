package exchange_test

import (
	"context"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/pdk/abi"
)

// planner answers one endpoint with its plan, another passed on, and has no more.
type planner struct {
	passthrough
	plan abi.PlanReply
}

func (p planner) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	if r.Endpoint != abi.Messages {
		return p.passthrough.Plan(ctx, r)
	}
	plan := p.plan
	plan.Supported, plan.URL = true, "https://vendor.example"
	return &plan, nil
}

// TestTarget_PassesOn: one plan that needs the plugin is enough.
func TestTarget_PassesOn(t *testing.T) {
	for _, c := range []struct {
		name string
		plan abi.PlanReply
		want bool
	}{
		{"everything", abi.PlanReply{Request: abi.RequestPlan{Mode: abi.Passthrough}, Response: abi.ResponsePlan{Mode: abi.Passthrough}, Stream: abi.StreamPlan{Mode: abi.Passthrough}}, true},
		{"without a mode", abi.PlanReply{}, true},
		{"not the request", abi.PlanReply{Request: abi.RequestPlan{Mode: abi.Transform}}, false},
		{"not the answer", abi.PlanReply{Response: abi.ResponsePlan{Mode: abi.Transform}}, false},
		{"not the stream", abi.PlanReply{Stream: abi.StreamPlan{Mode: abi.Transform}}, false},
		{"it answers itself", abi.PlanReply{Local: true}, false},
	} {
		target, err := exchange.NewTarget(t.Context(), exchange.Target{Deployment: &core.Deployment{Name: "d"}, Credential: &core.Credential{Fields: map[string]string{"api_key": "k"}}}, planner{passthrough{base: "https://vendor.example"}, c.plan})
		if err != nil {
			t.Fatal(err)
		}
		if got := target.PassesOn(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
