// Package segment finds every piece of human or model text in a body or event,
// whatever the endpoint and dialect, and puts rewritten text back.
//
// It names what is not text and takes all other strings: a member that a vendor
// adds tomorrow is inspected, not forgotten.
package segment

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Found is a segment and where it stands.
type Found struct {
	abi.Segment
	// From and To bound the raw JSON string, quotes included, in the body.
	From, To int
	// Stream tells apart the texts that run side by side in one stream: a
	// choice's answer, its reasoning, each of its tool calls.
	Stream Stream
}

// Stream identifies one running text of a streamed answer.
type Stream struct {
	Choice int
	Kind   string
	Index  int // of the tool call or content block
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

// notText are members whose strings no model reads as text: names of types,
// ids, settings, signatures.
var notText = map[string]bool{
	"model": true, "id": true, "type": true, "role": true, "object": true, "media_type": true, "mime_type": true,
	"signature": true, "encrypted_content": true, "tool_call_id": true, "tool_use_id": true, "call_id": true, "file_id": true,
	"encoding_format": true, "service_tier": true, "finish_reason": true, "stop_reason": true, "detail": true, "format": true,
	"reasoning_effort": true, "user": true, "metadata": true, "system_fingerprint": true, "cache_control": true,
	"size": true, "quality": true, "style": true, "response_format_type": true, "stop": true, "stop_sequences": true,
	"stop_sequence": true, "usage": true, "embedding": true, "thought_signature": true, "b64_json": true, "logprobs": true,
}

// Request finds the text of a client's request.
func Request(endpoint abi.Endpoint, body []byte) []Found {
	w := walker{body: body, role: "user"}
	switch endpoint {
	case abi.Embeddings, abi.Images:
		scan.Members(body, func(key, value []byte) bool { w.member(string(key), value, KindText); return true })
	default:
		w.conversation(body)
	}
	return w.found
}

// Answer finds the text of a whole answer in the client's dialect.
func Answer(endpoint abi.Endpoint, body []byte) []Found {
	w := walker{body: body, role: "assistant"}
	switch endpoint {
	case abi.Chat:
		scan.Elements(scan.Get(body, "choices"), func(i int, choice []byte) bool {
			w.choice = index(choice, i)
			w.group++
			scan.Members(choice, func(key, value []byte) bool { w.member(string(key), value, KindText); return true })
			return true
		})
	case abi.Embeddings, abi.CountTokens:
	default:
		scan.Members(body, func(key, value []byte) bool { w.member(string(key), value, KindText); return true })
	}
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
	group  int
	choice int
}

// conversation walks a chat or Messages request: messages of one role in a row
// share a group, as a model reads them as one turn.
func (w *walker) conversation(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		w.group++
		switch name {
		case "messages":
			last := ""
			scan.Elements(value, func(_ int, message []byte) bool {
				if w.role = scan.GetString(message, "role"); w.role != last {
					w.group++
				}
				last = w.role
				kind := KindText
				if w.role == "tool" || w.role == "function" {
					kind = KindToolResult
				}
				scan.Members(message, func(key, value []byte) bool { w.member(string(key), value, kind); return true })
				return true
			})
		case "tools", "functions":
			w.role = "system"
			scan.Elements(value, func(_ int, tool []byte) bool { w.group++; w.keyed(tool, KindToolSchema); return true })
		case "system":
			w.role = "system"
			w.member(name, value, KindText)
		default:
			w.role = "user"
			w.member(name, value, KindText)
		}
		return true
	})
}

// member takes the strings of one member; its name decides what they are.
func (w *walker) member(name string, value []byte, kind string) {
	if notText[name] {
		return
	}
	switch name {
	case "tool_calls", "function_call", "arguments", "input":
		if name != "input" || scan.Kind(value) == '{' {
			kind = KindToolArguments
		}
	case "reasoning_content", "thinking", "thinking_blocks", "reasoning":
		kind = KindReasoning
	case "parameters", "input_schema", "json_schema", "schema":
		w.keyed(value, KindToolSchema)
		return
	case "name":
		if kind == KindToolArguments || kind == KindToolSchema {
			kind = KindToolName
		}
	case "data", "file_data":
		if !bytes.ContainsAny(value[:min(len(value), 256)], " \\") && len(value) > 64 {
			return // base64
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
		if kind == KindToolArguments {
			w.group++
		}
		scan.Members(value, func(key, v []byte) bool { w.member(string(key), v, kind); return true })
	}
}

// keyed takes names of members as well: a model reads the names in a schema.
func (w *walker) keyed(value []byte, kind string) {
	switch scan.Kind(value) {
	case '"':
		w.take(value, kind)
	case '[':
		scan.Elements(value, func(_ int, v []byte) bool { w.keyed(v, kind); return true })
	case '{':
		scan.RawMembers(value, func(rawKey, v []byte) bool {
			w.take(rawKey, kind)
			w.keyed(v, kind)
			return true
		})
	}
}

func (w *walker) take(raw []byte, kind string) {
	if bytes.HasPrefix(raw, []byte(`"data:`)) || len(raw) <= 2 {
		return
	}
	from := cap(w.body) - cap(raw) // raw is a slice of body
	text, _ := scan.String(raw)
	w.found = append(w.found, Found{From: from, To: from + len(raw), Stream: Stream{Choice: w.choice, Kind: kind},
		Segment: abi.Segment{ID: len(w.found), Role: w.role, Kind: kind, Group: w.group, Choice: w.choice, Text: text}})
}

// Replace appends body to dst with the given segments' texts put in. texts
// names segments by ID; found is in the order of the body.
func Replace(dst, body []byte, found []Found, texts []abi.SegmentText) []byte {
	next := 0
	for i := range found {
		f := &found[i]
		for j := range texts {
			if texts[j].ID == f.ID {
				dst = append(dst, body[next:f.From]...)
				dst = scan.AppendString(dst, texts[j].Text)
				next = f.To
			}
		}
	}
	return append(dst, body[next:]...)
}
