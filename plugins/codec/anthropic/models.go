package anthropic

import "strings"

// thinkingMode is how a model family is told to think.
type thinkingMode byte

const (
	thinkNever    thinkingMode = iota
	thinkBudget                // {"type":"enabled","budget_tokens":n}
	thinkAdaptive              // {"type":"adaptive"} with output_config.effort; can be disabled
	thinkAlways                // as thinkAdaptive, and cannot be disabled
)

// family is what the translation must know of a group of models.
// Source: the models overview and the thinking, effort and structured outputs
// guides of the Claude API documentation.
type family struct {
	prefix    string // of the name after "claude-"
	maxOutput int64  // the largest max_tokens
	thinking  thinkingMode
	xhigh     bool // knows effort xhigh
	sampling  bool // takes temperature, top_p and top_k
	schema    bool // has output_config.format and strict tools
	searches  bool // has Anthropic's tool that searches the web
}

// families are in the order of their matching: longer prefixes first.
var families = [...]family{
	{"opus-5-5", 128000, thinkAlways, true, false, true, true},
	{"sonnet-5-5", 128000, thinkAlways, true, false, true, true},
	{"fable-", 128000, thinkAlways, true, false, true, true},
	{"mythos-", 128000, thinkAlways, true, false, true, true},
	{"opus-4-6", 128000, thinkAdaptive, false, true, true, true},
	{"sonnet-4-6", 128000, thinkAdaptive, false, true, true, true},
	{"opus-4-5", 64000, thinkBudget, false, true, true, true},
	{"sonnet-4-5", 64000, thinkBudget, false, true, true, true},
	{"haiku-4-5", 64000, thinkBudget, false, true, true, true},
	{"opus-4-1", 32000, thinkBudget, false, true, true, true},
	{"opus-4-7", 128000, thinkAdaptive, true, false, true, true},
	{"opus-4-8", 128000, thinkAdaptive, true, false, true, true},
	{"opus-4", 32000, thinkBudget, false, true, false, true},
	{"sonnet-4", 64000, thinkBudget, false, true, false, true},
	{"3-7-sonnet", 64000, thinkBudget, false, true, false, true},
	{"3-5-", 8192, thinkNever, false, true, false, false},
	{"3-", 4096, thinkNever, false, true, false, false},
	{"2", 4096, thinkNever, false, true, false, false},
	{"instant", 4096, thinkNever, false, true, false, false},
	{"", 128000, thinkAdaptive, true, false, true, true}, // opus-5, sonnet-5, haiku-5-5 and what comes
}

// otherFamily is for models that are not Claude, on servers that speak Messages.
var otherFamily = family{"", 8192, thinkBudget, false, true, false, false}

func familyOf(model string) *family {
	_, name, ok := strings.Cut(model, "claude-")
	if !ok {
		return &otherFamily
	}
	for i := range families {
		if strings.HasPrefix(name, families[i].prefix) {
			return &families[i]
		}
	}
	return &otherFamily
}
