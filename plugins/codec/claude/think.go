package claude

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// leastBudget is the smallest thinking budget.
const leastBudget = 1024

// Request is what of a chat request decides how Claude thinks. Raw members are nil
// when absent.
type Request struct {
	Thinking  []byte // Anthropic's own member, which counts first
	Effort    []byte // reasoning_effort
	Cap       int64  // most tokens of the answer, in which a budget is contained
	Forced    bool   // tool_choice demands a call
	Unthought bool   // the conversation stands in a tool turn that began without a signed thought
}

// Thoughts is what the request becomes.
type Thoughts struct {
	Thinking []byte // the member thinking; nil for none
	Effort   string // the word of Anthropic's output_config.effort; "" for none
}

// On reports whether the model is told to think, which limits its sampling.
func (t *Thoughts) On() bool {
	return t.Thinking != nil && string(scan.GetText(t.Thinking, "type")) != "disabled"
}

// Think turns the request into what this family takes. What must be left out is
// told in notices.
func (m *Family) Think(r *Request, notices *[]string) (t Thoughts, f *llm.Fault) {
	if r.Thinking != nil {
		return m.told(r)
	}
	if r.Effort == nil {
		return t, nil
	}
	word, budget, f := llm.Thinking(nil, r.Effort)
	if f != nil {
		return t, f
	}
	switch {
	case m.Thinking == Never:
		if word != "none" {
			leftOut(notices, "reasoning_effort: this model does not think")
		}
	case m.Thinking == Budget:
		t.Thinking = think(r, budget, notices)
	case word == "none" && m.Thinking == Adaptive: // it does not think unless it is told to
	case word == "none" && m.Thinking == ByDefault:
		t.Thinking = []byte(`{"type":"disabled"}`)
	default:
		t = m.adapt(r, word, notices)
	}
	return t, nil
}

// told is for a client that says how to think itself. Anthropic has the effort beside
// it; a budget is a measure of its own.
func (m *Family) told(r *Request) (t Thoughts, f *llm.Fault) {
	t.Thinking = r.Thinking
	if scan.Kind(t.Thinking) != '{' {
		return t, llm.Refuse("thinking", "must be an object")
	}
	if r.Effort == nil || m.Thinking < Adaptive || string(scan.GetText(t.Thinking, "type")) == "enabled" {
		return t, nil
	}
	word, _, f := llm.Thinking(nil, r.Effort)
	switch {
	case f != nil || word == "none": // which thinking outranks
	case t.On():
		t.Effort = m.Effort(word)
	default:
		t.Effort = unthinking(m.Effort(word))
	}
	return t, f
}

// unthinking is the effort of a model that is told not to think: high at most.
func unthinking(effort string) string {
	if effort == "xhigh" || effort == "max" {
		return "high"
	}
	return effort
}

func leftOut(notices *[]string, what string) { *notices = append(*notices, "left out "+what) }

// think is thinking by budget. Half of the output cap, which contains the budget, is left
// to the answer. Models that think so have two more conditions.
func think(r *Request, budget int64, notices *[]string) []byte {
	if budget == 0 {
		return nil // they do not think unless they are told to
	}
	budget = min(budget, r.Cap/2)
	switch {
	case budget < leastBudget:
		leftOut(notices, "reasoning_effort: max_tokens leaves no room for it")
	case r.Forced:
		leftOut(notices, "reasoning_effort: this model does not think when tool_choice demands a call")
	case r.Unthought:
		leftOut(notices, "reasoning_effort: the tool calls of this turn came without thinking_blocks")
	default:
		return []byte(`{"type":"enabled","budget_tokens":` + strconv.FormatInt(budget, 10) + `}`)
	}
	return nil
}

// adapt is adaptive thinking. Words of thoughts are asked for: since Opus 4.7 none
// come unless they are.
func (m *Family) adapt(r *Request, word string, notices *[]string) (t Thoughts) {
	if word == "none" {
		*notices = append(*notices, "reasoning_effort: this model always thinks, low is the least")
	}
	t.Effort = m.Effort(word)
	switch {
	case !r.Forced:
		t.Thinking = []byte(`{"type":"adaptive","display":"summarized"}`)
		return t
	case m.Thinking == ByDefault:
		t.Thinking = []byte(`{"type":"disabled"}`)
	}
	if m.Thinking != Always {
		t.Effort = unthinking(t.Effort)
	}
	*notices = append(*notices, "reasoning_effort: no thinking, as tool_choice demands a call")
	return t
}

// Effort is Anthropic's word for OpenAI's; a model that does not know xhigh takes high.
func (m *Family) Effort(word string) string {
	switch {
	case word == "none" || word == "minimal":
		return "low"
	case word == "xhigh" && !m.XHigh:
		return "high"
	}
	return word
}
