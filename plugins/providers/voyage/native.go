package main

import "github.com/tokligence/gateway/pdk/abi"

// native are Voyage's own calls, contextualized embeddings too, for which OpenAI's API
// has no shape. https://docs.voyageai.com/reference/embeddings-api
func native(base string) *abi.NativePlan {
	plan := &abi.NativePlan{ErrorBody: abi.Raw(`{"detail":"$message"}`)}
	for _, path := range [...]string{"/embeddings", "/contextualizedembeddings", "/multimodalembeddings", "/rerank"} {
		route := abi.NativeRoute{Path: "/v1" + path, URL: base + path, Model: "model", Request: abi.RequestPlan{Mode: abi.Passthrough},
			Usage: abi.UsagePaths{Input: []string{"usage.total_tokens"}, Model: []string{"model"}}}
		route.Ranks = path == "/rerank"
		if path == "/multimodalembeddings" { // pictures count by pixels, and in total_tokens a token for every 560
			route.Usage.ImageInput, route.Usage.InputIncludes = []string{"usage.total_tokens - usage.text_tokens"}, []string{"image_input"}
		}
		plan.Routes = append(plan.Routes, route)
	}
	return plan
}
