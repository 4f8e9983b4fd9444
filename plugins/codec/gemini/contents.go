package gemini

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// turn is whose content is being written. Neighbouring messages of one turn
// become one content; the results of tools stand in a content of their own,
// right after the calls.
type turn byte

const (
	noTurn turn = iota
	userTurn
	toolTurn
	modelTurn
)

// conversation builds contents and systemInstruction.
type conversation struct {
	b      []byte // elements of contents
	system []byte // elements of systemInstruction.parts
	open   turn
	parts  int // of the open turn
	names  []called
	signed bool // calls without a thought signature are refused by the model
}

// called remembers whose result a tool message is. Both raw.
type called struct{ id, name []byte }

func (c *chat) contents() *llm.Fault {
	if scan.Len(c.messages) == 0 {
		return llm.Refuse("messages", "must be an array with at least one message")
	}
	t := &conversation{b: make([]byte, 0, len(c.messages)+256), signed: c.model.signed}
	var f *llm.Fault
	scan.Elements(c.messages, func(i int, m []byte) bool {
		f = t.message(m).At("messages", i)
		return f == nil
	})
	if f != nil {
		return f
	}
	t.end()
	if len(t.b) == 0 {
		return llm.Refuse("messages", "must hold more than system messages and empty ones")
	}
	if len(t.system) > 0 {
		c.rest = append(scan.AppendName(c.rest, "systemInstruction"), `{"parts":`...)
		c.rest = append(append(c.rest, scan.CloseArray(t.system, 0)...), '}')
	}
	c.rest = append(scan.AppendName(c.rest, "contents"), scan.CloseArray(t.b, 0)...)
	return nil
}

// message is one pass over a message's members.
func (t *conversation) message(m []byte) *llm.Fault {
	var role, content, calls, id, failed, signature, own []byte
	scan.Members(m, func(key, v []byte) bool {
		switch string(key) {
		case "role":
			role = v
		case "content":
			content = v
		case "tool_calls":
			calls = v
		case "tool_call_id":
			id = v
		case "is_error":
			failed = v
		case "extra_content":
			signature, own = scan.Get(v, "google", "thought_signature"), scan.Get(v, "google", "parts")
		}
		return true
	})
	switch name, _ := scan.String(role); name {
	case "system", "developer":
		return t.systemMessage(content).Under("content")
	case "user":
		return t.userMessage(content).Under("content")
	case "assistant":
		t.ownParts(own)
		return t.modelMessage(content, calls, signature)
	case "tool":
		return t.toolMessage(content, id, failed)
	}
	return llm.Refuse("role", "must be system, developer, user, assistant or tool")
}

// part begins a part of the turn; the caller appends it.
func (t *conversation) part(whose turn) {
	if t.open != whose {
		t.end()
		role := "user"
		if whose == modelTurn {
			role = "model"
		}
		t.b = append(append(append(t.b, `,{"role":"`...), role...), `","parts":[`...)
		t.open, t.parts = whose, 0
	}
	if t.parts > 0 {
		t.b = append(t.b, ',')
	}
	t.parts++
}

func (t *conversation) end() {
	if t.open != noTurn {
		t.b = append(t.b, ']', '}')
	}
	t.open = noTurn
}

// systemMessage: every system or developer message goes to systemInstruction, in
// order, wherever it stands; the API knows no other place.
func (t *conversation) systemMessage(content []byte) *llm.Fault {
	return llm.EachText(content, func(text, _ []byte) {
		if len(text) > 2 {
			t.system = append(append(append(t.system, `,{"text":`...), text...), '}')
		}
	})
}

func (t *conversation) userMessage(content []byte) (f *llm.Fault) {
	if scan.Kind(content) != '[' {
		return llm.EachText(content, func(text, _ []byte) { t.text(userTurn, text) })
	}
	scan.Elements(content, func(i int, part []byte) bool {
		f = t.userPart(part).At("", i)
		return f == nil
	})
	return f
}

// text writes a text part; an empty one is refused by the API and says nothing.
func (t *conversation) text(whose turn, text []byte) {
	if len(text) <= 2 {
		return
	}
	t.part(whose)
	t.b = append(append(append(t.b, `{"text":`...), text...), '}')
}

func (t *conversation) userPart(part []byte) *llm.Fault {
	if string(scan.GetText(part, "type")) == "text" {
		text := scan.Get(part, "text")
		if scan.Kind(text) != '"' {
			return llm.Refuse("text", "must be a string")
		}
		t.text(userTurn, text)
		return nil
	}
	media, f := mediaPart(part)
	if f != nil {
		return f
	}
	t.part(userTurn)
	t.b = append(t.b, media...)
	return nil
}

// modelMessage: texts, then calls. A thought's signature goes back on the part
// that it came with: the last text, or a call.
// https://ai.google.dev/gemini-api/docs/thought-signatures
func (t *conversation) modelMessage(content, calls, signature []byte) *llm.Fault {
	var texts [][]byte
	hasCalls := scan.Len(calls) > 0
	if f := llm.EachText(content, func(text, _ []byte) {
		if len(text) > 2 && !(hasCalls && llm.Blank(text)) {
			texts = append(texts, text)
		}
	}); f != nil {
		return f.Under("content")
	}
	if scan.Kind(signature) != '"' {
		signature = nil
	}
	if len(texts) == 0 && signature != nil && !hasCalls {
		texts = append(texts, []byte(`""`))
	}
	for i, text := range texts {
		t.part(modelTurn)
		t.b = append(append(t.b, `{"text":`...), text...)
		if i == len(texts)-1 {
			t.b = appendSignature(t.b, signature)
			signature = nil
		}
		t.b = append(t.b, '}')
	}
	var f *llm.Fault
	scan.Elements(calls, func(i int, call []byte) bool {
		f = t.call(call, signature, i == 0).At("tool_calls", i)
		signature = nil
		return f == nil
	})
	return f
}

// ownParts gives back what Google's own tools ran, before the text that came of it.
func (t *conversation) ownParts(list []byte) {
	scan.Elements(list, func(_ int, part []byte) bool {
		one := ""
		scan.Members(part, func(key, _ []byte) bool { one = string(key); return !ran(one) })
		if ran(one) {
			t.part(modelTurn)
			t.b = append(t.b, part...)
		}
		return true
	})
}

func appendSignature(b, signature []byte) []byte {
	if signature == nil {
		return b
	}
	return append(append(b, `,"thoughtSignature":`...), signature...)
}

// unsigned stands in for the signature of a call that another model made, or
// whose client has lost it; the API documents it for that.
const unsigned = `"skip_thought_signature_validator"`

func (t *conversation) call(call, signature []byte, first bool) *llm.Fault {
	if kind := scan.GetString(call, "type"); kind != "function" && kind != "" {
		return llm.Refuse("type", "must be function with Gemini")
	}
	id, function := scan.Get(call, "id"), scan.Get(call, "function")
	name := scan.Get(function, "name")
	if scan.Kind(name) != '"' {
		return llm.Refuse("function.name", "must be a string")
	}
	args, ok := llm.Arguments(nil, scan.Get(function, "arguments"))
	if !ok {
		return llm.Refuse("function.arguments", "must be a string that holds a JSON object")
	}
	if own := scan.Get(call, "extra_content", "google", "thought_signature"); scan.Kind(own) == '"' {
		signature = own
	}
	if signature == nil && first && t.signed {
		signature = []byte(unsigned)
	}
	t.names = append(t.names, called{id, name})
	t.part(modelTurn)
	t.b = append(t.b, `{"functionCall":{`...)
	if scan.Kind(id) == '"' {
		t.b = append(append(append(t.b, `"id":`...), id...), ',')
	}
	t.b = append(append(t.b, `"name":`...), name...)
	t.b = append(append(append(t.b, `,"args":`...), args...), '}')
	t.b = append(appendSignature(t.b, signature), '}')
	return nil
}

// toolMessage: the text is the member "output", or "error" for a tool that
// failed; pictures stand beside it.
func (t *conversation) toolMessage(content, id, failed []byte) *llm.Fault {
	var name []byte
	for _, c := range t.names {
		if scan.Kind(id) == '"' && string(c.id) == string(id) {
			name = c.name // the latest, should an id come twice
		}
	}
	if name == nil {
		return llm.Refuse("tool_call_id", "names no tool call of the messages before")
	}
	text, media, f := toolContent(content)
	if f != nil {
		return f.Under("content")
	}
	member := "output"
	if on, _ := scan.Bool(failed); on {
		member = "error"
	}
	t.part(toolTurn)
	t.b = append(append(t.b, `{"functionResponse":{"id":`...), id...)
	t.b = append(append(t.b, `,"name":`...), name...)
	t.b = append(append(append(t.b, `,"response":{"`...), member...), `":"`...)
	t.b = append(append(t.b, text...), `"}`...)
	if len(media) > 0 {
		t.b = append(append(t.b, `,"parts":`...), scan.CloseArray(media, 0)...)
	}
	t.b = append(t.b, '}', '}')
	return nil
}

// toolContent joins the texts, without quotes, and collects the other parts.
func toolContent(content []byte) (text, media []byte, f *llm.Fault) {
	if scan.Kind(content) == '"' {
		return content[1 : len(content)-1], nil, nil
	}
	scan.Elements(content, func(i int, part []byte) bool {
		if s := scan.Get(part, "text"); string(scan.GetText(part, "type")) == "text" && scan.Kind(s) == '"' {
			text = append(text, s[1:len(s)-1]...)
			return true
		}
		var m []byte
		m, f = mediaPart(part)
		f = f.At("", i)
		media = append(append(media, ','), m...)
		return f == nil
	})
	return text, media, f
}
