package responses

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Bridge carries the Responses API over chat.
type Bridge struct{}

// ToChat translates a Responses request into the canonical form. What its
// previous_response_id stands for must be in its input.
func (Bridge) ToChat(body []byte, to bridge.To) (chat []byte, notices []string, err error) {
	w := requestWriter{dst: make([]byte, 0, len(body)+256), body: body, to: to, tools: toolsOf(body)}
	w.messages()
	scan.Members(body, func(key, value []byte) bool {
		if !scan.IsNull(value) {
			w.member(string(key), value)
		}
		return w.err == nil
	})
	if w.err != nil {
		return nil, nil, w.err
	}
	return scan.CloseObject(w.dst, 0), w.left.Notice(w.notices), nil
}

type requestWriter struct {
	dst     []byte // members, each after a comma
	body    []byte
	to      bridge.To
	tools   toolTable
	left    bridge.LeftOut // of the history
	notices []string
	err     *core.Error

	asks []byte // web_search_options, which a tool has become; nil for none
	turn turn   // what the assistant has said and is not written yet
	list []byte // messages, each after a comma
}

func (w *requestWriter) fail(param, format string, args ...any) {
	if w.err == nil {
		w.err = core.Invalid(param, format, args...)
	}
}

func (w *requestWriter) raw(name string, value []byte) {
	w.dst = append(scan.AppendName(w.dst, name), value...)
}

func (w *requestWriter) str(name, value string) {
	w.dst = scan.AppendString(scan.AppendName(w.dst, name), value)
}

// refuse refuses what stands at param, unless it may be left out under the name.
func (w *requestWriter) refuse(name, param, what string) {
	if slices.Contains(w.to.Drop, name) {
		w.leaveOut(param)
		return
	}
	if what != param {
		what = param + ": " + what
	}
	hint := ""
	if name != param {
		hint = "; the deployment's drop_params may name " + name
	}
	w.fail(param, "%s is not supported for this model's provider%s", what, hint)
}

func (w *requestWriter) leaveOut(param string) { w.notices = append(w.notices, "dropped "+param) }

// aside are members that say how OpenAI serves and keeps a response, that the
// gateway answers for itself, or that belong to vendors' own tools.
var aside = []string{"store", "metadata", "client_metadata", "stream_options", "prompt_cache_key", "prompt_cache_options",
	"prompt_cache_retention", "max_tool_calls", "previous_response_id"}

// refused are members that only OpenAI could serve, and the values of theirs that
// ask for nothing.
var refused = map[string]func(value []byte) bool{
	"background":         isFalse,
	"conversation":       never,
	"prompt":             never,
	"context_management": func(v []byte) bool { return scan.Kind(v) == '[' && scan.Len(v) == 0 },
	"moderation":         never,
	"truncation":         func(v []byte) bool { return scan.Is(v, "disabled") },
}

// foreign are members of chat requests that this package writes itself.
var foreign = []string{"messages", "max_tokens", "max_completion_tokens", "response_format", "reasoning_effort", "verbosity", "logprobs", "thinking"}

func never([]byte) bool { return false }

func isFalse(v []byte) bool {
	on, ok := scan.Bool(v)
	return ok && !on
}

func (w *requestWriter) member(key string, value []byte) {
	if harmless, ok := refused[key]; ok {
		if !harmless(value) {
			w.refuse(key, key, key)
		}
		return
	}
	switch key {
	case "model", "stream", "temperature", "top_p", "user":
		w.raw(key, value)
	case "parallel_tool_calls":
		if len(w.tools) > 0 {
			w.raw(key, value)
		}
	case "max_output_tokens":
		w.raw("max_tokens", value)
	case "input", "instructions": // written first
	case "safety_identifier":
		if scan.IsNull(scan.Get(w.body, "user")) {
			w.raw("user", value)
		}
	case "top_logprobs":
		if n, ok := scan.Int(value); !ok || n > 0 {
			w.raw("logprobs", []byte("true"))
			w.raw(key, value)
		}
	case "reasoning":
		if effort := scan.Get(value, "effort"); !scan.IsNull(effort) {
			w.raw("reasoning_effort", effort)
		}
	case "service_tier":
		if !scan.Is(value, "auto") { // which is what happens anyway
			w.raw(key, value)
		}
	case "include":
		w.include(value)
	case "text":
		w.text(value)
	case "tools":
		w.writeTools()
	case "tool_choice":
		if len(w.tools) > 0 { // else there is nothing to choose
			w.toolChoice(value)
		}
	case "n":
		if n, ok := scan.Int(value); !ok || n != 1 {
			w.fail(key, "n is not supported: the Responses API gives one answer")
		}
	default:
		switch {
		case slices.Contains(foreign, key):
			w.fail(key, "%s is not a member of the Responses API", key)
		case !slices.Contains(aside, key):
			w.raw(key, value)
		}
	}
}

// include asks for parts of an answer that are not always in it. The signatures of
// thoughts always are.
func (w *requestWriter) include(value []byte) {
	scan.Elements(value, func(i int, v []byte) bool {
		switch {
		case scan.Is(v, sealedThoughts):
		case scan.Is(v, "message.output_text.logprobs"):
			if n, _ := scan.GetInt(w.body, "top_logprobs"); n == 0 { // which asks for them, too
				w.raw("logprobs", []byte("true"))
			}
		default:
			w.leaveOut("include[" + strconv.Itoa(i) + "]")
		}
		return true
	})
}

func (w *requestWriter) text(value []byte) {
	if v := scan.Get(value, "verbosity"); !scan.IsNull(v) {
		w.raw("verbosity", v)
	}
	format := scan.Get(value, "format")
	switch kind := scan.GetString(format, "type"); kind {
	case "", "text":
	case "json_object":
		w.raw("response_format", []byte(`{"type":"json_object"}`))
	case "json_schema":
		var schema []byte
		for _, name := range [...]string{"name", "description", "strict", "schema"} {
			if v := scan.Get(format, name); !scan.IsNull(v) {
				schema = append(scan.AppendName(schema, name), v...)
			}
		}
		w.dst = append(scan.AppendName(w.dst, "response_format"), `{"type":"json_schema","json_schema":`...)
		w.dst = append(append(w.dst, scan.CloseObject(schema, 0)...), '}')
	default:
		w.refuse("text.format", "text.format", "the format "+kind)
	}
}

// filled reports whether raw is a string with something in it.
func filled(raw []byte) bool { return scan.Kind(raw) == '"' && len(raw) > 2 }

func orEmpty(raw []byte) []byte {
	if raw == nil {
		return []byte(`""`)
	}
	return raw
}
