package messages

import (
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// FromChat appends a whole canonical answer as a Messages answer: its first
// choice, since the Messages API has no others. An answer without a choice is a
// *core.Error of the vendor's.
func FromChat(dst, answer []byte, a *bridge.Answer) ([]byte, error) {
	var choice []byte
	scan.Elements(scan.Get(answer, "choices"), func(_ int, c []byte) bool { choice = c; return false })
	message := scan.Get(choice, "message")
	if scan.Kind(message) != '{' {
		return dst, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer has no message")
	}
	dst = scan.AppendString(append(dst, `{"id":`...), a.ID)
	dst = scan.AppendString(append(dst, `,"type":"message","role":"assistant","model":`...), a.Model)
	dst = append(dst, `,"content":[`...)
	from := len(dst)
	dst = appendThoughts(dst, bridge.WithBlocks(message))
	var extra bridge.Extra
	extra.Take(scan.Get(message, "extra_content"))
	var cited sources
	cited.take(message)
	more := scan.AppendMember(nil, "extra_content", extra.Cut(bridge.Signed, bridge.Done))
	more = scan.AppendMember(more, "citations", cited.cut())
	dst = appendTexts(dst, from, scan.Get(message, "content"), &more)
	dst = appendTexts(dst, from, scan.Get(message, "refusal"), &more)
	for _, p := range bridge.Pictures(message) {
		dst = appendText(dst, from, pictured(&p), &more)
	}
	if more != nil {
		dst = appendText(dst, from, []byte(`""`), &more)
	}
	calls := 0
	scan.Elements(scan.Get(message, "tool_calls"), func(i int, c []byte) bool {
		calls++
		dst = appendToolUse(comma(dst, from), c, a.ID, i)
		return true
	})
	reason, sequence := stopReason(choice, calls > 0)
	dst = scan.AppendString(append(dst, `],"stop_reason":`...), reason)
	dst = append(append(dst, `,"stop_sequence":`...), sequence...)
	dst = scan.AppendMember(dst, "extra_content", extra.Cut(bridge.Told))
	dst = appendUsage(append(dst, `,"usage":`...), a.Usage)
	return append(appendTier(dst[:len(dst)-1], scan.GetString(answer, "service_tier")), "}}"...), nil
}

// appendTexts writes a string, or the text parts that some servers answer with.
// from is where the list of blocks begins. Empty texts make no block. The first
// gets the members more.
func appendTexts(dst []byte, from int, content []byte, more *[]byte) []byte {
	if filled(content) {
		return appendText(dst, from, content, more)
	}
	scan.Elements(content, func(_ int, part []byte) bool {
		if text := scan.Get(part, "text"); filled(text) {
			dst = appendText(dst, from, text, more)
		}
		return true
	})
	return dst
}

// appendText writes a block of text and what stands on it, which goes on none after it.
func appendText(dst []byte, from int, text []byte, more *[]byte) []byte {
	dst = append(append(comma(dst, from), `{"type":"text","text":`...), text...)
	dst = append(dst, *more...)
	*more = nil
	return append(dst, '}')
}

// pictured is the text in the place of a picture that the model made, a raw string:
// its address, or that it is left out. Answers of the Messages API have no pictures,
// and what is paid for does not go without a word.
func pictured(p *bridge.Picture) []byte {
	if p.Data == nil {
		return p.URL
	}
	return scan.AppendString(nil, "[A picture ("+p.MediaType+") is left out: answers of the Messages API have none. Chat completions and responses have.]")
}

func comma(dst []byte, from int) []byte {
	if len(dst) > from {
		return append(dst, ',')
	}
	return dst
}

// appendThoughts writes an unsigned thought from reasoning_content, unless blocks repeat
// it, and signed ones as they came.
func appendThoughts(dst, message []byte) []byte {
	from := len(dst)
	blocks := scan.Get(message, "thinking_blocks")
	if text := scan.Get(message, "reasoning_content"); !hasWords(blocks) && filled(text) {
		dst = append(append(dst, `{"type":"thinking","thinking":`...), text...)
		dst = append(dst, `,"signature":""}`...)
	}
	scan.Elements(blocks, func(_ int, b []byte) bool {
		dst = append(comma(dst, from), b...)
		return true
	})
	return dst
}

func appendToolUse(dst, call []byte, answerID string, i int) []byte {
	id := scan.Get(call, "id")
	if !filled(id) {
		id = callID(answerID, i)
	}
	dst = append(append(dst, `{"type":"tool_use","id":`...), id...)
	dst = append(append(dst, `,"name":`...), orEmpty(scan.Get(call, "function", "name"))...)
	input, ok := llm.Arguments(nil, scan.Get(call, "function", "arguments"))
	if !ok {
		// A model that writes no object still has its words handed on.
		input = append(append([]byte(`{"arguments":`), orEmpty(scan.Get(call, "function", "arguments"))...), '}')
	}
	dst = append(append(dst, `,"input":`...), input...)
	return append(appendExtra(dst, scan.Get(call, "extra_content")), '}')
}

// callID is the raw id of a call whose vendor gave none.
func callID(answerID string, i int) []byte {
	return scan.AppendString(nil, "toolu_"+answerID+"_"+strconv.Itoa(i))
}

// appendExtra keeps a call's extra_content (Gemini's signatures) on its block:
// clients hand blocks back as they came, and ToChat puts it back on the call.
func appendExtra(dst, extra []byte) []byte {
	if scan.Kind(extra) != '{' {
		return dst
	}
	return append(append(dst, `,"extra_content":`...), extra...)
}

// stopReason maps a finish reason and tells which stop sequence ended the
// answer, raw. What nobody knows ends a turn.
func stopReason(choice []byte, calls bool) (reason string, sequence []byte) {
	sequence = []byte("null")
	switch scan.GetString(choice, "finish_reason") {
	case "length":
		return "max_tokens", sequence
	case "tool_calls", "function_call":
		return "tool_use", sequence
	case "content_filter":
		return "refusal", sequence
	}
	if s := scan.Get(choice, "stop_sequence"); scan.Kind(s) == '"' {
		return "stop_sequence", s
	}
	if calls {
		return "tool_use", sequence
	}
	return "end_turn", sequence
}

// appendTier writes how the provider says that it served the answer, in Anthropic's words.
func appendTier(dst []byte, said string) []byte {
	switch {
	case said == "":
		return dst
	case core.UsualService(said):
		said = "standard"
	case said != "priority":
		return dst
	}
	return scan.AppendString(append(dst, `,"service_tier":`...), said)
}

// appendUsage writes usage in Anthropic's parts, which do not overlap.
func appendUsage(dst []byte, u core.Usage) []byte {
	dst = strconv.AppendInt(append(dst, `{"input_tokens":`...), u.Input+u.AudioInput+u.ImageInput, 10)
	dst = strconv.AppendInt(append(dst, `,"cache_creation_input_tokens":`...), u.CacheWrite5m+u.CacheWrite1h, 10)
	dst = strconv.AppendInt(append(dst, `,"cache_read_input_tokens":`...), u.Cached(), 10)
	if u.CacheWrite1h > 0 {
		dst = strconv.AppendInt(append(dst, `,"cache_creation":{"ephemeral_5m_input_tokens":`...), u.CacheWrite5m, 10)
		dst = strconv.AppendInt(append(dst, `,"ephemeral_1h_input_tokens":`...), u.CacheWrite1h, 10)
		dst = append(dst, '}')
	}
	dst = strconv.AppendInt(append(dst, `,"output_tokens":`...), u.OutputTokens(), 10)
	if u.Reasoning > 0 {
		dst = strconv.AppendInt(append(dst, `,"output_tokens_details":{"thinking_tokens":`...), u.Reasoning, 10)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}
