package anthropic

import "github.com/tokligence/gateway/pdk/abi"

// native are Anthropic's own paths. Its clients add beta=true for what is in beta.
// https://docs.anthropic.com/en/api/messages
func native() *abi.NativePlan {
	return &abi.NativePlan{Routes: []abi.NativeRoute{
		{Path: "/v1/messages", Endpoint: abi.Messages, Query: []string{"beta"}},
		{Path: "/v1/messages/count_tokens", Endpoint: abi.CountTokens, Query: []string{"beta"}},
	}}
}
