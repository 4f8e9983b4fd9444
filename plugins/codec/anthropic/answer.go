package anthropic

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var (
	answerFields = scan.NewNames("content", "stop_reason", "stop_sequence", "model", "usage", "stop_details")
	blockFields  = scan.NewNames("type", "text", "citations")
	blockKinds   = scan.NewNames("text", "thinking", "redacted_thinking", "tool_use")
)

func (m *memory) decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var content, reason, sequence, model, counts, details []byte
	answerFields.Read(r.Body, nil, &content, &reason, &sequence, &model, &counts, &details)
	a := answer{search: r.State == searching}
	if why := scan.Get(details, "explanation"); isRefusal(reason) && scan.Kind(why) == '"' && len(why) > 2 {
		a.refusal = why
	}
	scan.Elements(content, func(_ int, block []byte) bool {
		a.block(block)
		return true
	})
	finish := finishReason(reason, len(a.calls) > 0)
	b := append(m.room(len(r.Body)+128), `{"choices":[{"index":0,"message":`...)
	b = a.appendMessage(b)
	b = append(append(append(b, `,"logprobs":null,"finish_reason":"`...), finish...), '"')
	b = append(appendStopSequence(b, sequence), `}]`...)
	b = append(appendTier(b, counts), '}')
	m.body = b
	reply := &m.decoded
	*reply = abi.DecodeReply{Body: b, Model: reply.Model}
	if text := scan.Text(model); string(text) != reply.Model {
		reply.Model = string(text)
	}
	if scan.Kind(counts) == '{' {
		m.usage.Usage = abi.Usage{}
		m.usage.read(counts, 0)
		reply.Usage = &m.usage.Usage
	}
	return reply, nil
}

// answer gathers the blocks. Texts are raw without quotes, the others elements.
type answer struct {
	text, reasoning                   []byte
	hasText                           bool
	thoughts, calls, citations, extra []byte
	refusal                           []byte // why there is no more, a JSON string

	// Where the web may have been searched: the texts and their annotations.
	search        bool
	pieces, notes []byte
	at            place
}

func (a *answer) block(block []byte) {
	var typ, text, citations []byte
	blockFields.Read(block, nil, &typ, &text, &citations)
	switch kind := blockKinds.Word(typ); {
	case kind == "text":
		if scan.Kind(text) == '"' {
			a.hasText = true
			a.text = joined(a.text, text)
			if a.search && len(text) > 2 {
				a.pieces = append(append(a.pieces, ','), text...)
			}
			a.at.text(text)
		}
		scan.Elements(citations, func(_ int, c []byte) bool {
			a.citations = append(append(a.citations, ','), c...)
			a.at.cite(c)
			return true
		})
		if notes := a.at.close(a.notes); a.search {
			a.notes = notes
		}
	case kind == "thinking":
		a.addThought(block)
	case kind == "redacted_thinking":
		if data := scan.Get(block, "data"); scan.Kind(data) == '"' {
			a.thoughts = append(append(append(a.thoughts, `,{"type":"redacted_thinking","data":`...), data...), '}')
		}
	case kind == "tool_use":
		a.addCall(block)
	case kind == "" && isServerBlock(scan.Text(typ)):
		a.extra = append(append(a.extra, ','), block...)
	}
}

// joined is the raw text with a raw string behind it. Of nearly all answers there
// is one, which is not copied.
func joined(text, quoted []byte) []byte {
	more := quoted[1 : len(quoted)-1 : len(quoted)-1]
	if len(text) == 0 {
		return more
	}
	return append(text, more...)
}

// isServerBlock knows the uses and results of Anthropic's own tools.
func isServerBlock(kind []byte) bool {
	return string(kind) == "server_tool_use" || bytes.HasSuffix(kind, []byte("_tool_result"))
}

// addThought: the words are reasoning_content; what is signed is a thinking
// block, too, so that it can be handed back.
func (a *answer) addThought(block []byte) {
	text, signature := scan.Get(block, "thinking"), scan.Get(block, "signature")
	if scan.Kind(text) != '"' {
		return
	}
	a.reasoning = joined(a.reasoning, text)
	if scan.Kind(signature) == '"' && len(signature) > 2 {
		a.thoughts = append(append(a.thoughts, `,{"type":"thinking","thinking":`...), text...)
		a.thoughts = append(append(append(a.thoughts, `,"signature":`...), signature...), '}')
	}
}

func (a *answer) addCall(block []byte) {
	id, name, input := scan.Get(block, "id"), scan.Get(block, "name"), scan.Get(block, "input")
	if scan.Kind(id) != '"' || scan.Kind(name) != '"' {
		return
	}
	if scan.Kind(input) != '{' {
		input = []byte("{}")
	}
	a.calls = append(append(a.calls, `,{"id":`...), id...)
	a.calls = append(append(a.calls, `,"type":"function","function":{"name":`...), name...)
	a.calls = append(scan.AppendString(append(a.calls, `,"arguments":`...), input), '}', '}')
}

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
	b = scan.AppendMember(b, "refusal", a.refusal)
	for _, list := range [...]struct {
		name     string
		elements []byte
	}{{"thinking_blocks", a.thoughts}, {"tool_calls", a.calls}, {"annotations", a.notes}, {"citations", a.citations}} {
		if len(list.elements) > 0 {
			b = scan.AppendName(b, list.name)
			start := len(b)
			b = scan.CloseArray(append(b, list.elements...), start)
		}
	}
	if len(a.extra) > 0 {
		b = append(b, ',')
		b = appendExtra(b, a.extra[1:])
	}
	return append(b, '}')
}

// appendExtra writes extra_content with blocks that are separated by commas.
func appendExtra(b, blocks []byte) []byte {
	return append(append(append(b, `"extra_content":{"anthropic":{"blocks":[`...), blocks...), `]}}`...)
}

func appendQuoted(b, text []byte) []byte {
	return append(append(append(b, '"'), text...), '"')
}

// appendStopSequence tells which stop sequence ended the answer, if one did.
func appendStopSequence(b, v []byte) []byte {
	if scan.Kind(v) != '"' {
		return b
	}
	return append(scan.AppendName(b, "stop_sequence"), v...)
}

// finishReason maps a stop_reason; the table is in README.md. calls says that
// there are tool calls: they end with tool_calls, whatever a server calls it.
func finishReason(stop []byte, calls bool) string {
	switch stopReasons.Word(stop) {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "refusal":
		return "content_filter"
	case "tool_use":
		return "tool_calls"
	}
	if calls {
		return "tool_calls"
	}
	return "stop"
}

// isRefusal: Claude has declined to answer, or to go on.
func isRefusal(stop []byte) bool { return stopReasons.Word(stop) == "refusal" }

var stopReasons = scan.NewNames("max_tokens", "model_context_window_exceeded", "refusal", "tool_use")
