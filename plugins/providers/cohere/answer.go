package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var (
	answerFields  = scan.NewNames("finish_reason", "message", "usage", "logprobs")
	messageMember = scan.NewNames("content", "tool_plan", "tool_calls", "citations")
	blockFields   = scan.NewNames("type", "text", "thinking")

	callFields     = scan.NewNames("type", "id", "function")
	functionFields = scan.NewNames("name", "arguments")
)

func decodeChat(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var reason, message, counts, logprobs []byte
	answerFields.Read(r.Body, nil, &reason, &message, &counts, &logprobs)
	var content, plan, calls, citations []byte
	messageMember.Read(message, nil, &content, &plan, &calls, &citations)
	list := appendCalls(nil, calls)
	finish, failed := finishReason(reason, len(list) > 0, nil)
	if failed != nil {
		return nil, failed
	}
	var text, thought []byte // without quotes
	if scan.Kind(plan) == '"' {
		thought = append(thought, plan[1:len(plan)-1]...)
	}
	hasText := false
	scan.Elements(content, func(_ int, block []byte) bool {
		var kind, words, thinking []byte
		blockFields.Read(block, nil, &kind, &words, &thinking)
		switch {
		case scan.Is(kind, "text") && scan.Kind(words) == '"':
			text, hasText = append(text, words[1:len(words)-1]...), true
		case scan.Is(kind, "thinking") && scan.Kind(thinking) == '"':
			thought = append(thought, thinking[1:len(thinking)-1]...)
		}
		return true
	})
	b := append(make([]byte, 0, len(r.Body)+256), `{"choices":[{"index":0,"message":{"role":"assistant","content":`...)
	if len(text) > 0 || hasText && len(list) == 0 {
		b = appendQuoted(b, text)
	} else {
		b = append(b, "null"...)
	}
	if len(thought) > 0 {
		b = appendQuoted(scan.AppendName(b, "reasoning_content"), thought)
	}
	if len(list) > 0 {
		b = append(scan.AppendName(b, "tool_calls"), scan.CloseArray(list, 0)...)
	}
	if scan.Len(citations) > 0 {
		b = append(scan.AppendName(b, "citations"), citations...)
	}
	b = appendLogprobs(append(b, `},"logprobs":`...), logprobs)
	b = append(append(append(b, `,"finish_reason":"`...), finish...), `"}]}`...)
	return &abi.DecodeReply{Body: b, Usage: chatUsage(counts)}, nil
}

func appendQuoted(b, text []byte) []byte { return append(append(append(b, '"'), text...), '"') }

// appendCalls appends the calls that have an id and a name, each after a comma.
func appendCalls(b, calls []byte) []byte {
	scan.Elements(calls, func(_ int, call []byte) bool {
		c := readCall(call)
		if c.id == nil || c.name == nil {
			return true
		}
		if len(c.arguments) <= 2 {
			c.arguments = []byte(`"{}"`)
		}
		b = append(c.append(append(b, ',', '{')), '}')
		return true
	})
	return b
}

// toolCall has raw strings, nil when absent.
type toolCall struct{ id, name, arguments []byte }

func readCall(raw []byte) (c toolCall) {
	var kind, function []byte
	callFields.Read(raw, nil, &kind, &c.id, &function)
	functionFields.Read(function, nil, &c.name, &c.arguments)
	for _, v := range [...]*[]byte{&c.id, &c.name, &c.arguments} {
		if scan.Kind(*v) != '"' {
			*v = nil
		}
	}
	return c
}

// append writes the members of the call.
func (c *toolCall) append(b []byte) []byte {
	b = append(append(b, `"id":`...), c.id...)
	b = append(append(b, `,"type":"function","function":{"name":`...), c.name...)
	return append(append(append(b, `,"arguments":`...), c.arguments...), '}')
}

// finishReason is the finish_reason, or the failure that the raw reason stands
// for; said is the raw message that came with it. The table is in README.md.
func finishReason(reason []byte, calls bool, said []byte) (string, *abi.Error) {
	switch word := scan.Text(reason); string(word) {
	case "MAX_TOKENS", "TIMEOUT":
		return "length", nil
	case "ERROR":
		message := "Cohere ended without a usable answer"
		if text := scan.Text(said); len(text) > 0 {
			message += ": " + string(text)
		}
		return "", &abi.Error{Code: abi.UpstreamUnavailable, Message: message}
	}
	if calls {
		return "tool_calls", nil
	}
	return "stop", nil
}

// appendLogprobs turns Cohere's items, an array or one of them, into OpenAI's
// logprobs, or null. Cohere gives a text for one token or a few of it: the first
// has the text then and the others none, so that the tokens still make up the
// answer and every number stands.
func appendLogprobs(b, items []byte) []byte {
	open := len(b)
	b = append(b, `{"content":`...)
	start := len(b)
	if scan.Kind(items) == '{' {
		b = appendTokens(b, items)
	}
	scan.Elements(items, func(_ int, item []byte) bool { b = appendTokens(b, item); return true })
	if len(b) == start {
		return append(b[:open], "null"...)
	}
	return append(scan.CloseArray(b, start), `,"refusal":null}`...)
}

func appendTokens(b, item []byte) []byte {
	text := scan.Get(item, "text")
	if scan.Kind(text) != '"' {
		text = []byte(`""`)
	}
	scan.Elements(scan.Get(item, "logprobs"), func(_ int, p []byte) bool {
		b = append(append(b, `,{"token":`...), text...)
		b = append(append(b, `,"logprob":`...), p...)
		b = append(b, `,"bytes":null,"top_logprobs":[]}`...)
		text = []byte(`""`)
		return true
	})
	return b
}
