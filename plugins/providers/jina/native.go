package main

import "github.com/tokligence/gateway/pdk/abi"

// native are Jina's own calls that embed and rank. https://api.jina.ai/redoc
func native(base string) *abi.NativePlan {
	plan := &abi.NativePlan{ErrorBody: abi.Raw(`{"detail":"$message"}`)}
	for _, path := range [...]string{"/embeddings", "/rerank"} {
		plan.Routes = append(plan.Routes, abi.NativeRoute{Path: "/v1" + path, URL: base + path, Model: "model", Ranks: path == "/rerank", Request: abi.RequestPlan{Mode: abi.Passthrough},
			Usage: abi.UsagePaths{Input: []string{"usage.prompt_tokens", "usage.total_tokens"}, Model: []string{"model"}}})
	}
	return plan
}
