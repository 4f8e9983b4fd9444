package main

import (
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// BenchmarkPlan: a plan is asked for twice an endpoint when a configuration loads.
func BenchmarkPlan(b *testing.B) {
	p := New()
	p.Configure(abi.Raw(`{"base_url":"https://a.example","variants":[{"when":{"models":["x*"]},"then":{"endpoints":{"chat":{"strict":true}}}}]}`))
	for b.Loop() {
		if _, err := p.Plan(&abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Model: "xyz"}}); err != nil {
			b.Fatal(err)
		}
	}
}
