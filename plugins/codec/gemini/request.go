package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// chat collects what a request's members become. Raw values are nil when absent.
type chat struct {
	model   family
	config  []byte // members of generationConfig, each after a comma
	rest    []byte // members of the body, likewise
	notices []string
	n       int64

	messages, tools, toolChoice []byte
	maxTokens, effort, thinking []byte
	google                      []byte // extra_body.google
	safety                      []byte
	responseFormat              []byte
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	if r.Endpoint == abi.Embeddings {
		return encodeEmbeddings(r)
	}
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	c := &chat{model: familyOf(r.Deployment.Model), n: 1, config: make([]byte, 0, 256), rest: make([]byte, 0, len(r.Body)+512)}
	if f = llm.EachMember(r.Body, r.DropParams, &c.notices, c.member); f == nil {
		f = c.finish(o)
	}
	if f != nil {
		return nil, f.Named()
	}
	return &abi.EncodeReply{Body: scan.CloseObject(c.rest, 0), State: strconv.FormatInt(c.n, 10), Notices: c.notices}, nil
}

// member takes one member of the request.
func (c *chat) member(key, v []byte) *llm.Fault {
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
	case "reasoning_effort":
		c.effort = v
	case "thinking":
		c.thinking = v
	case "response_format":
		c.responseFormat = v
	case "extra_body":
		return c.extraBody(v)
	case "max_completion_tokens":
		c.maxTokens = v
	case "max_tokens":
		if c.maxTokens == nil {
			c.maxTokens = v
		}
	case "service_tier":
		return c.serviceTier(v)
	case "parallel_tool_calls":
		if on, ok := scan.Bool(v); ok && !on {
			c.notices = append(c.notices, "parallel_tool_calls: Gemini cannot be kept from calling several tools")
		}
	case "logit_bias", "prediction", "audio", "functions", "function_call", "web_search_options", "moderation":
		return llm.Refuse(string(key), "is not supported by Gemini")
	default:
		if known, f := c.sampling(string(key), v); known {
			return f
		}
		c.notices = append(c.notices, "left out "+string(key))
	}
	return nil
}

// finish writes what needs more than one member.
func (c *chat) finish(o options) *llm.Fault {
	if o.safety != nil {
		c.safety = o.safety
	}
	for _, f := range [...]func() *llm.Fault{c.thinkingConfig, c.format, c.outputCap, c.contents, c.toolMembers} {
		if err := f(); err != nil {
			return err
		}
	}
	if len(c.config) > 0 {
		c.rest = append(scan.AppendName(c.rest, "generationConfig"), scan.CloseObject(c.config, 0)...)
	}
	if c.safety != nil {
		c.rest = append(scan.AppendName(c.rest, "safetySettings"), c.safety...)
	}
	return nil
}

// extraBody reads Google's own extensions of the OpenAI format.
// https://ai.google.dev/gemini-api/docs/openai#extra-body
func (c *chat) extraBody(v []byte) (f *llm.Fault) {
	scan.Members(v, func(vendor, google []byte) bool {
		if string(vendor) != "google" {
			return true // another vendor's
		}
		scan.Members(google, func(key, value []byte) bool {
			switch {
			case string(key) == "thinking_config" && scan.Kind(value) == '{':
				c.google = value
			case string(key) == "cached_content" && scan.Kind(value) == '"':
				c.rest = append(scan.AppendName(c.rest, "cachedContent"), value...)
			case string(key) == "safety_settings" && scan.Kind(value) == '[':
				c.safety = value
			default:
				f = llm.Refuse("extra_body.google."+string(key), "is none of thinking_config (object), cached_content (string), safety_settings (array)")
			}
			return f == nil
		})
		return f == nil
	})
	return f
}

func (c *chat) serviceTier(v []byte) *llm.Fault {
	s, _ := scan.String(v)
	switch s {
	case "auto":
		return nil
	case "default":
		s = "standard"
	case "flex", "priority":
	default:
		return llm.Refuse("service_tier", "must be auto, default, flex or priority with Gemini")
	}
	c.rest = scan.AppendString(scan.AppendName(c.rest, "serviceTier"), s)
	return nil
}
