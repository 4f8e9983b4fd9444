package exchange_test

import (
	"context"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// predictor is a provider whose models draw or embed by the same path.
type predictor struct {
	passthrough
	pictures bool
}

func (p predictor) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	if r.Endpoint != abi.Native {
		return p.passthrough.Plan(ctx, r)
	}
	route := abi.NativeRoute{Path: "/v1/models/{model}:predict", URL: p.base + "/predict", Request: abi.RequestPlan{Mode: abi.Passthrough},
		Usage: abi.UsagePaths{Input: []string{"predictions[].tokens"}}}
	if p.pictures {
		route.Pictures, route.Choices, route.Usage = true, []string{"parameters.sampleCount"}, abi.UsagePaths{Images: []string{"predictions[].bytes"}}
	}
	return &abi.PlanReply{Supported: true, Auth: abi.Auth{Scheme: abi.AuthBearer}, Native: &abi.NativePlan{Routes: []abi.NativeRoute{route}}}, nil
}

// TestNative_Pictures: what is drawn by a vendor's own call is held for by the number that
// is asked for and billed by that which came, whatever else the path serves.
func TestNative_Pictures(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	routes := map[string]*exchange.Route{}
	for alias, price := range map[string]*core.Price{"embeds": rates(t, "input", "1"), "draws": rates(t, "image", "20000")} {
		target, err := exchange.NewTarget(t.Context(), exchange.Target{Deployment: &core.Deployment{Name: alias, Provider: "provider.test", Model: alias + "-1", AllowPrivate: true},
			Price: price, State: new(routing.States).Of(alias), AllowPrivate: true, Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "k"}}},
			predictor{passthrough{base: r.url}, alias == "draws"})
		if err != nil {
			t.Fatal(err)
		}
		routes[alias] = exchange.NewRoute(core.Model{Name: alias}, []*exchange.Target{target}, nil, nil)
	}
	r.exchanger.Swap(&exchange.Snapshot{Routes: routes})
	for _, c := range []struct {
		model, body, answer, budget string
		status                      int
		images, input               int64
		amount                      core.Nano
	}{
		{"draws", `{"instances":[{"prompt":"a"}],"parameters":{"sampleCount":3}}`, `{"predictions":[{"bytes":"QQ=="},{"reason":"no"},{"bytes":"QQ=="}]}`, "0.06", 200, 2, 0, 40_000_000},
		{"draws-1", `{"instances":[{"prompt":"a"}]}`, `{"predictions":[{"bytes":"QQ=="}]}`, "0.08", 200, 1, 0, 20_000_000},
		{"draws", `{"instances":[{"prompt":"a"}]}`, `{}`, "0.07", 402, 0, 0, 0},
		{"draws", `{"instances":[{"prompt":"a"}],"parameters":{"sampleCount":4}}`, `{}`, "0.07", 402, 0, 0, 0},
		{"draws", `{"instances":[{"prompt":"a"}],"parameters":{"samplecount":4}}`, `{}`, "0.07", 400, 0, 0, 0},
		{"draws", `{"instances":[{"prompt":"a"}]}`, `{}`, "", 200, 0, 0, 0},
		{"embeds", `{"instances":[{"content":"a"}]}`, `{"predictions":[{"tokens":2},{"tokens":3}]}`, "0.01", 200, 0, 5, 5_000},
	} {
		r.vendorSaw("application/json", c.answer)
		got, entries := r.askNative(r.key(c.budget, core.Limits{}), "/v1/models/"+c.model+":predict", c.body)
		if got.status != c.status {
			t.Errorf("%s %s: %d %s", c.model, c.body, got.status, got.body.String())
			continue
		}
		if c.status == 200 && (len(entries) != 1 || entries[0].Usage.Images != c.images || entries[0].Usage.Input != c.input || entries[0].Amount != c.amount || entries[0].Unpriced) {
			t.Errorf("%s %s: %+v", c.model, c.body, entries)
		}
	}
}
