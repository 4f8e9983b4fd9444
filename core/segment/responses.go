package segment

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// OpenAI's Responses API. https://platform.openai.com/docs/api-reference/responses

var (
	// responseSettings are members of a Responses request that steer it, and that a
	// response repeats.
	responseSettings = set("include", "truncation", "reasoning", "store", "previous_response_id", "client_metadata", "prompt_cache_key",
		"prompt_cache_options", "prompt_cache_retention", "safety_identifier", "tool_choice")

	// repeatedSettings are what a response says of the request: its client knows it.
	repeatedSettings = set("instructions", "tools", "text", "prompt", "conversation", "status", "incomplete_details", "context_management")

	// itemLabels are members of items that name things for programs.
	itemLabels = set("id", "type", "role", "status", "call_id", "phase", "encrypted_content", "result", "obfuscation")
)

func (w *walker) responsesRequest(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		w.turn()
		w.role = "user"
		switch {
		case settings[name] || responseSettings[name]:
		case name == "input" && scan.Kind(value) == '[':
			w.items(value, nil)
		case name == "tools":
			w.tools(value)
		case name == "text":
			w.member("format", scan.Get(value, "format"), KindText)
		default:
			if name == "instructions" {
				w.role = "system"
			}
			w.member(name, value, KindText)
		}
		return true
	})
}

// response walks through a response, or what an event says of it.
func (w *walker) response(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		switch {
		case settings[name] || responseSettings[name] || repeatedSettings[name]:
		case name == "output":
			w.items(value, func(i int) { w.choice = i; w.turn() })
		default:
			w.member(name, value, KindText)
		}
		w.choice = 0
		return true
	})
}

// items walks through a list of items; each is called before each of them.
func (w *walker) items(list []byte, each func(i int)) {
	last := w.role
	scan.Elements(list, func(i int, item []byte) bool {
		if each != nil {
			each(i)
		}
		if scan.Kind(item) != '{' {
			w.value(item, KindText)
			return true
		}
		kind := scan.GetString(item, "type")
		switch {
		case strings.HasSuffix(kind, "_output"):
			w.role = "tool"
		case kind == "" || kind == "message":
			w.role = scan.GetString(item, "role")
		default:
			w.role = "assistant"
		}
		if w.role != last {
			w.turn()
		}
		last = w.role
		w.item(kind, item)
		return true
	})
}

func (w *walker) item(kind string, item []byte) {
	sort := KindText
	switch {
	case strings.HasSuffix(kind, "_output"):
		sort = KindToolResult
	case kind == "reasoning":
		sort = KindReasoning
	case strings.HasSuffix(kind, "_call"):
		sort = KindToolArguments
	}
	outer := w.object
	w.object = item
	scan.Members(item, func(key, value []byte) bool {
		switch name := string(key); {
		case itemLabels[name] && scan.Kind(value) == '"':
		case (name == "content" || name == "summary") && scan.Kind(value) == '[':
			scan.Elements(value, func(i int, part []byte) bool { w.part(name, i, part, sort); return true })
		case name == "arguments" && scan.Kind(value) == '"':
			w.said(value, Stream{w.choice, KindToolArguments, 0, name})
		case (name == "input" || name == "code") && scan.Kind(value) == '"':
			w.said(value, Stream{w.choice, KindText, 0, name})
		case name == "action" || name == "arguments":
			w.keyed(value, KindToolArguments)
		case name == "name":
			w.member(name, value, KindToolArguments) // becomes a tool's name
		default:
			w.member(name, value, sort)
		}
		return true
	})
	w.object = outer
}

// part walks through a part of an item's content or summary, the i-th.
func (w *walker) part(list string, i int, part []byte, sort string) {
	if scan.Kind(part) != '{' {
		w.value(part, sort)
		return
	}
	outer := w.object
	w.object = part
	scan.Members(part, func(key, value []byte) bool {
		name := string(key)
		if scan.Kind(value) != '"' || name != "text" && name != "refusal" {
			w.member(name, value, sort)
			return true
		}
		path := name
		if sort == KindReasoning {
			path = list
		}
		w.said(value, Stream{w.choice, sort, i, path})
		return true
	})
	w.object = outer
}

// said takes a text that a stream has told in pieces before, if any.
func (w *walker) said(raw []byte, s Stream) { w.running(raw, s, true) }

// running takes a piece of a stream's running text, or the whole of it again.
func (w *walker) running(raw []byte, s Stream, again bool) {
	from := len(w.found)
	w.take(raw, s.Kind)
	for i := from; w.event && i < len(w.found); i++ {
		w.found[i].Stream, w.found[i].Repeats, w.found[i].Alone = s, again, false
	}
}

// deltas are the running texts by what stands between "response." and ".delta" or
// ".done" in the type of their events: the member of the item that they become.
var deltas = map[string]Stream{
	"output_text":                {Kind: KindText, Path: "text"},
	"refusal":                    {Kind: KindText, Path: "refusal"},
	"reasoning_summary_text":     {Kind: KindReasoning, Path: "summary"},
	"reasoning_text":             {Kind: KindReasoning, Path: "content"},
	"function_call_arguments":    {Kind: KindToolArguments, Path: "arguments"},
	"mcp_call_arguments":         {Kind: KindToolArguments, Path: "arguments"},
	"custom_tool_call_input":     {Kind: KindText, Path: "input"},
	"code_interpreter_call_code": {Kind: KindText, Path: "code"},
	"audio.transcript":           {Kind: KindText, Path: "transcript"},
}

// eventLabels are members of events that hold no text: ids, and pictures and sound.
var eventLabels = set("type", "item_id", "obfuscation", "partial_image_b64", "code")

// responsesEvent reads an event of a Responses stream. What is done repeats the
// text of its deltas, and so does the response at the end.
func (w *walker) responsesEvent(data []byte) (_ []Found, ended Ended) {
	kind := scan.GetString(data, "type")
	n, _ := scan.GetInt(data, "output_index")
	w.choice = int(n)
	topic, delta := strings.CutSuffix(strings.TrimPrefix(kind, "response."), ".delta")
	topic = strings.TrimSuffix(topic, ".done")
	stream, known := deltas[topic]
	if stream.Choice = w.choice; !known {
		stream.Kind, stream.Path = KindText, topic
	}
	stream.Index = partIndex(data)
	switch kind {
	case "response.completed", "response.incomplete", "response.failed", "error":
		ended.All = true
	}
	scan.Members(data, func(key, value []byte) bool {
		switch name := string(key); {
		case name == "response":
			w.response(value)
			w.choice = int(n)
		case name == "item" && scan.Kind(value) == '{':
			w.item(scan.GetString(value, "type"), value)
		case name == "part":
			list, sort := "content", KindText
			if strings.HasPrefix(topic, "reasoning") || scan.GetString(value, "type") == "reasoning_text" {
				sort = KindReasoning
			}
			if scan.Get(data, "summary_index") != nil {
				list = "summary"
			}
			w.part(list, stream.Index, value, sort)
		case name == "delta" && scan.Kind(value) == '"':
			if kind != "response.audio.delta" { // sound
				w.running(value, stream, !delta)
			}
		case known && !delta && (name == stream.Path || name == "text") && scan.Kind(value) == '"':
			w.said(value, stream)
		case eventLabels[name] && scan.Kind(value) == '"':
		default:
			w.member(name, value, KindText)
		}
		return true
	})
	return w.found, ended
}

// partIndex is that of the part which an event is about.
func partIndex(data []byte) int {
	for _, name := range [...]string{"content_index", "summary_index"} {
		if n, ok := scan.GetInt(data, name); ok {
			return int(n)
		}
	}
	return 0
}
