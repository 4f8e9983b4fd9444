package main

import "github.com/tokligence/gateway/pdk/abi/scan"

// appendTier writes service_tier, after a comma, where an answer or a stream's metadata
// says how it was served and OpenAI has a word for that: it has none for less latency.
// Where less latency was asked for and could not be had, the answer is one as usual.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html
// https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html
func appendTier(b, around []byte) []byte {
	latency := scan.GetString(around, "performanceConfig", "latency")
	tier := scan.GetString(around, "serviceTier", "type")
	switch {
	case tier == "reserved":
		tier = "scale"
	case tier == "flex" || tier == "priority":
	case latency == "optimized" || tier != "default" && latency != "standard":
		return b
	default:
		tier = "default"
	}
	return scan.AppendString(scan.AppendName(b, "service_tier"), tier)
}
