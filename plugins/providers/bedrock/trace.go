package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// traced reports whether a guardrail is asked for what it found.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConfiguration.html
func traced(guardrail []byte) bool {
	return strings.HasPrefix(scan.GetString(guardrail, "trace"), "enabled")
}

// appendTrace writes what a guardrail found as extra_content.bedrock.trace, after a comma;
// around is an answer or an event that may have it.
func appendTrace(b, around []byte) []byte {
	found := scan.Get(around, "trace", "guardrail")
	if scan.Kind(found) != '{' {
		return b
	}
	b = append(scan.AppendName(b, "extra_content"), `{"bedrock":{"trace":{"guardrail":`...)
	return append(append(b, found...), `}}}`...)
}
