package anthropic

import (
	"math"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue builds messages and system. Neighbours of one role become one
// message, and so do the results of tools and what the user says after them:
// the results of one turn must stand together.
type dialogue struct {
	b         []byte   // elements of messages
	system    []byte   // elements of system
	role      string   // of the open message; "" for none
	blocks    int      // of the open message
	markable  bool     // the last block may take a cache_control, and has none
	tools     [][]byte // names of calls
	arguments []byte   // of the call at hand
	results   bool     // the last message is a tool's
	unthought bool     // the last assistant message with calls has no signed thought
}

func (c *chat) conversation() *llm.Fault {
	m := c.memory
	d := &m.dialogue
	*d = dialogue{b: slices.Grow(m.messages[:0], len(c.messages)+256), system: m.system[:0], tools: m.called[:0], arguments: m.arguments}
	f := llm.Refuse("messages", "must be an array with at least one message")
	scan.Elements(c.messages, func(i int, m []byte) bool {
		f = d.message(m).At("messages", i)
		return f == nil
	})
	if f != nil {
		return f
	}
	d.end()
	if len(d.b) == 0 {
		return llm.Refuse("messages", "must hold more than system messages and empty ones")
	}
	if c.jsonOnly {
		d.system = append(scan.AppendString(append(d.system, `,{"type":"text","text":`...), jsonWish), '}')
	}
	if len(d.system) > 0 {
		c.put("system", scan.CloseArray(d.system, 0))
	}
	c.put("messages", scan.CloseArray(d.b, 0))
	m.messages, m.system, m.called, m.arguments = d.b, d.system, d.tools, d.arguments
	c.unthought = d.results && d.unthought
	return c.toolConfig(d.tools)
}

// message has raw values, nil when absent.
type message struct {
	role, content, calls, id, failed, thoughts, extra, cache []byte
}

var messageFields = scan.NewNames("role", "content", "tool_calls", "tool_call_id", "is_error", "thinking_blocks", "extra_content", "cache_control")

var roles = scan.NewNames("system", "developer", "user", "assistant", "tool")

func (d *dialogue) message(raw []byte) (f *llm.Fault) {
	var m message
	messageFields.Read(raw, nil, &m.role, &m.content, &m.calls, &m.id, &m.failed, &m.thoughts, &m.extra, &m.cache)
	d.markable, d.results = false, false
	switch roles.Word(m.role) {
	case "system", "developer":
		if f = d.systemMessage(m.content).Under("content"); f == nil && d.markable {
			d.system = marked(d.system, m.cache)
		}
		return f
	case "user":
		f = d.userMessage(m.content).Under("content")
	case "assistant":
		f = d.assistantMessage(&m)
	case "tool":
		d.results = true
		f = d.toolMessage(&m)
	default:
		f = llm.Refuse("role", "must be system, developer, user, assistant or tool")
	}
	if f == nil && d.markable {
		d.b = marked(d.b, m.cache)
	}
	return f
}

// wrapped appends raw with what stands before and after it. It is not inlined: an
// append is some 600 bytes of a guest's code, and most of that runs once a call.
//
//go:noinline
func wrapped(dst []byte, before string, raw []byte, after string) []byte {
	return append(append(append(dst, before...), raw...), after...)
}

// marked puts a cache_control into the object that b ends with.
func marked(b, mark []byte) []byte {
	if len(mark) == 0 || scan.Kind(mark) != '{' {
		return b
	}
	return wrapped(b[:len(b)-1], `,"cache_control":`, mark, "}")
}

// closed gives the block that has just been written its cache mark.
func (d *dialogue) closed(mark []byte) {
	d.b = marked(d.b, mark)
	d.markable = scan.Kind(mark) != '{'
}

// open begins a block of the role, in a message of its own if that of the last
// block is another's. It is not inlined, as wrapped.
//
//go:noinline
func (d *dialogue) open(role string) {
	if d.role != role {
		d.end()
		d.b = append(append(append(d.b, `,{"role":"`...), role...), `","content":[`...)
		d.role, d.blocks = role, 0
	}
	if d.blocks > 0 {
		d.b = append(d.b, ',')
	}
	d.blocks++
}

func (d *dialogue) end() {
	if d.role != "" {
		d.b = append(d.b, ']', '}')
	}
	d.role = ""
}

// systemMessage: every system or developer message goes to system, in order,
// wherever it stands.
func (d *dialogue) systemMessage(content []byte) *llm.Fault {
	return llm.EachText(content, func(text, mark []byte) {
		if llm.Blank(text) {
			return
		}
		d.system = wrapped(d.system, `,{"type":"text","text":`, text, "}")
		d.system = marked(d.system, mark)
		d.markable = scan.Kind(mark) != '{'
	})
}

// text writes a text block; blank ones are refused by the API and say nothing.
func (d *dialogue) text(role string, text, mark []byte) {
	if llm.Blank(text) {
		return
	}
	d.open(role)
	d.b = wrapped(d.b, `{"type":"text","text":`, text, "}")
	d.closed(mark)
}

func (d *dialogue) userMessage(content []byte) (f *llm.Fault) {
	before := len(d.b)
	if scan.Kind(content) == '[' {
		scan.Elements(content, func(i int, part []byte) bool {
			f = d.userPart(part).At("", i)
			return f == nil
		})
	} else {
		f = llm.EachText(content, func(text, _ []byte) { d.text("user", text, nil) })
	}
	if f == nil && len(d.b) == before {
		return llm.Refuse("", "must not be empty or blank with Anthropic")
	}
	return f
}

// partFields are those of a part that is text.
var partFields = scan.NewNames("type", "text", "cache_control")

func (d *dialogue) userPart(part []byte) *llm.Fault {
	var kind, text, mark []byte
	partFields.Read(part, nil, &kind, &text, &mark)
	if scan.Is(kind, "text") {
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		d.text("user", text, mark)
		return nil
	}
	d.open("user")
	var f *llm.Fault
	d.b, f = media(d.b, part)
	d.closed(mark)
	return f
}

// assistantMessage: thoughts come first, then what Anthropic's own tools did,
// then texts, then calls.
func (d *dialogue) assistantMessage(m *message) (f *llm.Fault) {
	signed := false
	scan.Elements(m.thoughts, func(_ int, v []byte) bool { signed = d.thought(v) || signed; return true })
	scan.Elements(scan.Get(m.extra, "anthropic", "blocks"), func(_ int, v []byte) bool {
		if scan.Kind(v) == '{' {
			d.open("assistant")
			d.b = append(d.b, v...)
			d.markable = false
		}
		return true
	})
	if f = llm.EachText(m.content, func(text, mark []byte) { d.text("assistant", text, mark) }); f != nil {
		return f.Under("content")
	}
	scan.Elements(m.calls, func(i int, call []byte) bool {
		d.unthought = !signed
		f = d.call(call).At("tool_calls", i)
		return f == nil
	})
	return f
}

// thought hands a signed thought back; an unsigned one is nobody's, a sealed one another
// vendor's.
func (d *dialogue) thought(v []byte) bool {
	switch string(scan.GetText(v, "type")) {
	case "thinking":
		text, signature := scan.Get(v, "thinking"), scan.Get(v, "signature")
		if scan.Kind(text) != '"' || scan.Kind(signature) != '"' || len(signature) == 2 || llm.Sealed(signature) {
			return false
		}
		d.open("assistant")
		d.b = wrapped(d.b, `{"type":"thinking","thinking":`, text, "")
		d.b = wrapped(d.b, `,"signature":`, signature, "}")
	case "redacted_thinking":
		data := scan.Get(v, "data")
		if scan.Kind(data) != '"' {
			return false
		}
		d.open("assistant")
		d.b = wrapped(d.b, `{"type":"redacted_thinking","data":`, data, "}")
	default:
		return false
	}
	d.markable = false // thoughts take no mark
	return true
}

var (
	callFields     = scan.NewNames("type", "id", "function", "cache_control")
	functionFields = scan.NewNames("name", "arguments")
)

func (d *dialogue) call(call []byte) *llm.Fault {
	var kind, id, function, mark, name, arguments []byte
	callFields.Read(call, nil, &kind, &id, &function, &mark)
	functionFields.Read(function, nil, &name, &arguments)
	if scan.Kind(kind) == '"' && len(kind) > 2 && !scan.Is(kind, "function") {
		return llm.Refuse("type", "must be function with Anthropic")
	}
	if scan.Kind(id) != '"' {
		return llm.Refuse("id", "must be a string")
	}
	if scan.Kind(name) != '"' {
		return llm.Refuse("function.name", "must be a string")
	}
	input, ok := llm.Arguments(d.arguments, arguments)
	if d.arguments = input; !ok {
		return llm.Refuse("function.arguments", "must be a string that holds a JSON object")
	}
	d.tools = append(d.tools, name)
	d.open("assistant")
	d.b = appendID(append(d.b, `{"type":"tool_use","id":`...), id)
	d.b = wrapped(d.b, `,"name":`, name, "")
	d.b = wrapped(d.b, `,"input":`, input, "}")
	d.closed(mark)
	return nil
}

// appendID: Anthropic's ids match ^[a-zA-Z0-9_-]+$, those of other vendors in a
// history need not.
func appendID(dst, id []byte) []byte { return llm.AppendToolID(dst, id, "", math.MaxInt) }

// toolMessage: an empty result has no content.
func (d *dialogue) toolMessage(m *message) (f *llm.Fault) {
	if scan.Kind(m.id) != '"' {
		return llm.Refuse("tool_call_id", "must be a string")
	}
	d.open("user")
	d.b = appendID(append(d.b, `{"type":"tool_result","tool_use_id":`...), m.id)
	if scan.Kind(m.content) == '[' {
		start := len(d.b)
		d.b = append(d.b, `,"content":`...)
		list := len(d.b)
		scan.Elements(m.content, func(i int, part []byte) bool {
			f = d.resultPart(part).At("content", i)
			return f == nil
		})
		if len(d.b) > list {
			d.b = scan.CloseArray(d.b, list)
		} else {
			d.b = d.b[:start]
		}
	} else {
		f = llm.EachText(m.content, func(text, _ []byte) {
			if !llm.Blank(text) {
				d.b = wrapped(d.b, `,"content":`, text, "")
			}
		}).Under("content")
	}
	if failed, _ := scan.Bool(m.failed); failed {
		d.b = append(d.b, `,"is_error":true`...)
	}
	d.b = append(d.b, '}')
	d.closed(nil)
	return f
}

// resultPart writes a part of a tool's result, after a comma.
func (d *dialogue) resultPart(part []byte) (f *llm.Fault) {
	var kind, text, mark []byte
	partFields.Read(part, nil, &kind, &text, &mark)
	if !scan.Is(kind, "text") {
		d.b, f = media(append(d.b, ','), part)
	} else {
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		if llm.Blank(text) {
			return nil
		}
		d.b = wrapped(d.b, `,{"type":"text","text":`, text, "}")
	}
	d.b = marked(d.b, mark)
	return f
}
