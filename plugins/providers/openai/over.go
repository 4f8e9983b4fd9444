package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// planOver has chat that goes over the vendor's Responses API edited as responses are: what
// the codec makes is OpenAI's.
func planOver(p *abi.PlanReply, profile []byte, o *options) {
	e := scan.Get(profile, "endpoints", string(abi.Responses))
	p.Request.Edits = requestPlan(abi.Responses, e, o).Edits
	p.Response.Edits = readEdits(scan.Get(e, "answer_edits"))
	p.Stream.Edits = readEdits(scan.Get(e, "event_edits"))
}
