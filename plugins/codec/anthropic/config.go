package anthropic

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/claude"
)

// otherFamily is for models that are not Claude, on servers that speak Messages.
var otherFamily = claude.Family{MaxOutput: 8192, Thinking: claude.Budget, Sampling: true}

func familyOf(model string) *claude.Family {
	if f := claude.FamilyOf(model); f != nil {
		return f
	}
	return &otherFamily
}

func (c *chat) leaveOut(what, why string) { c.notices = append(c.notices, "left out "+what+": "+why) }

// sampling comes after think: a model that thinks takes less.
func (c *chat) sampling() *llm.Fault {
	for _, m := range [...]struct {
		name string
		v    []byte
	}{{"temperature", c.temperature}, {"top_p", c.topP}, {"top_k", c.topK}} {
		if m.v == nil {
			continue
		}
		takes, f := c.model.Takes(m.name, m.v, c.thinks, &c.notices)
		if f != nil {
			return f
		}
		if takes {
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
	case !c.model.Schema:
		return llm.Refuse("response_format", "json_schema is not supported by this model")
	}
	c.outputConfig = append(scan.AppendName(c.outputConfig, "format"), `{"type":"json_schema","schema":`...)
	c.outputConfig = append(append(c.outputConfig, schema...), '}')
	return nil
}

// think writes what thinking and reasoning_effort become with this model.
func (c *chat) think() *llm.Fault {
	t, f := c.model.Think(&claude.Request{Thinking: c.thinking, Effort: c.effort, Cap: c.cap, Forced: c.forced, Unthought: c.unthought}, &c.notices)
	c.put("thinking", t.Thinking)
	if t.Effort != "" {
		c.outputConfig = scan.AppendString(scan.AppendName(c.outputConfig, "effort"), t.Effort)
	}
	c.thinks = t.On()
	return f
}
