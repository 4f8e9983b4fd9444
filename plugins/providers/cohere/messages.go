package main

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// dialogue builds messages: all that a system says in one message, which must
// stand first, then the others in their order.
type dialogue struct {
	b      []byte // elements of messages
	system []byte // elements of the system message's content
	media  bool   // a tool's result holds more than text
}

// readMessages: results of tools are text. Where one has pictures, they are put
// aside, and all is read again.
func (c *chat) readMessages() (d *dialogue, f *llm.Fault) {
	for messages := c.messages; ; messages = scan.Get(llm.MediaAside(c.request), "messages") {
		aside := d != nil
		d, f = &dialogue{b: make([]byte, 0, len(messages)+256)}, llm.Refuse("messages", "must be an array with at least one message")
		scan.Elements(messages, func(i int, m []byte) bool {
			f = d.message(m).At("messages", i)
			return f == nil
		})
		if aside || !d.media {
			return d, f
		}
	}
}

func (c *chat) conversation() *llm.Fault {
	d, f := c.readMessages()
	switch {
	case f != nil:
		return f
	case len(d.b) == 0:
		return llm.Refuse("messages", "must hold more than system messages and empty ones")
	}
	c.body = scan.AppendName(c.body, "messages")
	start := len(c.body)
	if len(d.system) > 0 {
		c.body = append(append(c.body, `,{"role":"system","content":`...), scan.CloseArray(d.system, 0)...)
		c.body = append(c.body, '}')
	}
	c.body = scan.CloseArray(append(c.body, d.b...), start)
	return nil
}

// message has raw values, nil when absent.
type message struct{ role, content, calls, id, reasoning, citations []byte }

var messageFields = scan.NewNames("role", "content", "tool_calls", "tool_call_id", "reasoning_content", "citations")

var roles = scan.NewNames("system", "developer", "user", "assistant", "tool")

func (d *dialogue) message(raw []byte) *llm.Fault {
	var m message
	messageFields.Read(raw, nil, &m.role, &m.content, &m.calls, &m.id, &m.reasoning, &m.citations)
	switch roles.Word(m.role) {
	case "system", "developer":
		return llm.EachText(m.content, func(text, _ []byte) { d.system = appendText(d.system, text) }).Under("content")
	case "user":
		return d.userMessage(m.content).Under("content")
	case "assistant":
		return d.assistantMessage(&m)
	case "tool":
		return d.toolMessage(&m)
	}
	return llm.Refuse("role", "must be system, developer, user, assistant or tool")
}

// appendText appends a part, after a comma; the API refuses empty ones, and they
// say nothing.
func appendText(b, text []byte) []byte {
	if len(text) <= 2 {
		return b
	}
	return append(append(append(b, `,{"type":"text","text":`...), text...), '}')
}

// texts writes the texts of content that pass keep, and reports whether there are
// any: a string as it is, else an array of parts.
func (d *dialogue) texts(content []byte, keep func(text []byte) bool) (some bool, f *llm.Fault) {
	start := len(d.b)
	f = llm.EachText(content, func(text, _ []byte) {
		switch {
		case len(text) <= 2 || keep != nil && !keep(text):
		case scan.Kind(content) == '"':
			d.b = append(d.b, text...)
		default:
			d.b = appendText(d.b, text)
		}
	})
	some = len(d.b) > start
	if some && scan.Kind(content) == '[' {
		d.b = scan.CloseArray(d.b, start)
	}
	return some, f
}

func (d *dialogue) userMessage(content []byte) (f *llm.Fault) {
	d.b = append(d.b, `,{"role":"user","content":`...)
	start := len(d.b)
	some := false
	if scan.Kind(content) == '[' {
		scan.Elements(content, func(i int, part []byte) bool {
			f = d.userPart(part).At("", i)
			return f == nil
		})
		some = len(d.b) > start
		d.b = scan.CloseArray(d.b, start)
	} else {
		some, f = d.texts(content, nil)
	}
	if f == nil && !some {
		f = llm.Refuse("", "must not be empty with Cohere")
	}
	d.b = append(d.b, '}')
	return f
}

var partFields = scan.NewNames("type", "text", "image_url")

func (d *dialogue) userPart(part []byte) (f *llm.Fault) {
	var kind, text, picture []byte
	partFields.Read(part, nil, &kind, &text, &picture)
	switch {
	case scan.Is(kind, "text"):
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		d.b = appendText(d.b, text)
	case scan.Is(kind, "image_url"):
		d.b = append(d.b, `,{"type":"image_url","image_url":{"url":`...)
		if d.b, f = appendPicture(d.b, llm.PictureURL(part)); f != nil {
			return f.Under("image_url.url")
		}
		if detail := scan.Get(picture, "detail"); scan.Kind(detail) == '"' {
			d.b = append(append(d.b, `,"detail":`...), detail...)
		}
		d.b = append(d.b, '}', '}')
	default:
		return llm.Refuse("type", "must be text or image_url with Cohere")
	}
	return nil
}

// appendPicture appends the raw URL of a picture as Cohere takes it: a web
// address, or a data URL with nothing but its media type.
func appendPicture(b, url []byte) ([]byte, *llm.Fault) {
	if text := scan.Text(url); bytes.HasPrefix(text, []byte("https://")) || bytes.HasPrefix(text, []byte("http://")) {
		return append(b, url...), nil
	}
	mediaType, data, f := llm.Picture("Cohere", "or an http or https URL", url)
	if f != nil {
		return b, f
	}
	b = append(append(append(b, `"data:`...), mediaType...), ";base64,"...)
	return append(append(b, data...), '"'), nil
}

// assistantMessage: an empty one is left out, and a blank text beside calls. What
// the model thought before its calls goes back as their plan.
func (d *dialogue) assistantMessage(m *message) (f *llm.Fault) {
	hasCalls := scan.Len(m.calls) > 0
	open := len(d.b)
	d.b = append(d.b, `,{"role":"assistant"`...)
	members := len(d.b)
	d.b = append(d.b, `,"content":`...)
	some, f := d.texts(m.content, func(text []byte) bool { return !hasCalls || !llm.Blank(text) })
	switch {
	case f != nil:
		return f.Under("content")
	case some:
		d.citations(m.citations)
	default:
		d.b = d.b[:members]
	}
	if hasCalls {
		if scan.Kind(m.reasoning) == '"' && len(m.reasoning) > 2 {
			d.b = append(append(d.b, `,"tool_plan":`...), m.reasoning...)
		}
		d.b = append(d.b, `,"tool_calls":`...)
		start := len(d.b)
		scan.Elements(m.calls, func(i int, call []byte) bool {
			f = d.call(call).At("tool_calls", i)
			return f == nil
		})
		d.b = scan.CloseArray(d.b, start)
	}
	if len(d.b) == members {
		d.b = d.b[:open]
		return f
	}
	d.b = append(d.b, '}')
	return f
}

// citations hands back those that are Cohere's, which tell their sources.
func (d *dialogue) citations(list []byte) {
	open := len(d.b)
	d.b = append(d.b, `,"citations":`...)
	start := len(d.b)
	scan.Elements(list, func(_ int, c []byte) bool {
		if scan.Kind(scan.Get(c, "sources")) == '[' {
			d.b = append(append(d.b, ','), c...)
		}
		return true
	})
	if len(d.b) == start {
		d.b = d.b[:open]
		return
	}
	d.b = scan.CloseArray(d.b, start)
}

func (d *dialogue) call(raw []byte) *llm.Fault {
	c, f := llm.ReadCall("Cohere", raw)
	if f != nil {
		return f
	}
	call := toolCall{c.ID, c.Name, c.Arguments}
	if call.arguments == nil {
		call.arguments = []byte(`"{}"`)
	}
	d.b = append(call.append(append(d.b, ',', '{')), '}')
	return nil
}

// emptyResult stands for a result without text, which the API refuses: it wants
// an object.
const emptyResult = `"{}"`

// toolMessage: what is no text is for readMessages to put aside.
func (d *dialogue) toolMessage(m *message) *llm.Fault {
	if scan.Kind(m.id) != '"' {
		return llm.Refuse("tool_call_id", "must be a string")
	}
	d.b = append(append(d.b, `,{"role":"tool","tool_call_id":`...), m.id...)
	d.b = append(d.b, `,"content":`...)
	some, f := d.texts(m.content, nil)
	if d.media = d.media || f != nil; !some {
		d.b = append(d.b, emptyResult...)
	}
	d.b = append(d.b, '}')
	return f.Under("content")
}
