package bridge

import "github.com/tokligence/gateway/pdk/abi/scan"

// Location is chat's user_location of a search, of that of a tool: OpenAI's and
// Anthropic's are the same.
// https://platform.openai.com/docs/guides/tools-web-search#user-location
func Location(tool []byte) []byte {
	place := scan.Apply(nil, tool, []scan.Edit{{Key: "type"}})
	return append(append([]byte(`{"type":"approximate","approximate":`), place...), '}')
}
