package main

import (
	"slices"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

// TestPlan_Native: a vendor's own paths are served where its own client can read
// what comes.
func TestPlan_Native(t *testing.T) {
	for _, c := range []struct{ profile, there, not string }{
		{"openai", "/v1/audio/speech", "/v1/realtime"},
		{"mistral", "/v1/chat/completions", "/v1/audio/speech"},
		{"mistral", "/v1/embeddings", "/v1/fim/completions"},
		{"deepseek", "/beta/completions", "/v1/completions"},
	} {
		p, err := configured(t, c.profile)().Plan(&abi.PlanRequest{Endpoint: abi.Native, Deployment: abi.Deployment{Model: "m"}})
		if err != nil {
			t.Fatal(err)
		}
		has := func(path string) bool {
			return slices.ContainsFunc(p.Native.Routes, func(r abi.NativeRoute) bool { return r.Path == path })
		}
		if !has(c.there) || has(c.not) {
			t.Errorf("%s: %+v", c.profile, p.Native.Routes)
		}
	}
}
