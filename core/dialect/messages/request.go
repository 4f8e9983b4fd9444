package messages

import (
	"fmt"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ToChat translates a Messages request into the canonical form. What no other
// provider could do (server tools, MCP servers, containers) is refused by
// name; the error is a *core.Error of the client's.
func ToChat(body []byte) ([]byte, error) {
	w := requestWriter{dst: make([]byte, 0, len(body)+256), body: body}
	w.dst = append(w.dst, '{')
	scan.Members(body, func(key, value []byte) bool {
		if !scan.IsNull(value) {
			w.member(string(key), value)
		}
		return w.err == nil
	})
	if w.err != nil {
		return nil, w.err
	}
	return append(w.dst, '}'), nil
}

type requestWriter struct {
	dst  []byte
	body []byte
	err  *core.Error
}

func (w *requestWriter) fail(param, format string, args ...any) {
	if w.err == nil {
		w.err = core.Invalid(param, format, args...)
	}
}

// name begins a member or element: a comma unless it is the first.
func (w *requestWriter) name(name string) {
	w.comma()
	w.dst = append(scan.AppendString(w.dst, name), ':')
}

func (w *requestWriter) comma() {
	if c := w.dst[len(w.dst)-1]; c != '{' && c != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *requestWriter) raw(name string, value []byte) {
	w.name(name)
	w.dst = append(w.dst, value...)
}

func (w *requestWriter) str(name, value string) {
	w.name(name)
	w.dst = scan.AppendString(w.dst, value)
}

func (w *requestWriter) member(key string, value []byte) {
	switch key {
	case "model", "max_tokens", "stream", "temperature", "top_p", "top_k":
		w.raw(key, value)
	case "stop_sequences":
		if scan.Len(value) > 0 {
			w.raw("stop", value)
		}
	case "metadata":
		if user := scan.Get(value, "user_id"); scan.Kind(user) == '"' {
			w.raw("user", user)
		}
	case "messages":
		w.name("messages")
		w.messages(value)
	case "tools":
		w.tools(value)
	case "tool_choice":
		w.toolChoice(value)
	case "thinking":
		w.thinking(value)
	case "output_config":
		w.outputConfig(value)
	case "mcp_servers", "container":
		w.fail(key, "%s is not supported for this model's provider", key)
	}
}

// thinking goes along as it is, and as an effort for providers that think in words.
func (w *requestWriter) thinking(value []byte) {
	w.raw("thinking", value)
	if budget, ok := scan.GetInt(value, "budget_tokens"); ok && scan.GetString(value, "type") == "enabled" && scan.Get(w.body, "output_config", "effort") == nil {
		w.str("reasoning_effort", llm.Effort(budget))
	}
}

func (w *requestWriter) outputConfig(value []byte) {
	if effort := scan.GetString(value, "effort"); effort != "" {
		w.str("reasoning_effort", effort)
	}
	format := scan.Get(value, "format")
	if scan.GetString(format, "type") != "json_schema" {
		return
	}
	w.name("response_format")
	w.dst = append(w.dst, `{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":`...)
	w.dst = append(append(w.dst, scan.Get(format, "schema")...), "}}"...)
}

func (w *requestWriter) messages(value []byte) {
	w.dst = append(w.dst, '[')
	w.system(scan.Get(w.body, "system"))
	scan.Elements(value, func(i int, m []byte) bool {
		at := "messages[" + strconv.Itoa(i) + "]"
		switch role := scan.GetString(m, "role"); role {
		case "user":
			w.user(m, at)
		case "assistant":
			w.assistant(m, at)
		case "system":
			w.system(scan.Get(m, "content"))
		default:
			w.fail(at+".role", "%s.role must be user or assistant", at)
		}
		return w.err == nil
	})
	w.dst = append(w.dst, ']')
}

func (w *requestWriter) system(content []byte) {
	if scan.IsNull(content) {
		return
	}
	w.comma()
	w.dst = append(w.dst, `{"role":"system","content":`...)
	if scan.Kind(content) == '"' {
		w.dst = append(append(w.dst, content...), '}')
		return
	}
	w.parts(content, "system", nil)
	w.dst = append(w.dst, '}')
}

// user writes the results of tools first: they must follow the calls.
func (w *requestWriter) user(m []byte, at string) {
	content := scan.Get(m, "content")
	if scan.Kind(content) == '"' {
		w.comma()
		w.dst = append(append(append(w.dst, `{"role":"user","content":`...), content...), '}')
		return
	}
	if scan.Kind(content) != '[' {
		w.fail(at+".content", "%s.content must be a string or an array", at)
		return
	}
	others := 0
	scan.Elements(content, func(_ int, b []byte) bool {
		if scan.GetString(b, "type") != "tool_result" {
			others++
			return true
		}
		w.comma()
		w.dst = append(w.dst, `{"role":"tool"`...)
		w.raw("tool_call_id", orEmpty(scan.Get(b, "tool_use_id")))
		if failed, _ := scan.Bool(scan.Get(b, "is_error")); failed {
			w.raw("is_error", []byte("true"))
		}
		w.copyMark(b)
		w.name("content")
		switch result := scan.Get(b, "content"); scan.Kind(result) {
		case '"':
			w.dst = append(w.dst, result...)
		case '[':
			w.parts(result, at+".content", nil)
		default:
			w.dst = append(w.dst, `""`...)
		}
		w.dst = append(w.dst, '}')
		return w.err == nil
	})
	if others > 0 || scan.Len(content) == 0 {
		w.comma()
		w.dst = append(w.dst, `{"role":"user","content":`...)
		w.parts(content, at+".content", func(kind string) bool { return kind == "tool_result" })
		w.dst = append(w.dst, '}')
	}
}

func orEmpty(raw []byte) []byte {
	if raw == nil {
		return []byte(`""`)
	}
	return raw
}

func (w *requestWriter) copyMark(block []byte) {
	if mark := scan.Get(block, "cache_control"); !scan.IsNull(mark) {
		w.raw("cache_control", mark)
	}
}

// parts writes content blocks as content parts, but for those that skip names.
func (w *requestWriter) parts(blocks []byte, at string, skip func(kind string) bool) {
	w.dst = append(w.dst, '[')
	scan.Elements(blocks, func(i int, b []byte) bool {
		kind := scan.GetString(b, "type")
		if skip != nil && skip(kind) {
			return true
		}
		w.comma()
		w.dst = append(w.dst, '{')
		w.part(kind, b, fmt.Sprintf("%s[%d]", at, i))
		w.copyMark(b)
		w.dst = append(w.dst, '}')
		return w.err == nil
	})
	w.dst = append(w.dst, ']')
}

func (w *requestWriter) part(kind string, b []byte, at string) {
	switch kind {
	case "text":
		w.str("type", "text")
		w.raw("text", orEmpty(scan.Get(b, "text")))
	case "image":
		w.str("type", "image_url")
		w.name("image_url")
		w.dst = append(w.dst, `{"url":`...)
		w.source(scan.Get(b, "source"), at)
		w.dst = append(w.dst, '}')
	case "document":
		w.document(b, at)
	default:
		w.fail(at+".type", "%s: content of type %q is not supported for this model's provider", at, kind)
	}
}

// source writes a URL, or the data as a data URL.
func (w *requestWriter) source(source []byte, at string) {
	switch scan.GetString(source, "type") {
	case "url":
		w.dst = append(w.dst, orEmpty(scan.Get(source, "url"))...)
	case "base64":
		data := orEmpty(scan.Get(source, "data"))
		head := scan.AppendString(nil, "data:"+scan.GetString(source, "media_type")+";base64,")
		w.dst = append(w.dst, head[:len(head)-1]...)
		w.dst = append(w.dst, data[1:]...) // base64 needs no escapes
	default:
		w.fail(at+".source", "%s.source must be of type base64 or url", at)
	}
}

func (w *requestWriter) document(b []byte, at string) {
	source := scan.Get(b, "source")
	if scan.GetString(source, "type") == "text" {
		w.str("type", "text")
		w.raw("text", orEmpty(scan.Get(source, "data")))
		return
	}
	if scan.GetString(source, "type") != "base64" {
		w.fail(at+".source", "%s: documents must be sent as base64 or text", at)
		return
	}
	name := scan.GetString(b, "title")
	if name == "" {
		name = "document.pdf"
	}
	w.str("type", "file")
	w.name("file")
	w.dst = scan.AppendString(append(w.dst, `{"filename":`...), name)
	w.dst = append(w.dst, `,"file_data":`...)
	w.source(source, at)
	w.dst = append(w.dst, '}')
}

func (w *requestWriter) assistant(m []byte, at string) {
	w.comma()
	w.dst = append(w.dst, `{"role":"assistant"`...)
	content := scan.Get(m, "content")
	if scan.Kind(content) == '"' {
		w.raw("content", content)
		w.dst = append(w.dst, '}')
		return
	}
	var text, calls, thoughts, reasoning []byte
	texts := 0
	scan.Elements(content, func(i int, b []byte) bool {
		switch kind := scan.GetString(b, "type"); kind {
		case "text":
			if texts++; texts > 1 {
				text = append(text, ',')
			}
			text = append(append(text, `{"type":"text","text":`...), orEmpty(scan.Get(b, "text"))...)
			text = append(text, '}')
		case "thinking":
			thoughts = appendElement(thoughts, scan.Apply(nil, b, []scan.Edit{{Key: "cache_control"}}))
			reasoning = scan.AppendUnescaped(reasoning, scan.Get(b, "thinking"))
		case "redacted_thinking":
			thoughts = appendElement(thoughts, b)
		case "tool_use":
			calls = appendElement(calls, toolCall(b))
		default:
			w.fail(fmt.Sprintf("%s.content[%d].type", at, i), "%s.content[%d]: content of type %q is not supported for this model's provider", at, i, kind)
		}
		return w.err == nil
	})
	switch {
	case texts == 1:
		w.raw("content", scan.Get(text, "text"))
	case texts > 1:
		w.raw("content", append(append([]byte{'['}, text...), ']'))
	default:
		w.raw("content", []byte("null"))
	}
	if len(reasoning) > 0 {
		w.str("reasoning_content", string(reasoning))
	}
	if thoughts != nil {
		w.raw("thinking_blocks", append(thoughts, ']'))
	}
	if calls != nil {
		w.raw("tool_calls", append(calls, ']'))
	}
	w.dst = append(w.dst, '}')
}

func appendElement(list, element []byte) []byte {
	if list == nil {
		list = append(list, '[')
	} else {
		list = append(list, ',')
	}
	return append(list, element...)
}

func toolCall(b []byte) []byte {
	input := scan.Get(b, "input")
	if scan.IsNull(input) {
		input = []byte("{}")
	}
	c := append([]byte(`{"id":`), orEmpty(scan.Get(b, "id"))...)
	c = append(append(c, `,"type":"function","function":{"name":`...), orEmpty(scan.Get(b, "name"))...)
	c = scan.AppendString(append(c, `,"arguments":`...), input)
	return append(c, "}}"...)
}

func (w *requestWriter) tools(value []byte) {
	if scan.Len(value) == 0 {
		return
	}
	w.name("tools")
	w.dst = append(w.dst, '[')
	scan.Elements(value, func(i int, t []byte) bool {
		if kind := scan.GetString(t, "type"); kind != "" && kind != "custom" {
			w.fail(fmt.Sprintf("tools[%d].type", i), "tools[%d]: the tool type %q is not supported for this model's provider", i, kind)
			return false
		}
		w.comma()
		w.dst = append(w.dst, `{"type":"function","function":{`...)
		w.raw("name", orEmpty(scan.Get(t, "name")))
		if d := scan.Get(t, "description"); !scan.IsNull(d) {
			w.raw("description", d)
		}
		if s := scan.Get(t, "input_schema"); !scan.IsNull(s) {
			w.raw("parameters", s)
		}
		if s := scan.Get(t, "strict"); !scan.IsNull(s) {
			w.raw("strict", s)
		}
		w.dst = append(w.dst, '}')
		w.copyMark(t)
		w.dst = append(w.dst, '}')
		return true
	})
	w.dst = append(w.dst, ']')
}

func (w *requestWriter) toolChoice(value []byte) {
	switch kind := scan.GetString(value, "type"); kind {
	case "auto", "none":
		w.str("tool_choice", kind)
	case "any":
		w.str("tool_choice", "required")
	case "tool":
		w.name("tool_choice")
		w.dst = append(w.dst, `{"type":"function","function":{"name":`...)
		w.dst = append(append(w.dst, orEmpty(scan.Get(value, "name"))...), "}}"...)
	default:
		w.fail("tool_choice.type", "tool_choice.type must be auto, any, tool or none")
	}
	if single, _ := scan.Bool(scan.Get(value, "disable_parallel_tool_use")); single {
		w.raw("parallel_tool_calls", []byte("false"))
	}
}
