package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/claude"
)

// reasoner is how a family that is not Claude is told how long to think: by a field of
// additionalModelRequestFields. Without words it cannot be told.
type reasoner struct {
	mark          string // in the model's name
	field         string
	before, after string   // what stands around the word
	words         []string // that it knows
	rests         bool     // it does not think unless it is told to
}

var (
	lowToHigh   = []string{"low", "medium", "high"}
	lowToMax    = []string{"low", "medium", "high", "xhigh", "max"}
	noneToXHigh = []string{"none", "low", "medium", "high", "xhigh"}
	noneToMax   = []string{"none", "low", "medium", "high", "xhigh", "max"}
)

// reasoners are in the order of their matching. Nova:
// https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html,
// OpenAI's: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html,
// the others as langchain-aws 1.9 and LiteLLM 1.110 have found them.
var reasoners = [...]reasoner{
	{mark: "amazon.nova-2", field: "reasoningConfig", before: `{"type":"enabled","maxReasoningEffort":`, after: "}", words: lowToHigh, rests: true},
	{mark: "openai.gpt-oss", field: "reasoning_effort", words: lowToHigh},
	{mark: "openai.gpt-5.4", field: "reasoning", before: `{"effort":`, after: "}", words: noneToXHigh},
	{mark: "openai.gpt-5.5", field: "reasoning", before: `{"effort":`, after: "}", words: noneToXHigh},
	{mark: "openai.gpt-6-astra", field: "reasoning", before: `{"effort":`, after: "}", words: lowToMax},
	{mark: "openai.gpt-6.1", field: "reasoning", before: `{"effort":`, after: "}", words: lowToMax},
	{mark: "openai.gpt-", field: "reasoning", before: `{"effort":`, after: "}", words: noneToMax},
	{mark: "deepseek.r1"},
	{mark: "deepseek.", field: "reasoning_effort", words: lowToHigh, rests: true},
	{mark: "moonshot", field: "reasoning_effort", words: []string{"low", "high", "max"}},
	{mark: "amazon.", rests: true}, {mark: "meta.", rests: true}, {mark: "mistral.", rests: true}, {mark: "ai21.", rests: true}, {mark: "cohere.", rests: true},
}

// reasonerOf is nil for a model of which nothing is known, an ARN for one: it is
// told by Converse's own member.
func reasonerOf(model string) *reasoner {
	for i := range reasoners {
		if strings.Contains(model, reasoners[i].mark) {
			return &reasoners[i]
		}
	}
	return nil
}

// think is how long to think, each family in its own words.
func (c *chat) think() *llm.Fault {
	if c.model.claude != nil {
		return c.thinkAsClaude()
	}
	if c.thinking != nil {
		if scan.Kind(c.thinking) != '{' {
			return llm.Refuse("thinking", "must be an object")
		}
		c.notices = append(c.notices, "left out thinking")
	}
	if c.effort == nil {
		return nil
	}
	word, _ := scan.String(c.effort)
	if _, ok := llm.Budget(word); !ok {
		return llm.Refuse("reasoning_effort", "must be none, minimal, low, medium, high, xhigh or max")
	}
	switch r := c.model.reasoner; {
	case r == nil:
		if word != "none" {
			c.output = scan.AppendString(scan.AppendName(c.output, "effort"), llm.FitEffort(word, lowToMax))
		}
	case word == "none" && r.rests:
	case r.words == nil:
		c.notices = append(c.notices, "left out reasoning_effort: this model cannot be told how long to think")
	default:
		c.reason(r, word)
	}
	return nil
}

// reason writes the family's field, with the nearest word that it knows.
func (c *chat) reason(r *reasoner, word string) {
	fitted := llm.FitEffort(word, r.words)
	if c.model.nova && fitted == "high" {
		fitted = c.highNova()
	}
	if fitted != word {
		c.notices = append(c.notices, "reasoning_effort: "+fitted+" in place of "+word+", which this model does not take")
	}
	v := append(scan.AppendString([]byte(r.before), fitted), r.after...)
	c.computed = append(c.computed, scan.Edit{Key: r.field, Value: v, OnlyIfAbsent: true})
}

// highNova: beside the effort high Nova refuses maxTokens, temperature and topP. The
// cap is what a budget holds for, so it is the effort that gives way.
func (c *chat) highNova() string {
	if c.maxTokens != nil {
		c.notices = append(c.notices, "reasoning_effort: high takes no max_tokens")
		return "medium"
	}
	for _, m := range [...]struct {
		name string
		v    *[]byte
	}{{"temperature", &c.temperature}, {"top_p", &c.topP}} {
		if *m.v != nil {
			*m.v = nil
			c.notices = append(c.notices, "left out "+m.name+": this model does not take it with the effort high")
		}
	}
	return "high"
}

// thinkAsClaude: a thinking of additional_model_request_fields counts before all.
func (c *chat) thinkAsClaude() *llm.Fault {
	for _, fields := range [...][]byte{c.fields, c.operator} {
		if own := scan.Get(fields, "thinking"); own != nil {
			c.thinking = own
		}
	}
	t, f := c.model.claude.Think(&claude.Request{Thinking: c.thinking, Effort: c.effort, Cap: c.cap(), Forced: c.forced, Unthought: c.unthought}, &c.notices)
	if f != nil {
		return f
	}
	if c.thinks = t.On(); t.Thinking != nil {
		c.computed = append(c.computed, scan.Edit{Key: "thinking", Value: t.Thinking, OnlyIfAbsent: true})
	}
	if t.Effort != "" {
		c.output = scan.AppendString(scan.AppendName(c.output, "effort"), t.Effort)
	}
	return nil
}

// cap is the most tokens of the answer: by default the model's, as Converse has it.
func (c *chat) cap() int64 {
	if n, ok := scan.Int(c.maxTokens); ok {
		return n
	}
	return c.model.claude.MaxOutput
}
