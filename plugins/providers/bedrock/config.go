package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxStops is Converse's limit.
const maxStops = 2500

// leastBudget is Claude's smallest thinking budget.
const leastBudget = 1024

func (c *chat) sampling() *llm.Fault {
	var b []byte
	if c.maxTokens != nil {
		if n, ok := scan.Int(c.maxTokens); !ok || n < 1 {
			return llm.Refuse("max_completion_tokens", "must be a positive whole number")
		}
		b = append(scan.AppendName(b, "maxTokens"), c.maxTokens...)
	}
	for _, m := range [...]struct {
		key, name string
		v         []byte
	}{{"temperature", "temperature", c.temperature}, {"top_p", "topP", c.topP}, {"top_k", "", c.topK}} {
		switch {
		case m.v == nil:
		case scan.Kind(m.v) != '0':
			return llm.Refuse(m.key, "must be a number")
		case m.name != "":
			b = append(scan.AppendName(b, m.name), m.v...)
		}
	}
	stops, f := c.stops()
	if f != nil {
		return f
	}
	if stops != nil {
		b = append(scan.AppendName(b, "stopSequences"), stops...)
	}
	if len(b) > 0 {
		c.put("inferenceConfig", scan.CloseObject(b, 0))
	}
	return c.addTopK()
}

// addTopK: every vendor has its own name for it, outside of Converse.
func (c *chat) addTopK() *llm.Fault {
	switch {
	case c.topK == nil:
	case c.model.claude:
		c.computed = append(c.computed, scan.Edit{Key: "top_k", Value: c.topK, OnlyIfAbsent: true})
	case c.model.nova:
		c.computed = append(c.computed, scan.Edit{Key: "inferenceConfig", OnlyIfAbsent: true,
			Value: append(append([]byte(`{"topK":`), c.topK...), '}')})
	default:
		return llm.Refuse("top_k", "has no common name in Bedrock: put the model's own into additional_model_request_fields")
	}
	return nil
}

// stops takes a string or a list. Empty sequences mean nothing and are refused,
// by Claude blank ones, too: they are left out, and that is told.
func (c *chat) stops() (list []byte, f *llm.Fault) {
	if c.stop == nil {
		return nil, nil
	}
	count := 0
	list = []byte{}
	add := func(s []byte) {
		switch {
		case scan.Kind(s) != '"':
			f = llm.Refuse("stop", "must be a string or an array of strings")
		case len(s) == 2, c.model.claude && llm.Blank(s):
			c.notices = append(c.notices, "left out a blank stop sequence")
		default:
			list = append(append(list, ','), s...)
			count++
		}
	}
	if scan.Kind(c.stop) == '[' {
		scan.Elements(c.stop, func(_ int, s []byte) bool { add(s); return f == nil })
	} else {
		add(c.stop)
	}
	switch {
	case f != nil || count == 0:
		return nil, f
	case count > maxStops:
		return nil, llm.Refuse("stop", "may hold at most 2500 sequences with Bedrock")
	}
	return scan.CloseArray(list, 0), nil
}

// format: Converse knows schemas; for JSON without one it has nothing.
func (c *chat) format() *llm.Fault {
	if c.responseFormat == nil {
		return nil
	}
	switch string(scan.GetText(c.responseFormat, "type")) {
	case "text":
		return nil
	case "json_schema":
	case "json_object":
		return llm.Refuse("response_format", "json_object is not supported by Bedrock's Converse API; json_schema is")
	default:
		return llm.Refuse("response_format.type", "must be text or json_schema with Bedrock")
	}
	given := scan.Get(c.responseFormat, "json_schema")
	schema := scan.Get(given, "schema")
	if scan.Kind(schema) != '{' {
		return llm.Refuse("response_format.json_schema.schema", "must be an object")
	}
	b := scan.AppendString(scan.AppendName(nil, "schema"), schema)
	for _, name := range [...]string{"name", "description"} {
		if v := scan.Get(given, name); scan.Kind(v) == '"' {
			b = append(scan.AppendName(b, name), v...)
		}
	}
	c.output = append(scan.AppendName(c.output, "textFormat"), `{"type":"json_schema","structure":{"jsonSchema":`...)
	c.output = append(append(c.output, scan.CloseObject(b, 0)...), `}}`...)
	return nil
}

// think: thinking is Claude's own member and counts first, then reasoning_effort.
func (c *chat) think() *llm.Fault {
	if c.thinking != nil {
		if scan.Kind(c.thinking) != '{' {
			return llm.Refuse("thinking", "must be an object")
		}
		if !c.model.claude {
			c.notices = append(c.notices, "left out thinking")
			return nil
		}
		c.addThinking(c.thinking)
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
	if word == "none" {
		return nil // Converse models do not think unless they are told to
	}
	if word == "minimal" {
		word = "low"
	}
	switch c.model.thinking {
	case thinkNever:
		c.notices = append(c.notices, "left out reasoning_effort: this model does not think")
		return nil
	case thinkBudget:
		c.addBudget(budget)
		return nil
	case thinkAdaptive:
		c.addThinking([]byte(`{"type":"adaptive"}`))
	}
	c.output = scan.AppendString(scan.AppendName(c.output, "effort"), word)
	return nil
}

func (c *chat) addThinking(v []byte) {
	c.computed = append(c.computed, scan.Edit{Key: "thinking", Value: v, OnlyIfAbsent: true})
	if string(scan.GetText(v, "type")) != "disabled" && c.temperature != nil {
		if t, ok := scan.Float(c.temperature); !ok || t == 1 {
			return
		}
		c.temperature = nil
		c.notices = append(c.notices, "left out temperature: this model takes none while it thinks")
	}
}

// addBudget leaves half of the output cap, which contains the budget, to the answer.
func (c *chat) addBudget(budget int64) {
	if most, ok := scan.Int(c.maxTokens); ok {
		budget = min(budget, most/2)
	}
	if budget < leastBudget {
		c.notices = append(c.notices, "left out reasoning_effort: max_tokens leaves no room for it")
		return
	}
	b := strconv.AppendInt([]byte(`{"type":"enabled","budget_tokens":`), budget, 10)
	c.addThinking(append(b, '}'))
}
