package main

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxStops is Converse's limit.
const maxStops = 2500

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
		v         *[]byte
	}{{"temperature", "temperature", &c.temperature}, {"top_p", "topP", &c.topP}, {"top_k", "", &c.topK}} {
		if *m.v == nil {
			continue
		}
		takes, f := c.takes(m.key, *m.v)
		switch {
		case f != nil:
			return f
		case !takes:
			*m.v = nil
		case m.name != "":
			b = append(scan.AppendName(b, m.name), *m.v...)
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

// takes reports whether the model takes a temperature, top_p or top_k.
func (c *chat) takes(name string, v []byte) (bool, *llm.Fault) {
	if c.model.claude != nil {
		return c.model.claude.Takes(name, v, c.thinks, &c.notices)
	}
	if scan.Kind(v) != '0' {
		return false, llm.Refuse(name, "must be a number")
	}
	return true, nil
}

// addTopK: every vendor has its own name for it, outside of Converse.
func (c *chat) addTopK() *llm.Fault {
	switch {
	case c.topK == nil:
	case c.model.claude != nil:
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
		case len(s) == 2, c.model.claude != nil && llm.Blank(s):
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
