package segment

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// OpenAI's Realtime API: events of both sides, whose conversations have items as
// Responses does. https://platform.openai.com/docs/api-reference/realtime

// realtimeLabels are members of events that name things for programs.
var realtimeLabels = set("type", "event_id", "item_id", "response_id", "conversation_id", "previous_item_id", "call_id", "voice", "status", "conversation",
	"output_modalities", "modalities", "metadata", "model", "user")

// realtimeRequest walks through an event of the client, or one of the vendor's that
// tells what the client's user has said.
func (w *walker) realtimeRequest(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		w.turn()
		w.role = "user"
		switch {
		case realtimeLabels[name] && scan.Kind(value) == '"':
		case name == "session" || name == "response":
			w.realtimeSettings(value)
		case name == "item" && scan.Kind(value) == '[': // several, that are looked at together
			w.realtimeItems(value)
		case name == "item":
			w.realtimeItem(value)
		default:
			w.realtimeMember(name, value, KindText)
		}
		return true
	})
}

func (w *walker) realtimeSettings(settings []byte) {
	scan.Members(settings, func(key, value []byte) bool {
		name := string(key)
		w.turn()
		w.role = "system"
		switch {
		case realtimeLabels[name]:
		case name == "tools":
			w.tools(value)
		case name == "audio" && scan.Kind(value) == '{': // of both directions
			scan.Members(value, func(_, side []byte) bool { w.value(side, KindText); return true })
		case name == "input" && scan.Kind(value) == '[':
			w.realtimeItems(value)
		default:
			w.realtimeMember(name, value, KindText)
		}
		return true
	})
}

// realtimeItems walks through items, of which neighbours of one role are read as one turn.
func (w *walker) realtimeItems(list []byte) {
	last := ""
	scan.Elements(list, func(_ int, item []byte) bool {
		role := realtimeRole(item)
		if role != last {
			w.turn()
		}
		last = role
		w.realtimeItem(item)
		return true
	})
}

func realtimeRole(item []byte) string {
	kind := scan.GetString(item, "type")
	switch {
	case strings.HasSuffix(kind, "_output"):
		return "tool"
	case strings.HasSuffix(kind, "_call"):
		return "assistant"
	}
	return scan.GetString(item, "role")
}

func (w *walker) realtimeItem(item []byte) {
	if scan.Kind(item) != '{' {
		w.value(item, KindText)
		return
	}
	w.role = realtimeRole(item)
	kind := KindText
	switch w.role {
	case "tool":
		kind = KindToolResult
	case "assistant":
		if strings.HasSuffix(scan.GetString(item, "type"), "_call") {
			kind = KindToolArguments
		}
	}
	id := scan.GetString(item, "id")
	scan.Members(item, func(key, value []byte) bool {
		switch name := string(key); {
		case itemLabels[name] && name != "role" && scan.Kind(value) == '"':
		case name == "content" && scan.Kind(value) == '[':
			scan.Elements(value, func(i int, part []byte) bool { w.realtimePart(id, i, part, kind); return true })
		case name == "arguments" && scan.Kind(value) == '"':
			w.said(value, realtimeText(id, 0, name))
		default:
			w.realtimeMember(name, value, kind)
		}
		return true
	})
}

// realtimePart walks through a part of an item's content, the i-th.
func (w *walker) realtimePart(id string, i int, part []byte, kind string) {
	if scan.Kind(part) != '{' {
		w.value(part, kind)
		return
	}
	scan.Members(part, func(key, value []byte) bool {
		name := string(key)
		if scan.Kind(value) == '"' && (name == "text" || name == "transcript") {
			w.said(value, realtimeText(id, i, name))
			return true
		}
		w.realtimeMember(name, value, kind)
		return true
	})
}

// realtimeMember is member, but for sound, which stands in base64.
func (w *walker) realtimeMember(name string, value []byte, kind string) {
	if name == "audio" && scan.Kind(value) == '"' && isBlob(value) {
		return
	}
	w.member(name, value, kind)
}

// isBlob reports whether a raw string is base64 and too long for a word.
func isBlob(raw []byte) bool {
	text := strings.Trim(string(raw), `"`)
	return (len(text) > shortData || len(text)%4 == 0 && strings.HasSuffix(text, "=")) && isBase64(text)
}

// realtimeText is a running text: of an item's part, or its arguments.
func realtimeText(item string, part int, member string) Stream {
	kind := KindText
	if member == "arguments" {
		kind, part = KindToolArguments, 0
	}
	return Stream{Kind: kind, Index: part, Path: item + "/" + member}
}

// realtimeDeltas are the members that the pieces of a text become, by what stands
// between "response." and ".delta" or ".done" in the type of their events: those of
// the present API, and of the one before.
var realtimeDeltas = map[string]string{
	"output_text": "text", "text": "text", "output_audio_transcript": "transcript", "audio_transcript": "transcript",
	"function_call_arguments": "arguments", "mcp_call_arguments": "arguments",
}

// Sound reports whether an event of the type brings a piece of sound, or its end.
func Sound(kind string) bool {
	switch kind {
	case "response.output_audio.delta", "response.audio.delta", "response.output_audio.done", "response.audio.done":
		return true
	}
	return false
}

// realtimeEvent reads an event of the vendor's. What the client or its user has said
// is not of the model: it has been looked at when it came, or is when it is written
// down.
func (w *walker) realtimeEvent(data []byte) (_ []Found, ended Ended) {
	kind := scan.GetString(data, "type")
	if strings.HasPrefix(kind, "session.") || strings.HasPrefix(kind, "transcription_session.") ||
		strings.HasPrefix(kind, "conversation.item.input_audio_transcription.") || strings.HasPrefix(kind, "input_audio_buffer.") {
		return nil, ended
	}
	item := scan.GetString(data, "item_id")
	part, _ := scan.GetInt(data, "content_index")
	topic, delta := strings.CutSuffix(strings.TrimPrefix(kind, "response."), ".delta")
	topic = strings.TrimSuffix(topic, ".done")
	member := realtimeDeltas[topic]
	if member == "" && delta && strings.HasPrefix(kind, "response.") { // of a kind that nobody knows: its pieces are one text all the same
		member = topic
	}
	scan.Members(data, func(key, value []byte) bool {
		switch name := string(key); {
		case realtimeLabels[name] && scan.Kind(value) == '"':
		case name == "delta" && Sound(kind): // whatever it is, nobody reads it
		case name == "delta" && member != "" && scan.Kind(value) == '"':
			w.running(value, realtimeText(item, int(part), member), !delta)
		case name == member && member != "" && scan.Kind(value) == '"':
			w.said(value, realtimeText(item, int(part), member))
			ended.Under = append(ended.Under, item)
		case name == "part" && scan.Kind(value) == '{':
			w.realtimePart(item, int(part), value, KindText)
		case name == "item":
			w.realtimeEcho(value, &ended, strings.HasSuffix(kind, ".done"))
		case name == "response" && scan.Kind(value) == '{':
			w.realtimeResponse(value, &ended, kind == "response.done")
		default:
			w.realtimeMember(name, value, KindText)
		}
		return true
	})
	return w.found, ended
}

// realtimeEcho walks through an item that the vendor shows, unless it is the client's.
func (w *walker) realtimeEcho(item []byte, ended *Ended, done bool) {
	switch realtimeRole(item) {
	case "user", "system", "tool":
		return
	}
	w.realtimeItem(item)
	if done {
		ended.Under = append(ended.Under, scan.GetString(item, "id"))
	}
}

func (w *walker) realtimeResponse(response []byte, ended *Ended, done bool) {
	scan.Members(response, func(key, value []byte) bool {
		switch name := string(key); {
		case realtimeLabels[name] || itemLabels[name] || name == "object" || name == "audio" || name == "instructions" || name == "tools":
		case name == "output" && scan.Kind(value) == '[':
			scan.Elements(value, func(_ int, item []byte) bool { w.realtimeEcho(item, ended, done); return true })
		default:
			w.realtimeMember(name, value, KindText)
		}
		return true
	})
}

// under reports whether a text is of one of the items.
func under(items []string, s Stream) bool {
	return slices.ContainsFunc(items, func(id string) bool { return id != "" && strings.HasPrefix(s.Path, id+"/") })
}

// Items finds the text that an event of the client adds to a conversation, or gives a
// response instead of one; stays says that it is the former.
func Items(event []byte) (found []Found, stays bool) {
	w := walker{body: event, role: "user"}
	scan.Members(event, func(key, value []byte) bool {
		switch string(key) {
		case "item":
			stays = true
			w.realtimeItem(value)
		case "response":
			if input := scan.Get(value, "input"); scan.Kind(input) == '[' {
				w.realtimeItems(input)
			}
		}
		return true
	})
	return w.found, stays
}
