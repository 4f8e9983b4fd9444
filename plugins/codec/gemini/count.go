package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// counted makes of the members of a request one that asks how many tokens its input has.
// https://ai.google.dev/api/tokens#method:-models.counttokens
func counted(model string, members []byte) []byte {
	b := scan.AppendString([]byte(`{"generateContentRequest":{"model":`), model)
	return append(append(b, members...), '}', '}')
}

// decodeCount reads a CountTokensResponse.
func decodeCount(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	n, ok := scan.GetInt(r.Body, "totalTokens")
	if !ok || n < 0 {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without a count of tokens"}
	}
	return &abi.DecodeReply{Body: append(strconv.AppendInt([]byte(`{"input_tokens":`), n, 10), '}')}, nil
}
