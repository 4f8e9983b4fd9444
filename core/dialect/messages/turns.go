package messages

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func (w *requestWriter) messages(value []byte) {
	if scan.Kind(value) != '[' {
		w.fail("messages", "messages must be an array")
		return
	}
	w.dst = append(w.dst, '[')
	w.system(scan.Get(w.body, "system"), "system")
	scan.Elements(value, func(i int, m []byte) bool {
		at := "messages[" + strconv.Itoa(i) + "]"
		switch role := scan.GetString(m, "role"); role {
		case "user":
			w.userTurn(m, at)
		case "assistant":
			w.assistantTurn(m, at)
		case "system":
			w.system(scan.Get(m, "content"), at+".content")
		default:
			w.fail(at+".role", "%s.role must be user or assistant", at)
		}
		return w.err == nil
	})
	w.dst = append(w.dst, ']')
}

func (w *requestWriter) system(content []byte, at string) {
	if scan.IsNull(content) {
		return
	}
	w.comma()
	w.dst = append(w.dst, `{"role":"system","content":`...)
	if scan.Kind(content) == '"' {
		w.dst = append(append(w.dst, content...), '}')
		return
	}
	w.parts(content, at, nil)
	w.dst = append(w.dst, '}')
}

// userTurn writes the results of tools first: they must follow the calls.
func (w *requestWriter) userTurn(m []byte, at string) {
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
	scan.Elements(content, func(i int, b []byte) bool {
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
		w.dst = appendMark(w.dst, b)
		w.name("content")
		switch result := scan.Get(b, "content"); scan.Kind(result) {
		case '"':
			w.dst = append(w.dst, result...)
		case '[':
			w.parts(result, fmt.Sprintf("%s.content[%d].content", at, i), nil)
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
		w.dst = appendMark(w.dst, b)
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

// document writes a file part. Its context goes before it, as text: every model reads
// that. Claude cites documents that are files, where it is asked to.
func (w *requestWriter) document(b []byte, at string) {
	source := scan.Get(b, "source")
	cited, _ := scan.Bool(scan.Get(b, "citations", "enabled"))
	if scan.GetString(source, "type") == "text" {
		if cited {
			w.notices = append(w.notices, "dropped "+at+".citations")
		}
		w.str("type", "text")
		w.raw("text", joined(scan.Get(b, "title"), scan.Get(b, "context"), scan.Get(source, "data")))
		return
	}
	name := scan.Get(b, "title")
	switch kind := scan.GetString(source, "type"); {
	case kind != "base64" && kind != "url":
		w.fail(at+".source", "%s: documents must be sent as base64, url or text", at)
		return
	case kind == "base64" && !filled(name):
		name = []byte(`"document.pdf"`)
	}
	if context := scan.Get(b, "context"); filled(context) {
		w.str("type", "text")
		w.raw("text", context)
		w.dst = append(w.dst, "},{"...)
	}
	w.str("type", "file")
	w.name("file")
	w.dst = append(w.dst, '{')
	if filled(name) {
		w.raw("filename", name)
	}
	w.name("file_data")
	w.source(source, at)
	w.dst = append(w.dst, '}')
	switch {
	case cited && w.to.Cites:
		w.raw("citations", []byte(`{"enabled":true}`))
	case cited:
		w.notices = append(w.notices, at+".citations: only Claude cites documents")
	}
}

// joined are the raw strings among texts as one, an empty line between them.
func joined(texts ...[]byte) []byte {
	b := []byte{'"'}
	for _, text := range texts {
		if !filled(text) {
			continue
		}
		if len(b) > 1 {
			b = append(b, `\n\n`...)
		}
		b = append(b, text[1:len(text)-1]...)
	}
	return append(b, '"')
}

func (w *requestWriter) assistantTurn(m []byte, at string) {
	w.comma()
	w.dst = append(w.dst, `{"role":"assistant"`...)
	content := scan.Get(m, "content")
	if scan.Kind(content) == '"' {
		w.raw("content", content)
		w.dst = append(w.dst, '}')
		return
	}
	if scan.Kind(content) != '[' {
		w.fail(at+".content", "%s.content must be a string or an array", at)
		return
	}
	var texts, calls, thoughts, reasoning []byte
	var extra bridge.Extra
	scan.Elements(content, func(i int, b []byte) bool {
		switch kind := scan.GetString(b, "type"); kind {
		case "text":
			extra.Take(scan.Get(b, "extra_content"))
			if filled(scan.Get(b, "text")) || scan.Get(b, "extra_content") == nil {
				texts = appendElement(texts, textPart(b))
			}
		case "thinking":
			thoughts = appendElement(thoughts, b)
			reasoning = scan.AppendUnescaped(reasoning, scan.Get(b, "thinking"))
		case "redacted_thinking":
			thoughts = appendElement(thoughts, b)
		case "tool_use":
			calls = appendElement(calls, chatCall(b))
		default:
			if ranAtVendor(kind) {
				w.left.Add(fmt.Sprintf("%s.content[%d]", at, i))
				break
			}
			w.fail(fmt.Sprintf("%s.content[%d].type", at, i), "%s.content[%d]: content of type %q is not supported for this model's provider", at, i, kind)
		}
		return w.err == nil
	})
	w.raw("content", orNull(texts))
	if len(reasoning) > 0 {
		w.str("reasoning_content", string(reasoning))
	}
	if thoughts != nil {
		w.thoughts(append(thoughts, ']'))
	}
	if calls != nil {
		w.raw("tool_calls", append(calls, ']'))
	}
	w.dst = scan.AppendMember(w.dst, "extra_content", extra.Cut(bridge.Signed, bridge.Done))
	w.dst = append(w.dst, '}')
}

// ranAtVendor reports whether a block is what one of Anthropic's own tools was told or
// answered: what the model made of it stands in its text.
func ranAtVendor(kind string) bool {
	return kind == "server_tool_use" || kind == "mcp_tool_use" || strings.HasSuffix(kind, "_tool_result")
}

// orNull closes a list; an empty one is null. A single text without a mark is
// written as a string, which every provider takes.
func orNull(list []byte) []byte {
	if list == nil {
		return []byte("null")
	}
	list = append(list, ']')
	if scan.Len(list) == 1 && scan.Get(list[1:], "cache_control") == nil {
		return scan.Get(list[1:], "text")
	}
	return list
}

func textPart(b []byte) []byte {
	part := append([]byte(`{"type":"text","text":`), orEmpty(scan.Get(b, "text"))...)
	return append(appendMark(part, b), '}')
}

// appendMark copies the block's cache mark into the object that is open.
func appendMark(dst, block []byte) []byte {
	if mark := scan.Get(block, "cache_control"); !scan.IsNull(mark) {
		dst = append(append(dst, `,"cache_control":`...), mark...)
	}
	return dst
}

func appendElement(list, element []byte) []byte {
	if list == nil {
		list = append(list, '[')
	} else {
		list = append(list, ',')
	}
	return append(list, element...)
}

func chatCall(b []byte) []byte {
	input := scan.Get(b, "input")
	if scan.IsNull(input) {
		input = []byte("{}")
	}
	c := append([]byte(`{"id":`), orEmpty(scan.Get(b, "id"))...)
	c = append(append(c, `,"type":"function","function":{"name":`...), orEmpty(scan.Get(b, "name"))...)
	c = append(scan.AppendString(append(c, `,"arguments":`...), input), '}')
	return append(appendMark(appendExtra(c, scan.Get(b, "extra_content")), b), '}')
}
