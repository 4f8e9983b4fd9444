package gemini

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// client takes an event of the client.
// https://platform.openai.com/docs/api-reference/realtime-client-events
func (l *live) client(e []byte) *llm.Fault {
	switch kind := scan.GetString(e, "type"); kind {
	case "session.update":
		return l.update(scan.Get(e, "session"))
	case "input_audio_buffer.append":
		return l.listen(scan.Get(e, "audio"))
	case "input_audio_buffer.commit":
		return l.commit()
	case "input_audio_buffer.clear":
		if l.heard {
			return refuseLive("type", "input_audio_buffer.clear takes back what was heard already, which is not possible")
		}
		l.tell(l.begin("input_audio_buffer.cleared"))
		return nil
	case "conversation.item.create":
		return l.create(e)
	case "response.create":
		return l.ask(e)
	case "response.cancel":
		return l.cancel()
	case "":
		return llm.Refuse("type", "must be a string")
	default:
		return refuseLive("type", kind+" is not supported in sessions")
	}
}

// listen passes sound on as it comes. Google makes of any rate what it needs.
// https://ai.google.dev/gemini-api/docs/live-guide#audio-formats
func (l *live) listen(audio []byte) *llm.Fault {
	if scan.Kind(audio) != '"' {
		return llm.Refuse("audio", "must be a string of base64")
	}
	l.flush()
	manual := l.manual
	if l.phase == fresh {
		manual = l.settings.manual()
	}
	if manual && !l.active {
		l.send([]byte(`{"realtimeInput":{"activityStart":{}}}`))
		l.active = true
	}
	b := append([]byte(`{"realtimeInput":{"audio":{"data":`), audio...)
	l.send(append(b, `,"mimeType":"audio/pcm;rate=24000"}}}`...))
	l.heard = true
	return nil
}

// commit makes an item of what was heard. Where the client says where turns end, the
// vendor hears of it with the response that is asked for: it would answer at once.
func (l *live) commit() *llm.Fault {
	if !l.heard {
		return llm.Refuse("type", "input_audio_buffer.commit has nothing to commit: no sound was sent since the last item")
	}
	if l.manual {
		l.ended = true
	} else {
		l.send([]byte(`{"realtimeInput":{"audioStreamEnd":true}}`))
	}
	l.speech()
	return nil
}

// speech makes an item of the sound that is none yet.
func (l *live) speech() {
	l.transcribed()
	id := l.coming
	if id == nil {
		id = l.item()
	}
	l.user, l.coming, l.heard, l.written = id, nil, false, false
	b := append(append(l.begin("input_audio_buffer.committed"), `,"previous_item_id":`...), l.previous()...)
	l.tell(append(append(b, `,"item_id":`...), id...))
	item := append(append([]byte(`{"id":`), id...), `,"object":"realtime.item","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}`...)
	l.stands(id, item, true)
}

func (l *live) previous() []byte { return orNull(l.last) }

func orNull(raw []byte) []byte {
	if raw == nil {
		return []byte("null")
	}
	return raw
}

// stands tells that an item is a part of the conversation now, and whole.
func (l *live) stands(id, item []byte, whole bool) {
	kinds := []string{"conversation.item.added", "conversation.item.done"}
	if !whole {
		kinds = kinds[:1]
	}
	for _, kind := range kinds {
		b := append(append(l.begin(kind), `,"previous_item_id":`...), l.previous()...)
		l.tell(append(append(b, `,"item":`...), item...))
	}
	l.last = slices.Clone(id)
}

// create takes an item. It waits for what lets the vendor answer it, or for sound: a
// content that comes earlier would interrupt what the vendor says.
func (l *live) create(e []byte) *llm.Fault {
	item := scan.Get(e, "item")
	if scan.Kind(item) != '{' {
		return llm.Refuse("item", "must be an object")
	}
	if after := scan.Get(e, "previous_item_id"); !scan.IsNull(after) && !bytes.Equal(after, l.last) {
		return llm.Refuse("previous_item_id", "must be the last item's: with Gemini a conversation only grows at its end")
	}
	var f *llm.Fault
	switch kind := scan.GetString(item, "type"); kind {
	case "message":
		f = l.message(item)
	case "function_call_output":
		f = l.result(item)
	default:
		f = refuseLive("type", "must be message or function_call_output")
	}
	if f != nil {
		return f.Under("item")
	}
	id := scan.Get(item, "id")
	edits := []scan.Edit{{Key: "object", Value: []byte(`"realtime.item"`)}, {Key: "status", Value: []byte(`"completed"`)}}
	if scan.Kind(id) != '"' {
		id = l.item()
		edits = append(edits, scan.Edit{Key: "id", Value: id})
	}
	if content := scan.Get(item, "content"); content != nil {
		edits = append(edits, scan.Edit{Key: "content", Value: silent(content)})
	}
	l.stands(id, scan.Apply(nil, item, edits), true)
	return nil
}

// silent is an item's content as it is shown: without its sound, as OpenAI does.
func silent(content []byte) []byte {
	var b []byte
	scan.Elements(content, func(_ int, part []byte) bool {
		b = append(b, ',')
		if scan.Is(scan.Get(part, "type"), "input_audio") {
			part = scan.Apply(nil, part, []scan.Edit{{Key: "audio"}})
		}
		b = append(b, part...)
		return true
	})
	return scan.CloseArray(b, 0)
}

func (l *live) message(item []byte) *llm.Fault {
	role := scan.GetString(item, "role")
	switch role {
	case "user":
	case "assistant":
		role = "model"
	default:
		return llm.Refuse("role", "must be user or assistant with Gemini, which takes a system's words as session.instructions alone")
	}
	var parts []byte
	var f *llm.Fault
	scan.Elements(scan.Get(item, "content"), func(i int, part []byte) bool {
		var one []byte
		one, f = livePart(part)
		f = f.At("content", i)
		parts = append(append(parts, ','), one...)
		return f == nil
	})
	if f == nil && len(parts) == 0 {
		f = llm.Refuse("content", "must hold a part")
	}
	if f != nil {
		return f
	}
	l.turns = append(append(l.turns, `,{"role":"`...), role...)
	l.turns = append(append(l.turns, `","parts":`...), scan.CloseArray(parts, 0)...)
	l.turns = append(l.turns, '}')
	return nil
}

func livePart(part []byte) ([]byte, *llm.Fault) {
	switch kind := scan.GetString(part, "type"); kind {
	case "input_text", "output_text", "text":
		text := scan.Get(part, "text")
		if scan.Kind(text) != '"' {
			return nil, llm.Refuse("text", "must be a string")
		}
		return append(append([]byte(`{"text":`), text...), '}'), nil
	case "input_audio":
		data := scan.Get(part, "audio")
		if scan.Kind(data) != '"' || len(data) <= 2 {
			return nil, llm.Refuse("audio", "must be base64 and not empty")
		}
		return inline("audio/pcm;rate=24000", unquoted(data)), nil
	case "input_image":
		mediaType, data, ok := llm.DataURL(scan.Get(part, "image_url"))
		if !ok || len(data) == 0 || !strings.HasPrefix(mediaType, "image/") || strings.HasPrefix(mediaType, "image/svg") {
			return nil, refuseLive("image_url", "must be a base64 data URL of a picture that is no SVG")
		}
		return inline(mediaType, data), nil
	}
	return nil, refuseLive("type", "must be input_text, input_audio, input_image or output_text")
}

// result takes what a function came to, for a call that waits for it.
func (l *live) result(item []byte) *llm.Fault {
	id, output := scan.Get(item, "call_id"), scan.Get(item, "output")
	i := slices.IndexFunc(l.calls, func(c called) bool { return scan.Kind(id) == '"' && bytes.Equal(c.id, id) })
	switch {
	case i < 0:
		return llm.Refuse("call_id", "names no call that waits for its output")
	case scan.Kind(output) != '"':
		return llm.Refuse("output", "must be a string")
	}
	var b []byte
	if !l.place.Vertex {
		b = scan.AppendMember(b, "id", id)
	}
	b = scan.AppendMember(b, "name", l.calls[i].name)
	b = append(append(append(scan.AppendName(b, "response"), `{"output":`...), output...), '}')
	l.results = append(append(l.results, ','), scan.CloseObject(b, 0)...)
	l.calls = append(l.calls[:i:i], l.calls[i+1:]...)
	return nil
}

// flush gives the vendor the contents that wait, without wanting an answer.
func (l *live) flush() {
	if len(l.turns) > 0 {
		l.send(l.contents(false))
	}
}

// contents is a clientContent with what waits.
func (l *live) contents(complete bool) []byte {
	b := append([]byte(`{"clientContent":{"turns":`), scan.CloseArray(l.turns, 0)...)
	l.turns = nil
	if complete {
		return append(b, `,"turnComplete":true}}`...)
	}
	return append(b, `,"turnComplete":false}}`...)
}

// ask asks for a response. What one response alone is asked to be, Google does not take.
func (l *live) ask(e []byte) *llm.Fault {
	if f := l.wishes(scan.Get(e, "response")); f != nil {
		return f.Under("response")
	}
	results := len(l.results) > 0
	if results && len(l.calls) > 0 {
		id, _ := scan.String(l.calls[0].id)
		return llm.Refuse("type", "response.create is too early: the call "+id+" has no output yet, and Gemini answers when all of its calls have one")
	}
	wish := scan.AppendMember(nil, "cause", scan.Get(e, "event_id"))
	wish = scan.AppendMember(wish, "metadata", scan.Get(e, "response", "metadata"))
	l.asked = append(append(l.asked, ','), scan.CloseObject(wish, 0)...)
	switch {
	case results:
		l.flush()
		l.send(append(append([]byte(`{"toolResponse":{"functionResponses":`), scan.CloseArray(l.results, 0)...), '}', '}'))
		l.results = nil
	case l.ended:
		l.flush()
		l.send([]byte(`{"realtimeInput":{"activityEnd":{}}}`))
		l.active, l.ended = false, false
	default:
		if len(l.turns) == 0 && speaksSecond(l.place.Model) {
			l.turns = append(l.turns, `,{"role":"user","parts":[{"text":"."}]}`...)
		}
		l.send(l.contents(true))
	}
	return nil
}

// speaksSecond reports whether a model answers nothing where the user has said nothing
// new; later ones do.
func speaksSecond(model string) bool {
	name := model[strings.LastIndexByte(model, '/')+1:]
	return strings.HasPrefix(name, "gemini-2") || strings.HasPrefix(name, "gemini-live-2")
}

func (l *live) wishes(v []byte) (f *llm.Fault) {
	if scan.IsNull(v) {
		return nil
	}
	if scan.Kind(v) != '{' {
		return llm.Refuse("", "must be an object")
	}
	scan.Members(v, func(key, v []byte) bool {
		name := string(key)
		switch {
		case scan.IsNull(v), name == "conversation" && scan.Is(v, "auto"), name == "metadata" && scan.Kind(v) == '{':
		case name == "output_modalities":
			one := settings{modalities: v}
			if f = modalities(name, v); f == nil && one.speaks() != l.speaks() {
				f = llm.Refuse(name, "must be the session's with Gemini")
			}
		case name == "max_output_tokens":
			f = l.cap(name, v)
		default:
			f = llm.Refuse(name, "is taken with Gemini for the whole session alone, by session.update")
		}
		return f == nil
	})
	return f
}

// cap takes a response's cap that is the session's or more. The first response's may
// still become the session's.
func (l *live) cap(name string, v []byte) *llm.Fault {
	n, ok := scan.Int(v)
	has := l.most
	if l.phase == fresh {
		has, _ = scan.Int(l.settings.most)
	}
	switch {
	case scan.Is(v, "inf"), ok && has > 0 && n >= has:
	case ok && n > 0 && l.phase == fresh && has == 0:
		l.settings.most = v
	default:
		return llm.Refuse(name, "is taken with Gemini for the whole session alone, by session.update")
	}
	return nil
}

func (l *live) speaks() bool {
	if l.phase == fresh {
		return l.settings.speaks()
	}
	return l.spoken
}

// cancel interrupts the vendor, which any content does.
// https://ai.google.dev/api/live#BidiGenerateContentClientContent
func (l *live) cancel() *llm.Fault {
	if l.response == nil {
		return llm.Refuse("type", "response.cancel has no response to cancel")
	}
	l.dropped = true
	l.send(l.contents(false))
	return nil
}
