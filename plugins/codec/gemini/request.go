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
	vertex  bool   // Vertex AI serves it
	config  []byte // members of generationConfig, each after a comma
	rest    []byte // members of the body, likewise
	notices []string
	n       int64

	messages, tools, toolChoice []byte
	maxTokens, effort, thinking []byte
	google                      []byte // extra_body.google
	native                      []byte // Google's own tools, elements
	safety                      []byte
	responseFormat              []byte
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) { return encodeFor(r, false) }

func encodeFor(r *abi.EncodeRequest, vertex bool) (*abi.EncodeReply, error) {
	if r.Endpoint == abi.Embeddings {
		return encodeEmbeddings(r)
	}
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	if other := others[r.Endpoint]; other != nil {
		reply, err := other(r, &o)
		if err == nil && o.safety != nil && !isImagen(r.Deployment.Model) {
			reply.Body = scan.Apply(nil, reply.Body, []scan.Edit{{Key: "safetySettings", Value: o.safety}})
		}
		return reply, err
	}
	c := &chat{model: familyOf(r.Deployment.Model), vertex: vertex, n: 1, config: make([]byte, 0, 256), rest: make([]byte, 0, len(r.Body)+512)}
	if f = c.read(r.Body, r.DropParams); f == nil {
		f = c.finish(o)
	}
	if f != nil {
		return nil, f.Named()
	}
	if r.Endpoint == abi.CountTokens {
		return &abi.EncodeReply{Body: counted(modelPath(r.Deployment.Model), c.rest), Notices: c.notices}, nil
	}
	state := strconv.FormatInt(c.n, 10)
	if !c.model.budgets {
		state = byQuery + state
	}
	return &abi.EncodeReply{Body: scan.CloseObject(c.rest, 0), State: state, Notices: c.notices}, nil
}

// others are the endpoints beside chat that generateContent serves too.
var others = map[abi.Endpoint]func(*abi.EncodeRequest, *options) (*abi.EncodeReply, error){
	abi.Images: encodeImages, abi.ImageEdits: encodeImages, abi.Speech: speak, abi.Transcriptions: listen, abi.Translations: listen,
}

var requestFields = scan.NewNames(
	"messages", "tools", "tool_choice", "reasoning_effort", "thinking", "response_format", "max_completion_tokens", "max_tokens",
	// The host's business, or bookkeeping that changes no answer.
	"model", "stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
)

// read takes the members of the request.
func (c *chat) read(body []byte, drop []string) *llm.Fault {
	var capped, unused []byte
	f := llm.Read(body, drop, &c.notices, requestFields, c.other,
		&c.messages, &c.tools, &c.toolChoice, &c.effort, &c.thinking, &c.responseFormat, &c.maxTokens, &capped,
		&unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused, &unused)
	if c.maxTokens == nil {
		c.maxTokens = capped
	}
	return f
}

func (c *chat) other(key string, v []byte) *llm.Fault {
	switch key {
	case "extra_body":
		return c.extraBody(v)
	case "service_tier":
		return c.serviceTier(v)
	case "web_search_options":
		c.native = append(c.native, `,{"googleSearch":{}}`...)
		if object(v) != nil {
			c.notices = append(c.notices, "web_search_options: Gemini searches without options")
		}
		return nil
	}
	if known, f := c.sampling(key, v); known {
		return f
	}
	return llm.Foreign("Gemini", key, v, &c.notices)
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
			case string(key) == "cached_content":
				f = llm.Refuse("extra_body.google.cached_content", shared)
			case string(key) == "safety_settings" && scan.Kind(value) == '[':
				c.safety = value
			case string(key) == "tools" && scan.Kind(value) == '[':
				f = c.ownTools(value)
			case string(key) == "labels" && scan.Kind(value) == '{':
				c.rest = append(scan.AppendName(c.rest, "labels"), value...)
			default:
				f = llm.Refuse("extra_body.google."+string(key), "is none of thinking_config (object), safety_settings (array), tools (array), labels (object)")
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
