package responses

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// turn is what the assistant said in a row. Lists have a comma before each element.
type turn struct {
	begun         bool
	words         string
	parts, blocks []byte
	calls         []call
	extra         [][]byte // what reasoning items keep of calls, objects by call_id
	own           bridge.Extra
}

// call is one call in a turn.
type call struct{ id, function []byte }

// messages writes instructions and input.
func (w *requestWriter) messages() {
	if text := scan.Get(w.body, "instructions"); !scan.IsNull(text) {
		if scan.Kind(text) != '"' {
			w.fail("instructions", "instructions must be a string")
			return
		}
		w.say("system", text)
	}
	input := scan.Get(w.body, "input")
	switch scan.Kind(input) {
	case '"':
		w.say("user", input)
	case '[':
		scan.Elements(input, func(i int, item []byte) bool {
			w.item(i, item)
			return w.err == nil
		})
	}
	w.flush()
	w.raw("messages", scan.CloseArray(w.list, 0))
}

// say writes a message with raw content.
func (w *requestWriter) say(role string, content []byte) {
	w.flush()
	w.list = scan.AppendString(append(w.list, `,{"role":`...), role)
	w.list = append(append(append(w.list, `,"content":`...), content...), '}')
}

func (w *requestWriter) item(i int, item []byte) {
	at := "input[" + strconv.Itoa(i) + "]"
	kind := scan.GetString(item, "type")
	switch {
	case kind == "" && scan.Get(item, "role") != nil:
		kind = "message"
	case kind == "" && scan.Get(item, "id") != nil:
		kind = "item_reference"
	}
	switch kind {
	case "message":
		w.message(item, at)
	case "reasoning":
		w.thought(item)
	case "function_call", "custom_tool_call", "local_shell_call":
		w.call(kind, item)
	case "function_call_output", "custom_tool_call_output", "local_shell_call_output":
		w.result(item, at)
	case "item_reference":
		w.err = missing(i, scan.GetString(item, "id"))
	case "":
		w.fail(at+".type", "%s.type is required", at)
	default:
		if kind == "image_generation_call" && scan.IsNull(scan.Get(item, "result")) {
			w.err = missing(i, scan.GetString(item, "id"))
			return
		}
		if ranAtVendor(kind) {
			w.left.Add(at)
			return
		}
		w.refuse(kind, at, "an item of type "+strconv.Quote(kind))
	}
}

// ranAtVendor reports whether an item is what one of OpenAI's own tools did: what the
// model made of it stands in its messages. Others are a client's results, or all that
// there is of what was said before.
func ranAtVendor(kind string) bool {
	switch kind {
	case "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "tool_search_call", "tool_search_output",
		"mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response":
		return true
	}
	return false
}

func (w *requestWriter) message(item []byte, at string) {
	content := scan.Get(item, "content")
	role := scan.GetString(item, "role")
	switch role {
	case "assistant":
		w.turn.begun = true
		w.turn.own.Take(scan.Get(item, "extra_content"))
		if scan.Kind(content) == '"' {
			w.turn.parts = append(append(append(w.turn.parts, `,{"type":"text","text":`...), content...), '}')
			return
		}
		w.turn.parts = append(w.turn.parts, w.parts(content, at+".content")...)
	case "user":
		w.say(role, w.content(content, at))
	case "system", "developer":
		w.say("system", w.content(content, at))
	default:
		w.fail(at+".role", "%s.role must be user, assistant, system or developer", at)
	}
}

// content is that of a message that is not the assistant's, raw.
func (w *requestWriter) content(content []byte, at string) []byte {
	if scan.Kind(content) == '"' {
		return content
	}
	return scan.CloseArray(w.parts(content, at+".content"), 0)
}

func (w *requestWriter) thought(item []byte) {
	words, blocks, calls, message := recall(item)
	t := &w.turn
	t.begun = true
	if t.words != "" && words != "" {
		t.words += "\n\n"
	}
	t.words += words
	t.blocks = append(t.blocks, blocks...)
	t.own.Take(message)
	if calls != nil {
		t.extra = append(t.extra, calls)
	}
}

func (w *requestWriter) call(kind string, item []byte) {
	t := &w.turn
	t.begun = true
	t.own.Take(scan.Get(item, "extra_content"))
	name, arguments := w.tools.called(kind, item)
	f := append([]byte(`{"name":`), name...)
	f = append(append(append(f, `,"arguments":`...), arguments...), '}')
	t.calls = append(t.calls, call{orEmpty(scan.Get(item, "call_id")), f})
}

// appendCall writes a call, after a comma.
func (t *turn) appendCall(dst []byte, c call) []byte {
	dst = append(append(dst, `,{"id":`...), c.id...)
	dst = append(append(dst, `,"type":"function","function":`...), c.function...)
	for _, extra := range t.extra {
		if v := scan.Get(extra, string(scan.Text(c.id))); scan.Kind(v) == '{' {
			dst = append(append(dst, `,"extra_content":`...), v...)
			break
		}
	}
	return append(dst, '}')
}

func (w *requestWriter) result(item []byte, at string) {
	w.flush()
	id := scan.Get(item, "call_id")
	if id == nil {
		id = scan.Get(item, "id") // of a local_shell_call_output
	}
	output := scan.Get(item, "output")
	switch scan.Kind(output) {
	case '[':
		output = scan.CloseArray(w.parts(output, at+".output"), 0)
	case '"':
	default:
		output = []byte(`""`)
	}
	w.list = append(append(w.list, `,{"role":"tool","tool_call_id":`...), orEmpty(id)...)
	w.list = append(append(append(w.list, `,"content":`...), output...), '}')
}

// flush writes the assistant's message.
func (w *requestWriter) flush() {
	t := &w.turn
	if !t.begun {
		return
	}
	w.list = append(w.list, `,{"role":"assistant","content":`...)
	w.list = append(w.list, plainest(t.parts)...)
	if t.words != "" {
		w.list = scan.AppendString(append(w.list, `,"reasoning_content":`...), t.words)
	}
	if t.blocks != nil {
		blocks, details := bridge.SplitThoughts(scan.CloseArray(t.blocks, 0))
		w.list = scan.AppendMember(scan.AppendMember(w.list, "thinking_blocks", blocks), "reasoning_details", details)
	}
	if t.calls != nil {
		var calls []byte
		for _, c := range t.calls {
			calls = t.appendCall(calls, c)
		}
		w.list = append(append(w.list, `,"tool_calls":`...), scan.CloseArray(calls, 0)...)
	}
	w.list = append(scan.AppendMember(w.list, "extra_content", t.own.Cut(bridge.Signed, bridge.Done)), '}')
	w.turn = turn{}
}

// plainest closes a list of parts: none is null, and a single text is a string,
// which every provider takes.
func plainest(parts []byte) []byte {
	if parts == nil {
		return []byte("null")
	}
	list := scan.CloseArray(parts, 0)
	if first := list[1 : len(list)-1]; scan.Len(list) == 1 && scan.GetString(first, "type") == "text" {
		return orEmpty(scan.Get(first, "text"))
	}
	return list
}

// parts are content parts, each after a comma.
func (w *requestWriter) parts(content []byte, at string) (dst []byte) {
	if scan.Kind(content) != '[' {
		w.fail(at, "%s must be a string or an array", at)
		return nil
	}
	scan.Elements(content, func(i int, part []byte) bool {
		dst = w.part(dst, part, at+"["+strconv.Itoa(i)+"]")
		return w.err == nil
	})
	return dst
}

func (w *requestWriter) part(dst, part []byte, at string) []byte {
	switch kind := scan.GetString(part, "type"); kind {
	case "input_text", "output_text", "text":
		dst = append(append(append(dst, `,{"type":"text","text":`...), orEmpty(scan.Get(part, "text"))...), '}')
	case "refusal":
		dst = append(append(append(dst, `,{"type":"refusal","refusal":`...), orEmpty(scan.Get(part, "refusal"))...), '}')
	case "input_image":
		url := scan.Get(part, "image_url")
		if !filled(url) {
			w.refuse("file_id", at+".file_id", "a picture that OpenAI holds")
			return dst
		}
		dst = append(append(dst, `,{"type":"image_url","image_url":{"url":`...), url...)
		if detail := scan.GetString(part, "detail"); detail == "original" {
			dst = append(dst, `,"detail":"high"`...)
		} else if detail != "" {
			dst = scan.AppendString(append(dst, `,"detail":`...), detail)
		}
		dst = append(dst, "}}"...)
	case "input_file":
		return w.file(dst, part, at)
	case "input_audio":
		audio := scan.Get(part, kind)
		if scan.Kind(audio) != '{' {
			w.fail(at+"."+kind, "%s.%s must be an object", at, kind)
			return dst
		}
		dst = append(append(append(dst, `,{"type":"input_audio","input_audio":`...), audio...), '}')
	default:
		w.refuse(kind, at, "content of type "+strconv.Quote(kind))
	}
	return dst
}

// file takes a file's data, or its address, which the provider fetches if it can.
func (w *requestWriter) file(dst, part []byte, at string) []byte {
	data, url, name := scan.Get(part, "file_data"), scan.Get(part, "file_url"), scan.Get(part, "filename")
	switch {
	case filled(data):
		if !filled(name) {
			name = []byte(`"document.pdf"`)
		}
	case !filled(url):
		w.refuse("file_id", at+".file_id", "a file that OpenAI holds")
		return dst
	case slices.Contains(w.to.Drop, "file_url"):
		w.leaveOut(at + ".file_url")
		return dst
	default:
		data = url
	}
	dst = append(dst, `,{"type":"file","file":`...)
	start := len(dst)
	if filled(name) {
		dst = scan.AppendMember(dst, "filename", name)
	}
	return append(scan.CloseObject(scan.AppendMember(dst, "file_data", data), start), '}')
}
