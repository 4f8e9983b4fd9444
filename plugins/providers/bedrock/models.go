package main

import (
	"strings"

	"github.com/tokligence/gateway/plugins/codec/claude"
)

// family is what the translation must know of a model. An ARN of one's own
// profile does not tell which model it is: Converse's own members are used.
type family struct {
	claude   *claude.Family // nil for all others
	reasoner *reasoner      // of the others; nil where nothing is known
	nova     bool
	caching  bool // takes cachePoint blocks
}

func familyOf(model string) family {
	f := family{nova: strings.Contains(model, "amazon.nova")}
	if strings.Contains(model, "anthropic.claude") {
		f.claude = claude.FamilyOf(model)
	}
	if f.claude == nil {
		f.reasoner = reasonerOf(model)
	}
	f.caching = f.claude != nil || f.nova || strings.Contains(model, "inference-profile/")
	return f
}

// grounds reports whether a model searches the web by itself: not every Nova does.
// https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
func grounds(model string) bool {
	return strings.Contains(model, "amazon.nova-premier") || strings.Contains(model, "amazon.nova-2-")
}
