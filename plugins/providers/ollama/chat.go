package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var chatFields = scan.NewNames(
	"messages", "tools", "tool_choice", "response_format", "think", "thinking", "reasoning_effort", "stop", "options",
	"max_completion_tokens", "max_tokens", "logprobs", "top_logprobs",
	// The host's business, or bookkeeping that changes no answer.
	"model", "stream", "stream_options", "metadata", "store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "user", "safety_identifier",
)

// chat makes the body of /api/chat.
func (q *request) chat(r *abi.EncodeRequest) *llm.Fault {
	var messages, tools, choice, format, think, thinking, effort, stop, options, completionCap, maxTokens, logprobs, top, unused []byte
	if f := llm.Read(r.Body, r.DropParams, &q.notices, chatFields, q.other,
		&messages, &tools, &choice, &format, &think, &thinking, &effort, &stop, &options, &completionCap, &maxTokens, &logprobs, &top,
		&unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused); f != nil {
		return f
	}
	f := q.conversation(messages)
	for _, step := range [...]func() *llm.Fault{
		func() *llm.Fault { return q.tools(tools, choice) },
		func() *llm.Fault { return q.format(format) },
		func() *llm.Fault { return q.think(think, thinking, effort) },
		func() *llm.Fault { return q.own(options) },
		func() *llm.Fault { return q.capped("max_tokens", maxTokens) },
		func() *llm.Fault { return q.capped("max_completion_tokens", completionCap) },
		func() *llm.Fault { return q.stops(stop) },
		func() *llm.Fault { return q.logprobs(logprobs, top) },
	} {
		if f == nil {
			f = step()
		}
	}
	return f
}

// tools: Ollama leaves the choice to the model. Tools that may not be called are
// not offered; a call cannot be demanded.
func (q *request) tools(list, choice []byte) (f *llm.Fault) {
	if list != nil && scan.Kind(list) != '[' {
		return llm.Refuse("tools", "must be an array")
	}
	scan.Elements(list, func(i int, tool []byte) bool {
		kind := scan.Get(tool, "type")
		switch {
		case !scan.Is(kind, "function"):
			f = llm.Refuse("type", strconv.Quote(string(scan.Text(kind)))+" is not supported with Ollama, only function is").At("tools", i)
		case scan.Kind(scan.Get(tool, "function", "name")) != '"':
			f = llm.Refuse("function.name", "must be a string").At("tools", i)
		}
		return f == nil
	})
	switch {
	case f != nil:
		return f
	case scan.Is(choice, "none"):
		return nil
	case !scan.IsNull(choice) && !scan.Is(choice, "auto"):
		return llm.Refuse("tool_choice", "must be none or auto with Ollama")
	case scan.Len(list) > 0:
		q.put("tools", list)
	}
	return nil
}

func (q *request) format(format []byte) *llm.Fault {
	kind, schema, f := llm.Format(format)
	switch {
	case f != nil || kind == "text":
		return f
	case schema != nil:
		q.put("format", schema)
	default:
		q.put("format", []byte(`"json"`))
	}
	return nil
}
