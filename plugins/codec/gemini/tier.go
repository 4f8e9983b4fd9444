package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// tiers are OpenAI's words for how Google served an answer: the Gemini API says it by
// serviceTier, Vertex AI by trafficType. Off-peak traffic has none.
// https://ai.google.dev/gemini-api/docs/priority-inference, UsageMetadata of the npm package @google/genai 1.x
var tiers = map[string]string{
	"standard": "default", "flex": "flex", "priority": "priority",
	"on_demand": "default", "on_demand_flex": "flex", "on_demand_priority": "priority", "provisioned_throughput": "scale",
}

// appendTier writes service_tier behind the last member of the object b, if usageMetadata
// tells it.
func appendTier(b, usage []byte) []byte {
	for _, name := range [...]string{"serviceTier", "trafficType"} {
		said := strings.ToLower(scan.GetString(usage, name))
		if tier := tiers[strings.TrimPrefix(said, "service_tier_")]; tier != "" {
			return scan.AppendString(scan.AppendName(b, "service_tier"), tier)
		}
	}
	return b
}
