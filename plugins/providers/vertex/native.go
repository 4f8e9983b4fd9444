package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
)

// native are the calls of both publishers: Gemini's as its codec has them, below the
// project's path, and Claude's.
// https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
func (v *plugin) native(r *abi.PlanRequest, m model) (*abi.PlanReply, error) {
	if m.full {
		return &abi.PlanReply{Reason: "a resource of one's own has no model to name"}, nil
	}
	asked := *r
	if m.claude {
		asked.Deployment.Options = abi.Raw("{}") // they are the other codec's
	}
	p, err := v.google.Plan(&asked)
	if err != nil {
		return nil, err
	}
	var usage abi.UsagePaths
	if m.claude {
		asked = *r
		asked.Endpoint = abi.Messages
		messages, err := v.claude.Plan(&asked)
		if err != nil {
			return nil, err
		}
		usage = messages.Usage
	}
	routes := p.Native.Routes
	p.Native.Routes = nil
	for _, route := range routes {
		switch {
		case strings.Contains(route.Path, "mbedContent"): // Vertex AI embeds by predict
		case !m.claude:
			p.Native.Routes = append(p.Native.Routes, route)
		case strings.Contains(route.Path, "enerateContent"):
			p.Native.Routes = append(p.Native.Routes, claudeRoute(route, usage))
		}
	}
	return p, nil
}

// claudeRoute is a call of Claude in the place of one of Gemini.
func claudeRoute(r abi.NativeRoute, usage abi.UsagePaths) abi.NativeRoute {
	verb := ":rawPredict"
	if r.Stream {
		verb = ":streamRawPredict"
	}
	path, _, _ := strings.Cut(r.Path, "{model}")
	return abi.NativeRoute{Path: path + "{model}" + verb, URL: r.URL[:strings.LastIndexByte(r.URL, ':')] + verb, StreamIf: "stream",
		Request: abi.RequestPlan{Mode: abi.Passthrough, ForwardHeaders: []string{"anthropic-beta"}, Edits: []abi.Edit{{Op: abi.EditRemove, Key: "model"}}},
		Caps:    []string{"max_tokens"}, Finish: []string{"delta.stop_reason"}, Usage: usage}
}
