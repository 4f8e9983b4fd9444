package exchange_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_CountedHere: a vendor that does not count tokens is on record as it
// answered, and costs it nothing of its health.
func TestDo_CountedHere(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(404, `{"error":{"message":"no such path"}}`))
	c, entries := r.ask(r.key("", core.Limits{}), abi.CountTokens, hello)
	if c.status != 200 || !strings.HasPrefix(c.body.String(), `{"input_tokens":`) || c.head.Attempts != 1 {
		t.Fatalf("%d %s %+v", c.status, c.body.String(), c.head)
	}
	if len(entries) != 1 || entries[0].Outcome != core.OutcomeOK || entries[0].Amount != 0 {
		t.Fatalf("entries %+v", entries)
	}
	if a := entries[0].Attempts; len(a) != 1 || a[0].Status != 404 || a[0].Error == "" {
		t.Errorf("attempts %+v", a)
	}
	r.answer(whole(200, `{"input_tokens":7}`))
	if c, entries := r.ask(r.key("", core.Limits{}), abi.CountTokens, hello); c.body.String() != `{"input_tokens":7}` || len(entries[0].Attempts) != 1 || entries[0].Attempts[0].Status != 200 {
		t.Errorf("%s %+v", c.body.String(), entries[0].Attempts)
	}
}

// TestDo_StreamAttempts: a stream that comes in one piece counts its one attempt once.
func TestDo_StreamAttempts(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, delta("ok")+finish+done, "Content-Type", "text/event-stream"))
	if c, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream); c.head.Attempts != 1 || len(entries[0].Attempts) != 1 {
		t.Errorf("the head says %d, the ledger %+v", c.head.Attempts, entries[0].Attempts)
	}
}

// painter is a provider of pictures alone.
type painter struct{ passthrough }

func (p painter) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	if r.Endpoint != abi.Images {
		return &abi.PlanReply{}, nil
	}
	r.Endpoint = abi.Chat
	return p.passthrough.Plan(ctx, r)
}

// TestDo_OtherEndpoint: a deployment that does not serve the endpoint is passed
// over, and only a route of nothing else says so.
func TestDo_OtherEndpoint(t *testing.T) {
	r := newRig(t, core.Deployment{Priority: 2}, nil)
	r.answer(whole(200, wholeAnswer))
	only, err := exchange.NewTarget(t.Context(), exchange.Target{Deployment: &core.Deployment{Name: "painter", Priority: 1}, State: new(routing.States).Of("painter"),
		Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "k"}}}, painter{})
	if err != nil {
		t.Fatal(err)
	}
	route := func(targets ...*exchange.Target) {
		r.exchanger.Swap(&exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, targets, nil, nil)}})
	}
	route(only, r.snapshot.Routes["m"].Targets[0])
	if c, _ := r.ask(r.key("", core.Limits{}), abi.Chat, hello); c.status != 200 || c.head.Deployment != "dep" {
		t.Errorf("%d %s", c.status, c.body.String())
	}
	route(only)
	if c, _ := r.ask(r.key("", core.Limits{}), abi.Chat, hello); c.status != 400 || !strings.Contains(c.body.String(), "does not serve this endpoint") {
		t.Errorf("%d %s", c.status, c.body.String())
	}
}
