package llm

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Foreign judges a member of a chat request that a vendor does not have: it is
// refused where it changes the answer, unless it asks for what happens anyway.
// Any other is left out, and so is the wish for one call at a time, which is told in notices.
func Foreign(vendor, key string, v []byte, notices *[]string) *Fault {
	switch key {
	case "n", "seed", "logit_bias", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "prediction", "modalities", "audio",
		"functions", "function_call", "service_tier", "web_search_options", "moderation":
		if isUsual(key, v) {
			return nil
		}
		return Refuse(key, "is not supported by "+vendor)
	case "parallel_tool_calls": // a client that wants one call can do with the first of several
		switch on, ok := scan.Bool(v); {
		case !ok:
			return Refuse(key, "must be true or false")
		case !on:
			*notices = append(*notices, key+": "+vendor+" cannot be kept from calling several tools")
		}
		return nil
	}
	*notices = append(*notices, "left out "+key)
	return nil
}

// isUsual reports whether a member asks for what happens anyway.
func isUsual(key string, v []byte) bool {
	switch key {
	case "n":
		n, ok := scan.Int(v)
		return ok && n == 1
	case "logprobs":
		on, ok := scan.Bool(v)
		return ok && !on
	case "top_logprobs", "presence_penalty", "frequency_penalty":
		n, ok := scan.Float(v)
		return ok && n == 0
	case "service_tier":
		return scan.Is(v, "auto") || scan.Is(v, "default")
	case "modalities":
		text := scan.Len(v) > 0
		scan.Elements(v, func(_ int, m []byte) bool { text = scan.Is(m, "text"); return text })
		return text
	}
	return false
}

// Stops is the array of a request's stop sequences, which are a string or an
// array of them, for a vendor that takes most of them (0: any number). Empty ones
// mean nothing: they are left out, which is told in notices. Nil is none.
func Stops(vendor string, stop []byte, most int, notices *[]string) (list []byte, fault *Fault) {
	count := 0
	add := func(_ int, s []byte) bool {
		switch {
		case scan.Kind(s) != '"':
			fault = Refuse("stop", "must be a string or an array of strings")
		case len(s) == 2:
			*notices = append(*notices, "left out an empty stop sequence")
		default:
			list = append(append(list, ','), s...)
			count++
		}
		return fault == nil
	}
	switch {
	case scan.IsNull(stop):
		return nil, nil
	case scan.Kind(stop) == '[':
		scan.Elements(stop, add)
	default:
		add(0, stop)
	}
	switch {
	case fault != nil:
		return nil, fault
	case most > 0 && count > most:
		return nil, Refuse("stop", "may hold at most "+strconv.Itoa(most)+" sequences with "+vendor)
	case count == 0:
		return nil, nil
	}
	return scan.CloseArray(list, 0), nil
}

// Format reads response_format. kind is text, json_object or json_schema, and
// text when there is none; schema is the object of the last.
func Format(format []byte) (kind string, schema []byte, fault *Fault) {
	if scan.IsNull(format) {
		return "text", nil, nil
	}
	switch kind = scan.GetString(format, "type"); kind {
	case "text", "json_object":
		return kind, nil, nil
	case "json_schema":
		if schema = scan.Get(format, "json_schema", "schema"); scan.Kind(schema) == '{' {
			return kind, schema, nil
		}
		return kind, nil, Refuse("response_format.json_schema.schema", "must be an object")
	}
	return kind, nil, Refuse("response_format.type", "must be text, json_object or json_schema")
}

// Thinking is what a request's thinking, which counts first, and
// reasoning_effort say. effort is a word of OpenAI's, "" when they say nothing;
// budget is what stands for it, or what the client said itself. Beside adaptive
// thinking the word is the measure, as in Anthropic's API; a client that leaves it
// to the model says "medium" with a budget of 0.
func Thinking(thinking, word []byte) (effort string, budget int64, fault *Fault) {
	if scan.IsNull(thinking) {
		return wordOf(word)
	}
	switch scan.GetString(thinking, "type") {
	case "disabled":
		return "none", 0, nil
	case "adaptive":
		if effort, budget, fault = wordOf(word); budget > 0 || fault != nil {
			return effort, budget, fault
		}
		return "medium", 0, nil
	case "enabled":
		n, ok := scan.GetInt(thinking, "budget_tokens")
		if !ok || n < 1 {
			return "", 0, Refuse("thinking.budget_tokens", "must be a positive whole number")
		}
		return Effort(n), n, nil
	}
	return "", 0, Refuse("thinking.type", "must be enabled, disabled or adaptive")
}

// wordOf is what reasoning_effort says, as Thinking tells it.
func wordOf(word []byte) (effort string, budget int64, fault *Fault) {
	if scan.IsNull(word) {
		return "", 0, nil
	}
	effort, _ = scan.String(word)
	budget, ok := Budget(effort)
	if !ok {
		fault = Refuse("reasoning_effort", "must be none, minimal, low, medium, high, xhigh or max")
	}
	return effort, budget, fault
}
