package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// toolMembers writes tools and toolConfig.
func (c *chat) toolMembers() *llm.Fault {
	list, f := declarations(c.tools)
	if f != nil {
		return f.Under("tools")
	}
	c.tellStrict()
	combined := len(list) > 0 && len(c.native) > 0 && !c.model.budgets
	if len(list) > 0 {
		own := append([]byte(`,{"functionDeclarations":`), scan.CloseArray(list, 0)...)
		c.native = append(append(own, '}'), c.native...)
	}
	if len(c.native) > 0 {
		c.rest = append(scan.AppendName(c.rest, "tools"), scan.CloseArray(c.native, 0)...)
	}
	if len(list) == 0 {
		return nil // a choice among no tools is none
	}
	return c.toolConfig(combined).Under("tool_choice")
}

// tellStrict tells which tools shall be called by their schema and no other way, which
// Google has no member for: one notice for all, since some clients say it of each.
func (c *chat) tellStrict() {
	first, more := -1, 0
	scan.Elements(c.tools, func(i int, tool []byte) bool {
		switch strict, _ := scan.Bool(scan.Get(tool, "function", "strict")); {
		case strict && first < 0:
			first = i
		case strict:
			more++
		}
		return true
	})
	if first < 0 {
		return
	}
	notice := "left out tools[" + strconv.Itoa(first) + "].function.strict"
	if more > 0 {
		notice += " and that of " + strconv.Itoa(more) + " more"
	}
	c.notices = append(c.notices, notice)
}

// declarations gives parameters as JSON Schema, which the API takes as it is.
func declarations(tools []byte) (list []byte, f *llm.Fault) {
	if tools != nil && scan.Kind(tools) != '[' {
		return nil, llm.Refuse("", "must be an array")
	}
	scan.Elements(tools, func(i int, tool []byte) bool {
		list, f = declaration(append(list, ','), tool)
		f = f.At("", i)
		return f == nil
	})
	return list, f
}

func declaration(list, tool []byte) ([]byte, *llm.Fault) {
	if string(scan.GetText(tool, "type")) != "function" {
		return list, llm.Refuse("type", "must be function with Gemini")
	}
	function := scan.Get(tool, "function")
	name := scan.Get(function, "name")
	if scan.Kind(name) != '"' {
		return list, llm.Refuse("function.name", "must be a string")
	}
	list = append(append(list, `{"name":`...), name...)
	if d := scan.Get(function, "description"); scan.Kind(d) == '"' {
		list = append(append(list, `,"description":`...), d...)
	}
	switch p := scan.Get(function, "parameters"); {
	case scan.IsNull(p), scan.Kind(p) == '{' && isEmpty(p):
	case scan.Kind(p) == '{':
		list = append(append(list, `,"parametersJsonSchema":`...), p...)
	default:
		return list, llm.Refuse("function.parameters", "must be an object")
	}
	return append(list, '}'), nil
}

func isEmpty(object []byte) bool {
	empty := true
	scan.Members(object, func(_, _ []byte) bool { empty = false; return false })
	return empty
}

// toolConfig says which functions are to be called. Models after 2.5 combine them with
// Google's own tools, in the mode VALIDATED in place of AUTO, and the Gemini API does so
// if it may tell what it ran, which must come back with the next turn; Vertex AI has no
// such member. https://ai.google.dev/gemini-api/docs/tool-combination
func (c *chat) toolConfig(combined bool) *llm.Fault {
	usual := "AUTO"
	if combined {
		usual = "VALIDATED"
	}
	mode, names := "", []byte(nil)
	if c.toolChoice == nil {
		if !combined {
			return nil
		}
		mode = usual
	}
	switch word, _ := scan.String(c.toolChoice); word {
	case "auto":
		mode = usual
	case "none":
		mode = "NONE"
	case "required":
		mode = "ANY"
	}
	switch string(scan.GetText(c.toolChoice, "type")) {
	case "function":
		name := scan.Get(c.toolChoice, "function", "name")
		if scan.Kind(name) != '"' {
			return llm.Refuse("function.name", "must be a string")
		}
		mode, names = "ANY", append([]byte{','}, name...)
	case "allowed_tools":
		var f *llm.Fault
		if mode, names, f = allowedTools(scan.Get(c.toolChoice, "allowed_tools")); f != nil {
			return f.Under("allowed_tools")
		}
	}
	if mode == "" {
		return llm.Refuse("", "must be none, auto, required, a function or allowed_tools")
	}
	c.rest = append(scan.AppendName(c.rest, "toolConfig"), `{"functionCallingConfig":{"mode":"`...)
	c.rest = append(append(c.rest, mode...), '"')
	if len(names) > 0 {
		c.rest = append(append(c.rest, `,"allowedFunctionNames":`...), scan.CloseArray(names, 0)...)
	}
	if c.rest = append(c.rest, '}'); combined && !c.vertex {
		c.rest = append(c.rest, `,"includeServerSideToolInvocations":true`...)
	}
	c.rest = append(c.rest, '}')
	return nil
}

// allowedTools: only the modes ANY and VALIDATED heed a list of names.
func allowedTools(v []byte) (mode string, names []byte, f *llm.Fault) {
	switch string(scan.GetText(v, "mode")) {
	case "auto":
		mode = "VALIDATED"
	case "required":
		mode = "ANY"
	default:
		return "", nil, llm.Refuse("mode", "must be auto or required")
	}
	scan.Elements(scan.Get(v, "tools"), func(i int, tool []byte) bool {
		name := scan.Get(tool, "function", "name")
		if scan.Kind(name) != '"' {
			f = llm.Refuse("tools["+strconv.Itoa(i)+"].function.name", "must be a string")
			return false
		}
		names = append(append(names, ','), name...)
		return true
	})
	return mode, names, f
}
