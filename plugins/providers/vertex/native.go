package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/gemini"
)

// native are the calls of both publishers: Gemini's as its codec has them, below the
// project's path, and Claude's.
// https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
func (v *plugin) native(r *abi.PlanRequest, m model) (*abi.PlanReply, error) {
	if m.full {
		return &abi.PlanReply{Reason: "a resource of one's own has no model to name"}, nil
	}
	if m.kind >= ofMistral {
		return nativePartner(r, m), nil
	}
	asked := *r
	if m.kind == ofAnthropic {
		asked.Deployment.Options = abi.Raw("{}") // they are the other codec's
	}
	p, err := v.google.Plan(&asked)
	if err != nil {
		return nil, err
	}
	var usage abi.UsagePaths
	if m.kind == ofAnthropic {
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
		case strings.Contains(route.Path, ":batchEmbedContents"), strings.Contains(route.Path, ":embedContent") && !m.content():
		case m.kind != ofAnthropic:
			p.Native.Routes = append(p.Native.Routes, route)
		case strings.Contains(route.Path, "enerateContent"):
			p.Native.Routes = append(p.Native.Routes, claudeRoute(route, usage))
		case strings.HasSuffix(route.Path, ":countTokens"):
			p.Native.Routes = append(p.Native.Routes, claudeCount(route, m))
		}
	}
	if m.kind == ofGoogle && !m.content() && strings.Contains(m.name, "embedding") {
		p.Native.Routes = append(p.Native.Routes, embedRoute(p.Native.Routes[0]))
	}
	return p, nil
}

// embedRoute is a call that embeds a list of texts, in the place of another of Gemini.
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
func embedRoute(r abi.NativeRoute) abi.NativeRoute {
	path, _, _ := strings.Cut(r.Path, "{model}")
	return abi.NativeRoute{Path: path + "{model}:predict", URL: r.URL[:strings.LastIndexByte(r.URL, ':')] + ":predict",
		Request: abi.RequestPlan{Mode: abi.Passthrough}, Usage: abi.UsagePaths{Input: []string{"predictions[].embeddings.statistics.token_count"}}}
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

// claudeCount counts tokens: a model of that name does, and the body names the one
// whose they are.
func claudeCount(r abi.NativeRoute, m model) abi.NativeRoute {
	path, _, _ := strings.Cut(r.Path, "{model}")
	return abi.NativeRoute{Path: path + "count-tokens:rawPredict", URL: r.URL[:strings.LastIndexByte(r.URL, '/')] + "/count-tokens:rawPredict", Model: "model", Free: true,
		Request: abi.RequestPlan{Mode: abi.Passthrough, ForwardHeaders: []string{"anthropic-beta"}, Edits: []abi.Edit{{Op: abi.EditSet, Key: "model", Value: scan.AppendString(nil, m.name)}}}}
}

// nativePartner are the calls of models that speak OpenAI's chat: where all are called,
// or Mistral's own.
func nativePartner(r *abi.PlanRequest, m model) *abi.PlanReply {
	path := gemini.VersionPath(r.Deployment.BaseURL)
	if m.kind == ofOthers {
		return &abi.PlanReply{Supported: true, Native: &abi.NativePlan{Routes: []abi.NativeRoute{{Path: path + openPath, Endpoint: abi.Chat}}}}
	}
	route := func(verb string, stream bool) abi.NativeRoute {
		return abi.NativeRoute{Path: path + "/models/{model}" + verb, URL: r.Deployment.BaseURL + "/models/" + llm.Escape(m.name, "@") + verb, StreamIf: "stream", Stream: stream,
			Request: abi.RequestPlan{Mode: abi.Passthrough, Edits: []abi.Edit{{Op: abi.EditSet, Key: "model", Value: scan.AppendString(nil, m.name)}}},
			Caps:    []string{"max_tokens"}, Choices: []string{"n"}, Finish: []string{"choices[].finish_reason"}, Usage: partnerUsage()}
	}
	return &abi.PlanReply{Supported: true, Native: &abi.NativePlan{Routes: []abi.NativeRoute{route(":rawPredict", false), route(":streamRawPredict", true)}}}
}
