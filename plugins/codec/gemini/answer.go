package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// response is a GenerateContentResponse: the whole answer, or one event.
type response struct {
	candidates, feedback, usage, err []byte
	model, id                        []byte
}

func readResponse(raw []byte) (r response) {
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "candidates":
			r.candidates = v
		case "promptFeedback":
			r.feedback = v
		case "usageMetadata":
			r.usage = v
		case "modelVersion":
			r.model = v
		case "responseId":
			r.id = v
		case "error":
			r.err = v
		}
		return true
	})
	return r
}

func (r *response) served() string { s, _ := scan.String(r.model); return s }

// blocked is the refusal of a prompt, which comes instead of candidates.
func (r *response) blocked() *abi.Error {
	reason := scan.GetString(r.feedback, "blockReason")
	if reason == "" || scan.Len(r.candidates) > 0 {
		return nil
	}
	message := "Gemini blocked the prompt: " + reason
	if more := scan.GetString(r.feedback, "blockReasonMessage"); more != "" {
		message += ": " + more
	}
	return &abi.Error{Code: abi.ContentPolicy, Message: message}
}

func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	switch r.Endpoint {
	case abi.Embeddings:
		return decodeEmbeddings(r)
	case abi.CountTokens:
		return decodeCount(r)
	case abi.Images, abi.ImageEdits:
		return decodeImages(r)
	case abi.Speech:
		return decodeSpeech(r)
	case abi.Transcriptions, abi.Translations:
		return decodeTranscript(r)
	}
	resp := readResponse(r.Body)
	if err := resp.blocked(); err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, len(r.Body)+128), `{"choices":`...)
	start := len(b)
	var failed *abi.Error
	queries := int64(0)
	scan.Elements(resp.candidates, func(i int, raw []byte) bool {
		c := readCandidate(raw, int64(i))
		c.readParts(resp.id, 0)
		queries += c.queries()
		var finish string
		if finish, failed = c.finish(len(c.calls) > 0, c.answered()); failed != nil {
			return false
		}
		b = strconv.AppendInt(append(b, `,{"index":`...), c.index, 10)
		b = c.appendMessage(append(b, `,"message":`...))
		b = append(b, `,"logprobs":`...)
		b = appendLogprobs(b, c.logprobs)
		b = append(append(append(b, `,"finish_reason":"`...), finish...), `"}`...)
		return true
	})
	switch {
	case failed != nil:
		return nil, failed
	case len(b) == start:
		return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini answered without a candidate"}
	}
	b = append(appendTier(scan.CloseArray(b, start), resp.usage), '}')
	u := readUsage(resp.usage)
	if n := searched(queries, !familyOf(r.Deployment.Model).budgets); n != nil {
		if u == nil {
			u = &abi.Usage{}
		}
		u.Searches = n
	}
	return &abi.DecodeReply{Body: b, Usage: u, Model: resp.served()}, nil
}

// candidate is one choice of a response. Its texts are raw without quotes.
type candidate struct {
	index    int64
	content  []byte // its parts
	reason   string // finishReason; "" while it goes on
	logprobs []byte
	text     []byte
	hasText  bool
	thought  []byte
	calls    []functionCall
	images   []byte // elements
	said     int    // of the parts the first that is text, no thought; 0 where none is
	cited    int    // pieces of text whose sources were told in earlier events, in what follows in all
	extras
}

// functionCall has raw values; the id is nil when Gemini gave none.
type functionCall struct{ id, name, args, signature []byte }

func readCandidate(raw []byte, position int64) (c candidate) {
	c.index = position
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "index":
			if n, ok := scan.Int(v); ok && n >= 0 && n < maxCandidates {
				c.index = n
			}
		case "content":
			c.content = scan.Get(v, "parts")
		case "finishReason":
			c.reason, _ = scan.String(v)
		case "logprobsResult":
			c.logprobs = v
		case "groundingMetadata":
			c.grounding = object(v)
		case "urlContextMetadata":
			c.pages = object(v)
		case "citationMetadata":
			c.citations = object(v)
		case "safetyRatings":
			c.ratings = v
		}
		return true
	})
	if c.reason == "" {
		c.ratings = nil // they come with every event
	}
	return c
}

// object is v, or nil when it is none or has no members.
func object(v []byte) []byte {
	if scan.Kind(v) != '{' || isEmpty(v) {
		return nil
	}
	return v
}

// readParts sorts the parts. before counts the calls of earlier events, for ids.
func (c *candidate) readParts(responseID []byte, before int) {
	scan.Elements(c.content, func(i int, part []byte) bool {
		var text, call, inline, signature []byte
		thought, own := false, false
		scan.Members(part, func(key, v []byte) bool {
			switch string(key) {
			case "text":
				text = v
			case "thought":
				thought, _ = scan.Bool(v)
			case "thoughtSignature":
				signature = v
			case "functionCall":
				call = v
			case "inlineData":
				inline = v
			default:
				if own = own || ran(string(key)); string(key) == "toolCall" {
					c.sought += sought(v)
				}
			}
			return true
		})
		switch {
		case own:
			c.parts = append(append(c.parts, ','), part...)
			return true
		case call != nil:
			c.addCall(call, signature, responseID, before)
			return true
		case inline != nil && !thought:
			c.addImage(inline)
		case scan.Kind(text) == '"' && thought:
			c.thought = append(c.thought, text[1:len(text)-1]...)
		case scan.Kind(text) == '"':
			if !c.hasText {
				c.said = i
			}
			c.hasText = true
			c.text = append(c.text, text[1:len(text)-1]...)
		}
		if scan.Kind(signature) == '"' {
			c.signature = signature
		}
		return true
	})
}

func (c *candidate) addCall(raw, signature, responseID []byte, before int) {
	f := functionCall{name: []byte(`""`), args: []byte("{}")}
	scan.Members(raw, func(key, v []byte) bool {
		switch {
		case string(key) == "name" && scan.Kind(v) == '"':
			f.name = v
		case string(key) == "args" && scan.Kind(v) == '{':
			f.args = v
		case string(key) == "id" && scan.Kind(v) == '"' && len(v) > 2:
			f.id = v
		}
		return true
	})
	if f.id == nil {
		f.id = callID(responseID, f.name, int64(before+len(c.calls)))
	}
	if scan.Kind(signature) == '"' {
		f.signature = signature
	}
	c.calls = append(c.calls, f)
}

// callID makes an id for a call that has none: the same whole and streamed, and
// another for each call of an answer. It is made of the call's place alone:
// arguments may be kept out of the guest.
func callID(responseID, name []byte, ordinal int64) []byte {
	return llm.AppendCallID(nil, responseID, name, strconv.AppendInt(nil, ordinal, 10))
}

// addImage writes pictures that the model made as data URLs, in the member that
// OpenRouter and others use for them.
func (c *candidate) addImage(inline []byte) {
	mediaType, data := scan.Get(inline, "mimeType"), scan.Get(inline, "data")
	if scan.Kind(mediaType) != '"' || scan.Kind(data) != '"' {
		return
	}
	c.images = append(c.images, `,{"type":"image_url","image_url":{"url":"data:`...)
	c.images = append(append(c.images, mediaType[1:len(mediaType)-1]...), `;base64,`...)
	c.images = append(append(c.images, data[1:]...), '}', '}')
}

// answered reports whether there is anything for the client but thoughts.
func (c *candidate) answered() bool {
	return c.hasText || len(c.calls) > 0 || len(c.images) > 0 || len(c.parts) > 0
}

// finish is the finish_reason, or the failure that the reason stands for.
// The table is in README.md.
func (c *candidate) finish(calls, answered bool) (string, *abi.Error) {
	switch c.reason {
	case "", "STOP", "FINISH_REASON_UNSPECIFIED":
		answered = true // even with nothing
	case "MAX_TOKENS", "CONTINUATION":
		return "length", nil
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "NO_IMAGE", "IMAGE_OTHER", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE":
		return "", c.unusable()
	case "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return "content_filter", nil
	}
	// STOP, none, and reasons that are yet to come (or that stand-ins make up), which
	// are no success where they come with nothing.
	switch {
	case !answered:
		return "", c.unusable()
	case calls:
		return "tool_calls", nil
	}
	return "stop", nil
}

func (c *candidate) unusable() *abi.Error {
	return &abi.Error{Code: abi.UpstreamUnavailable, Message: "Gemini ended without a usable answer: " + c.reason}
}

func (c *candidate) appendMessage(b []byte) []byte {
	b = append(b, `{"role":"assistant","content":`...)
	if len(c.text) > 0 || c.hasText && len(c.calls) == 0 {
		b = appendQuoted(b, c.text)
	} else {
		b = append(b, "null"...)
	}
	return append(c.appendMore(b, -1), '}')
}

// appendMore writes what message and delta have in common, each member after a
// comma. With first >= 0 the calls are numbered from it, as a delta's must be.
func (c *candidate) appendMore(b []byte, first int) []byte {
	if len(c.thought) > 0 {
		b = appendQuoted(scan.AppendName(b, "reasoning_content"), c.thought)
	}
	if len(c.calls) > 0 {
		b = scan.AppendName(b, "tool_calls")
		start := len(b)
		for i := range c.calls {
			b = append(b, ',')
			if b = append(b, '{'); first >= 0 {
				b = append(strconv.AppendInt(append(b, `"index":`...), int64(first+i), 10), ',')
			}
			b = append(c.calls[i].append(b), '}')
		}
		b = scan.CloseArray(b, start)
	}
	if len(c.images) > 0 {
		b = scan.AppendName(b, "images")
		start := len(b)
		b = scan.CloseArray(append(b, c.images...), start)
	}
	b, c.cited = c.cite(b, c.cited, c.said)
	return c.extras.append(b)
}

func (f *functionCall) append(b []byte) []byte {
	b = append(append(b, `"id":`...), f.id...)
	b = append(append(b, `,"type":"function","function":{"name":`...), f.name...)
	b = append(scan.AppendString(append(b, `,"arguments":`...), f.args), '}')
	if f.signature != nil {
		b = appendGoogle(scan.AppendName(b, "extra_content"), f.signature)
	}
	return b
}

func appendGoogle(b, signature []byte) []byte {
	return append(append(append(b, `{"google":{"thought_signature":`...), signature...), '}', '}')
}

func appendQuoted(b, text []byte) []byte {
	return append(append(append(b, '"'), text...), '"')
}

// appendLogprobs turns a LogprobsResult into OpenAI's logprobs, or null.
func appendLogprobs(b, result []byte) []byte {
	chosen := scan.Get(result, "chosenCandidates")
	if scan.Len(chosen) == 0 {
		return append(b, "null"...)
	}
	var tops [][]byte
	scan.Elements(scan.Get(result, "topCandidates"), func(_ int, v []byte) bool {
		tops = append(tops, scan.Get(v, "candidates"))
		return true
	})
	b = append(b, `{"content":`...)
	start := len(b)
	scan.Elements(chosen, func(i int, v []byte) bool {
		b = appendLogprob(append(b, ','), v)
		b = append(b, `,"top_logprobs":`...)
		from := len(b)
		if i < len(tops) {
			scan.Elements(tops[i], func(_ int, top []byte) bool {
				b = append(appendLogprob(append(b, ','), top), '}')
				return true
			})
		}
		b = append(scan.CloseArray(b, from), '}')
		return true
	})
	return append(scan.CloseArray(b, start), `,"refusal":null}`...)
}

// appendLogprob leaves the object open.
func appendLogprob(b, v []byte) []byte {
	token, p := scan.Get(v, "token"), scan.Get(v, "logProbability")
	if scan.Kind(token) != '"' {
		token = []byte(`""`)
	}
	if scan.Kind(p) != '0' {
		p = []byte("0")
	}
	b = append(append(b, `{"token":`...), token...)
	b = append(append(b, `,"logprob":`...), p...)
	return append(b, `,"bytes":null`...)
}
