package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// chat collects what a request's members become. Raw values are nil when absent.
type chat struct {
	model   family
	rest    []byte // members of the body, each after a comma
	notices []string

	messages, tools, toolChoice            []byte
	maxTokens, temperature, topP, stop     []byte
	topK, effort, thinking, responseFormat []byte
	guardrail, performance, metadata       []byte
	fields, operator                       []byte      // additional_model_request_fields, the client's and the operator's
	computed                               []scan.Edit // fields that other members become
	output                                 []byte      // members of outputConfig
	search                                 bool        // the model may search the web
	forced                                 bool        // tool_choice demands a call
	unthought                              bool        // the conversation stands in a tool turn that began without a signed thought
	thinks                                 bool        // Claude is told to think
	tiered                                 bool        // a service tier is asked for
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	switch r.Endpoint {
	case abi.Embeddings:
		return encodeEmbeddings(r)
	case abi.Rerank:
		return encodeRerank(r)
	case abi.Images, abi.ImageEdits:
		return encodeImages(r)
	}
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	c := &chat{model: familyOf(r.Deployment.Model), rest: make([]byte, 0, len(r.Body)+512)}
	if o.caching != nil {
		c.model.caching = *o.caching
	}
	if f = c.read(r.Body, r.DropParams); f == nil {
		f = c.finish(o)
	}
	if f != nil {
		return nil, f.Named()
	}
	if r.Endpoint == abi.CountTokens {
		return &abi.EncodeReply{Body: counted(scan.CloseObject(c.rest, 0)), Notices: c.notices}, nil
	}
	s := streamState{waits: traced(c.guardrail) || c.tiered || c.performance != nil}
	if c.search {
		s.counting, s.at = true, &place{block: -1}
	}
	return &abi.EncodeReply{Body: scan.CloseObject(c.rest, 0), State: s.String(), Notices: c.notices}, nil
}

var requestFields = scan.NewNames(
	"messages", "tools", "tool_choice", "temperature", "top_p", "top_k", "max_completion_tokens", "max_tokens", "stop",
	"reasoning_effort", "thinking", "response_format", "additional_model_request_fields", "guardrail_config", "performance_config", "request_metadata",
	// The host's business, or bookkeeping that changes no answer.
	"model", "stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
)

// read takes the members of the request.
func (c *chat) read(body []byte, drop []string) *llm.Fault {
	var capped, unused []byte
	f := llm.Read(body, drop, &c.notices, requestFields, c.foreign,
		&c.messages, &c.tools, &c.toolChoice, &c.temperature, &c.topP, &c.topK, &c.maxTokens, &capped, &c.stop,
		&c.effort, &c.thinking, &c.responseFormat, &c.fields, &c.guardrail, &c.performance, &c.metadata,
		&unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused)
	if c.maxTokens == nil {
		c.maxTokens = capped
	}
	for _, m := range [...]struct {
		name string
		v    []byte
	}{{"additional_model_request_fields", c.fields}, {"guardrail_config", c.guardrail}, {"performance_config", c.performance}, {"request_metadata", c.metadata}} {
		if f == nil && m.v != nil {
			_, f = object(m.name, m.v)
		}
	}
	return f
}

// foreign members are refused where they would change the answer, unless they
// ask for what happens anyway.
func (c *chat) foreign(key string, v []byte) *llm.Fault {
	switch key {
	case "service_tier":
		return c.serviceTier(v)
	case "web_search_options":
		if c.model.nova {
			return c.ground(v)
		}
	}
	return llm.Foreign("Bedrock's Converse API", key, v, &c.notices)
}

// ground has a Nova search the web. How and for whom it does so cannot be said.
// https://docs.aws.amazon.com/nova/latest/userguide/grounding.html
func (c *chat) ground(v []byte) (f *llm.Fault) {
	if scan.IsNull(v) {
		return nil
	}
	if _, f = object("web_search_options", v); f != nil {
		return f
	}
	c.search = true
	scan.Members(v, func(key, _ []byte) bool {
		c.notices = append(c.notices, "left out web_search_options."+string(key))
		return true
	})
	return nil
}

func (c *chat) serviceTier(v []byte) *llm.Fault {
	switch s, _ := scan.String(v); s {
	case "auto":
	case "default", "flex", "priority", "reserved":
		c.tiered = true
		c.rest = append(scan.AppendName(c.rest, "serviceTier"), `{"type":`...)
		c.rest = append(append(c.rest, v...), '}')
	default:
		return llm.Refuse("service_tier", "must be auto, default, flex, priority or reserved with Bedrock")
	}
	return nil
}

// finish writes what needs more than one member. What the operator has set
// outranks the client's, so that a guardrail cannot be taken off.
func (c *chat) finish(o options) *llm.Fault {
	c.operator = o.fields
	if o.guardrail != nil {
		c.guardrail = o.guardrail
	}
	if o.performance != nil {
		c.performance = o.performance
	}
	for _, f := range [...]func() *llm.Fault{c.conversation, c.think, c.sampling, c.format} {
		if err := f(); err != nil {
			return err
		}
	}
	if c.output != nil {
		c.put("outputConfig", scan.CloseObject(c.output, 0))
	}
	c.put("guardrailConfig", c.guardrail)
	c.put("performanceConfig", c.performance)
	c.put("requestMetadata", c.metadata)
	c.put("additionalModelRequestFields", c.modelFields())
	return nil
}

// put appends a member of the body; nil is none.
func (c *chat) put(name string, raw []byte) {
	if raw != nil {
		c.rest = append(scan.AppendName(c.rest, name), raw...)
	}
}

// modelFields joins the fields of the operator, of the client and those that
// other members have become; of one name the operator's counts, then the client's.
func (c *chat) modelFields() []byte {
	operator := c.operator
	if c.fields == nil && len(c.computed) == 0 {
		return operator
	}
	if operator == nil {
		operator = []byte("{}")
	}
	edits := make([]scan.Edit, 0, 8)
	scan.Members(c.fields, func(key, v []byte) bool {
		edits = append(edits, scan.Edit{Key: string(key), Value: v, OnlyIfAbsent: true})
		return true
	})
	joined := scan.Apply(nil, operator, edits)
	return scan.Apply(nil, joined, c.computed)
}
