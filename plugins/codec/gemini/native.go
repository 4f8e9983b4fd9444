package gemini

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// native are the calls of the Generative Language API that name a model, below the
// version that the base URL has and what follows it there. Members of its JSON may be written in both ways of
// protocol buffers. https://ai.google.dev/api/all-methods
func native(base, model string) *abi.NativePlan {
	version := VersionPath(base)
	resource := scan.AppendString(nil, modelPath(model))
	stored := []string{"cachedContent", "cached_content"} // see shared
	for _, name := range storeTools {
		stored = append(stored, "tools[]."+name)
	}
	route := func(verb string) abi.NativeRoute {
		return abi.NativeRoute{Path: version + "/models/{model}" + verb, URL: base + "/" + llm.Escape(modelPath(model), "/") + verb,
			Request: abi.RequestPlan{Mode: abi.Passthrough, Unsupported: stored,
				Edits: []abi.Edit{{Op: abi.EditRemove, Key: "model"}}}}
	}
	generate := func(verb string) abi.NativeRoute {
		r := route(verb)
		r.Caps = both("generationConfig", "maxOutputTokens")
		r.Choices = both("generationConfig", "candidateCount")
		r.Usage = usagePaths()
		r.Finish = []string{"candidates[].finishReason", "promptFeedback.blockReason"}
		return r
	}
	stream := generate(":streamGenerateContent")
	stream.Stream, stream.Query = true, []string{"alt=sse"}
	count := route(":countTokens")
	count.Free, count.Request.Unsupported = true, nil
	embed := route(":embedContent")
	embed.Usage = usagePaths()
	batch := route(":batchEmbedContents")
	batch.Usage = usagePaths()
	batch.Request.Edits = append(batch.Request.Edits, abi.Edit{Op: abi.EditSet, Key: "requests[].model", Value: resource})
	routes := []abi.NativeRoute{generate(":generateContent"), stream, count, embed, batch}
	if isImagen(model) {
		routes = []abi.NativeRoute{drawing(route(":predict"))}
	}
	return &abi.NativePlan{
		Routes:    routes,
		ErrorBody: abi.Raw(`{"error":{"code":"$status","message":"$message","status":"$name"}}`),
		ErrorNames: map[string]string{"400": "INVALID_ARGUMENT", "401": "UNAUTHENTICATED", "402": "RESOURCE_EXHAUSTED", "403": "PERMISSION_DENIED",
			"404": "NOT_FOUND", "429": "RESOURCE_EXHAUSTED", "503": "UNAVAILABLE", "504": "DEADLINE_EXCEEDED", "": "INTERNAL"},
	}
}

// drawing is a call of Imagen's. A bucket that pictures go to would be the account's.
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api
func drawing(r abi.NativeRoute) abi.NativeRoute {
	r.Request.Unsupported = []string{"parameters.storageUri"}
	r.Pictures, r.Choices = true, []string{"parameters.sampleCount"}
	r.Usage = abi.UsagePaths{Images: []string{"predictions[].bytesBase64Encoded"}}
	return r
}

// VersionPath is the path of a base URL from its version on, such as /v1beta; that
// where there is none.
func VersionPath(base string) string {
	for i := 0; i+2 < len(base); i++ {
		if base[i] == '/' && base[i+1] == 'v' && base[i+2] >= '0' && base[i+2] <= '9' {
			return base[i:]
		}
	}
	return "/v1beta"
}

// both are the ways to write a member of an object.
func both(object, member string) (paths []string) {
	for _, o := range [...]string{object, snake(object)} {
		for _, m := range [...]string{member, snake(member)} {
			paths = append(paths, o+"."+m)
		}
	}
	return paths
}

func snake(s string) string {
	var b []byte
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			b = append(b, '_')
			c |= 0x20
		}
		b = append(b, c)
	}
	return string(b)
}

// usagePaths is what readUsage knows, for the host.
func usagePaths() abi.UsagePaths {
	const u = "usageMetadata."
	of := func(list, modality string) string { return u + list + "[modality=" + modality + "].tokenCount" }
	return abi.UsagePaths{
		Input:          []string{u + "promptTokenCount + " + u + "toolUsePromptTokenCount"},
		CacheRead:      []string{u + "cachedContentTokenCount - " + of("cacheTokensDetails", "AUDIO")},
		AudioCached:    []string{of("cacheTokensDetails", "AUDIO")},
		AudioInput:     []string{of("promptTokensDetails", "AUDIO") + " - " + of("cacheTokensDetails", "AUDIO")},
		InputIncludes:  []string{"cache_read", "audio_cache_read", "audio_input"},
		Output:         []string{u + "candidatesTokenCount + " + u + "thoughtsTokenCount"},
		Reasoning:      []string{u + "thoughtsTokenCount"},
		AudioOutput:    []string{of("candidatesTokensDetails", "AUDIO")},
		ImageOutput:    []string{of("candidatesTokensDetails", "IMAGE")},
		OutputIncludes: []string{"audio_output", "image_output"},
		Model:          []string{"modelVersion"},
	}
}
