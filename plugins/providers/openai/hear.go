package main

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/transcribe"
)

// Realtime sessions of vendors that only transcribe, and by messages of their own.

// planSessions makes the plan one by which the plugin translates a session. It makes
// sound of another rate, and so must see it.
func planSessions(p *abi.PlanReply) {
	p.Request = abi.RequestPlan{Mode: abi.Transform}
	p.Realtime = &abi.RealtimePlan{LongText: true}
}

func (c *codec) converse(r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	w := c.sessionWords(&r.Deployment)
	if w == nil {
		return nil, untranslated(abi.Realtime)
	}
	return transcribe.Converse(r, w)
}

// sessionWords are the words of a deployment's sessions, nil where they are OpenAI's.
func (c *codec) sessionWords(d *abi.Deployment) *transcribe.Words {
	if d.Text != nil && string(d.Text) == string(c.heard) {
		return c.words
	}
	c.words, c.heard = nil, slices.Clone(d.Text)
	if words := scan.Get(c.of(d), "endpoints", string(abi.Realtime), "translate", "session"); words != nil {
		get := func(name string) []byte { return slices.Clone(scan.Get(words, name)) }
		c.words = &transcribe.Words{Open: get("open"), Begin: get("begin"), Append: get("append"), End: get("end"),
			Delta: get("delta"), Done: get("done"), Failed: get("failed")}
		c.words.Rate, _ = scan.GetInt(words, "rate")
	}
	return c.words
}
