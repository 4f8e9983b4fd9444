package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/responses"
)

// Chat over the Responses API, for vendors and models that have no chat completions.

// chatOver is the option of deployments that have it so, whatever their model is called
// and wherever they are.
const chatOver = "chat_over"

// overResponses is what the option lays over a profile that does not say so itself: the
// path of responses, and thoughts that come back, with nothing kept at the vendor. Who has
// no chat has no completions either: they are carried over chat.
func overResponses(profile []byte) []byte {
	if scan.Get(profile, "endpoints", string(abi.Chat), "translate", "over") != nil {
		return nil
	}
	path := scan.Get(profile, "endpoints", string(abi.Responses), "path")
	patch := append([]byte(`{"endpoints":{"completions":{"offered":false},"chat":{"path":`), path...)
	return append(patch, `,"translate":{"over":"responses","members":{"store":false,"include":["reasoning.encrypted_content"]}}}}}`...)
}

// planResponses makes the plan one by which each body crosses the sandbox: edits of chat would
// be of other words (see planOver), and what the host would do to bodies that pass the codec does.
func planResponses(p *abi.PlanReply) {
	p.Request.Mode, p.Response.Mode, p.Stream.Mode = abi.Transform, abi.Transform, abi.Transform
	p.Request.Edits, p.Response.Edits, p.Stream.Edits = nil, nil, nil
	p.Request.IncludeUsage, p.Request.Unsupported = false, nil
	p.Request.ToolCap = "web_search_options.max_uses"
	p.Usage = abi.UsagePaths{} // the codec tells it
}

func (c *codec) encodeResponses(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	d := &r.Deployment
	if d.Text == nil || string(d.Text) != string(c.deployed) {
		c.deployed = nil
		e := scan.Get(c.of(d), "endpoints", string(abi.Chat))
		words := scan.Get(e, "translate")
		if words == nil {
			return nil, untranslated(abi.Chat)
		}
		c.settings = responses.Settings{Members: scan.Get(words, "members"), Unsupported: texts(scan.Get(e, "unsupported")), Extensions: texts(scan.Get(e, "extensions")), Tools: texts(scan.Get(words, "tools"))}
		c.deployed = append(abi.Raw(nil), d.Text...)
	}
	return c.responses.Encode(r, &c.settings)
}

// rule is the code that a rule gives an error which a response tells of.
func (c *codec) rule(vcode, kind, message string) abi.ErrorCode {
	for i := range c.rules {
		if r := &c.rules[i]; r.status == 0 && r.matches(0, vcode, kind, message) {
			return r.code
		}
	}
	return ""
}
