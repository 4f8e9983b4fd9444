package responses

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue builds the items of input. Each message is one; what the assistant thought
// stands before what it said, and what it called behind that, as it came.
type dialogue struct {
	b       []byte   // items, each after a comma
	customs [][]byte // ids of the calls of custom tools, whose results are of another type
	named   bool     // a message says whose it is
}

func (q *request) conversation() *llm.Fault {
	c := q.codec
	d := dialogue{b: slices.Grow(c.input[:0], len(q.messages)+256), customs: c.customs[:0]}
	f := llm.Refuse("messages", "must be an array with at least one message")
	scan.Elements(q.messages, func(i int, m []byte) bool {
		f = d.message(m).At("messages", i)
		return f == nil
	})
	if f != nil {
		return f
	}
	if d.named {
		q.notices = append(q.notices, "left out name of messages: "+api+" does not have it")
	}
	c.input, c.customs = d.b, d.customs
	q.put("input", scan.CloseArray(d.b, 0))
	return nil
}

// message has raw values, nil when absent.
type message struct {
	role, content, calls, id, thoughts, refusal, name, audio, call []byte
}

var (
	messageFields = scan.NewNames("role", "content", "tool_calls", "tool_call_id", "thinking_blocks", "refusal", "name", "audio", "function_call")
	roles         = scan.NewNames("system", "developer", "user", "assistant", "tool")
)

func (d *dialogue) message(raw []byte) *llm.Fault {
	var m message
	messageFields.Read(raw, nil, &m.role, &m.content, &m.calls, &m.id, &m.thoughts, &m.refusal, &m.name, &m.audio, &m.call)
	role := roles.Word(m.role)
	d.named = d.named || m.name != nil && role != "tool"
	switch role {
	case "system", "developer", "user":
		return d.said(&m).Under("content")
	case "assistant":
		return d.assistant(&m)
	case "tool":
		return d.result(&m)
	}
	return llm.Refuse("role", "must be system, developer, user, assistant or tool")
}

// said writes a message that is not the assistant's.
func (d *dialogue) said(m *message) (f *llm.Fault) {
	d.b = wrapped(d.b, `,{"role":`, m.role, `,"content":`)
	switch scan.Kind(m.content) {
	case '"':
		d.b = append(d.b, m.content...)
	case '[':
		d.b, f = parts(d.b, m.content)
	default:
		return llm.Refuse("", "must be a string or an array of parts")
	}
	d.b = append(d.b, '}')
	return f
}

func (d *dialogue) assistant(m *message) (f *llm.Fault) {
	if m.call != nil {
		return llm.Refuse("function_call", "is not supported by "+api+", tool_calls are")
	}
	if m.audio != nil {
		return llm.Refuse("audio", "is not supported by "+api)
	}
	before := len(d.b)
	scan.Elements(m.thoughts, func(_ int, v []byte) bool { d.b = handBack(d.b, v); return true })
	thought := len(d.b)
	if f = d.words(m); f != nil {
		return f
	}
	scan.Elements(m.calls, func(i int, call []byte) bool {
		f = d.call(call).At("tool_calls", i)
		return f == nil
	})
	if len(d.b) == thought { // a thought that led to nothing is refused
		d.b = d.b[:before]
	}
	return f
}

// words writes what the assistant has said; a message of calls alone says nothing.
func (d *dialogue) words(m *message) (f *llm.Fault) {
	const begin = `,{"role":"assistant","content":`
	if scan.Kind(m.content) == '"' && !filled(m.refusal) {
		if len(m.content) > 2 || m.calls == nil {
			d.b = wrapped(d.b, begin, m.content, "}")
		}
		return nil
	}
	before := len(d.b)
	d.b = append(d.b, begin...)
	start := len(d.b)
	switch scan.Kind(m.content) {
	case '[':
		scan.Elements(m.content, func(i int, part []byte) bool {
			d.b, f = ownPart(d.b, part)
			f = f.At("content", i)
			return f == nil
		})
	case '"':
		d.b = wrapped(d.b, `,{"type":"output_text","text":`, m.content, "}")
	case 0:
	default:
		f = llm.Refuse("content", "must be a string or an array of parts")
	}
	if filled(m.refusal) {
		d.b = wrapped(d.b, `,{"type":"refusal","refusal":`, m.refusal, "}")
	}
	if len(d.b) == start {
		d.b = d.b[:before]
		return f
	}
	d.b = append(scan.CloseArray(d.b, start), '}')
	return f
}

var (
	callFields     = scan.NewNames("type", "id", "function", "custom")
	functionFields = scan.NewNames("name", "arguments")
	customFields   = scan.NewNames("name", "input")
)

func (d *dialogue) call(call []byte) *llm.Fault {
	var kind, id, function, custom, called, said []byte
	callFields.Read(call, nil, &kind, &id, &function, &custom)
	if scan.Kind(id) != '"' {
		return llm.Refuse("id", "must be a string")
	}
	if scan.Is(kind, "custom") {
		customFields.Read(custom, nil, &called, &said)
		switch {
		case scan.Kind(called) != '"':
			return llm.Refuse("custom.name", "must be a string")
		case scan.Kind(said) != '"':
			return llm.Refuse("custom.input", "must be a string")
		}
		d.customs = append(d.customs, id)
		d.b = appendID(append(d.b, `,{"type":"custom_tool_call","call_id":`...), id)
		d.b = wrapped(wrapped(d.b, `,"name":`, called, ""), `,"input":`, said, "}")
		return nil
	}
	functionFields.Read(function, nil, &called, &said)
	switch {
	case filled(kind) && !scan.Is(kind, "function"):
		return llm.Refuse("type", "must be function or custom")
	case scan.Kind(called) != '"':
		return llm.Refuse("function.name", "must be a string")
	case said != nil && scan.Kind(said) != '"':
		return llm.Refuse("function.arguments", "must be a string")
	case llm.Blank(said):
		said = []byte(`"{}"`)
	}
	d.b = appendID(append(d.b, `,{"type":"function_call","call_id":`...), id)
	d.b = wrapped(wrapped(d.b, `,"name":`, called, ""), `,"arguments":`, said, "}")
	return nil
}

// appendID: the API takes ids of 64 characters.
func appendID(dst, id []byte) []byte { return llm.AppendToolID(dst, id, ".:", 64) }

// result writes what a tool has answered, which may hold pictures and files.
func (d *dialogue) result(m *message) (f *llm.Fault) {
	if scan.Kind(m.id) != '"' {
		return llm.Refuse("tool_call_id", "must be a string")
	}
	kind := `,{"type":"function_call_output","call_id":`
	if slices.ContainsFunc(d.customs, func(id []byte) bool { return bytes.Equal(id, m.id) }) {
		kind = `,{"type":"custom_tool_call_output","call_id":`
	}
	d.b = append(appendID(append(d.b, kind...), m.id), `,"output":`...)
	switch scan.Kind(m.content) {
	case '"':
		d.b = append(d.b, m.content...)
	case '[':
		d.b, f = parts(d.b, m.content)
	case 0:
		d.b = append(d.b, `""`...)
	default:
		f = llm.Refuse("", "must be a string or an array of parts")
	}
	d.b = append(d.b, '}')
	return f.Under("content")
}
