package responses

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var (
	responseFields = scan.NewNames("status", "error", "incomplete_details", "model", "output", "usage", "service_tier")
	itemFields     = scan.NewNames("type", "id", "content", "summary", "encrypted_content", "call_id", "name", "arguments", "input")
	itemKinds      = scan.NewNames("message", "reasoning", "function_call", "custom_tool_call", "web_search_call",
		"search_results", "people_search_results", "fetch_url_results")
)

// Decode makes chat of a whole response. One that has failed is an *abi.Error.
func (c *Codec) Decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var status, failed, incomplete, model, output, counts, tier []byte
	responseFields.Read(r.Body, nil, &status, &failed, &incomplete, &model, &output, &counts, &tier)
	if hasFailed(status) || scan.Kind(failed) == '{' {
		return nil, c.failure(failed)
	}
	b := c.room(len(r.Body) + 256)
	var a answer
	scan.Elements(output, func(_ int, item []byte) bool {
		a.item(item)
		return true
	})
	b = a.appendMessage(append(b, `{"choices":[{"index":0,"message":`...))
	b = append(b, `,"logprobs":`...)
	if len(a.logprobs) > 0 {
		b = append(b, `{"content":`...)
		start := len(b)
		b = append(scan.CloseArray(append(b, a.logprobs...), start), `,"refusal":null}`...)
	} else {
		b = append(b, "null"...)
	}
	b = append(append(b, `,"finish_reason":"`...), finish(status, incomplete, len(a.calls) > 0)...)
	b = scan.AppendMember(append(b, `"}]`...), "service_tier", tier)
	c.body = append(b, '}')
	reply := &c.decoded
	*reply = abi.DecodeReply{Body: c.body, Model: reply.Model}
	if text := scan.Text(model); string(text) != reply.Model {
		reply.Model = string(text)
	}
	reply.Usage = c.count(counts, a.searches, r.State == searching)
	return reply, nil
}

// count is the usage of a response; a search that was asked for and not done is told.
func (c *Codec) count(counts []byte, searches int64, asked bool) *abi.Usage {
	c.usage = usage{}
	told := c.usage.read(counts)
	if c.usage.Searches == nil && (asked || searches > 0) {
		c.usage.searched(searches)
		told = true
	}
	if !told {
		return nil
	}
	return &c.usage.Usage
}

// hasFailed: of what was cancelled there is no answer either.
func hasFailed(status []byte) bool { return scan.Is(status, "failed") || scan.Is(status, "cancelled") }

// finish is the finish reason of a response. calls says that there are calls.
func finish(status, incomplete []byte, calls bool) string {
	switch {
	case scan.Is(status, "incomplete") && string(scan.GetText(incomplete, "reason")) == "content_filter":
		return "content_filter"
	case scan.Is(status, "incomplete"):
		return "length"
	case calls:
		return "tool_calls"
	}
	return "stop"
}

// answer gathers the items. Texts are raw without quotes, the others elements.
type answer struct {
	text, refusal, reasoning []byte
	said                     bool // there is a text, if an empty one
	thoughts, calls          []byte
	logprobs, notes          []byte
	pieces                   []byte // the texts, each an element
	parts                    int64  // how many of them are not empty
	inPieces                 bool   // a note has its place in pieces
	searches                 int64
}

func (a *answer) item(item []byte) {
	var typ, id, content, summary, encrypted, call, called, arguments, input []byte
	itemFields.Read(item, nil, &typ, &id, &content, &summary, &encrypted, &call, &called, &arguments, &input)
	switch kind := itemKinds.Word(typ); kind {
	case "message":
		a.message(content)
	case "reasoning":
		a.thought(id, summary, content, encrypted)
	case "function_call":
		a.calls = wrapped(a.calls, `,{"id":`, orEmpty(call), `,"type":"function"`)
		a.calls = wrapped(a.calls, `,"function":{"name":`, orEmpty(called), "")
		a.calls = wrapped(a.calls, `,"arguments":`, orEmpty(arguments), "}}")
	case "custom_tool_call":
		a.calls = wrapped(a.calls, `,{"id":`, orEmpty(call), `,"type":"custom"`)
		a.calls = wrapped(a.calls, `,"custom":{"name":`, orEmpty(called), "")
		a.calls = wrapped(a.calls, `,"input":`, orEmpty(input), "}}")
	default:
		if searches(kind, item) {
			a.searches++
		}
		if finds(kind) {
			a.notes = appendSources(a.notes, item)
		}
	}
}

// orEmpty is a raw string, empty for what is none.
func orEmpty(raw []byte) []byte {
	if scan.Kind(raw) != '"' {
		return []byte(`""`)
	}
	return raw
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

// paragraph is joined, in a paragraph of its own.
func paragraph(text, quoted []byte) []byte {
	if len(text) == 0 {
		return joined(nil, quoted)
	}
	return joined(append(text, `\n\n`...), quoted)
}

var outputFields = scan.NewNames("type", "text", "refusal", "annotations", "logprobs")

// message: what is said in several messages are several paragraphs.
func (a *answer) message(content []byte) {
	if a.parts > 0 {
		a.say([]byte(`"\n\n"`))
	}
	scan.Elements(content, func(_ int, part []byte) bool {
		var kind, text, refusal, notes, logprobs []byte
		outputFields.Read(part, nil, &kind, &text, &refusal, &notes, &logprobs)
		if scan.Is(kind, "refusal") && scan.Kind(refusal) == '"' {
			a.refusal = joined(a.refusal, refusal)
		}
		if !scan.Is(kind, "output_text") || scan.Kind(text) != '"' {
			return true
		}
		from := a.parts
		a.say(text)
		scan.Elements(notes, func(_ int, note []byte) bool {
			a.inPieces = a.inPieces || from > 0
			a.notes = appendNote(a.notes, note, from, a.parts)
			return true
		})
		scan.Elements(logprobs, func(_ int, one []byte) bool {
			a.logprobs = append(append(a.logprobs, ','), one...)
			return true
		})
		return true
	})
}

// say adds a raw text.
func (a *answer) say(text []byte) {
	a.said = true
	a.text = joined(a.text, text)
	if a.pieces = append(append(a.pieces, ','), text...); len(text) > 2 {
		a.parts++
	}
}

// appendNote appends an annotation as chat has it, after a comma. Its places are those in
// its own part of the text: right in the first, and behind others it is of all of its part,
// since the length of those before is not known here. See annotations in package llm.
func appendNote(dst, note []byte, from, to int64) []byte {
	kind := scan.Get(note, "type")
	if scan.Kind(kind) != '"' || scan.Escaped(kind) {
		return dst
	}
	dst = wrapped(dst, `,{"type":`, kind, ",")
	dst = append(append(dst, kind...), ':')
	start := len(dst)
	scan.Members(note, func(key, v []byte) bool {
		switch k := string(key); {
		case k == "type" || from > 0 && (k == "start_index" || k == "end_index"):
		default:
			dst = append(append(scan.AppendString(append(dst, ','), key), ':'), v...)
		}
		return true
	})
	if from > 0 {
		dst = strconv.AppendInt(scan.AppendName(dst, "start_piece"), from, 10)
		dst = strconv.AppendInt(scan.AppendName(dst, "end_piece"), to, 10)
	}
	return append(scan.CloseObject(dst, start), '}')
}

// thought: the words are reasoning_content; what is encrypted is a thinking block, too,
// so that it can be handed back.
func (a *answer) thought(id, summary, content, encrypted []byte) {
	var words []byte
	for _, list := range [...][]byte{summary, content} {
		scan.Elements(list, func(_ int, part []byte) bool {
			if text := scan.Get(part, "text"); filled(text) {
				words = paragraph(words, text)
			}
			return true
		})
	}
	if len(words) > 0 {
		a.reasoning = paragraph(a.reasoning, wrapped(nil, `"`, words, `"`))
	}
	a.thoughts = appendThought(a.thoughts, id, words, encrypted)
}

// appendThought appends what is encrypted as an element of thinking_blocks, after a comma.
func appendThought(dst, id, words, encrypted []byte) []byte {
	if !filled(encrypted) {
		return dst
	}
	dst = wrapped(dst, `,{"type":"thinking","thinking":"`, words, `","signature":`)
	return append(appendSealed(dst, id, encrypted), '}')
}

func (a *answer) appendMessage(b []byte) []byte {
	b = append(b, `{"role":"assistant","content":`...)
	switch {
	case a.inPieces: // the host joins them
		start := len(b)
		b = scan.CloseArray(append(b, a.pieces...), start)
	case len(a.text) > 0 || a.said && len(a.calls) == 0:
		b = wrapped(b, `"`, a.text, `"`)
	default:
		b = append(b, "null"...)
	}
	if len(a.reasoning) > 0 {
		b = wrapped(b, `,"reasoning_content":"`, a.reasoning, `"`)
	}
	if len(a.refusal) > 0 {
		b = wrapped(b, `,"refusal":"`, a.refusal, `"`)
	} else {
		b = append(b, `,"refusal":null`...)
	}
	for _, list := range [...]struct {
		name     string
		elements []byte
	}{{"thinking_blocks", a.thoughts}, {"tool_calls", a.calls}, {"annotations", a.notes}} {
		if len(list.elements) > 0 {
			b = scan.AppendName(b, list.name)
			start := len(b)
			b = scan.CloseArray(append(b, list.elements...), start)
		}
	}
	return append(b, '}')
}
