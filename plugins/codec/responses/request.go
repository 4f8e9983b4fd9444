package responses

import (
	"bytes"
	"slices"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

const api = "the Responses API"

// request collects what a chat's members become. Raw values are nil when absent.
type request struct {
	codec    *Codec
	settings *Settings
	source   []byte   // the client's
	body     []byte   // members of the vendor's, each after a comma
	written  []string // their names
	notices  []string

	messages, tools, toolChoice []byte
	maxCompletion, maxTokens    []byte
	effort, thinks              []byte // reasoning_effort, and reasoning of the Responses API
	format, verbosity, texts    []byte // response_format, and text of the Responses API
	logprobs, topLogprobs       []byte
	include, search             []byte // search is web_search_options
	uses                        []byte // how often it may be searched
}

var requestFields = scan.NewNames(
	"messages", "tools", "tool_choice", "max_completion_tokens", "max_tokens", "reasoning_effort", "reasoning",
	"response_format", "verbosity", "text", "logprobs", "top_logprobs", "include", "web_search_options",
	"model", "stream", "stream_options", // the host's business
)

// read takes the members of the request.
func (q *request) read(drop []string) *llm.Fault {
	for _, name := range q.settings.Unsupported {
		if !slices.Contains(drop, name) && !scan.IsNull(scan.Get(q.source, name)) {
			return llm.Refuse(name, "is not supported by the provider")
		}
	}
	var unused []byte
	return llm.Read(q.source, drop, &q.notices, requestFields, q.other,
		&q.messages, &q.tools, &q.toolChoice, &q.maxCompletion, &q.maxTokens, &q.effort, &q.thinks,
		&q.format, &q.verbosity, &q.texts, &q.logprobs, &q.topLogprobs, &q.include, &q.search,
		&unused, &unused, &unused)
}

// other is every member that has the same name on both sides, or none on one of them.
// What nobody here knows is passed on.
func (q *request) other(key string, v []byte) *llm.Fault {
	switch key {
	case "n", "seed", "logit_bias", "presence_penalty", "frequency_penalty", "prediction", "modalities", "audio", "functions", "function_call":
		return llm.Foreign(api, key, v, &q.notices)
	case "stop":
		if len(v) > 2 && (scan.Kind(v) != '[' || scan.Len(v) > 0) {
			return llm.Refuse(key, "is not supported by "+api)
		}
		return nil
	case "background":
		if on, ok := scan.Bool(v); ok && !on {
			return nil
		}
		return llm.Refuse(key, "is no member of chat completions")
	case "input", "instructions", "prompt", "previous_response_id", "conversation", "max_output_tokens", "max_tool_calls":
		return llm.Refuse(key, "is no member of chat completions") // neither guardrails nor budgets would know of it
	case "top_k", "thinking", "thinking_blocks", "cache_control", "extra_content", "citations", "is_error", "reasoning_content":
		if !slices.Contains(q.settings.Extensions, key) {
			if key == "thinking" && !scan.IsNull(scan.Get(q.source, "reasoning_effort")) {
				return nil // which says what thinking does
			}
			q.notices = append(q.notices, "dropped "+key)
			return nil
		}
	}
	q.body = append(append(scan.AppendString(append(q.body, ','), key), ':'), v...)
	q.written = append(q.written, key)
	return nil
}

// put appends a member of the body; nil is none. It is not inlined, as wrapped.
//
//go:noinline
func (q *request) put(name string, raw []byte) {
	if raw != nil {
		q.body = append(scan.AppendName(q.body, name), raw...)
		q.written = append(q.written, name)
	}
}

// standard is what the vendor is told of a member of which the client says nothing.
func (q *request) standard(name string) []byte { return scan.Get(q.settings.Members, name) }

// defaults writes what is not there of it.
func (q *request) defaults() {
	scan.Members(q.settings.Members, func(key, v []byte) bool {
		if name := string(key); !slices.Contains(q.written, name) {
			q.put(name, v)
		}
		return true
	})
}

// cap writes the bound of the answer, of which chat has two names.
func (q *request) cap() *llm.Fault {
	most := q.maxCompletion
	if most == nil {
		most = q.maxTokens
	}
	q.put("max_output_tokens", most)
	q.put("max_tool_calls", q.uses)
	return nil
}

// with is the object base, or an empty one, with members laid over it, each after a
// comma; nil where there is neither.
func with(base, members []byte) []byte {
	if len(members) == 0 {
		return base
	}
	return scan.Merge(nil, base, scan.CloseObject(members, 0))
}

// first is the first of two values that is there.
func first(a, b []byte) []byte {
	if a != nil {
		return a
	}
	return b
}

// text is how the answer is formed: response_format and verbosity.
func (q *request) text() *llm.Fault {
	var members []byte
	switch kind := string(scan.GetText(q.format, "type")); {
	case q.format == nil || kind == "text":
	case kind == "json_object":
		members = append(scan.AppendName(members, "format"), `{"type":"json_object"}`...)
	case kind == "json_schema":
		schema := scan.Get(q.format, kind)
		if scan.Kind(schema) != '{' {
			return llm.Refuse("response_format.json_schema", "must be an object")
		}
		members = append(scan.AppendName(members, "format"), `{"type":"json_schema"`...)
		scan.Members(schema, func(key, v []byte) bool {
			members = append(append(scan.AppendString(append(members, ','), key), ':'), v...)
			return true
		})
		members = append(members, '}')
	default:
		return llm.Refuse("response_format.type", "must be text, json_object or json_schema")
	}
	members = scan.AppendMember(members, "verbosity", q.verbosity)
	q.put("text", with(first(q.texts, q.standard("text")), members))
	return nil
}

// reasoning is how long the model thinks, and whether it tells what.
func (q *request) reasoning() *llm.Fault {
	q.put("reasoning", with(first(q.thinks, q.standard("reasoning")), scan.AppendMember(nil, "effort", q.effort)))
	return nil
}

// includes asks for what is not always in an answer: the probabilities of tokens, and
// what the vendor's standard is.
func (q *request) includes() *llm.Fault {
	var list [][]byte
	add := func(_ int, v []byte) bool {
		if !slices.ContainsFunc(list, func(old []byte) bool { return bytes.Equal(old, v) }) {
			list = append(list, v)
		}
		return true
	}
	scan.Elements(q.include, add)
	scan.Elements(q.standard("include"), add)
	if q.logprobs != nil {
		on, ok := scan.Bool(q.logprobs)
		if !ok {
			return llm.Refuse("logprobs", "must be true or false")
		}
		if on {
			add(0, []byte(`"message.output_text.logprobs"`))
		}
	}
	q.put("top_logprobs", q.topLogprobs)
	if len(list) == 0 {
		return nil
	}
	var b []byte
	for _, v := range list {
		b = append(append(b, ','), v...)
	}
	q.put("include", scan.CloseArray(b, 0))
	return nil
}
