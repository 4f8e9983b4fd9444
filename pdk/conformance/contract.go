package conformance

import (
	"context"
	"errors"
	"strings"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// contract asks what the gateway asks, through the faces that the gateway uses.
func (s *suite) contract(ctx context.Context, l *plugin.Loaded) {
	c := s.check("contract")
	var err error
	switch l.Manifest.Kind {
	case abi.KindProvider:
		err = provider(ctx, c, l)
	case abi.KindStrategy:
		err = strategy(ctx, c, l)
	case abi.KindGuardrail:
		err = guardrail(ctx, c, l)
	}
	if err != nil {
		c.fail("%v", err)
	}
}

// judge counts a call. A refusal of the plugin's own is as good as a reply.
func (c *Result) judge(what string, err error) (ok bool) {
	c.Calls++
	var fault *plugin.Fault
	if errors.As(err, &fault) {
		c.fail("%s: %v%s", what, fault, lastWords(fault))
	}
	return err == nil
}

// lastWords is the beginning of what a guest wrote before it failed.
func lastWords(f *plugin.Fault) string {
	line, _, _ := strings.Cut(strings.TrimSpace(f.Stderr), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

func provider(ctx context.Context, c *Result, l *plugin.Loaded) error {
	p, err := plugin.AsProvider(l)
	if err != nil {
		return err
	}
	bodies := corpus[body]("bodies.jsonl")
	supported := false
	for _, d := range deployments(l.Manifest) {
		for _, endpoint := range endpoints {
			for _, stream := range []bool{false, true} {
				if stream && endpoint == abi.Native {
					continue // it is never asked so
				}
				plan, err := p.Plan(ctx, &abi.PlanRequest{Endpoint: endpoint, Stream: stream, Deployment: d})
				if !c.judge("plan for "+string(endpoint)+" of the deployment "+d.Name, err) || !plan.Supported {
					continue
				}
				supported = true
				if plan.Request.Mode != abi.Transform {
					continue
				}
				if endpoint == abi.Realtime {
					converse(ctx, c, p, d)
					continue
				}
				for _, b := range bodies {
					if b.Endpoint != endpoint {
						continue
					}
					_, err := p.Encode(ctx, &abi.EncodeRequest{Endpoint: endpoint, Stream: stream, Deployment: d, Body: b.Body}, nil)
					c.judge("encode of "+short(b.Body), err)
				}
			}
		}
	}
	if !supported {
		c.fail("no plan supports an endpoint")
	}
	return nil
}

// converse opens a session and plays the corpus in it.
func converse(ctx context.Context, c *Result, p *plugin.Provider, d abi.Deployment) {
	var state abi.Raw
	for _, r := range append([]abi.ConverseRequest{{}}, corpus[abi.ConverseRequest]("session.jsonl")...) {
		r.Deployment, r.Session, r.State = d, "exc_1", state
		reply, err := p.Converse(ctx, &r)
		if c.judge("converse", err) {
			state = reply.State
		}
	}
}

func strategy(ctx context.Context, c *Result, l *plugin.Loaded) error {
	s, err := plugin.AsStrategy(l)
	if err != nil {
		return err
	}
	for _, r := range corpus[abi.RankRequest]("rank.jsonl") {
		for seed := range uint64(8) {
			r.Seed += seed
			_, err := s.Rank(ctx, &r)
			c.judge("rank", err)
		}
	}
	return nil
}

func guardrail(ctx context.Context, c *Result, l *plugin.Loaded) error {
	g, err := plugin.AsGuardrail(l)
	if err != nil {
		return err
	}
	for _, r := range corpus[abi.InspectRequest]("inspect.jsonl") {
		reply, err := g.Inspect(ctx, &r)
		if !c.judge("inspect at the stage "+string(r.Stage), err) {
			continue
		}
		r.State, r.Final = reply.State, true
		_, err = g.Inspect(ctx, &r)
		c.judge("inspect at the stage "+string(r.Stage)+" with its state", err)
	}
	return nil
}

// short is a document's beginning, for messages.
func short(b []byte) string {
	const most = 120
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "…"
}
