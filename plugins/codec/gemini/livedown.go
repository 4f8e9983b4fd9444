package gemini

import (
	"bytes"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// vendor takes a message of Google's: one of its members, and perhaps usage.
// https://ai.google.dev/api/live#BidiGenerateContentServerMessage
func (l *live) vendor(m []byte) {
	if u := scan.Get(m, "usageMetadata"); scan.Kind(u) == '{' {
		l.report(u, begins(m))
	}
	scan.Members(m, func(key, v []byte) bool {
		switch string(key) {
		case "setupComplete":
			l.begun()
		case "serverContent":
			l.content(v)
		case "toolCall":
			l.toolCall(scan.Get(v, "functionCalls"))
		case "toolCallCancellation":
			l.uncall(scan.Get(v, "ids"))
		case "voiceActivity":
			l.activity(scan.GetString(v, "voiceActivityType"))
		case "goAway":
			l.refusal("server_error", "session_expiring", "the provider ends this session in "+scan.GetString(v, "timeLeft"), nil)
		case "error":
			l.failed(v)
		}
		return true
	})
}

// begun sends what has waited for the session.
func (l *live) begun() {
	l.phase = ready
	scan.Elements(scan.CloseArray(l.waiting, 0), func(_ int, message []byte) bool {
		l.send(message)
		return true
	})
	l.waiting = nil
}

// report keeps what the vendor counts: a snapshot, of the response under way, or of the
// next where this message begins it or the last one had its own. A response whose
// report comes after its end stays estimated.
func (l *live) report(usage []byte, begins bool) {
	if l.response == nil && l.missed && !begins {
		l.missed = false
		return
	}
	l.usage = usage
}

// begins reports whether a message has something of a response.
func begins(m []byte) bool {
	return scan.Get(m, "toolCall") != nil || scan.Get(m, "serverContent", "modelTurn") != nil || scan.Get(m, "serverContent", "outputTranscription") != nil
}

// content takes what the vendor says. Words and sound come in no order.
func (l *live) content(v []byte) {
	if on, _ := scan.Bool(scan.Get(v, "interrupted")); on {
		l.interrupted()
	}
	if heard := scan.Get(v, "inputTranscription"); heard != nil {
		l.hear(heard)
	}
	scan.Elements(scan.Get(v, "modelTurn", "parts"), func(_ int, part []byte) bool {
		if thought, _ := scan.Bool(scan.Get(part, "thought")); !thought {
			l.part(part)
		}
		return true
	})
	if words := unquoted(scan.Get(v, "outputTranscription", "text")); len(words) > 0 {
		l.say(audioPart, words, nil)
	}
	if on, _ := scan.Bool(scan.Get(v, "turnComplete")); on {
		l.turnComplete(scan.GetString(v, "turnCompleteReason"))
	}
}

func (l *live) part(part []byte) {
	if text := unquoted(scan.Get(part, "text")); len(text) > 0 {
		l.say(textPart, text, nil)
	}
	if data := scan.Get(part, "inlineData"); strings.HasPrefix(scan.GetString(data, "mimeType"), "audio/") {
		l.say(audioPart, nil, scan.Get(data, "data"))
	}
}

// hear writes down what the user was heard to say.
func (l *live) hear(heard []byte) {
	if text := unquoted(scan.Get(heard, "text")); len(text) > 0 {
		if l.user == nil || l.written {
			l.speech()
		}
		b := append(append(l.begin("conversation.item.input_audio_transcription.delta"), `,"item_id":`...), l.user...)
		l.tell(appendQuoted(append(b, `,"content_index":0,"delta":`...), text))
		l.words = append(bytes.Clone(l.words), text...)
	}
	if on, _ := scan.Bool(scan.Get(heard, "finished")); on {
		l.transcribed()
		l.written = l.user != nil
	}
}

// transcribed ends the words of the item that was heard last, where there are any.
func (l *live) transcribed() {
	if l.user != nil && len(l.words) > 0 {
		b := append(append(l.begin("conversation.item.input_audio_transcription.completed"), `,"item_id":`...), l.user...)
		b = appendQuoted(append(b, `,"content_index":0,"transcript":`...), l.words)
		l.tell(append(b, `,"usage":{"type":"tokens","input_tokens":0,"output_tokens":0,"total_tokens":0}`...))
	}
	l.words = nil
}

// interrupted: the user speaks, or the client has cancelled. What was said so far ends
// with the vendor's turn.
func (l *live) interrupted() {
	if l.response != nil {
		l.response.cut = true
	}
	if !l.dropped {
		l.activity("ACTIVITY_START")
	}
}

func (l *live) activity(kind string) {
	place := func(event, at string) { // Google does not say where in the sound it is
		if l.coming == nil {
			l.coming = l.item()
		}
		b := append(append(l.begin("input_audio_buffer."+event), `,"item_id":`...), l.coming...)
		l.tell(append(append(b, at...), `:0`...))
	}
	switch kind {
	case "ACTIVITY_START":
		place("speech_started", `,"audio_start_ms"`)
	case "ACTIVITY_END":
		place("speech_stopped", `,"audio_end_ms"`)
	}
}

// toolCall ends the response with calls: the vendor says nothing more before it has
// their outputs.
func (l *live) toolCall(calls []byte) {
	if scan.Len(calls) == 0 {
		return
	}
	l.respond()
	l.response.close(l, "completed")
	scan.Elements(calls, func(_ int, c []byte) bool {
		l.response.call(l, c)
		return true
	})
	l.finish("completed", "")
	l.tail = true
}

// uncall forgets calls whose outputs the vendor does not want any more.
func (l *live) uncall(ids []byte) {
	scan.Elements(ids, func(_ int, id []byte) bool {
		for i, c := range l.calls {
			if bytes.Equal(c.id, id) {
				l.calls = append(l.calls[:i:i], l.calls[i+1:]...)
				break
			}
		}
		return true
	})
}

// unsaid are the reasons for which a turn ends that say that it was kept back.
func unsaid(reason string) bool {
	for _, word := range [...]string{"PROHIBITED", "SAFETY", "BLOCKLIST", "CELEBRITY", "NCII", "REJECTED", "INPUT_OTHER", "GENERATED_OTHER"} {
		if strings.Contains(reason, word) {
			return true
		}
	}
	return false
}

// turnComplete ends the response. A turn without any is the end of one that ended with
// calls, or answers what was asked for with nothing.
func (l *live) turnComplete(reason string) {
	if l.response == nil {
		if l.tail || len(l.asked) == 0 {
			l.tail = false
			return
		}
		l.respond()
	}
	switch {
	case l.response.cut && l.dropped:
		l.finish("cancelled", "client_cancelled")
	case l.response.cut:
		l.finish("cancelled", "turn_detected")
	case unsaid(reason):
		l.finish("incomplete", "content_filter")
	case reason == "MALFORMED_FUNCTION_CALL", reason == "MAX_REGENERATION_REACHED":
		l.finish("failed", "")
	default:
		l.finish("completed", "")
	}
}

// failed tells of an error. What was asked for first does not come.
func (l *live) failed(e []byte) {
	told := readError(e, 0)
	var cause []byte
	if l.response == nil && len(l.asked) > 0 {
		cause = scan.Get(l.next(), "cause")
	}
	l.refusal("server_error", string(told.Error.Code), told.Error.Message, cause)
}

// next takes what was asked for first, raw; nil for nothing.
func (l *live) next() (wish []byte) {
	var rest []byte
	scan.Elements(scan.CloseArray(l.asked, 0), func(i int, v []byte) bool {
		if i == 0 {
			wish = v
		} else {
			rest = append(append(rest, ','), v...)
		}
		return true
	})
	l.asked = rest
	return wish
}
