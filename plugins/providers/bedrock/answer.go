package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	switch r.Endpoint {
	case abi.Embeddings:
		return decodeEmbeddings(r)
	case abi.Rerank:
		return decodeRerank(r)
	case abi.Images, abi.ImageEdits:
		return decodeImages(r)
	case abi.CountTokens:
		return decodeCount(r)
	}
	a := answer{searched: parseState(r.State).counting}
	scan.Elements(scan.Get(r.Body, "output", "message", "content"), func(_ int, block []byte) bool {
		a.block(block)
		return true
	})
	finish, failed := finishReason(scan.GetString(r.Body, "stopReason"), len(a.calls) > 0)
	if failed != nil {
		return nil, failed
	}
	b := append(make([]byte, 0, len(r.Body)+128), `{"choices":[{"index":0,"message":`...)
	b = append(appendTrace(a.appendMessage(b), r.Body), '}')
	b = append(append(append(b, `,"logprobs":null,"finish_reason":"`...), finish...), `"}]`...)
	b = append(appendTier(b, r.Body), '}')
	usage := readUsage(scan.Get(r.Body, "usage"))
	if n := a.searches; n > 0 && usage != nil {
		usage.Searches = &n
	}
	return &abi.DecodeReply{Body: b, Usage: usage,
		Model: scan.GetString(r.Body, "trace", "promptRouter", "invokedModelId")}, nil
}

// answer gathers the blocks. Texts are raw without quotes, the others elements.
type answer struct {
	text, reasoning          []byte
	hasText                  bool
	thoughts, calls, picture []byte
	citations                []byte
	searches                 int64

	// Where the web may have been searched: the texts and their annotations.
	searched      bool
	pieces, notes []byte
	blocks        int64
	at            place
}

func (a *answer) block(block []byte) {
	a.blocks++
	scan.Members(block, func(kind, v []byte) bool {
		switch string(kind) {
		case "text":
			a.addText(v)
		case "citationsContent":
			scan.Elements(scan.Get(v, "content"), func(_ int, c []byte) bool { a.addText(scan.Get(c, "text")); return true })
			scan.Elements(scan.Get(v, "citations"), func(_ int, c []byte) bool {
				a.citations = append(append(a.citations, ','), c...)
				if a.searched {
					a.notes = append(a.notes, a.at.cite(c)...)
				}
				return true
			})
		case "reasoningContent":
			a.addThought(v)
		case "toolUse":
			a.addCall(v)
		case "image":
			a.addImage(v)
		}
		return true
	})
}

func (a *answer) addText(v []byte) {
	if scan.Kind(v) == '"' {
		a.hasText = true
		a.text = append(a.text, v[1:len(v)-1]...)
		if a.searched && len(v) > 2 {
			a.pieces = append(append(a.pieces, ','), v...)
			a.at.text(a.blocks)
		}
	}
}

// addThought: the words are reasoning_content; what is signed or encrypted is a
// thinking block, too, so that it can be handed back.
func (a *answer) addThought(v []byte) {
	if data := scan.Get(v, "redactedContent"); scan.Kind(data) == '"' {
		a.thoughts = append(append(append(a.thoughts, `,{"type":"redacted_thinking","data":`...), data...), '}')
		return
	}
	text, signature := scan.Get(v, "reasoningText", "text"), scan.Get(v, "reasoningText", "signature")
	if scan.Kind(text) != '"' {
		return
	}
	a.reasoning = append(a.reasoning, text[1:len(text)-1]...)
	if scan.Kind(signature) == '"' && len(signature) > 2 {
		a.thoughts = append(append(a.thoughts, `,{"type":"thinking","thinking":`...), text...)
		a.thoughts = append(append(append(a.thoughts, `,"signature":`...), signature...), '}')
	}
}

// isSearch reports whether a toolUse is a search of the web by the model itself.
func isSearch(use []byte) bool {
	return string(scan.GetText(use, "type")) == "server_tool_use" && string(scan.GetText(use, "name")) == grounding
}

// addCall leaves out the uses of Bedrock's own tools, which are over.
func (a *answer) addCall(v []byte) {
	if isSearch(v) {
		a.searches++
	}
	id, name, input := scan.Get(v, "toolUseId"), scan.Get(v, "name"), scan.Get(v, "input")
	if scan.Kind(id) != '"' || scan.Kind(name) != '"' || string(scan.GetText(v, "type")) == "server_tool_use" {
		return
	}
	if scan.Kind(input) != '{' {
		input = []byte("{}")
	}
	a.calls = append(append(a.calls, `,{"id":`...), id...)
	a.calls = append(append(a.calls, `,"type":"function","function":{"name":`...), name...)
	a.calls = append(scan.AppendString(append(a.calls, `,"arguments":`...), input), '}', '}')
}

// addImage writes a picture as a data URL, in the member that OpenRouter and others use.
func (a *answer) addImage(v []byte) {
	format, data := scan.GetString(v, "format"), scan.Get(v, "source", "bytes")
	if images["image/"+format] == "" || scan.Kind(data) != '"' {
		return
	}
	a.picture = append(append(a.picture, `,{"type":"image_url","image_url":{"url":"data:image/`...), format...)
	a.picture = append(append(append(a.picture, `;base64,`...), data[1:]...), '}', '}')
}

// appendMessage leaves the message open.
func (a *answer) appendMessage(b []byte) []byte {
	b = append(b, `{"role":"assistant","content":`...)
	if a.notes != nil { // of pieces, which the host joins
		start := len(b)
		b = scan.CloseArray(append(b, a.pieces...), start)
	} else if len(a.text) > 0 || a.hasText && len(a.calls) == 0 {
		b = appendQuoted(b, a.text)
	} else {
		b = append(b, "null"...)
	}
	if len(a.reasoning) > 0 {
		b = appendQuoted(scan.AppendName(b, "reasoning_content"), a.reasoning)
	}
	for _, list := range [...]struct {
		name     string
		elements []byte
	}{{"thinking_blocks", a.thoughts}, {"tool_calls", a.calls}, {"images", a.picture}, {"annotations", a.notes}, {"citations", a.citations}} {
		if len(list.elements) > 0 {
			b = scan.AppendName(b, list.name)
			start := len(b)
			b = scan.CloseArray(append(b, list.elements...), start)
		}
	}
	return b
}

func appendQuoted(b, text []byte) []byte {
	return append(append(append(b, '"'), text...), '"')
}

// finishReason maps a stopReason; the table is in README.md. calls says that
// there are tool calls: they end with tool_calls, whatever a model calls it.
func finishReason(stop string, calls bool) (string, *abi.Error) {
	switch stop {
	case "max_tokens", "model_context_window_exceeded":
		return "length", nil
	case "content_filtered", "guardrail_intervened":
		return "content_filter", nil
	case "malformed_model_output", "malformed_tool_use":
		return "", &abi.Error{Code: abi.UpstreamUnavailable, Message: "the model ended without a usable answer: " + stop}
	}
	if calls {
		return "tool_calls", nil
	}
	return "stop", nil
}

// readUsage: inputTokens is without what the cache gave or took.
// https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
func readUsage(raw []byte) *abi.Usage {
	if scan.Kind(raw) != '{' {
		return nil
	}
	u := &abi.Usage{}
	hour := int64(0)
	scan.Members(raw, func(key, v []byte) bool {
		n, ok := scan.Int(v)
		switch {
		case string(key) == "cacheDetails":
			hour = writtenForAnHour(v)
		case !ok:
		case string(key) == "inputTokens":
			u.Input = &n
		case string(key) == "outputTokens":
			u.Output = &n
		case string(key) == "cacheReadInputTokens":
			u.CacheRead = &n
		case string(key) == "cacheWriteInputTokens":
			u.CacheWrite5m = &n
		}
		return true
	})
	if u.CacheWrite5m != nil && hour > 0 {
		long := min(hour, *u.CacheWrite5m)
		short := *u.CacheWrite5m - long
		u.CacheWrite5m, u.CacheWrite1h = &short, &long
	}
	return u
}

func writtenForAnHour(details []byte) (sum int64) {
	scan.Elements(details, func(_ int, d []byte) bool {
		if string(scan.GetText(d, "ttl")) == "1h" {
			n, _ := scan.GetInt(d, "inputTokens")
			sum += n
		}
		return true
	})
	return sum
}
