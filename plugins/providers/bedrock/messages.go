package main

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue builds messages and system. Converse wants user and assistant by
// turns: neighbours of one role become one message, and so do the results of
// tools and what the user says after them.
type dialogue struct {
	b         []byte // elements of messages
	system    []byte // elements of system
	role      string // of the open message; "" for none
	blocks    int    // of the open message
	documents int    // so far, for names
	caching   bool
	citing    bool     // the model cites documents
	tools     [][]byte // raw names of the calls in the history
	results   bool     // the last message is a tool's
	unthought bool     // the last assistant message with calls has no signed thought
}

func (c *chat) conversation() *llm.Fault {
	if scan.Len(c.messages) == 0 {
		return llm.Refuse("messages", "must be an array with at least one message")
	}
	d := &dialogue{b: make([]byte, 0, len(c.messages)+256), caching: c.model.caching, citing: c.model.claude != nil}
	var f *llm.Fault
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
	if len(d.system) > 0 {
		c.put("system", scan.CloseArray(d.system, 0))
	}
	c.put("messages", scan.CloseArray(d.b, 0))
	c.unthought = d.results && d.unthought
	return c.toolConfig(d.tools)
}

// message is one pass over a message's members.
func (d *dialogue) message(raw []byte) *llm.Fault {
	var role, cache []byte
	var m message
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "role":
			role = v
		case "content":
			m.content = v
		case "tool_calls":
			m.calls = v
		case "tool_call_id":
			m.id = v
		case "is_error":
			m.failed, _ = scan.Bool(v)
		case "thinking_blocks":
			m.thoughts = v
		case "cache_control":
			cache = v
		}
		return true
	})
	var f *llm.Fault
	before := len(d.b)
	d.results = false
	switch name, _ := scan.String(role); name {
	case "system", "developer":
		if f = d.systemMessage(m.content).Under("content"); f == nil && len(d.system) > 0 {
			d.system = d.cachePoint(d.system, cache)
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
	if f == nil && len(d.b) > before {
		d.b = d.cachePoint(d.b, cache)
	}
	return f
}

// message has raw values, nil when absent.
type message struct {
	content, calls, id, thoughts []byte
	failed                       bool
}

// block begins a block of the role's message; the caller appends it.
func (d *dialogue) block(role string) {
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

// cachePoint follows the block that a cache_control stands on.
func (d *dialogue) cachePoint(dst, mark []byte) []byte {
	if !d.caching || scan.Kind(mark) != '{' {
		return dst
	}
	dst = append(dst, `,{"cachePoint":{"type":"default"`...)
	if ttl := scan.Get(mark, "ttl"); scan.Kind(ttl) == '"' {
		dst = append(append(dst, `,"ttl":`...), ttl...)
	}
	return append(dst, '}', '}')
}

// systemMessage: every system or developer message goes to system, in order,
// wherever it stands.
func (d *dialogue) systemMessage(content []byte) *llm.Fault {
	return llm.EachText(content, func(text, mark []byte) {
		if !llm.Blank(text) {
			d.system = append(append(append(d.system, `,{"text":`...), text...), '}')
			d.system = d.cachePoint(d.system, mark)
		}
	})
}

// text writes a text block; blank ones are refused by the API and say nothing.
func (d *dialogue) text(role string, text, mark []byte) {
	if llm.Blank(text) {
		return
	}
	d.block(role)
	d.b = append(append(append(d.b, `{"text":`...), text...), '}')
	d.b = d.cachePoint(d.b, mark)
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
		return llm.Refuse("", "must not be empty or blank with Bedrock")
	}
	return f
}

func (d *dialogue) userPart(part []byte) *llm.Fault {
	mark := scan.Get(part, "cache_control")
	if string(scan.GetText(part, "type")) == "text" {
		text := scan.Get(part, "text")
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		d.text("user", text, mark)
		return nil
	}
	media, f := d.media(part)
	if f != nil {
		return f
	}
	d.block("user")
	d.b = d.cachePoint(append(d.b, media...), mark)
	return nil
}

// assistantMessage: thoughts come first, then texts, then calls.
func (d *dialogue) assistantMessage(m *message) *llm.Fault {
	signed := false
	scan.Elements(m.thoughts, func(_ int, v []byte) bool { signed = d.thought(v) || signed; return true })
	if f := llm.EachText(m.content, func(text, mark []byte) { d.text("assistant", text, mark) }); f != nil {
		return f.Under("content")
	}
	var f *llm.Fault
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
		d.block("assistant")
		d.b = append(append(d.b, `{"reasoningContent":{"reasoningText":{"text":`...), text...)
		d.b = append(append(append(d.b, `,"signature":`...), signature...), `}}}`...)
		return true
	case "redacted_thinking":
		if data := scan.Get(v, "data"); scan.Kind(data) == '"' {
			d.block("assistant")
			d.b = append(append(append(d.b, `{"reasoningContent":{"redactedContent":`...), data...), `}}`...)
			return true
		}
	}
	return false
}

func (d *dialogue) call(call []byte) *llm.Fault {
	if kind := scan.GetString(call, "type"); kind != "function" && kind != "" {
		return llm.Refuse("type", "must be function with Bedrock")
	}
	id, function := scan.Get(call, "id"), scan.Get(call, "function")
	name := scan.Get(function, "name")
	if scan.Kind(id) != '"' {
		return llm.Refuse("id", "must be a string")
	}
	if scan.Kind(name) != '"' {
		return llm.Refuse("function.name", "must be a string")
	}
	input, ok := llm.Arguments(nil, scan.Get(function, "arguments"))
	if !ok {
		return llm.Refuse("function.arguments", "must be a string that holds a JSON object")
	}
	d.tools = append(d.tools, name)
	d.block("assistant")
	d.b = appendID(append(d.b, `{"toolUse":{"toolUseId":`...), id)
	d.b = append(append(d.b, `,"name":`...), name...)
	d.b = append(append(append(d.b, `,"input":`...), input...), '}', '}')
	d.b = d.cachePoint(d.b, scan.Get(call, "cache_control"))
	return nil
}

// appendID: an id has 1 to 64 of these bytes, by the service's description.
func appendID(dst, id []byte) []byte { return llm.AppendToolID(dst, id, ".:", 64) }

// toolMessage: an empty result is an empty list.
func (d *dialogue) toolMessage(m *message) (f *llm.Fault) {
	if scan.Kind(m.id) != '"' {
		return llm.Refuse("tool_call_id", "must be a string")
	}
	var blocks, mark []byte
	if scan.Kind(m.content) == '[' {
		scan.Elements(m.content, func(i int, part []byte) bool {
			blocks, f = d.resultPart(blocks, part)
			f = f.At("content", i)
			if c := scan.Get(part, "cache_control"); c != nil {
				mark = c
			}
			return f == nil
		})
	} else {
		f = llm.EachText(m.content, func(text, _ []byte) { blocks = appendText(blocks, text) }).Under("content")
	}
	if f != nil {
		return f
	}
	d.block("user")
	d.b = appendID(append(d.b, `{"toolResult":{"toolUseId":`...), m.id)
	d.b = append(append(d.b, `,"content":`...), scan.CloseArray(blocks, 0)...)
	if m.failed {
		d.b = append(d.b, `,"status":"error"`...)
	}
	d.b = d.cachePoint(append(d.b, '}', '}'), mark)
	return nil
}

func appendText(blocks, text []byte) []byte {
	if llm.Blank(text) {
		return blocks
	}
	return append(append(append(blocks, `,{"text":`...), text...), '}')
}

func (d *dialogue) resultPart(blocks, part []byte) ([]byte, *llm.Fault) {
	if text := scan.Get(part, "text"); string(scan.GetText(part, "type")) == "text" && scan.Kind(text) == '"' {
		return appendText(blocks, text), nil
	}
	media, f := d.media(part)
	return append(append(blocks, ','), media...), f
}
