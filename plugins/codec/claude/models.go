// Package claude knows what the families of Claude take and refuse, whoever serves
// them: Anthropic's API, Google's Vertex, Amazon's Bedrock.
//
// Source: the models overview and the thinking, effort and structured outputs
// guides of the Claude API documentation (https://platform.claude.com/docs), and
// https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
package claude

import "strings"

// Mode is how a model family is told to think.
type Mode byte

const (
	Never     Mode = iota
	Budget         // {"type":"enabled","budget_tokens":n}
	Adaptive       // {"type":"adaptive"} with an effort
	ByDefault      // as Adaptive, and thinks unless {"type":"disabled"} says not to
	Always         // as ByDefault, and cannot be disabled
)

// Family is what the translation must know of a group of models.
type Family struct {
	Prefix    string // of the name after "claude-"
	MaxOutput int64  // the largest number of tokens of an answer
	Thinking  Mode
	XHigh     bool // knows effort xhigh
	Sampling  bool // takes temperature, top_p and top_k
	Schema    bool // has answers by a JSON Schema, and strict tools
	Searches  bool // has Anthropic's tool that searches the web
}

// families are in the order of their matching: longer prefixes first.
var families = [...]Family{
	{"opus-5-5", 128000, Always, true, false, true, true},
	{"sonnet-5-5", 128000, Always, true, false, true, true},
	{"fable-", 128000, Always, true, false, true, true},
	{"mythos-", 128000, Always, true, false, true, true},
	{"opus-4-6", 128000, Adaptive, false, true, true, true},
	{"sonnet-4-6", 128000, Adaptive, false, true, true, true},
	{"opus-4-5", 64000, Budget, false, true, true, true},
	{"sonnet-4-5", 64000, Budget, false, true, true, true},
	{"haiku-4-5", 64000, Budget, false, true, true, true},
	{"opus-4-1", 32000, Budget, false, true, true, true},
	{"opus-4-7", 128000, Adaptive, true, false, true, true},
	{"opus-4-8", 128000, Adaptive, true, false, true, true},
	{"opus-4", 32000, Budget, false, true, false, true},
	{"sonnet-4", 64000, Budget, false, true, false, true},
	{"3-7-sonnet", 64000, Budget, false, true, false, true},
	{"3-5-", 8192, Never, false, true, false, false},
	{"3-", 4096, Never, false, true, false, false},
	{"2", 4096, Never, false, true, false, false},
	{"v2", 4096, Never, false, true, false, false}, // Bedrock's name
	{"instant", 4096, Never, false, true, false, false},
	{"", 128000, ByDefault, true, false, true, true}, // opus-5, sonnet-5, haiku-5-5 and what comes
}

// FamilyOf is that of a model by its name, which may stand behind others' marks
// ("us.anthropic.claude-opus-4-8"); nil for a model that is not Claude.
func FamilyOf(model string) *Family {
	_, name, ok := strings.Cut(model, "claude-")
	if !ok {
		return nil
	}
	for i := range families {
		if strings.HasPrefix(name, families[i].Prefix) {
			return &families[i]
		}
	}
	return nil
}
