package responses

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// toolConfig writes tools and tool_choice: what chat has in an object of its own stands
// beside the type here. A search that is asked for is one more tool.
func (q *request) toolConfig() (f *llm.Fault) {
	if q.tools != nil && scan.Kind(q.tools) != '[' {
		return llm.Refuse("tools", "must be an array")
	}
	list := q.codec.tools[:0]
	scan.Elements(q.tools, func(i int, def []byte) bool {
		list, f = q.tool(list, def)
		f = f.At("tools", i)
		return f == nil
	})
	if f != nil {
		return f
	}
	if q.search != nil {
		if list, f = q.webSearch(list); f != nil {
			return f
		}
	}
	if q.codec.tools = list; len(list) > 0 {
		q.put("tools", scan.CloseArray(list, 0))
	}
	return q.choice().Under("tool_choice")
}

var toolFields = scan.NewNames("type", "function", "custom", "cache_control")

func (q *request) tool(list, def []byte) (_ []byte, f *llm.Fault) {
	var kind, function, custom, unused []byte
	var more rest
	toolFields.Read(def, more.other, &kind, &function, &custom, &unused)
	switch {
	case slices.Contains(q.settings.Tools, string(scan.Text(kind))):
		return append(append(list, ','), def...), nil
	case scan.Is(kind, "function"):
		list, f = functionTool(list, function)
		f = f.Under("function")
	case scan.Is(kind, "custom"):
		list, f = customTool(list, custom)
		f = f.Under("custom")
	default:
		return list, llm.Refuse("type", strconv.Quote(string(scan.Text(kind)))+" is not supported, only function and custom are; web_search_options asks for a search")
	}
	return append(append(list, more.b...), '}'), f
}

var specFields = scan.NewNames("name", "parameters", "strict")

// functionTool: what chat takes for not strict, where nothing is said, a response takes for
// strict. https://platform.openai.com/docs/guides/migrate-to-responses
func functionTool(list, function []byte) ([]byte, *llm.Fault) {
	var called, schema, strict []byte
	var more rest
	specFields.Read(function, more.other, &called, &schema, &strict)
	switch {
	case scan.Kind(called) != '"':
		return list, llm.Refuse("name", "must be a string")
	case schema == nil:
		schema = []byte(`{"type":"object","properties":{}}`)
	case scan.Kind(schema) != '{':
		return list, llm.Refuse("parameters", "must be an object")
	}
	if strict == nil {
		strict = []byte("false")
	}
	list = wrapped(list, `,{"type":"function","name":`, called, "")
	list = append(list, more.b...)
	return wrapped(wrapped(list, `,"parameters":`, schema, ""), `,"strict":`, strict, ""), nil
}

var customToolFields = scan.NewNames("name", "format")

// customTool takes the grammar out of the object that it has in chat.
func customTool(list, custom []byte) ([]byte, *llm.Fault) {
	var called, format []byte
	var more rest
	customToolFields.Read(custom, more.other, &called, &format)
	if scan.Kind(called) != '"' {
		return list, llm.Refuse("name", "must be a string")
	}
	list = append(wrapped(list, `,{"type":"custom","name":`, called, ""), more.b...)
	if format == nil {
		return list, nil
	}
	if grammar := scan.Get(format, "grammar"); scan.Kind(grammar) == '{' {
		format = scan.Apply(nil, grammar, []scan.Edit{{Key: "type", Value: []byte(`"grammar"`)}})
	}
	return wrapped(list, `,"format":`, format, ""), nil
}

// webSearch appends the tool that web_search_options becomes. How often it may be used is
// a member of the request: nothing else here runs at the vendor.
// https://platform.openai.com/docs/guides/tools-web-search
func (q *request) webSearch(list []byte) ([]byte, *llm.Fault) {
	if scan.Kind(q.search) != '{' {
		return list, llm.Refuse("web_search_options", "must be an object")
	}
	list = append(list, `,{"type":"web_search"`...)
	scan.Members(q.search, func(key, v []byte) bool {
		switch k := string(key); {
		case scan.IsNull(v):
		case k == "max_uses": // the gateway's, under a budget
			q.uses = v
		case k == "user_location":
			place := scan.Get(v, "approximate")
			if scan.Kind(place) != '{' {
				place = v
			}
			list = append(list, `,"user_location":`...)
			list = scan.Apply(list, place, []scan.Edit{{Key: "type", Value: []byte(`"approximate"`)}})
		case k == "type":
		default:
			list = append(append(scan.AppendString(append(list, ','), key), ':'), v...)
		}
		return true
	})
	return append(list, '}'), nil
}

// choice is tool_choice; its object names a tool by its type and name.
func (q *request) choice() (f *llm.Fault) {
	switch scan.Kind(q.toolChoice) {
	case 0:
		return nil
	case '"':
		q.put("tool_choice", q.toolChoice)
		return nil
	}
	kind := scan.GetString(q.toolChoice, "type")
	if kind != "allowed_tools" {
		var b []byte
		b, f = chosen(nil, q.toolChoice)
		q.put("tool_choice", b)
		return f
	}
	allowed := scan.Get(q.toolChoice, kind)
	mode, list := scan.Get(allowed, "mode"), []byte(nil)
	if scan.Kind(mode) != '"' {
		return llm.Refuse("allowed_tools.mode", "must be a string")
	}
	scan.Elements(scan.Get(allowed, "tools"), func(i int, one []byte) bool {
		list, f = chosen(append(list, ','), one)
		f = f.At("allowed_tools.tools", i)
		return f == nil
	})
	b := wrapped(nil, `{"type":"allowed_tools","mode":`, mode, `,"tools":`)
	q.put("tool_choice", append(append(b, scan.CloseArray(list, 0)...), '}'))
	return f
}

// chosen appends what names a tool.
func chosen(dst, one []byte) ([]byte, *llm.Fault) {
	kind := scan.GetString(one, "type")
	if kind != "function" && kind != "custom" {
		return dst, llm.Refuse("type", "must be function, custom or, of a whole choice, allowed_tools")
	}
	called := scan.Get(one, kind, "name")
	if scan.Kind(called) != '"' {
		return dst, llm.Refuse(kind+".name", "must be a string")
	}
	dst = append(append(append(dst, `{"type":"`...), kind...), `","name":`...)
	return append(append(dst, called...), '}'), nil
}
