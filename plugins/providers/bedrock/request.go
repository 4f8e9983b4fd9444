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
	fields                                 []byte      // additional_model_request_fields
	computed                               []scan.Edit // fields that other members become
	output                                 []byte      // members of outputConfig
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	c := &chat{model: familyOf(r.Deployment.Model), rest: make([]byte, 0, len(r.Body)+512)}
	if o.caching != nil {
		c.model.caching = *o.caching
	}
	if f = llm.EachMember(r.Body, r.DropParams, &c.notices, c.member); f == nil {
		f = c.finish(o)
	}
	if f != nil {
		return nil, f.Named()
	}
	return &abi.EncodeReply{Body: scan.CloseObject(c.rest, 0), Notices: c.notices}, nil
}

// member takes one member of the request.
func (c *chat) member(key, v []byte) (f *llm.Fault) {
	switch string(key) {
	case "model", "stream", "stream_options", "user", "metadata", "store", "safety_identifier",
		"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention":
		// The host's business, or bookkeeping that changes no answer.
	case "messages":
		c.messages = v
	case "tools":
		c.tools = v
	case "tool_choice":
		c.toolChoice = v
	case "temperature":
		c.temperature = v
	case "top_p":
		c.topP = v
	case "top_k":
		c.topK = v
	case "max_completion_tokens":
		c.maxTokens = v
	case "max_tokens":
		if c.maxTokens == nil {
			c.maxTokens = v
		}
	case "stop":
		c.stop = v
	case "reasoning_effort":
		c.effort = v
	case "thinking":
		c.thinking = v
	case "response_format":
		c.responseFormat = v
	case "additional_model_request_fields":
		c.fields, f = object(string(key), v)
	case "guardrail_config":
		c.guardrail, f = object(string(key), v)
	case "performance_config":
		c.performance, f = object(string(key), v)
	case "request_metadata":
		c.metadata, f = object(string(key), v)
	case "service_tier":
		f = c.serviceTier(v)
	default:
		f = c.foreign(string(key), v)
	}
	return f
}

// foreign members are refused where they would change the answer, unless they
// ask for what happens anyway.
func (c *chat) foreign(key string, v []byte) *llm.Fault {
	harmless := false
	switch key {
	case "n":
		n, ok := scan.Int(v)
		harmless = ok && n == 1
	case "logprobs":
		on, ok := scan.Bool(v)
		harmless = ok && !on
	case "presence_penalty", "frequency_penalty", "top_logprobs":
		n, ok := scan.Float(v)
		harmless = ok && n == 0
	case "modalities":
		harmless = true
		scan.Elements(v, func(_ int, m []byte) bool {
			s, _ := scan.String(m)
			harmless = harmless && s == "text"
			return true
		})
	case "parallel_tool_calls":
		if on, ok := scan.Bool(v); ok && !on {
			c.notices = append(c.notices, "parallel_tool_calls: Converse cannot keep a model from calling several tools")
		}
		return nil
	case "seed", "logit_bias", "prediction", "audio", "functions", "function_call", "web_search_options", "moderation":
	default:
		c.notices = append(c.notices, "left out "+key)
		return nil
	}
	if harmless {
		return nil
	}
	return llm.Refuse(key, "is not supported by Bedrock's Converse API")
}

func (c *chat) serviceTier(v []byte) *llm.Fault {
	switch s, _ := scan.String(v); s {
	case "auto":
	case "default", "flex", "priority", "reserved":
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
	c.put("additionalModelRequestFields", c.modelFields(o.fields))
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
func (c *chat) modelFields(operator []byte) []byte {
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
