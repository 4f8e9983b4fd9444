// Package segment finds every piece of human or model text in a body or event,
// whatever the endpoint and dialect, and puts rewritten text back.
//
// It names what is not text and takes all other strings: a member that a vendor
// adds tomorrow is inspected, not forgotten.
package segment

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Found is a segment and where it stands.
type Found struct {
	abi.Segment
	// From and To bound the raw JSON string, quotes included, or number in the body.
	From, To int
	// Stream tells apart the texts that run side by side in one stream: a
	// choice's answer, its reasoning, each of its tool calls.
	Stream Stream
	// Alone says that the text is whole in its event: it is no part of a running one.
	Alone bool
	// Repeats says that the text is that of the running one once more, as it stands at its end.
	Repeats bool

	// Raw says that the text stands as it is: the body is not JSON.
	Raw bool

	encoded bool   // the text stands in base64
	head    string // and this before it: "data:text/plain;base64,"
}

// Stream identifies one running text of a streamed answer.
type Stream struct {
	Choice int
	Kind   string
	Index  int    // of the tool call or content block
	Path   string // of the text below its delta, block or call
}

// The kinds of segments.
const (
	KindText          = "text"
	KindReasoning     = "reasoning"
	KindToolName      = "tool_name"
	KindToolSchema    = "tool_description"
	KindToolArguments = "tool_arguments"
	KindToolResult    = "tool_result"
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}

var (
	// settings are members of a request that steer it and that no model reads.
	settings = set("model", "user", "metadata", "service_tier", "reasoning_effort", "encoding_format", "size", "quality", "style",
		"stop", "stop_sequences", "response_format_type")

	// labels are members whose strings name things for programs. Objects and
	// arrays of these names are looked into.
	labels = set("id", "type", "role", "object", "model", "media_type", "mime_type", "signature", "encrypted_content", "tool_call_id",
		"tool_use_id", "call_id", "file_id", "finish_reason", "stop_reason", "stop_sequence", "detail", "format", "system_fingerprint",
		"service_tier", "thought_signature", "b64_json", "obfuscation", "provider")

	// roles are those of messages. Some servers write any other into the prompt.
	roles = set("", "system", "developer", "user", "assistant", "tool", "function", "model")

	// opaque members hold no text at any depth, or that of others once more (see [DropLogprobs]).
	opaque = set("cache_control", "usage", "embedding", "logprobs", "content_filter_results", "content_filter_offsets", "prompt_filter_results")

	// running members are parts of the one text of a turn. What stands elsewhere,
	// as names and addresses do, is a text of its own and parts no other.
	running = set("content", "text", "parts", "message", "delta", "refusal", "input", "prompt", "system", "output",
		"reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks")
)

// Request finds the text of a client's request.
func Request(endpoint abi.Endpoint, body []byte) []Found {
	w := walker{body: body, role: "user", native: endpoint == abi.Native}
	switch endpoint {
	case abi.Native:
		w.nativeRequest(body)
	case abi.Embeddings, abi.Images, abi.ImageEdits, abi.ImageVariations, abi.Completions, abi.Moderations, abi.Rerank:
		scan.Members(body, func(key, value []byte) bool {
			switch name := string(key); {
			case settings[name]:
			case endpoint == abi.Rerank && name == "documents":
				scan.Elements(value, func(_ int, document []byte) bool { w.turn(); w.all(document); return true })
			default:
				w.member(name, value, KindText)
			}
			return true
		})
	case abi.Responses:
		w.responsesRequest(body)
	case abi.Realtime:
		w.realtimeRequest(body)
	default:
		w.conversation(body)
	}
	return w.found
}

// Tokens names the member in which a request brings text as the numbers of tokens,
// which nobody but a model can read; "" when there is none.
func Tokens(endpoint abi.Endpoint, body []byte) (member string) {
	switch endpoint {
	case abi.Embeddings:
		member = "input"
	case abi.Completions:
		member = "prompt"
	default:
		return ""
	}
	found := false
	scan.Members(body, func(key, value []byte) bool {
		if string(key) == member {
			scan.Elements(value, func(_ int, v []byte) bool {
				found = scan.Kind(v) == '0' || scan.Kind(v) == '['
				return !found
			})
		}
		return !found
	})
	if !found {
		return ""
	}
	return member
}

// Answer finds the text of a whole answer in the client's dialect.
func Answer(endpoint abi.Endpoint, body []byte) []Found {
	w := walker{body: body, role: "assistant", native: endpoint == abi.Native}
	switch endpoint {
	case abi.Embeddings, abi.CountTokens, abi.Moderations: // none of these is words of a model
		return nil
	case abi.Responses:
		w.response(body)
		return w.found
	}
	scan.Members(body, func(key, value []byte) bool {
		if string(key) != "choices" && !(w.native && string(key) == "candidates") {
			w.member(string(key), value, KindText)
			return true
		}
		scan.Elements(value, func(i int, choice []byte) bool {
			w.choice = index(choice, i)
			w.turn()
			scan.Members(choice, func(key, value []byte) bool { w.member(string(key), value, KindText); return true })
			return true
		})
		w.choice = 0
		return true
	})
	return w.found
}

func index(v []byte, otherwise int) int {
	if n, ok := scan.GetInt(v, "index"); ok {
		return int(n)
	}
	return otherwise
}

type walker struct {
	body   []byte
	found  []Found
	role   string
	group  int // of the text that is walked through
	groups int // given out so far
	choice int
	object []byte // around the member that is walked through
	around []byte // and around that
	native bool   // the dialect is a provider's own

	// Of events.
	event bool
	alone bool
	path  string
}

// turn begins a text that does not go on from the one before.
func (w *walker) turn() {
	w.groups++
	w.group = w.groups
}

// conversation walks a chat or Messages request: messages of one role in a row
// share a group, as a model reads them as one turn.
func (w *walker) conversation(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		w.turn()
		switch {
		case settings[name]:
		case name == "messages":
			w.messages(value)
		case name == "tools" || name == "functions":
			w.tools(value)
		case name == "documents":
			w.documents(value)
		default:
			w.role = "user"
			if name == "system" {
				w.role = name
			}
			w.member(name, value, KindText)
		}
		return true
	})
}

func (w *walker) tools(value []byte) {
	w.role = "system"
	scan.Elements(value, func(_ int, tool []byte) bool { w.turn(); w.keyed(tool, KindToolSchema); return true })
}

// documents are what a model is given to read: all that stands in them, whatever
// its member is called.
func (w *walker) documents(value []byte) {
	w.role = "user"
	if scan.Kind(value) != '[' {
		w.keyed(value, KindText)
	}
	scan.Elements(value, func(_ int, document []byte) bool { w.turn(); w.keyed(document, KindText); return true })
}

func (w *walker) messages(value []byte) {
	last := ""
	scan.Elements(value, func(_ int, message []byte) bool {
		if w.role = scan.GetString(message, "role"); w.role != last {
			w.turn()
		}
		last = w.role
		kind := KindText
		if w.role == "tool" || w.role == "function" {
			kind = KindToolResult
		}
		if scan.Kind(message) == '{' {
			w.members(message, kind)
		} else {
			w.value(message, kind)
		}
		return true
	})
}

func (w *walker) members(object []byte, kind string) {
	around, outer := w.around, w.object
	w.around, w.object = outer, object
	scan.Members(object, func(key, value []byte) bool { w.member(string(key), value, kind); return true })
	w.around, w.object = around, outer
}

// member takes the strings of one member; its name decides what they are.
func (w *walker) member(name string, value []byte, kind string) {
	if opaque[name] || labels[name] && scan.Kind(value) == '"' && !isWords(name, value) {
		return
	}
	if w.native && (nativeOpaque[name] || nativeLabels[name] && scan.Kind(value) == '"') {
		return
	}
	group, path, alone := w.group, w.path, w.alone
	if !running[name] {
		w.turn()
	}
	w.alone = alone || w.event && name == "extra_content" // it comes whole
	if w.event {
		w.path += "." + name
	}
	w.named(name, value, kind)
	w.group, w.path, w.alone = group, path, alone
}

// isWords reports whether a label is none: a role that no API has.
func isWords(name string, value []byte) bool {
	if name != "role" {
		return false
	}
	role, _ := scan.String(value)
	return !roles[role]
}

func (w *walker) named(name string, value []byte, kind string) {
	if w.native && w.nativeNamed(name, value, kind) {
		return
	}
	switch name {
	case "tool_calls", "function_call":
		kind = KindToolArguments
	case "arguments", "partial_json":
		w.keyed(value, KindToolArguments)
		return
	case "input":
		if kind == KindToolArguments || scan.Kind(value) == '{' {
			w.keyed(value, KindToolArguments)
			return
		}
	case "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks":
		kind = KindReasoning
	case "parameters", "input_schema", "json_schema", "schema":
		w.keyed(value, KindToolSchema)
		return
	case "name":
		if kind == KindToolArguments {
			kind = KindToolName
		}
	case "url", "image_url", "data", "file_data":
		if scan.Kind(value) == '"' {
			w.media(name, value, kind)
			return
		}
	}
	w.value(value, kind)
}

func (w *walker) value(value []byte, kind string) {
	switch scan.Kind(value) {
	case '"':
		w.take(value, kind)
	case '[':
		scan.Elements(value, func(_ int, v []byte) bool { w.value(v, kind); return true })
	case '{':
		switch scan.GetString(value, "type") {
		case "tool_result":
			kind = KindToolResult
		case "tool_use", "server_tool_use":
			kind = KindToolArguments
		case "thinking":
			kind = KindReasoning
		}
		if w.native && isThought(value) {
			kind = KindReasoning
		}
		group := w.group
		if kind == KindToolArguments {
			w.turn()
		}
		w.members(value, kind)
		w.group = group
	}
}

// all takes every string of a value, whatever its member is called.
func (w *walker) all(value []byte) {
	switch scan.Kind(value) {
	case '"':
		w.take(value, KindText)
	case '[':
		scan.Elements(value, func(_ int, v []byte) bool { w.all(v); return true })
	case '{':
		scan.Members(value, func(_, v []byte) bool { w.all(v); return true })
	}
}

// keyed takes names of members as well: a model reads the names in a schema or
// in arguments, and the numbers of those.
func (w *walker) keyed(value []byte, kind string) {
	switch scan.Kind(value) {
	case '"':
		w.take(value, kind)
	case '0':
		if kind == KindToolArguments {
			w.take(value, kind)
		}
	case '[':
		scan.Elements(value, func(_ int, v []byte) bool { w.keyed(v, kind); return true })
	case '{':
		alone := w.alone
		w.alone = alone || w.native && w.event // an object comes whole
		defer func() { w.alone = alone }()
		scan.RawMembers(value, func(rawKey, v []byte) bool {
			w.take(rawKey, kind)
			w.keyed(v, kind)
			return true
		})
	}
}

// take takes a raw string, or a number.
func (w *walker) take(raw []byte, kind string) {
	text := string(raw)
	if scan.Kind(raw) == '"' {
		if text, _ = scan.String(raw); text == "" {
			return
		}
	}
	if kind == KindToolArguments && !w.event {
		text = Plain(text)
	}
	w.add(raw, kind, text)
}

func (w *walker) add(raw []byte, kind, text string) *Found {
	from := cap(w.body) - cap(raw)                                                                                      // raw is a slice of body
	w.found = append(w.found, Found{From: from, To: from + len(raw), Alone: w.alone || w.event && kind == KindToolName, // names come whole
		Stream:  Stream{Choice: w.choice, Kind: kind, Path: w.path},
		Segment: abi.Segment{ID: len(w.found), Role: w.role, Kind: kind, Group: w.group, Choice: w.choice, Text: text}})
	return &w.found[len(w.found)-1]
}

// Replace appends body to dst with the given segments' texts put in. texts
// names segments by ID, each at most once; found is what was found in body.
func Replace(dst, body []byte, found []Found, texts []abi.SegmentText) []byte {
	next := 0
	slices.SortFunc(texts, func(a, b abi.SegmentText) int { return a.ID - b.ID })
	for i := range texts {
		f := &found[texts[i].ID]
		dst = append(dst, body[next:f.From]...)
		switch {
		case f.Raw:
			dst = f.appendRaw(dst, body, &texts[i])
		case f.encoded:
			dst = appendEncoded(dst, f.head, texts[i].Text)
		default:
			dst = scan.AppendString(dst, texts[i].Text)
		}
		next = f.To
	}
	return append(dst, body[next:]...)
}
