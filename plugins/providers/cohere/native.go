package main

import "github.com/tokligence/gateway/pdk/abi"

// native are the calls of version 2 that name a model. Rerank is the gateway's own
// endpoint at the vendor's path. https://docs.cohere.com/reference/about
func native(base string) *abi.NativePlan {
	chat := nativeRoute(base, chatPath)
	chat.StreamIf, chat.Caps, chat.Finish = "stream", []string{"max_tokens"}, []string{"delta.finish_reason"}
	chat.Usage = chatPaths()
	embed := nativeRoute(base, embedPath)
	embed.Usage = embedPaths()
	return &abi.NativePlan{
		Routes:    []abi.NativeRoute{chat, embed, {Path: rerankPath, Endpoint: abi.Rerank}},
		ErrorBody: abi.Raw(`{"message":"$message"}`),
	}
}

func nativeRoute(base, path string) abi.NativeRoute {
	return abi.NativeRoute{Path: path, URL: base + path, Model: "model", Request: abi.RequestPlan{Mode: abi.Passthrough}}
}

// chatPaths is what chatUsage knows, for the host; an event has it in its delta.
// Cached tokens are no part here: they also count Cohere's own, which are not
// billed, so that there may be more of them than of the input.
func chatPaths() abi.UsagePaths {
	of := func(member string) []string { return []string{"usage." + member, "delta.usage." + member} }
	either := func(count string) []string { return append(of("tokens."+count), of("billed_units."+count)...) }
	return abi.UsagePaths{Input: either("input_tokens"), Output: either("output_tokens"), Searches: of("billed_units.search_units")}
}

// embedPaths is what embedUsage knows, for the host: pictures count one by one
// where their tokens, of which each has many, do not; and pictures alone have no
// tokens of text.
func embedPaths() abi.UsagePaths {
	const billed = "meta.billed_units."
	const pictures, tokens = billed + "images", billed + "image_tokens"
	return abi.UsagePaths{
		Input:      []string{billed + "input_tokens + " + pictures + " - " + pictures + " + " + tokens + " - " + tokens},
		ImageInput: []string{tokens}, Images: []string{pictures + " - " + tokens},
	}
}
