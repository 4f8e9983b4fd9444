package anthropic

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// leastBudget is the smallest thinking budget.
const leastBudget = 1024

// leastTopP is the smallest top_p beside thinking.
const leastTopP = 0.95

func (c *chat) leaveOut(what, why string) { c.notices = append(c.notices, "left out "+what+": "+why) }

// sampling comes after think: a model that thinks takes less.
func (c *chat) sampling() *llm.Fault {
	thinks := c.thinking != nil && string(scan.GetText(c.thinking, "type")) != "disabled"
	for _, m := range [...]struct {
		name  string
		v     []byte
		most  float64 // 0 is no limit
		least float64 // beside thinking
	}{{"temperature", c.temperature, 1, 1}, {"top_p", c.topP, 1, leastTopP}, {"top_k", c.topK, 0, 1 << 62}} {
		if m.v == nil {
			continue
		}
		n, ok := scan.Float(m.v)
		switch {
		case !ok || n < 0:
			return llm.Refuse(m.name, "must be a number and not negative")
		case !c.model.sampling:
			if m.most == 0 || n != 1 { // 1 is what happens anyway
				c.leaveOut(m.name, "this model takes none")
			}
		case m.name == "top_p" && n == 1:
			// What happens anyway; several models refuse it beside temperature.
		case m.most > 0 && n > m.most:
			return llm.Refuse(m.name, "must be between 0 and 1 with Anthropic")
		case thinks && n < m.least:
			c.leaveOut(m.name, "this model does not take it while it thinks")
		default:
			c.put(m.name, m.v)
		}
	}
	return nil
}

// stops takes a string or a list. Blank sequences are refused by Anthropic: they
// are left out, and that is told.
func (c *chat) stops() (f *llm.Fault) {
	if c.stop == nil {
		return nil
	}
	before := len(c.body)
	c.body = scan.AppendName(c.body, "stop_sequences")
	list := len(c.body)
	add := func(s []byte) {
		switch {
		case scan.Kind(s) != '"':
			f = llm.Refuse("stop", "must be a string or an array of strings")
		case llm.Blank(s):
			c.notices = append(c.notices, "left out a blank stop sequence")
		default:
			c.body = append(append(c.body, ','), s...)
		}
	}
	if scan.Kind(c.stop) == '[' {
		scan.Elements(c.stop, func(_ int, s []byte) bool { add(s); return f == nil })
	} else {
		add(c.stop)
	}
	if len(c.body) > list {
		c.body = scan.CloseArray(c.body, list)
	} else {
		c.body = c.body[:before]
	}
	return f
}

// jsonWish is what stands for json_object, which Anthropic does not have: the
// last block of system.
const jsonWish = "Answer with a single JSON object and nothing else: no other text, no code fence."

// format: schemas are native; JSON without one is a wish, and that is told.
func (c *chat) format() *llm.Fault {
	if c.responseFormat == nil {
		return nil
	}
	switch string(scan.GetText(c.responseFormat, "type")) {
	case "text":
		return nil
	case "json_object":
		c.jsonOnly = true
		c.notices = append(c.notices, "response_format: json_object is asked for in system, Anthropic does not enforce it")
		return nil
	case "json_schema":
	default:
		return llm.Refuse("response_format.type", "must be text, json_object or json_schema")
	}
	schema := scan.Get(c.responseFormat, "json_schema", "schema")
	switch {
	case scan.Kind(schema) != '{':
		return llm.Refuse("response_format.json_schema.schema", "must be an object")
	case !c.model.schema:
		return llm.Refuse("response_format", "json_schema is not supported by this model")
	}
	c.outputConfig = append(scan.AppendName(c.outputConfig, "format"), `{"type":"json_schema","schema":`...)
	c.outputConfig = append(append(c.outputConfig, schema...), '}')
	return nil
}

// think: thinking is Anthropic's own member and counts first, then reasoning_effort.
func (c *chat) think() *llm.Fault {
	if c.thinking != nil {
		if scan.Kind(c.thinking) != '{' {
			return llm.Refuse("thinking", "must be an object")
		}
		c.put("thinking", c.thinking)
		return nil
	}
	if c.effort == nil {
		return nil
	}
	word, _ := scan.String(c.effort)
	budget, ok := llm.Budget(word)
	if !ok {
		return llm.Refuse("reasoning_effort", "must be none, minimal, low, medium, high, xhigh or max")
	}
	switch {
	case c.model.thinking == thinkNever:
		if word != "none" {
			c.leaveOut("reasoning_effort", "this model does not think")
		}
	case c.model.thinking == thinkBudget:
		c.thinkFor(budget)
	case word == "none" && c.model.thinking == thinkAdaptive:
		c.setThinking(`{"type":"disabled"}`)
	default:
		if word == "none" {
			c.notices = append(c.notices, "reasoning_effort: this model always thinks, low is the least")
		}
		if c.forced {
			c.notices = append(c.notices, "reasoning_effort: no thinking, as tool_choice demands a call")
		} else {
			c.setThinking(`{"type":"adaptive","display":"summarized"}`)
		}
		c.outputConfig = scan.AppendString(scan.AppendName(c.outputConfig, "effort"), c.model.effort(word))
	}
	return nil
}

// effort is Anthropic's word for OpenAI's; a model that does not know xhigh takes high.
func (m *family) effort(word string) string {
	switch {
	case word == "none" || word == "minimal":
		return "low"
	case word == "xhigh" && !m.xhigh:
		return "high"
	}
	return word
}

func (c *chat) setThinking(config string) {
	c.thinking = []byte(config)
	c.put("thinking", c.thinking)
}

// thinkFor leaves half of the output cap, which contains the budget, to the
// answer. Models that think by budget have two more conditions.
func (c *chat) thinkFor(budget int64) {
	if budget == 0 {
		return // they do not think unless they are told to
	}
	budget = min(budget, c.cap/2)
	switch {
	case budget < leastBudget:
		c.leaveOut("reasoning_effort", "max_tokens leaves no room for it")
	case c.forced:
		c.leaveOut("reasoning_effort", "this model does not think when tool_choice demands a call")
	case c.unthought:
		c.leaveOut("reasoning_effort", "the tool calls of this turn came without thinking_blocks")
	default:
		c.setThinking(`{"type":"enabled","budget_tokens":` + strconv.FormatInt(budget, 10) + `}`)
	}
}
