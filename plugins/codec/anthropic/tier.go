package anthropic

import "github.com/tokligence/gateway/pdk/abi/scan"

var tiers = scan.NewNames("standard", "priority")

// appendTier writes service_tier behind the last member of the object b, where usage says
// how the answer was served and OpenAI has a word for that.
// Usage.service_tier of the npm package @anthropic-ai/sdk 1.15
func appendTier(b, usage []byte) []byte {
	switch tiers.Word(scan.Get(usage, "service_tier")) {
	case "standard":
		return append(b, `,"service_tier":"default"`...)
	case "priority":
		return append(b, `,"service_tier":"priority"`...)
	}
	return b
}
