package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// chatUsage reads the usage of chat. billed_units is what Cohere bills: tokens
// also counts what it puts around the prompt of its own, and serves only where
// billed_units is missing. The cached tokens are part of the input.
// https://docs.cohere.com/docs/how-does-cohere-pricing-work
func chatUsage(raw []byte) *abi.Usage {
	if scan.Kind(raw) != '{' {
		return nil
	}
	counts := scan.Get(raw, "billed_units")
	if scan.Kind(counts) != '{' {
		counts = scan.Get(raw, "tokens")
	}
	u := &abi.Usage{Input: count(counts, "input_tokens"), Output: count(counts, "output_tokens"), Searches: count(counts, "search_units")}
	if cached := count(raw, "cached_tokens"); cached != nil && u.Input != nil {
		read := min(*cached, *u.Input)
		*u.Input -= read
		u.CacheRead = &read
	}
	return u
}

// embedUsage reads the meta of an answer with embeddings. Older models bill
// pictures one by one, later ones their tokens.
func embedUsage(meta []byte) *abi.Usage {
	billed := scan.Get(meta, "billed_units")
	if scan.Kind(billed) != '{' {
		return nil
	}
	u := &abi.Usage{Input: count(billed, "input_tokens"), ImageInput: count(billed, "image_tokens")}
	if u.ImageInput == nil {
		u.Images = count(billed, "images")
	}
	if u.Input == nil { // pictures alone
		u.Input = new(int64)
	}
	return u
}

// count is nil for what is not reported. Cohere may write whole numbers as 5.0.
func count(raw []byte, name string) *int64 {
	n, ok := scan.GetInt(raw, name)
	if !ok || n < 0 {
		return nil
	}
	return &n
}
