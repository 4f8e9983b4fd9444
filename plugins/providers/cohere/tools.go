package main

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// toolMembers writes tools, tool_choice and strict_tools. Cohere can demand or
// forbid calls, but not name the tools that may be called: those that may not are
// not offered.
func (c *chat) toolMembers() *llm.Fault {
	choice, only, f := c.choice()
	if f != nil {
		return f.Under("tool_choice")
	}
	if c.tools != nil && scan.Kind(c.tools) != '[' {
		return llm.Refuse("tools", "must be an array")
	}
	list, strict, loose := []byte(nil), false, false
	scan.Elements(c.tools, func(i int, tool []byte) bool {
		var t spec
		if t, f = readSpec(tool); f != nil {
			f = f.At("tools", i)
			return false
		}
		if only != nil && !contains(only, t.name) {
			return true
		}
		list = t.append(list)
		if on, _ := scan.Bool(t.strict); on {
			strict = true
		} else {
			loose = true
		}
		return true
	})
	switch {
	case f != nil:
		return f
	case len(list) == 0 && (choice == "REQUIRED" || only != nil):
		return llm.Refuse("tool_choice", "demands a call, but there is no such tool")
	case len(list) == 0:
		return nil
	}
	c.put("tools", scan.CloseArray(list, 0))
	if choice != "" {
		c.body = scan.AppendString(scan.AppendName(c.body, "tool_choice"), choice)
	}
	switch {
	case c.strictAll != nil:
		c.put("strict_tools", c.strictAll)
	case strict && !loose:
		c.put("strict_tools", []byte("true"))
	case strict:
		c.leaveOut("strict of a tool", "Cohere has it for all tools or none")
	}
	return nil
}

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

// choice is Cohere's word, "" for auto, and the raw names of the tools that may be
// called, nil for all.
func (c *chat) choice() (word string, only [][]byte, f *llm.Fault) {
	name := func(tool []byte) {
		n := scan.Get(tool, "function", "name")
		if scan.Kind(n) != '"' {
			f = llm.Refuse("function.name", "must be a string")
		}
		only = append(only, n)
	}
	wish := c.toolChoice
	switch {
	case scan.Is(scan.Get(wish, "type"), "function"):
		name(wish)
		return "REQUIRED", only, f
	case scan.Is(scan.Get(wish, "type"), "allowed_tools"):
		allowed := scan.Get(wish, "allowed_tools")
		scan.Elements(scan.Get(allowed, "tools"), func(i int, tool []byte) bool {
			name(tool)
			f = f.At("allowed_tools.tools", i)
			return f == nil
		})
		if len(only) == 0 {
			return "", nil, llm.Refuse("allowed_tools.tools", "must name a tool")
		}
		wish = scan.Get(allowed, "mode")
	}
	switch {
	case f != nil || scan.IsNull(wish) || scan.Is(wish, "auto"):
	case scan.Is(wish, "none"):
		word = "NONE"
	case scan.Is(wish, "required"):
		word = "REQUIRED"
	default:
		f = llm.Refuse("", "must be none, auto, required, a function or allowed_tools")
	}
	return word, only, f
}

// spec is the declaration of a tool, its values raw.
type spec struct{ name, description, parameters, strict []byte }

var (
	toolFields = scan.NewNames("type", "function")
	specFields = scan.NewNames("name", "description", "parameters", "strict")
)

func readSpec(tool []byte) (s spec, f *llm.Fault) {
	var kind, function []byte
	toolFields.Read(tool, nil, &kind, &function)
	if !scan.Is(kind, "function") {
		return s, llm.Refuse("type", strconv.Quote(string(scan.Text(kind)))+" is not supported with Cohere, only function is")
	}
	specFields.Read(function, nil, &s.name, &s.description, &s.parameters, &s.strict)
	if scan.Kind(s.name) != '"' {
		return s, llm.Refuse("function.name", "must be a string")
	}
	if s.parameters == nil {
		s.parameters = []byte(`{"type":"object","properties":{}}`) // demanded
	}
	if scan.Kind(s.parameters) != '{' {
		return s, llm.Refuse("function.parameters", "must be an object")
	}
	return s, nil
}

func (s *spec) append(b []byte) []byte {
	b = append(append(b, `,{"type":"function","function":{"name":`...), s.name...)
	if scan.Kind(s.description) == '"' && len(s.description) > 2 {
		b = append(append(b, `,"description":`...), s.description...)
	}
	return append(append(append(b, `,"parameters":`...), s.parameters...), '}', '}')
}
