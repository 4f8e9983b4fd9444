package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue builds messages. All that a system says is one message and stands
// first: many chat templates know no other place, and no second one.
type dialogue struct {
	b      []byte // elements of messages
	system []byte // without quotes
	names  []called
	object []byte // the arguments at hand
}

// called remembers whose result a tool message is. Both raw.
type called struct{ id, name []byte }

func (q *request) conversation(messages []byte) *llm.Fault {
	d := &dialogue{b: make([]byte, 0, len(messages)+256)}
	f := llm.Refuse("messages", "must be an array with at least one message")
	scan.Elements(messages, func(i int, m []byte) bool {
		f = d.message(m).At("messages", i)
		return f == nil
	})
	switch {
	case f != nil:
		return f
	case len(d.b) == 0 && len(d.system) == 0: // to Ollama that means to load the model
		return llm.Refuse("messages", "must hold more than empty messages")
	}
	q.content = scan.AppendName(q.content, "messages")
	start := len(q.content)
	if len(d.system) > 0 {
		q.content = append(append(q.content, `,{"role":"system","content":"`...), d.system...)
		q.content = append(q.content, '"', '}')
	}
	q.content = scan.CloseArray(append(q.content, d.b...), start)
	q.state = strconv.Itoa(len(d.names)) // see callID
	return nil
}

// message has raw values, nil when absent.
type message struct{ role, content, calls, id, name, reasoning []byte }

var messageFields = scan.NewNames("role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content")

var roles = scan.NewNames("system", "developer", "user", "assistant", "tool")

func (d *dialogue) message(raw []byte) *llm.Fault {
	var m message
	messageFields.Read(raw, nil, &m.role, &m.content, &m.calls, &m.id, &m.name, &m.reasoning)
	switch roles.Word(m.role) {
	case "system", "developer":
		return llm.EachText(m.content, func(text, _ []byte) { d.system = joined(d.system, text, `\n\n`) }).Under("content")
	case "user":
		return d.userMessage(m.content).Under("content")
	case "assistant":
		return d.assistantMessage(&m)
	case "tool":
		return d.toolMessage(&m)
	}
	return llm.Refuse("role", "must be system, developer, user, assistant or tool")
}

// joined appends a raw string, without its quotes, to texts before it. Empty ones
// say nothing.
func joined(texts, raw []byte, between string) []byte {
	if len(raw) <= 2 {
		return texts
	}
	if len(texts) > 0 {
		texts = append(texts, between...)
	}
	return append(texts, raw[1:len(raw)-1]...)
}

// parts is what a message's content comes to: Ollama has one text, and the bytes
// of pictures beside it.
type parts struct{ text, images []byte }

func readParts(content []byte) (p parts, f *llm.Fault) {
	if scan.Kind(content) != '[' {
		f = llm.EachText(content, func(text, _ []byte) { p.text = joined(p.text, text, "") })
		return p, f
	}
	scan.Elements(content, func(i int, part []byte) bool {
		f = p.part(part).At("", i)
		return f == nil
	})
	return p, f
}

var partFields = scan.NewNames("type", "text")

func (p *parts) part(part []byte) *llm.Fault {
	var kind, text []byte
	partFields.Read(part, nil, &kind, &text)
	switch {
	case scan.Is(kind, "text"):
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		p.text = joined(p.text, text, `\n`)
	case scan.Is(kind, "image_url"):
		_, data, f := llm.Picture("Ollama", "", llm.PictureURL(part))
		if f != nil {
			return f.Under("image_url.url")
		}
		p.images = append(append(append(p.images, ',', '"'), data...), '"')
	default:
		return llm.Refuse("type", "must be text or image_url with Ollama")
	}
	return nil
}

// open begins a message with its content; the caller closes it.
func (d *dialogue) open(role string, p *parts) {
	d.b = append(append(append(d.b, `,{"role":"`...), role...), `","content":"`...)
	d.b = append(append(d.b, p.text...), '"')
	if len(p.images) > 0 {
		d.b = scan.AppendName(d.b, "images")
		start := len(d.b)
		d.b = scan.CloseArray(append(d.b, p.images...), start)
	}
}

func (d *dialogue) userMessage(content []byte) *llm.Fault {
	p, f := readParts(content)
	if f != nil {
		return f
	}
	if len(p.text) == 0 && len(p.images) == 0 {
		return llm.Refuse("", "must not be empty with Ollama")
	}
	d.open("user", &p)
	d.b = append(d.b, '}')
	return nil
}

// assistantMessage: an empty one is left out.
func (d *dialogue) assistantMessage(m *message) (f *llm.Fault) {
	var p parts
	if f = llm.EachText(m.content, func(text, _ []byte) { p.text = joined(p.text, text, "") }); f != nil {
		return f.Under("content")
	}
	calls := scan.Len(m.calls) > 0
	if !calls && len(p.text) == 0 {
		return nil
	}
	d.open("assistant", &p)
	if scan.Kind(m.reasoning) == '"' && len(m.reasoning) > 2 {
		d.b = append(scan.AppendName(d.b, "thinking"), m.reasoning...)
	}
	if calls {
		d.b = scan.AppendName(d.b, "tool_calls")
		start := len(d.b)
		scan.Elements(m.calls, func(i int, call []byte) bool {
			f = d.call(call).At("tool_calls", i)
			return f == nil
		})
		d.b = scan.CloseArray(d.b, start)
	}
	d.b = append(d.b, '}')
	return f
}

// call: Ollama's arguments are an object, OpenAI's a string that holds one.
func (d *dialogue) call(raw []byte) *llm.Fault {
	c, f := llm.ReadCall("Ollama", raw)
	if f != nil {
		return f
	}
	object := []byte("{}")
	if c.Arguments != nil {
		var ok bool
		if object, ok = llm.Arguments(d.object, c.Arguments); !ok {
			return llm.Refuse("function.arguments", "must be a string that holds a JSON object")
		}
		d.object = object
	}
	d.names = append(d.names, called{c.ID, c.Name})
	d.b = append(append(d.b, `,{"id":`...), c.ID...)
	d.b = append(append(d.b, `,"function":{"name":`...), c.Name...)
	d.b = append(append(append(d.b, `,"arguments":`...), object...), '}', '}')
	return nil
}

// toolMessage: a model sees the tool's name, and not the id of its call.
func (d *dialogue) toolMessage(m *message) *llm.Fault {
	if scan.Kind(m.id) != '"' {
		return llm.Refuse("tool_call_id", "must be a string")
	}
	p, f := readParts(m.content)
	if f != nil {
		return f.Under("content")
	}
	name := m.name
	for _, c := range d.names {
		if string(c.id) == string(m.id) {
			name = c.name // the latest, should an id come twice
		}
	}
	d.open("tool", &p)
	if scan.Kind(name) == '"' {
		d.b = append(scan.AppendName(d.b, "tool_name"), name...)
	}
	d.b = append(append(scan.AppendName(d.b, "tool_call_id"), m.id...), '}')
	return nil
}
