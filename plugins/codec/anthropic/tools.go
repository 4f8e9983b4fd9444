package anthropic

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// toolConfig writes tools and tool_choice. called are the names in the history:
// blocks of tools want tools declared, even when none may be called any more.
func (c *chat) toolConfig(called [][]byte) *llm.Fault {
	list, f := c.specs(c.memory.tools[:0])
	if f != nil {
		return f.Under("tools")
	}
	choice, f := c.choice()
	if f != nil {
		return f
	}
	if c.search != nil {
		if len(list) == 0 && len(called) > 0 {
			list = append(list, declareCalled(called)...)
			c.notices = append(c.notices, "tools: declared those that the conversation has used")
		}
		list = c.webSearch(list)
	}
	c.memory.tools = list
	switch {
	case len(list) > 0:
	case c.forced:
		return llm.Refuse("tool_choice", "demands a call, but there are no tools")
	case len(called) > 0:
		list, choice = declareCalled(called), []byte(`{"type":"none"}`)
		c.notices = append(c.notices, "tools: declared those that the conversation has used, none may be called")
	default:
		return nil
	}
	c.put("tools", scan.CloseArray(list, 0))
	c.put("tool_choice", choice)
	return nil
}

// specs appends the tools to list.
func (c *chat) specs(list []byte) (_ []byte, f *llm.Fault) {
	if c.tools != nil && scan.Kind(c.tools) != '[' {
		return nil, llm.Refuse("", "must be an array")
	}
	scan.Elements(c.tools, func(i int, tool []byte) bool {
		list, f = c.spec(list, tool)
		f = f.At("", i)
		return f == nil
	})
	return list, f
}

var (
	toolFields = scan.NewNames("type", "function", "cache_control")
	specFields = scan.NewNames("name", "description", "parameters", "strict")
)

func (c *chat) spec(list, tool []byte) ([]byte, *llm.Fault) {
	var kind, function, mark, name, description, schema, strict []byte
	toolFields.Read(tool, nil, &kind, &function, &mark)
	specFields.Read(function, nil, &name, &description, &schema, &strict)
	if !scan.Is(kind, "function") {
		return list, llm.Refuse("type", strconv.Quote(string(scan.Text(kind)))+" is not supported with Anthropic, only function is")
	}
	if scan.Kind(name) != '"' {
		return list, llm.Refuse("function.name", "must be a string")
	}
	switch {
	case scan.IsNull(schema):
		schema = []byte(anyObject)
	case scan.Kind(schema) != '{':
		return list, llm.Refuse("function.parameters", "must be an object")
	case scan.Get(schema, "type") == nil:
		schema = scan.Apply(nil, schema, []scan.Edit{{Key: "type", Value: []byte(`"object"`)}}) // demanded at the top
	}
	list = wrapped(list, `,{"name":`, name, "")
	if scan.Kind(description) == '"' && len(description) > 2 {
		list = wrapped(list, `,"description":`, description, "")
	}
	list = wrapped(list, `,"input_schema":`, schema, "")
	if strict, _ := scan.Bool(strict); strict {
		if c.model.Schema {
			list = append(list, `,"strict":true`...)
		} else {
			c.leaveOut("strict of a tool", "this model does not have it")
		}
	}
	return marked(append(list, '}'), mark), nil
}

// webSearch appends the tool that web_search_options becomes.
// https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
func (c *chat) webSearch(list []byte) []byte {
	list = append(list, `,{"type":"web_search_20250305","name":"web_search"`...)
	scan.Members(c.search, func(key, v []byte) bool {
		switch string(key) {
		case "user_location":
			if place := scan.Get(v, "approximate"); scan.Kind(place) == '{' {
				list = append(list, `,"user_location":`...)
				list = scan.Apply(list, place, []scan.Edit{{Key: "type", Value: []byte(`"approximate"`)}})
			}
		case "max_uses": // the gateway's, under a budget
			if n, ok := scan.Int(v); ok && n > 0 {
				list = append(append(list, `,"max_uses":`...), v...)
			}
		default:
			c.leaveOut("web_search_options."+string(key), "Anthropic does not have it")
		}
		return true
	})
	return append(list, '}')
}

const anyObject = `{"type":"object","properties":{}}`

func declareCalled(names [][]byte) (list []byte) {
	for i, name := range names {
		if slices.ContainsFunc(names[:i], func(n []byte) bool { return bytes.Equal(n, name) }) {
			continue
		}
		list = wrapped(list, `,{"name":`, name, `,"input_schema":`+anyObject+`}`)
	}
	return list
}

// choice is tool_choice, nil when neither it nor parallel_tool_calls says anything.
func (c *chat) choice() ([]byte, *llm.Fault) {
	single := false
	if c.parallel != nil {
		several, ok := scan.Bool(c.parallel)
		if !ok {
			return nil, llm.Refuse("parallel_tool_calls", "must be true or false")
		}
		single = !several
	}
	var b []byte
	word, isWord := scan.String(c.toolChoice)
	switch {
	case c.toolChoice == nil && !single:
		return nil, nil
	case word == "none":
		return []byte(`{"type":"none"}`), nil
	case c.toolChoice == nil || word == "auto":
		b = []byte(`{"type":"auto"`)
	case word == "required":
		b, c.forced = []byte(`{"type":"any"`), true
	case isWord || !scan.Is(scan.Get(c.toolChoice, "type"), "function"):
		return nil, llm.Refuse("tool_choice", "must be none, auto, required or a function with Anthropic")
	default:
		name := scan.Get(c.toolChoice, "function", "name")
		if scan.Kind(name) != '"' {
			return nil, llm.Refuse("tool_choice.function.name", "must be a string")
		}
		b, c.forced = append([]byte(`{"type":"tool","name":`), name...), true
	}
	if single {
		b = append(b, `,"disable_parallel_tool_use":true`...)
	}
	return append(b, '}'), nil
}
