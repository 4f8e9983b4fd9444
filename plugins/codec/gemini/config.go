package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Limits of the API.
const (
	maxStops      = 5
	maxCandidates = 8
)

// put appends a member of generationConfig.
func (c *chat) put(name string, raw []byte) {
	c.config = append(scan.AppendName(c.config, name), raw...)
}

func (c *chat) putString(name, s string) {
	c.config = scan.AppendString(scan.AppendName(c.config, name), s)
}

// numbers are members that mean the same under another name.
var numbers = map[string]string{
	"temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed",
	"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty", "top_logprobs": "logprobs",
}

// sampling takes the members that go to generationConfig one to one.
func (c *chat) sampling(key string, v []byte) (known bool, f *llm.Fault) {
	if name, ok := numbers[key]; ok {
		if scan.Kind(v) != '0' {
			return true, llm.Refuse(key, "must be a number")
		}
		c.put(name, v)
		return true, nil
	}
	switch key {
	case "n":
		var ok bool
		if c.n, ok = scan.Int(v); !ok || c.n < 1 || c.n > maxCandidates {
			return true, llm.Refuse(key, "must be a whole number from 1 to 8 with Gemini")
		}
		if c.n > 1 {
			c.put("candidateCount", v)
		}
	case "logprobs":
		on, ok := scan.Bool(v)
		if !ok {
			return true, llm.Refuse(key, "must be true or false")
		}
		if on {
			c.put("responseLogprobs", v)
		}
	case "stop":
		f = c.stop(v)
	case "modalities":
		f = c.modalities(v)
	default:
		return false, nil
	}
	return true, f
}

// stop takes a string or a list. Empty sequences mean nothing and are refused by
// the API: they are left out, and that is told.
func (c *chat) stop(v []byte) (f *llm.Fault) {
	list, count := []byte{}, 0
	add := func(s []byte) {
		switch {
		case scan.Kind(s) != '"':
			f = llm.Refuse("stop", "must be a string or an array of strings")
		case len(s) == 2:
			c.notices = append(c.notices, "left out an empty stop sequence")
		default:
			list = append(append(list, ','), s...)
			count++
		}
	}
	if scan.Kind(v) == '[' {
		scan.Elements(v, func(_ int, s []byte) bool { add(s); return f == nil })
	} else {
		add(v)
	}
	switch {
	case f != nil:
		return f
	case count > maxStops:
		return llm.Refuse("stop", "may hold at most 5 sequences with Gemini")
	case count > 0:
		c.put("stopSequences", scan.CloseArray(list, 0))
	}
	return nil
}

func (c *chat) modalities(v []byte) (f *llm.Fault) {
	list, more := []byte{}, false
	scan.Elements(v, func(_ int, m []byte) bool {
		switch s, _ := scan.String(m); s {
		case "text":
			list = append(list, `,"TEXT"`...)
		case "image":
			list, more = append(list, `,"IMAGE"`...), true
		default:
			f = llm.Refuse("modalities", "may hold text and image with Gemini")
		}
		return f == nil
	})
	if f == nil && more {
		c.put("responseModalities", scan.CloseArray(list, 0))
	}
	return f
}

func (c *chat) outputCap() *llm.Fault {
	if c.maxTokens == nil {
		return nil
	}
	if n, ok := scan.Int(c.maxTokens); !ok || n < 1 {
		return llm.Refuse("max_completion_tokens", "must be a positive whole number")
	}
	c.put("maxOutputTokens", c.maxTokens)
	return nil
}

// format sends schemas as JSON Schema, which the API takes as it is.
func (c *chat) format() *llm.Fault {
	if c.responseFormat == nil {
		return nil
	}
	switch string(scan.GetText(c.responseFormat, "type")) {
	case "text":
	case "json_object":
		c.putString("responseMimeType", "application/json")
	case "json_schema":
		c.putString("responseMimeType", "application/json")
		schema := scan.Get(c.responseFormat, "json_schema", "schema")
		if scan.Kind(schema) != '{' {
			return llm.Refuse("response_format.json_schema.schema", "must be an object")
		}
		c.put("responseJsonSchema", schema)
	default:
		return llm.Refuse("response_format.type", "must be text, json_object or json_schema")
	}
	return nil
}

// thinkingConfig: what was said for Google counts first, then thinking, then
// reasoning_effort. A client that asks for thinking sees the thoughts.
func (c *chat) thinkingConfig() *llm.Fault {
	if c.google != nil {
		return c.googleThinking()
	}
	effort, budget, f := llm.Thinking(c.thinking, c.effort)
	switch {
	case f != nil || effort == "":
		return f
	case budget == 0 && effort != "none": // as the model likes
		c.put("thinkingConfig", []byte(`{"includeThoughts":true}`))
	default:
		c.think(effort, budget)
	}
	return nil
}

// googleThinking writes thinking_config under the API's names.
func (c *chat) googleThinking() (f *llm.Fault) {
	names := map[string]string{"include_thoughts": "includeThoughts", "thinking_budget": "thinkingBudget", "thinking_level": "thinkingLevel"}
	var b []byte
	scan.Members(c.google, func(key, v []byte) bool {
		name, ok := names[string(key)]
		if !ok {
			f = llm.Refuse("extra_body.google.thinking_config."+string(key), "is none of include_thoughts, thinking_budget, thinking_level")
			return false
		}
		b = append(scan.AppendName(b, name), v...)
		return true
	})
	if f == nil {
		c.put("thinkingConfig", scan.CloseObject(b, 0))
	}
	return f
}

// think asks for as much as the model can.
func (c *chat) think(effort string, budget int64) {
	var b []byte
	if c.model.budgets {
		given := min(max(budget, c.model.leastThink), c.model.mostThink)
		if effort == "none" && given > 0 {
			c.notices = append(c.notices, "this model cannot stop thinking: the least is asked for")
		}
		b = strconv.AppendInt(scan.AppendName(b, "thinkingBudget"), given, 10)
	} else {
		b = scan.AppendString(scan.AppendName(b, "thinkingLevel"), c.level(effort))
	}
	if effort != "none" {
		b = append(scan.AppendName(b, "includeThoughts"), "true"...)
	}
	c.put("thinkingConfig", scan.CloseObject(b, 0))
}

func (c *chat) level(effort string) string {
	switch effort {
	case "none", "minimal":
		if effort == "none" {
			c.notices = append(c.notices, "this model cannot stop thinking: the least is asked for")
		}
		if c.model.minimal {
			return "MINIMAL"
		}
		return "LOW"
	case "low":
		return "LOW"
	case "medium":
		return "MEDIUM"
	}
	return "HIGH"
}
