package segment

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Ended tells which running texts an event ends.
type Ended struct {
	All     bool
	Choices []int    // all texts of these choices
	Blocks  []int    // texts with this index
	Under   []string // all texts of these items, in a session
	// Past are choices that go on with text of another sort: their answer after
	// their reasoning, a tool call after their answer or another call. Waiting for
	// the end of the earlier text would keep all of the later one back.
	Past []Past
}

// Past is a choice and what it goes on with.
type Past struct {
	Choice int
	Now    string // the sort of text
	Call   int    // the tool call that begins; -1 for none
}

func (p Past) ends(s Stream) bool {
	return p.Choice == s.Choice && (p.Now != sort(s.Kind) || p.Call >= 0 && p.Call != s.Index)
}

// Has reports whether the text s is ended.
func (e Ended) Has(s Stream) bool {
	return e.All || slices.Contains(e.Choices, s.Choice) || slices.Contains(e.Blocks, s.Index) || under(e.Under, s) ||
		slices.ContainsFunc(e.Past, func(p Past) bool { return p.ends(s) })
}

// sort is the part of an answer that a kind belongs to.
func sort(kind string) string {
	switch kind {
	case KindToolName, KindToolArguments:
		return "tool"
	case KindReasoning:
		return "reasoning"
	}
	return "answer"
}

// Repeats reports whether streams of the endpoint say their texts again as a whole.
func Repeats(endpoint abi.Endpoint) bool {
	return endpoint == abi.Responses || endpoint == abi.Realtime
}

// Event finds the text that one event of a stream adds, in the client's
// dialect, and which texts it ends.
func Event(endpoint abi.Endpoint, data []byte) ([]Found, Ended) {
	w := walker{body: data, role: "assistant", event: true, alone: true, native: endpoint == abi.Native}
	switch endpoint {
	case abi.Native:
		return w.nativeEvent(data)
	case abi.Messages:
		return w.messagesEvent(data)
	case abi.Responses:
		return w.responsesEvent(data)
	case abi.Realtime:
		return w.realtimeEvent(data)
	case abi.Transcriptions, abi.Translations:
		return w.transcriptEvent(data)
	case abi.Completions:
		return w.chunk(data, w.completionChoice)
	case abi.Speech:
		return w.speechEvent(data)
	}
	return w.chunk(data, w.chunkChoice)
}

// chunk reads a piece of a stream of choices. read tells of one choice which tool
// call begins in it, -1 for none.
func (w *walker) chunk(data []byte, read func(choice []byte) (begins int)) ([]Found, Ended) {
	var ended Ended
	scan.Members(data, func(key, value []byte) bool {
		if string(key) != "choices" {
			w.member(string(key), value, KindText)
			return true
		}
		scan.Elements(value, func(i int, choice []byte) bool {
			w.choice = index(choice, i)
			if scan.GetString(choice, "finish_reason") != "" {
				ended.Choices = append(ended.Choices, w.choice)
			}
			from := len(w.found)
			call := read(choice)
			if now, ok := oneSort(w.found[from:]); ok {
				ended.Past = append(ended.Past, Past{w.choice, now, call})
			}
			return true
		})
		w.choice = 0
		return true
	})
	return w.found, ended
}

// oneSort is the sort of all running texts in found; ok is false for none or several.
func oneSort(found []Found) (now string, ok bool) {
	for i := range found {
		s := sort(found[i].Kind)
		switch {
		case found[i].Alone && s != "tool":
		case ok && s != now:
			return "", false
		default:
			now, ok = s, true
		}
	}
	return now, ok
}

// completionChoice reads a choice of a completion, which has its texts as members.
func (w *walker) completionChoice(choice []byte) int {
	scan.Members(choice, func(key, value []byte) bool {
		w.run(0, func() { w.member(string(key), value, KindText) })
		return true
	})
	return -1
}

// chunkChoice returns the tool call that begins here, the last of several; -1 when none does.
func (w *walker) chunkChoice(choice []byte) (begins int) {
	begins = -1
	scan.Members(choice, func(key, value []byte) bool {
		if string(key) != "delta" {
			w.member(string(key), value, KindText)
			return true
		}
		scan.Members(value, func(key, value []byte) bool {
			switch string(key) {
			case "annotations":
				w.member(string(key), value, KindText)
			case "tool_calls":
				scan.Elements(value, func(n int, call []byte) bool {
					n = index(call, n)
					if scan.GetString(call, "id") != "" {
						begins = n
					}
					w.run(n, func() { w.value(call, KindToolArguments) })
					return true
				})
			default:
				w.run(0, func() { w.member(string(key), value, KindText) })
			}
			return true
		})
		return true
	})
	return begins
}

// run walks through a piece of running texts: all that f finds has the index of
// its tool call or block.
func (w *walker) run(index int, f func()) {
	from := len(w.found)
	w.alone = false
	f()
	w.alone = true
	for i := from; i < len(w.found); i++ {
		w.found[i].Stream.Index = index
	}
}

// messagesEvent reads Anthropic's stream events.
// https://docs.anthropic.com/en/api/messages-streaming
func (w *walker) messagesEvent(data []byte) (_ []Found, ended Ended) {
	block, kind := index(data, 0), scan.GetString(data, "type")
	switch kind {
	case "content_block_stop":
		ended.Blocks = []int{block}
	case "message_delta", "message_stop", "error":
		ended.All = true
	}
	scan.Members(data, func(key, value []byte) bool {
		switch {
		case kind == "content_block_start" && string(key) == "content_block":
			w.run(block, func() { w.value(value, KindText) })
		case kind == "content_block_delta" && string(key) == "delta" && scan.Get(value, "citation") == nil:
			w.run(block, func() {
				scan.Members(value, func(key, value []byte) bool { w.member(string(key), value, KindText); return true })
			})
		default:
			w.member(string(key), value, KindText)
		}
		return true
	})
	return w.found, ended
}

// transcriptEvent reads the events of a transcript. The last repeats all of it.
// https://platform.openai.com/docs/api-reference/audio/transcript-text-done-event
func (w *walker) transcriptEvent(data []byte) (_ []Found, ended Ended) {
	kind := scan.GetString(data, "type")
	ended.All = kind == "transcript.text.done"
	scan.Members(data, func(key, value []byte) bool {
		switch {
		case string(key) == "delta":
			w.run(0, func() { w.member("delta", value, KindText) })
		case string(key) == "text" && kind == "transcript.text.segment": // the same again, by speakers
			w.run(1, func() { w.member("text", value, KindText) })
		default:
			w.member(string(key), value, KindText)
		}
		return true
	})
	return w.found, ended
}

// speechEvent reads the events of speech, whose audio is sound in base64.
// https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event
func (w *walker) speechEvent(data []byte) (_ []Found, ended Ended) {
	scan.Members(data, func(key, value []byte) bool {
		if string(key) != "audio" || scan.Kind(value) != '"' {
			w.member(string(key), value, KindText)
		}
		return true
	})
	return w.found, ended
}
