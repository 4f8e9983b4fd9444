package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// planPartner is the plan of other publishers' models, whose chats are OpenAI's: they
// pass on as they are, to one address for all, or to a model's own (Mistral's).
// https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis,
// https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral and
// the npm packages @ai-sdk/google-vertex 4.0 and @mistralai/mistralai-gcp 2.2
func planPartner(r *abi.PlanRequest, m model) *abi.PlanReply {
	if r.Endpoint != abi.Chat {
		return &abi.PlanReply{Reason: "Vertex AI serves this model's chats alone"}
	}
	p := &abi.PlanReply{
		Supported: true,
		URL:       r.Deployment.BaseURL + openPath,
		Request: abi.RequestPlan{Mode: abi.Passthrough, OutputCap: "max_tokens", IncludeUsage: true, Strict: true, Extensions: []string{"top_k"},
			Edits: []abi.Edit{{Op: abi.EditSet, Key: "model", Value: scan.AppendString(nil, m.publisher+"/"+m.name)},
				{Op: abi.EditRename, Key: "max_completion_tokens", To: "max_tokens"}}},
		Response: abi.ResponsePlan{Mode: abi.Passthrough},
		Stream:   abi.StreamPlan{Mode: abi.Passthrough, Framing: abi.FramingSSE},
		Usage:    partnerUsage(),
	}
	if m.kind != ofMistral {
		return p
	}
	verb := ":rawPredict"
	if r.Stream {
		verb = ":streamRawPredict"
	}
	p.URL = r.Deployment.BaseURL + "/models/" + llm.Escape(m.name, "@") + verb
	p.Request.IncludeUsage, p.Request.Extensions = false, nil
	p.Request.Unsupported = []string{"logit_bias", "logprobs", "top_logprobs", "audio", "modalities", "web_search_options", "functions", "function_call"}
	p.Request.Edits = append(p.Request.Edits[1:], mistralEdits...)
	p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditSet, Key: "model", Value: scan.AppendString(nil, m.name)})
	p.Response.Edits, p.Stream.Edits = mistralAnswer("message"), mistralAnswer("delta")
	return p
}

// openPath is where a project's open models are called, below its location.
const openPath = "/endpoints/openapi/chat/completions"

func partnerUsage() abi.UsagePaths {
	return abi.UsagePaths{Input: []string{"usage.prompt_tokens"}, CacheRead: []string{"usage.prompt_tokens_details.cached_tokens"}, InputIncludes: []string{"cache_read"},
		Output: []string{"usage.completion_tokens"}, Reasoning: []string{"usage.completion_tokens_details.reasoning_tokens"}, Model: []string{"model"}}
}

// mistralEdits are what Mistral's API has another word for, or none.
var mistralEdits = []abi.Edit{
	{Op: abi.EditSet, Key: "messages[].role", Value: abi.Raw(`"system"`), Where: abi.Raw(`{"role":"developer"}`)},
	{Op: abi.EditRename, Key: "seed", To: "random_seed"},
	{Op: abi.EditSet, Key: "tool_choice", Value: abi.Raw(`"any"`), Where: abi.Raw(`{"tool_choice":"required"}`)},
	{Op: abi.EditRemove, Key: "stream_options"}, {Op: abi.EditRemove, Key: "user"}, {Op: abi.EditRemove, Key: "store"},
	{Op: abi.EditRemove, Key: "messages[].refusal"}, {Op: abi.EditRemove, Key: "messages[].annotations"},
	{Op: abi.EditShortID, Key: "messages[].tool_calls[].id", Value: abi.Raw("9")},
	{Op: abi.EditShortID, Key: "messages[].tool_call_id", Value: abi.Raw("9")},
}

func mistralAnswer(part string) []abi.Edit {
	return []abi.Edit{
		{Op: abi.EditSplitThinking, Key: "choices[]." + part + ".content", To: "reasoning_content"},
		{Op: abi.EditSet, Key: "choices[].finish_reason", Value: abi.Raw(`"length"`), Where: abi.Raw(`{"finish_reason":"model_length"}`)},
		{Op: abi.EditDefault, Key: "choices[]." + part + ".tool_calls[].type", Value: abi.Raw(`"function"`)},
	}
}

// readPartner reads the errors of a model's own server: OpenAI's, or a text of its own.
func readPartner(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, bool) {
	message := scan.GetString(r.Body, "message")
	if message == "" {
		message = scan.GetString(r.Body, "detail")
	}
	if message == "" {
		return nil, false
	}
	reply := &abi.DecodeErrorReply{VendorType: scan.GetString(r.Body, "type"), VendorCode: scan.GetString(r.Body, "code")}
	reply.Error.Message = message
	reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status)
	return reply, true
}
