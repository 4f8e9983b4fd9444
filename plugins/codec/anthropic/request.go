package anthropic

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/claude"
)

// chat collects what a request's members become. Raw values are nil when absent.
type chat struct {
	memory  *memory
	model   *claude.Family
	body    []byte // members of the vendor's body, each after a comma
	notices []string

	messages, tools, toolChoice, parallel  []byte
	maxTokens, temperature, topP, stop     []byte
	topK, effort, thinking, responseFormat []byte
	user, safety                           []byte
	search                                 []byte // web_search_options

	outputConfig []byte // its members, each after a comma
	jsonOnly     bool   // response_format json_object
	cap          int64  // max_tokens
	capName      string // what the client called it
	forced       bool   // tool_choice demands a call
	thinks       bool   // the model is told to think
	unthought    bool   // the conversation stands in a tool turn that began without a signed thought
}

func (m *memory) encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	body := m.room(len(r.Body) + 512) // may forget all that m knows
	f := m.read(&r.Deployment)
	if f != nil {
		return nil, f.Named()
	}
	c := &m.chat
	*c = chat{memory: m, model: m.family, body: body, notices: c.notices[:0]}
	c.body = scan.AppendString(scan.AppendName(c.body, "model"), r.Deployment.Model)
	if f = c.read(r.Body, r.DropParams); f == nil {
		f = c.finish(m.options)
	}
	if f != nil {
		return nil, f.Named()
	}
	if r.Stream {
		c.body = append(scan.AppendName(c.body, "stream"), "true"...)
	}
	m.body = scan.CloseObject(c.body, 0)
	m.encoded = abi.EncodeReply{Body: m.body, Notices: c.notices}
	if c.search != nil {
		m.encoded.State = searching
	}
	return &m.encoded, nil
}

var requestFields = scan.NewNames(
	"messages", "tools", "tool_choice", "parallel_tool_calls", "max_completion_tokens", "max_tokens",
	"temperature", "top_p", "top_k", "stop", "reasoning_effort", "thinking", "response_format",
	"user", "safety_identifier", "service_tier",
	// The host's business, or bookkeeping that changes no answer.
	"model", "stream", "stream_options", "metadata", "store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
)

// read makes m know the deployment, which nearly always is that of the last call.
func (m *memory) read(d *abi.Deployment) (f *llm.Fault) {
	if d.Text != nil && string(d.Text) == string(m.deployment) {
		return nil
	}
	m.deployment, m.family = nil, familyOf(d.Model)
	if m.options, f = readOptions(d.Options); f == nil {
		m.deployment = d.Text
	}
	return f
}

// read takes the members of the request.
func (c *chat) read(body []byte, drop []string) *llm.Fault {
	var capped, tier, unused []byte
	f := llm.Read(body, drop, &c.notices, requestFields, c.foreign,
		&c.messages, &c.tools, &c.toolChoice, &c.parallel, &c.maxTokens, &capped,
		&c.temperature, &c.topP, &c.topK, &c.stop, &c.effort, &c.thinking, &c.responseFormat,
		&c.user, &c.safety, &tier,
		&unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused)
	if c.capName = "max_completion_tokens"; c.maxTokens == nil {
		c.maxTokens, c.capName = capped, "max_tokens"
	}
	if f == nil && tier != nil {
		f = c.serviceTier(tier)
	}
	return f
}

// foreign members are refused where they would change the answer, unless they
// ask for what happens anyway.
func (c *chat) foreign(key string, v []byte) *llm.Fault {
	if key == "web_search_options" && c.model.Searches && !scan.IsNull(v) {
		if c.search = v; scan.Kind(v) != '{' {
			return llm.Refuse(key, "must be an object")
		}
		return nil
	}
	return llm.Foreign("Anthropic", key, v, &c.notices)
}

// serviceTier: Anthropic has two, and takes the better one by default.
func (c *chat) serviceTier(v []byte) *llm.Fault {
	switch s, _ := scan.String(v); s {
	case "auto":
	case "default":
		c.put("service_tier", []byte(`"standard_only"`))
	default:
		return llm.Refuse("service_tier", "must be auto or default with Anthropic")
	}
	return nil
}

// finish writes what needs more than one member.
func (c *chat) finish(o options) *llm.Fault {
	if c.cap = o.maxTokens; c.cap == 0 {
		c.cap = c.model.MaxOutput
	}
	if c.maxTokens != nil {
		n, ok := scan.Int(c.maxTokens)
		if !ok || n < 1 {
			return llm.Refuse(c.capName, "must be a positive whole number")
		}
		c.cap = n
	}
	c.body = strconv.AppendInt(scan.AppendName(c.body, "max_tokens"), c.cap, 10) // Anthropic demands it
	for _, step := range [...]func() *llm.Fault{c.format, c.conversation, c.think, c.sampling, c.stops, c.identity} {
		if f := step(); f != nil {
			return f
		}
	}
	if c.outputConfig != nil {
		c.put("output_config", scan.CloseObject(c.outputConfig, 0))
	}
	return nil
}

// put appends a member of the body; nil is none. It is not inlined, as wrapped.
//
//go:noinline
func (c *chat) put(name string, raw []byte) {
	if raw != nil {
		c.body = append(scan.AppendName(c.body, name), raw...)
	}
}

// identity: user and its successor safety_identifier say whose request this is.
func (c *chat) identity() *llm.Fault {
	id, name := c.safety, "safety_identifier"
	if c.user != nil {
		id, name = c.user, "user"
	}
	switch {
	case id == nil:
		return nil
	case scan.Kind(id) != '"':
		return llm.Refuse(name, "must be a string")
	case len(id) > 2:
		c.put("metadata", append(append([]byte(`{"user_id":`), id...), '}'))
	}
	return nil
}
