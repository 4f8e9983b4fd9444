package main

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// toolConfig writes tools and choice. called are the names in the history:
// Converse refuses a history with calls when no tools are declared.
func (c *chat) toolConfig(called [][]byte) *llm.Fault {
	list, f := c.specs()
	if f != nil {
		return f.Under("tools")
	}
	choice, f := c.choice()
	if f != nil {
		return f.Under("tool_choice")
	}
	search := c.search
	if string(choice) == "none" {
		search = false
		if choice = nil; len(called) == 0 {
			list = nil // Converse has no such choice: without tools there is none
		} else {
			c.notices = append(c.notices, "tool_choice: Converse cannot forbid the tools that the conversation has used")
		}
	}
	if len(list) == 0 && len(called) > 0 {
		list, choice, c.forced = declareCalled(called), nil, false
		c.notices = append(c.notices, "tools: declared those that the conversation has used, as Converse demands")
	}
	if search {
		list = append(list, `,{"systemTool":{"name":"`+grounding+`"}}`...)
	}
	if len(list) == 0 {
		c.forced = false
		return nil
	}
	b := append([]byte(`{"tools":`), scan.CloseArray(list, 0)...)
	if choice != nil {
		b = append(append(b, `,"toolChoice":`...), choice...)
	}
	c.put("toolConfig", append(b, '}'))
	return nil
}

func (c *chat) specs() (list []byte, f *llm.Fault) {
	if c.tools != nil && scan.Kind(c.tools) != '[' {
		return nil, llm.Refuse("", "must be an array")
	}
	d := dialogue{caching: c.model.caching}
	scan.Elements(c.tools, func(i int, tool []byte) bool {
		list, f = spec(list, tool)
		f = f.At("", i)
		list = d.cachePoint(list, scan.Get(tool, "cache_control"))
		return f == nil
	})
	return list, f
}

func spec(list, tool []byte) ([]byte, *llm.Fault) {
	if string(scan.GetText(tool, "type")) != "function" {
		return list, llm.Refuse("type", "must be function with Bedrock")
	}
	function := scan.Get(tool, "function")
	name, schema := scan.Get(function, "name"), scan.Get(function, "parameters")
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
	list = append(append(list, `,{"toolSpec":{"name":`...), name...)
	if d := scan.Get(function, "description"); scan.Kind(d) == '"' && len(d) > 2 {
		list = append(append(list, `,"description":`...), d...)
	}
	list = append(append(append(list, `,"inputSchema":{"json":`...), schema...), '}')
	if strict, _ := scan.Bool(scan.Get(function, "strict")); strict {
		list = append(list, `,"strict":true`...)
	}
	return append(list, '}', '}'), nil
}

// grounding is Nova's own tool that searches the web.
const grounding = "nova_grounding"

const anyObject = `{"type":"object","properties":{}}`

func declareCalled(names [][]byte) (list []byte) {
	for i, name := range names {
		if slices.ContainsFunc(names[:i], func(n []byte) bool { return bytes.Equal(n, name) }) {
			continue
		}
		list = append(append(list, `,{"toolSpec":{"name":`...), name...)
		list = append(append(list, `,"inputSchema":{"json":`...), anyObject...)
		list = append(list, `}}}`...)
	}
	return list
}

// choice is a ToolChoice, "none", or nil.
func (c *chat) choice() ([]byte, *llm.Fault) {
	if c.toolChoice == nil {
		return nil, nil
	}
	switch word, _ := scan.String(c.toolChoice); word {
	case "none":
		return []byte("none"), nil
	case "auto":
		return []byte(`{"auto":{}}`), nil
	case "required":
		c.forced = true
		return []byte(`{"any":{}}`), nil
	}
	if string(scan.GetText(c.toolChoice, "type")) != "function" {
		return nil, llm.Refuse("", "must be none, auto, required or a function with Bedrock")
	}
	name := scan.Get(c.toolChoice, "function", "name")
	if scan.Kind(name) != '"' {
		return nil, llm.Refuse("function.name", "must be a string")
	}
	c.forced = true
	return append(append([]byte(`{"tool":{"name":`), name...), '}', '}'), nil
}
