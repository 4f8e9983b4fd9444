package main

import "github.com/tokligence/gateway/pdk/abi"

// native are the calls of Ollama's API that name a model and run it; those that
// fetch, copy and delete models are the server's own business.
// https://docs.ollama.com/api
func native(base string) *abi.NativePlan {
	usage := abi.UsagePaths{Input: []string{"prompt_eval_count"}, Output: []string{"eval_count"}, Model: []string{"model"}}
	route := func(endpoint abi.Endpoint) abi.NativeRoute {
		path := paths[endpoint]
		r := abi.NativeRoute{Path: path, URL: base + path, Model: "model", Request: abi.RequestPlan{Mode: abi.Passthrough}, Usage: usage}
		if endpoint != abi.Embeddings {
			r.Stream, r.StreamIf, r.Framing = true, "stream", abi.FramingNDJSON
			r.Caps, r.Finish = []string{"options.num_predict"}, []string{"done"}
		}
		return r
	}
	generate := route(abi.Completions)
	generate.Request.Unsupported = []string{"context"} // a conversation as tokens, which no guardrail can read
	return &abi.NativePlan{
		Routes:    []abi.NativeRoute{route(abi.Chat), generate, route(abi.Embeddings)},
		ErrorBody: abi.Raw(`{"error":"$message"}`),
	}
}
