package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins/codec/gemini"
)

// Sessions have one address for all models of a place; setup names the model.
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/multimodal-live

// planLive is of the deployment as the operator has it.
func (v *plugin) planLive(d *abi.Deployment, o options) *abi.PlanReply {
	base := cmp.Or(d.BaseURL, o.host()+"/v1")
	return gemini.PlanLive(gemini.Root(base)+"/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", abi.Auth{})
}

func (v *plugin) converse(r *abi.ConverseRequest) (*abi.ConverseReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	m := modelOf(r.Deployment.Model)
	inner := *r
	inner.Deployment = o.within(r.Deployment, m)
	return gemini.Converse(&inner, gemini.Place{Model: o.resource(m), Vertex: true})
}

// resource is the model's whole name.
func (o options) resource(m model) string {
	name := "publishers/" + m.publisher + "/models/" + m.name
	switch {
	case m.full:
		return m.name
	case o.project == "": // of a key alone
		return name
	}
	return "projects/" + o.project + "/locations/" + o.location + "/" + name
}
