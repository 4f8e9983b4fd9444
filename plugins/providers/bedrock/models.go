package main

import "strings"

// thinking is how a model is told to think.
type thinking byte

const (
	thinkEffort   thinking = iota // outputConfig.effort, Converse's own member
	thinkBudget                   // Claude: thinking {"type":"enabled","budget_tokens":n}
	thinkAdaptive                 // Claude: thinking {"type":"adaptive"} with outputConfig.effort
	thinkNever
)

// family is what the translation must know of a model. An ARN of one's own
// profile does not tell which model it is: Converse's own members are used.
type family struct {
	claude, nova bool
	thinking     thinking
	caching      bool // takes cachePoint blocks
}

// budgets and nevers are parts of the names of Claude models that think by
// budget, or not at all. Source: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
var (
	budgets = [...]string{"claude-3-7", "sonnet-4-2", "opus-4-2", "opus-4-1", "sonnet-4-5", "opus-4-5", "haiku-4-5"}
	nevers  = [...]string{"claude-3-5", "claude-3-haiku", "claude-3-sonnet", "claude-3-opus", "claude-v2", "claude-instant"}
)

func familyOf(model string) family {
	f := family{
		claude: strings.Contains(model, "anthropic.claude"),
		nova:   strings.Contains(model, "amazon.nova"),
	}
	f.caching = f.claude || f.nova || strings.Contains(model, "inference-profile/")
	if !f.claude {
		return f
	}
	f.thinking = thinkAdaptive
	for _, name := range budgets {
		if strings.Contains(model, name) {
			f.thinking = thinkBudget
		}
	}
	for _, name := range nevers {
		if strings.Contains(model, name) {
			f.thinking = thinkNever
		}
	}
	return f
}
