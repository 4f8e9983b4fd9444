package segment

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// The dialects of providers' own APIs: Gemini, Converse and what is invoked behind
// it, Cohere, Ollama. One walk reads them all, since it goes by the names of
// members and takes what it does not know for text. Their names for what text is
// not are known here only, so that in the other dialects nothing hides behind one.
// https://ai.google.dev/api/generate-content
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
// https://docs.cohere.com/reference/chat
// https://github.com/ollama/ollama/blob/main/docs/api.md
var (
	nativeSettings = set("model", "user", "metadata", "generationConfig", "generation_config", "inferenceConfig", "safetySettings", "safety_settings",
		"cachedContent", "cached_content", "requestMetadata", "performanceConfig", "serviceTier", "guardrailConfig", "additionalModelResponseFieldPaths",
		"options", "keep_alive", "stop_sequences", "safety_mode", "anthropic_version", "anthropic_beta")

	nativeLabels = set("mimeType", "toolUseId", "thoughtSignature", "cachedContent", "finishReason", "stopReason", "modelVersion", "responseId",
		"createTime", "created_at", "done_reason", "category", "threshold", "probability", "p", "completionReason", "generation_id", "blockReason")

	nativeOpaque = set("usageMetadata", "usage_metadata", "cachePoint", "metrics", "embeddings", "amazon-bedrock-invocationMetrics", "logprobsResult")

	// nativeRunning are members of events, and of candidates in them, whose text goes on
	// from the event before.
	nativeRunning = set("content", "delta", "start", "message", "response", "thinking", "content_block", "generation", "outputText", "completion",
		"outputs", "text", "contentBlockDelta", "reasoning", "reasoning_content")

	// nativeChoices are the members of events with the answers that run side by side:
	// Gemini's name, and OpenAI's, whose models others serve as well.
	nativeChoices = set("candidates", "choices")

	// documentTypes are the formats of Converse's documents that are text.
	documentTypes = map[string]string{"txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html"}
)

func (w *walker) nativeRequest(body []byte) {
	scan.Members(body, func(key, value []byte) bool {
		name := string(key)
		w.turn()
		w.role = "user"
		switch {
		case name == "generationConfig" || name == "generation_config":
			w.answerSchema(value)
		case nativeSettings[name]:
		case (name == "messages" || name == "contents") && scan.Kind(value) == '[':
			w.messages(value)
		case name == "tools" || name == "functions" || name == "toolConfig" || name == "tool_config":
			w.role = "system"
			w.keyed(value, KindToolSchema)
		default:
			if strings.HasPrefix(name, "system") {
				w.role = "system"
			}
			w.member(name, value, KindText)
		}
		return true
	})
}

// answerSchema takes the only text that settings of an answer have: its schema.
func (w *walker) answerSchema(config []byte) {
	scan.Members(config, func(key, value []byte) bool {
		if strings.Contains(strings.ToLower(string(key)), "schema") {
			w.keyed(value, KindToolSchema)
		}
		return true
	})
}

// nativeNamed takes a member that these dialects alone have; false when the others do too.
func (w *walker) nativeNamed(name string, value []byte, kind string) bool {
	switch name {
	case "functionCall", "toolUse", "executableCode":
		w.value(value, KindToolArguments)
	case "functionResponse", "function_response", "toolResult", "codeExecutionResult":
		w.value(value, KindToolResult)
	case "args":
		w.keyed(value, KindToolArguments)
	case "documents":
		w.keyed(value, kind)
	case "response", "json":
		if kind != KindToolResult {
			return false
		}
		w.keyed(value, kind)
	case "reasoningContent":
		w.value(value, KindReasoning)
	case "bytes", "bytesBase64Encoded":
		if scan.Kind(value) != '"' {
			return false
		}
		w.media("data", value, kind)
	case "images":
		scan.Elements(value, func(_ int, v []byte) bool {
			if scan.Kind(v) == '"' {
				w.media("data", v, kind)
			} else {
				w.value(v, kind)
			}
			return true
		})
	default:
		return false
	}
	return true
}

// nativeEvent finds the text of one event, and the ends that it tells.
func (w *walker) nativeEvent(data []byte) (_ []Found, ended Ended) {
	block := index(data, 0)
	if n, ok := scan.GetInt(data, "contentBlockIndex"); ok {
		block = int(n)
		if scan.Get(data, "delta") == nil && scan.Get(data, "start") == nil {
			ended.Blocks = []int{block}
		}
	}
	kind := scan.GetString(data, "type")
	switch done, _ := scan.Bool(scan.Get(data, "done")); {
	case done, scan.GetString(data, "stopReason") != "", kind == "message_stop", kind == "message-end", kind == "message_delta":
		ended.All = true
	case strings.HasSuffix(kind, "_stop"), strings.HasSuffix(kind, "-end"):
		ended.Blocks = []int{block}
	}
	scan.Members(data, func(key, value []byte) bool {
		if !nativeChoices[string(key)] {
			w.nativeMember(string(key), value, block)
			return true
		}
		scan.Elements(value, func(i int, candidate []byte) bool {
			w.choice = index(candidate, i)
			for _, name := range [...]string{"finishReason", "finish_reason", "stop_reason"} {
				if scan.GetString(candidate, name) != "" {
					ended.Choices = append(ended.Choices, w.choice)
				}
			}
			from := len(w.found)
			scan.Members(candidate, func(key, value []byte) bool { w.nativeMember(string(key), value, 0); return true })
			if now, ok := oneSort(w.found[from:]); ok {
				ended.Past = append(ended.Past, Past{w.choice, now, -1})
			}
			return true
		})
		w.choice = 0
		return true
	})
	return w.found, ended
}

func (w *walker) nativeMember(name string, value []byte, block int) {
	if nativeRunning[name] {
		w.run(block, func() { w.member(name, value, KindText) })
		return
	}
	w.member(name, value, KindText)
}

// isThought reports whether a part is what Gemini thought.
func isThought(part []byte) bool {
	thought, _ := scan.Bool(scan.Get(part, "thought"))
	return thought
}
