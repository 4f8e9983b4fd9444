package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// maxStops is how many stop sequences the API takes.
const maxStops = 5

// chat collects what a request's members become. Raw values are nil when absent.
type chat struct {
	model   string
	request []byte // the client's
	body    []byte // members of the vendor's body, each after a comma
	notices []string

	messages, tools, toolChoice      []byte
	completionCap, maxTokens         []byte
	stop, format, thinking, effort   []byte
	topP, frequency, presence        []byte
	documents, safetyMode, strictAll []byte
}

func encodeChat(r *abi.EncodeRequest, o options) (*abi.EncodeReply, *llm.Fault) {
	c := &chat{model: r.Deployment.Model, request: r.Body, body: make([]byte, 0, len(r.Body)+512)}
	c.body = scan.AppendString(scan.AppendName(c.body, "model"), r.Deployment.Model)
	c.body = strconv.AppendBool(scan.AppendName(c.body, "stream"), r.Stream)
	if f := c.read(r.Body, r.DropParams); f != nil {
		return nil, f
	}
	if c.safetyMode == nil {
		c.safetyMode = o.safetyMode
	}
	for _, step := range [...]func() *llm.Fault{c.conversation, c.toolMembers, c.sampling, c.outputCap, c.stops, c.responseFormat, c.think, c.carried} {
		if f := step(); f != nil {
			return nil, f
		}
	}
	return &abi.EncodeReply{Body: scan.CloseObject(c.body, 0), Notices: c.notices}, nil
}

var requestFields = scan.NewNames(
	"messages", "tools", "tool_choice", "max_completion_tokens", "max_tokens", "stop", "response_format", "thinking", "reasoning_effort",
	"top_p", "frequency_penalty", "presence_penalty", "documents", "safety_mode", "strict_tools",
	// The host's business, or bookkeeping that changes no answer.
	"model", "stream", "stream_options", "metadata", "store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "user", "safety_identifier",
)

func (c *chat) read(body []byte, drop []string) *llm.Fault {
	var unused []byte
	return llm.Read(body, drop, &c.notices, requestFields, c.other,
		&c.messages, &c.tools, &c.toolChoice, &c.completionCap, &c.maxTokens, &c.stop, &c.format, &c.thinking, &c.effort,
		&c.topP, &c.frequency, &c.presence, &c.documents, &c.safetyMode, &c.strictAll,
		&unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused)
}

// sameKind are members that go over as they are, under the name that Cohere has
// for them, with the kind that their value must have (see scan.Kind).
var sameKind = map[string]struct {
	name string
	kind byte
}{
	"temperature": {"temperature", '0'}, "top_k": {"k", '0'}, "seed": {"seed", '0'}, "priority": {"priority", '0'},
	"citation_options": {"citation_options", '{'},
}

func (c *chat) other(key string, v []byte) *llm.Fault {
	if same, ok := sameKind[key]; ok {
		if scan.Kind(v) != same.kind {
			return llm.Refuse(key, map[byte]string{'0': "must be a number", '{': "must be an object"}[same.kind])
		}
		c.put(same.name, v)
		return nil
	}
	if key == "logprobs" {
		on, ok := scan.Bool(v)
		if !ok {
			return llm.Refuse(key, "must be true or false")
		}
		if on {
			c.put("logprobs", v)
		}
		return nil
	}
	return llm.Foreign("Cohere", key, v, &c.notices)
}

// put appends a member of the body; nil is none.
func (c *chat) put(name string, raw []byte) {
	if raw != nil {
		c.body = append(scan.AppendName(c.body, name), raw...)
	}
}

func (c *chat) leaveOut(what, why string) { c.notices = append(c.notices, "left out "+what+": "+why) }

// sampling: Cohere's ranges are narrower, and it takes one penalty of the two.
func (c *chat) sampling() *llm.Fault {
	for _, p := range [...]struct {
		name string
		v    []byte
	}{{"frequency_penalty", c.frequency}, {"presence_penalty", c.presence}} {
		if p.v == nil {
			continue
		}
		n, ok := scan.Float(p.v)
		if !ok || n < 0 || n > 1 {
			return llm.Refuse(p.name, "must be between 0 and 1 with Cohere")
		}
		if n != 0 { // 0 is what happens anyway
			c.put(p.name, p.v)
		}
	}
	if c.topP == nil {
		return nil
	}
	switch n, ok := scan.Float(c.topP); {
	case !ok || n < 0 || n > 1:
		return llm.Refuse("top_p", "must be between 0 and 1")
	case n < 0.01:
		c.put("p", []byte("0.01"))
	case n > 0.99: // all tokens; left out it would be 0.75
		c.put("p", []byte("0.99"))
	default:
		c.put("p", c.topP)
	}
	return nil
}

// limit is the client's cap of the output, 0 for none.
func (c *chat) limit() (n int64, f *llm.Fault) {
	v, name := c.completionCap, "max_completion_tokens"
	if v == nil {
		v, name = c.maxTokens, "max_tokens"
	}
	if v == nil {
		return 0, nil
	}
	n, ok := scan.Int(v)
	if !ok || n < 1 {
		return 0, llm.Refuse(name, "must be a positive whole number")
	}
	return n, nil
}

func (c *chat) outputCap() *llm.Fault {
	n, f := c.limit()
	if f == nil && n > 0 {
		c.body = strconv.AppendInt(scan.AppendName(c.body, "max_tokens"), n, 10)
	}
	return f
}

func (c *chat) stops() *llm.Fault {
	list, f := llm.Stops("Cohere", c.stop, maxStops, &c.notices)
	c.put("stop_sequences", list)
	return f
}

// responseFormat: Cohere has schemas as a kind of json_object, and neither beside
// tools or documents.
func (c *chat) responseFormat() *llm.Fault {
	kind, schema, f := llm.Format(c.format)
	switch {
	case f != nil || kind == "text":
		return f
	case scan.Len(c.tools) > 0 || scan.Len(c.documents) > 0:
		return llm.Refuse("response_format", "cannot be had beside tools or documents with Cohere")
	}
	format := []byte(`{"type":"json_object"`)
	if schema != nil {
		format = append(append(format, `,"json_schema":`...), schema...)
	}
	c.put("response_format", append(format, '}'))
	return nil
}

// unthinking are the models that came before reasoning, by how their names begin.
// https://docs.cohere.com/docs/models
var unthinking = [...]string{"command-r", "command-a-03", "command-a-vision", "command-a-translate", "command-light", "command-nightly", "c4ai-"}

func (c *chat) thinks() bool {
	for _, prefix := range unthinking {
		if strings.HasPrefix(c.model, prefix) {
			return false
		}
	}
	return c.model != "command"
}

// think: at most half of the output cap goes to thoughts, the rest is the
// answer's. https://docs.cohere.com/docs/reasoning
func (c *chat) think() *llm.Fault {
	effort, budget, f := llm.Thinking(c.thinking, c.effort)
	switch {
	case f != nil || effort == "":
		return f
	case !c.thinks():
		if effort != "none" {
			c.leaveOut("reasoning_effort", "this model does not think")
		}
		return nil
	case effort == "none":
		c.put("thinking", []byte(`{"type":"disabled"}`))
		return nil
	}
	if limit, _ := c.limit(); limit > 0 {
		budget = min(budget, max(limit/2, 1))
	}
	config := []byte(`{"type":"enabled"`)
	if budget > 0 {
		config = strconv.AppendInt(append(config, `,"token_budget":`...), budget, 10)
	}
	c.put("thinking", append(config, '}'))
	return nil
}

// carried are Cohere's own members, see README.md.
func (c *chat) carried() *llm.Fault {
	if c.documents != nil && scan.Kind(c.documents) != '[' {
		return llm.Refuse("documents", "must be an array")
	}
	if c.safetyMode != nil && scan.Kind(c.safetyMode) != '"' {
		return llm.Refuse("safety_mode", "must be a string")
	}
	c.put("documents", c.documents)
	if scan.Len(c.tools) > 0 || c.documents != nil {
		if c.safetyMode != nil {
			c.leaveOut("safety_mode", "Cohere has none beside tools and documents")
		}
		return nil
	}
	c.put("safety_mode", c.safetyMode)
	return nil
}
