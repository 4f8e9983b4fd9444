package gemini

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// liveResponse is one under way. What is raw in a session's state is raw here.
type liveResponse struct {
	id       []byte
	item     []byte      // the message, nil for none
	parts    []livePiece // of the message
	done     []byte      // elements: items that are whole
	metadata []byte      // that it was asked for with
	count    int64       // of them
	cut      bool        // it was interrupted
}

// livePiece is a part of a message: all of its sound with its words, or its text.
type livePiece struct {
	kind  pieceKind
	words []byte // without quotes
}

type pieceKind string

const (
	audioPart pieceKind = "audio"
	textPart  pieceKind = "text"
)

// member is where the part's words stand.
func (k pieceKind) member() string {
	if k == audioPart {
		return "transcript"
	}
	return "text"
}

// topic is what stands in the names of events about the words.
func (k pieceKind) topic() string {
	if k == audioPart {
		return "response.output_audio_transcript."
	}
	return "response.output_text."
}

var liveResponseFields = scan.NewNames("id", "item", "parts", "done", "count", "cut", "metadata")

func readLiveResponse(raw []byte) *liveResponse {
	r := &liveResponse{}
	var parts, done, count, cut []byte
	liveResponseFields.Read(raw, nil, &r.id, &r.item, &parts, &done, &count, &cut, &r.metadata)
	r.count, _ = scan.Int(count)
	r.cut, _ = scan.Bool(cut)
	scan.Elements(parts, func(_ int, v []byte) bool {
		r.parts = append(r.parts, livePiece{pieceKind(scan.GetString(v, "kind")), unquoted(scan.Get(v, "words"))})
		return true
	})
	scan.Elements(done, func(_ int, v []byte) bool { r.done = append(append(r.done, ','), v...); return true })
	return r
}

func (r *liveResponse) write(dst []byte) []byte {
	b := scan.AppendMember(scan.AppendMember(scan.AppendMember(nil, "id", r.id), "item", r.item), "metadata", r.metadata)
	if len(r.parts) > 0 {
		b = scan.AppendName(b, "parts")
		start := len(b)
		for _, p := range r.parts {
			b = append(append(b, `,{"kind":"`...), p.kind...)
			b = append(appendQuoted(append(b, `","words":`...), p.words), '}')
		}
		b = scan.CloseArray(b, start)
	}
	if r.count > 0 {
		b = append(scan.AppendName(b, "done"), scan.CloseArray(r.done, 0)...)
		b = strconv.AppendInt(scan.AppendName(b, "count"), r.count, 10)
	}
	if r.cut {
		b = append(scan.AppendName(b, "cut"), "true"...)
	}
	return append(dst, scan.CloseObject(b, 0)...)
}

// respond begins a response unless one is under way. What the user has said before it
// is an item first.
func (l *live) respond() {
	if l.response != nil {
		return
	}
	if len(l.asked) == 0 && l.heard && l.user == nil {
		l.speech()
	}
	l.tail, l.missed, l.dropped = false, false, false
	l.response = &liveResponse{id: scan.AppendString(nil, l.id("resp")), metadata: scan.Get(l.next(), "metadata")}
	l.tell(append(scan.AppendName(l.begin("response.created"), "response"), l.response.object(l, "in_progress", "", nil)...))
}

// object is the response as events show it.
func (r *liveResponse) object(l *live, status, reason string, usage []byte) []byte {
	b := append(scan.AppendMember(nil, "id", r.id), `,"object":"realtime.response","status":"`...)
	b = append(append(b, status...), `","status_details":`...)
	if status == "in_progress" || status == "completed" {
		b = append(b, "null"...)
	} else {
		b = append(append(b, `{"type":"`...), status...)
		if reason != "" {
			b = append(append(b, `","reason":"`...), reason...)
		}
		b = append(b, `"}`...)
	}
	b = scan.AppendString(scan.AppendName(b, "conversation_id"), "conv_"+l.session)
	word := "text"
	if l.spoken {
		word = "audio"
	}
	b = append(append(scan.AppendName(b, "output_modalities"), `["`...), word...)
	b = append(append(b, `"],"output":`...), scan.CloseArray(bytes.Clone(r.done), 0)...)
	b = scan.AppendMember(b, "usage", orNull(usage))
	return scan.CloseObject(scan.AppendMember(b, "metadata", orNull(r.metadata)), 0)
}

// at writes where in a response an event belongs.
func (r *liveResponse) at(b []byte, part int) []byte {
	b = scan.AppendMember(b, "response_id", r.id)
	b = scan.AppendMember(b, "item_id", r.item)
	b = strconv.AppendInt(scan.AppendName(b, "output_index"), r.count, 10)
	if part < 0 {
		return b
	}
	return strconv.AppendInt(scan.AppendName(b, "content_index"), int64(part), 10)
}

// say tells words (without quotes) or sound (raw) of the message.
func (l *live) say(kind pieceKind, words, sound []byte) {
	l.respond()
	r := l.response
	i := r.open(l, kind)
	if len(words) > 0 {
		r.parts[i].words = append(bytes.Clone(r.parts[i].words), words...)
		l.tell(appendQuoted(scan.AppendName(r.at(l.begin(kind.topic()+"delta"), i), "delta"), words))
	}
	if scan.Kind(sound) == '"' {
		l.tell(scan.AppendMember(r.at(l.begin("response.output_audio.delta"), i), "delta", sound))
	}
}

// open is the place of a part, which is begun if it has to be.
func (r *liveResponse) open(l *live, kind pieceKind) int {
	for i := range r.parts {
		if r.parts[i].kind == kind {
			return i
		}
	}
	if r.item == nil {
		r.item = l.item()
		item := r.message("in_progress")
		l.outputItem("response.output_item.added", r, item)
		l.stands(r.item, item, false)
	}
	i := len(r.parts)
	r.parts = append(r.parts, livePiece{kind: kind})
	l.tell(append(scan.AppendName(r.at(l.begin("response.content_part.added"), i), "part"), r.parts[i].part(string(kind))...))
	return i
}

// part is the part as events show it.
func (p *livePiece) part(kind string) []byte {
	b := scan.AppendString([]byte(`{"type":`), kind)
	return append(appendQuoted(scan.AppendName(b, p.kind.member()), p.words), '}')
}

// message is the message as events show it.
func (r *liveResponse) message(status string) []byte {
	b := append(append([]byte(`{"id":`), r.item...), `,"object":"realtime.item","type":"message","status":"`...)
	b = append(append(b, status...), `","role":"assistant","content":`...)
	start := len(b)
	if status != "in_progress" {
		for i := range r.parts {
			b = append(append(b, ','), r.parts[i].part("output_"+string(r.parts[i].kind))...)
		}
	}
	return append(scan.CloseArray(b, start), '}')
}

func (l *live) outputItem(kind string, r *liveResponse, item []byte) {
	b := scan.AppendMember(l.begin(kind), "response_id", r.id)
	b = strconv.AppendInt(scan.AppendName(b, "output_index"), r.count, 10)
	l.tell(append(scan.AppendName(b, "item"), item...))
}

// close ends the message, where there is one.
func (r *liveResponse) close(l *live, status string) {
	if r.item == nil {
		return
	}
	for i := range r.parts {
		p := &r.parts[i]
		if p.kind == audioPart {
			l.tell(r.at(l.begin("response.output_audio.done"), i))
		}
		l.tell(appendQuoted(scan.AppendName(r.at(l.begin(p.kind.topic()+"done"), i), p.kind.member()), p.words))
		l.tell(append(scan.AppendName(r.at(l.begin("response.content_part.done"), i), "part"), p.part(string(p.kind))...))
	}
	r.whole(l, r.message(status))
	r.item, r.parts = nil, nil
}

// whole tells that an item of the response is.
func (r *liveResponse) whole(l *live, item []byte) {
	l.outputItem("response.output_item.done", r, item)
	l.tell(append(scan.AppendName(l.begin("conversation.item.done"), "item"), item...))
	r.done = append(append(r.done, ','), item...)
	r.count++
}

// call tells a function's call, whose arguments come whole.
func (r *liveResponse) call(l *live, c []byte) {
	f := functionCall{id: scan.Get(c, "id"), name: scan.Get(c, "name"), args: scan.Get(c, "args")}
	if scan.Kind(f.id) != '"' {
		f.id = scan.AppendString(nil, l.id("call"))
	}
	if scan.Kind(f.name) != '"' {
		f.name = []byte(`""`)
	}
	if scan.Kind(f.args) != '{' {
		f.args = []byte("{}")
	}
	l.calls = append(l.calls, called{f.id, f.name})
	r.item = l.item()
	item := func(status string, arguments []byte) []byte {
		b := append(append([]byte(`{"id":`), r.item...), `,"object":"realtime.item","type":"function_call","status":"`...)
		b = append(append(append(b, status...), `","call_id":`...), f.id...)
		b = scan.AppendString(append(append(append(b, `,"name":`...), f.name...), `,"arguments":`...), arguments)
		return append(b, '}')
	}
	begun := item("in_progress", nil)
	l.outputItem("response.output_item.added", r, begun)
	l.stands(r.item, begun, false)
	for _, event := range [...]struct{ kind, member string }{{"delta", "delta"}, {"done", "arguments"}} {
		b := scan.AppendMember(r.at(l.begin("response.function_call_arguments."+event.kind), -1), "call_id", f.id)
		l.tell(scan.AppendString(scan.AppendName(b, event.member), f.args))
	}
	r.whole(l, item("completed", f.args))
	r.item = nil
}

// finish ends the response.
func (l *live) finish(status, reason string) {
	r := l.response
	item := "completed"
	if status != "completed" {
		item = "incomplete"
	}
	l.transcribed()
	l.user, l.written = nil, false
	spoke := len(r.parts) > 0 && r.parts[0].kind == audioPart
	r.close(l, item)
	usage := liveUsage(l.usage, spoke)
	l.missed, l.usage, l.response, l.dropped = usage == nil, nil, nil, false
	l.tell(append(scan.AppendName(l.begin("response.done"), "response"), r.object(l, status, reason, usage)...))
}
