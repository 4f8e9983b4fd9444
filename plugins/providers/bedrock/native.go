package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
)

// native are the calls of the Bedrock runtime that name a model.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
func native(base, model string) *abi.NativePlan {
	route := func(call string) abi.NativeRoute {
		return abi.NativeRoute{Path: "/model/{model}/" + call, URL: base + "/model/" + llm.Escape(model, "") + "/" + call,
			Request: abi.RequestPlan{Mode: abi.Passthrough}}
	}
	converse := func(call string) abi.NativeRoute {
		r := route(call)
		r.Caps, r.Usage, r.Finish = []string{"inferenceConfig.maxTokens"}, converseUsage(), []string{"stopReason"}
		r.Services = []string{"serviceTier.type", "performanceConfig.latency"}
		return r
	}
	invoke := func(call string) abi.NativeRoute {
		r := route(call)
		r.Caps, r.Usage, r.Finish = capsOf(model), invokePaths(), invokeFinish
		r.Choices, r.Services = invokeChoices, []string{"service_tier"}
		if painterOf(model) != nil {
			r.Pictures, r.Choices = true, []string{"imageGenerationConfig.numberOfImages"}
			r.Usage, r.Finish = abi.UsagePaths{Images: []string{"images"}}, nil
		}
		return r
	}
	converseStream, invokeStream := converse("converse-stream"), invoke("invoke-with-response-stream")
	converseStream.Stream, converseStream.Framing = true, abi.FramingAWSEventStream
	invokeStream.Stream, invokeStream.Framing, invokeStream.Wrapped = true, abi.FramingAWSEventStream, "bytes"
	count := route("count-tokens")
	count.Free = true
	return &abi.NativePlan{
		Routes:    []abi.NativeRoute{converse("converse"), converseStream, invoke("invoke"), invokeStream, count},
		ErrorBody: abi.Raw(`{"__type":"$name","message":"$message"}`),
		ErrorNames: map[string]string{"400": "ValidationException", "401": "AccessDeniedException", "402": "ServiceQuotaExceededException",
			"403": "AccessDeniedException", "404": "ResourceNotFoundException", "429": "ThrottlingException", "503": "ServiceUnavailableException",
			"504": "ModelTimeoutException", "": "InternalServerException"},
	}
}

// converseUsage: inputTokens are without the cached parts.
func converseUsage() abi.UsagePaths {
	return abi.UsagePaths{
		Input:        []string{"usage.inputTokens"},
		CacheRead:    []string{"usage.cacheReadInputTokens"},
		CacheWrite5m: []string{"usage.cacheWriteInputTokens"},
		CacheWrite1h: []string{"usage.cacheDetails[ttl=1h].inputTokens"},
		Output:       []string{"usage.outputTokens"},

		CacheWrite5mIncludes: []string{"cache_write_1h"},
	}
}

// invokePaths are the places of all families of models, and what the last event of
// a stream says of any.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
func invokePaths() abi.UsagePaths {
	const metrics = "amazon-bedrock-invocationMetrics."
	return abi.UsagePaths{
		Input: []string{metrics + "inputTokenCount", "inputTextTokenCount", "prompt_token_count", "usage.prompt_tokens", "usage.inputTokens",
			"message.usage.input_tokens", "usage.input_tokens"},
		Output: []string{"results[].tokenCount", metrics + "outputTokenCount", "generation_token_count", "usage.completion_tokens", "usage.outputTokens",
			"message.usage.output_tokens", "usage.output_tokens"},
		CacheRead:    []string{"message.usage.cache_read_input_tokens", "usage.cache_read_input_tokens", "usage.cacheReadInputTokenCount"},
		CacheWrite5m: []string{"message.usage.cache_creation_input_tokens", "usage.cache_creation_input_tokens", "usage.cacheWriteInputTokenCount"},
		CacheWrite1h: []string{"message.usage.cache_creation.ephemeral_1h_input_tokens", "usage.cache_creation.ephemeral_1h_input_tokens"},

		CacheWrite5mIncludes: []string{"cache_write_1h"},
		Model:                []string{"message.model", "model"},
	}
}

// invokeFinish are the ends of streams of all families.
var invokeFinish = []string{"delta.stop_reason", "stop_reason", "completionReason", "messageStop.stopReason", "outputs[].stop_reason",
	"choices[].finish_reason", "choices[].stop_reason", "finish_reason"}

// invokeChoices are how families of text are asked for several answers: OpenAI and
// AI21, Cohere, and AI21 before.
var invokeChoices = []string{"n", "num_generations", "numResults"}

// capsOf is how a family caps its output, where it is text.
func capsOf(model string) []string {
	for _, family := range [...]struct{ mark, caps string }{
		{"embed", ""}, {"stability.", ""}, {"amazon.titan-image", ""}, {"amazon.nova-canvas", ""}, {"amazon.rerank", ""}, {"cohere.rerank", ""},
		{"amazon.titan", "textGenerationConfig.maxTokenCount"}, {"amazon.nova", "inferenceConfig.maxTokens inferenceConfig.max_new_tokens"},
		{"meta.", "max_gen_len"}, {"openai.", "max_completion_tokens max_tokens"},
	} {
		if strings.Contains(model, family.mark) {
			return strings.Fields(family.caps)
		}
	}
	return []string{"max_tokens"}
}
