package gemini

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// liveTools are a session's functions as functionDeclarations, elements. Sessions take
// parameters as Google's Schema alone: those in JSON Schema are not heeded there.
// https://ai.google.dev/api/caching#FunctionDeclaration
func liveTools(tools []byte, vertex bool) (list []byte, f *llm.Fault) {
	if tools != nil && scan.Kind(tools) != '[' {
		return nil, llm.Refuse("", "must be an array")
	}
	scan.Elements(tools, func(i int, tool []byte) bool {
		list, f = liveTool(list, tool, vertex)
		f = f.At("", i)
		return f == nil
	})
	return list, f
}

func liveTool(list, tool []byte, vertex bool) ([]byte, *llm.Fault) {
	name, parameters := scan.Get(tool, "name"), scan.Get(tool, "parameters")
	switch {
	case scan.GetString(tool, "type") != "function":
		return list, refuseLive("type", "must be function")
	case scan.Kind(name) != '"':
		return list, llm.Refuse("name", "must be a string")
	case !scan.IsNull(parameters) && scan.Kind(parameters) != '{':
		return list, llm.Refuse("parameters", "must be an object")
	}
	b := scan.AppendMember(nil, "name", name)
	if d := scan.Get(tool, "description"); scan.Kind(d) == '"' {
		b = scan.AppendMember(b, "description", d)
	}
	if !isEmpty(scan.Get(parameters, "properties")) {
		schema, f := appendSchema(nil, parameters)
		if f != nil {
			return list, f.Under("parameters")
		}
		b = append(scan.AppendName(b, "parameters"), schema...)
	}
	if !vertex { // later models would go on speaking while they wait
		b = append(scan.AppendName(b, "behavior"), `"BLOCKING"`...)
	}
	return append(append(list, ','), scan.CloseObject(b, 0)...), nil
}

// schemaMembers are those of Schema that JSON Schema has under the same name and with
// the same meaning. https://ai.google.dev/api/caching#Schema
var schemaMembers = map[string]bool{"title": true, "description": true, "format": true, "nullable": true, "required": true, "default": true, "pattern": true,
	"minItems": true, "maxItems": true, "minLength": true, "maxLength": true, "minProperties": true, "maxProperties": true, "minimum": true, "maximum": true}

// appendSchema writes a JSON Schema as Google's Schema. What only narrows what a model
// may write is left out; what it cannot do without is refused.
func appendSchema(dst, schema []byte) (_ []byte, f *llm.Fault) {
	if scan.Kind(schema) != '{' {
		return dst, llm.Refuse("", "must be an object")
	}
	start := len(dst)
	scan.Members(schema, func(key, v []byte) bool {
		switch name := string(key); name {
		case "type":
			dst, f = appendType(dst, v)
		case "properties":
			dst, f = appendProperties(scan.AppendName(dst, name), v)
		case "items":
			dst, f = appendSchema(scan.AppendName(dst, name), v)
		case "anyOf", "oneOf":
			dst, f = appendChoices(scan.AppendName(dst, "anyOf"), v)
		case "enum":
			if allStrings(v) {
				dst = scan.AppendMember(dst, name, v)
			}
		case "const":
			if scan.Kind(v) == '"' {
				dst = append(append(append(scan.AppendName(dst, "enum"), '['), v...), ']')
			}
		case "$ref", "allOf", "not":
			f = refuseLive("", "is not taken in the functions of sessions")
		default:
			if schemaMembers[name] {
				dst = scan.AppendMember(dst, name, v)
			}
		}
		f = f.Under(string(key))
		return f == nil
	})
	return scan.CloseObject(dst, start), f
}

// appendType takes a list of a type and null, as many libraries write what may be absent.
func appendType(dst, v []byte) (_ []byte, f *llm.Fault) {
	if scan.Kind(v) == '"' {
		return scan.AppendMember(dst, "type", v), nil
	}
	var one []byte
	n := 0
	scan.Elements(v, func(_ int, t []byte) bool {
		if scan.Is(t, "null") {
			dst = append(scan.AppendName(dst, "nullable"), "true"...)
		} else {
			one = t
			n++
		}
		return true
	})
	if n != 1 || scan.Kind(one) != '"' {
		return dst, refuseLive("", "must be one type, or one and null,")
	}
	return scan.AppendMember(dst, "type", one), nil
}

func appendProperties(dst, v []byte) (_ []byte, f *llm.Fault) {
	start := len(dst)
	scan.RawMembers(v, func(key, v []byte) bool {
		dst = append(append(append(dst, ','), key...), ':')
		dst, f = appendSchema(dst, v)
		name, _ := scan.String(key)
		f = f.Under(name)
		return f == nil
	})
	return scan.CloseObject(dst, start), f
}

func appendChoices(dst, v []byte) (_ []byte, f *llm.Fault) {
	start := len(dst)
	scan.Elements(v, func(i int, v []byte) bool {
		dst, f = appendSchema(append(dst, ','), v)
		f = f.At("", i)
		return f == nil
	})
	return scan.CloseArray(dst, start), f
}

func allStrings(v []byte) bool {
	all := true
	scan.Elements(v, func(_ int, one []byte) bool { all = scan.Kind(one) == '"'; return all })
	return all
}
