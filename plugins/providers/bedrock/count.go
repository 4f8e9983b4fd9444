package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Bedrock counts the tokens of a request to Converse, for Claude alone, and by the name of
// the model itself: regions before it (us., global.) and profiles of one's own are refused.
// https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html

// countable is the name by which a model is counted, "" for none.
func countable(model string) string {
	i := strings.Index(model, "anthropic.claude")
	if i < 0 || strings.HasPrefix(model, "arn:") {
		return ""
	}
	return model[i:]
}

// countedParts are the members of Converse that are counted.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTokensRequest.html
var countedParts = []string{"messages", "system", "toolConfig", "additionalModelRequestFields"}

// counted makes of a request to Converse one that asks how many tokens its input has.
func counted(converse []byte) []byte {
	b := []byte(`{"input":{"converse":`)
	start := len(b)
	scan.Members(converse, func(key, v []byte) bool {
		if name := string(key); slices.Contains(countedParts, name) {
			b = append(scan.AppendName(b, name), v...)
		}
		return true
	})
	return append(scan.CloseObject(b, start), '}', '}')
}

// decodeCount reads a CountTokensResponse.
func decodeCount(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	n, ok := scan.GetInt(r.Body, "inputTokens")
	if !ok || n < 0 {
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Bedrock answered without a count of tokens"}
	}
	return &abi.DecodeReply{Body: append(strconv.AppendInt([]byte(`{"input_tokens":`), n, 10), '}')}, nil
}

// uncounted reports whether an error says that tokens are not counted: the model's, which
// some regions know by no name without theirs, those of documents, which Converse reads,
// or for these credentials, since chats need no permission to count.
// https://github.com/aws/aws-sdk-java-v2/issues/6370
func uncounted(kind, message string) bool {
	return kind == "ValidationException" && (strings.HasPrefix(message, "The provided model doesn't support counting tokens") ||
		strings.HasPrefix(message, "The provided model identifier is invalid") ||
		strings.HasPrefix(message, "Document input not supported for token counting")) ||
		kind == "AccessDeniedException" && strings.Contains(message, " not authorized to perform: bedrock:CountTokens ")
}
