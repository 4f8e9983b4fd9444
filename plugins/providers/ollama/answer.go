package main

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// answer is a whole answer of chat or generate, or one event. Values are raw, nil
// when absent.
type answer struct {
	text, thinking, calls, logprobs []byte
	model                           string
	done                            bool
	reason                          string
	usage                           *abi.Usage
	failed                          *abi.Error
}

var (
	answerFields  = scan.NewNames("message", "response", "thinking", "tool_calls", "logprobs", "model", "done", "done_reason", "prompt_eval_count", "eval_count", "error")
	messageMember = scan.NewNames("content", "thinking", "tool_calls")

	callFields     = scan.NewNames("id", "function")
	functionFields = scan.NewNames("name", "arguments")
)

// readAnswer: generate has the members of chat's message at the top, and "response"
// for its content.
func readAnswer(raw []byte) (a answer) {
	var message, model, done, reason, prompt, output, failure []byte
	answerFields.Read(raw, nil, &message, &a.text, &a.thinking, &a.calls, &a.logprobs, &model, &done, &reason, &prompt, &output, &failure)
	if message != nil {
		messageMember.Read(message, nil, &a.text, &a.thinking, &a.calls)
	}
	a.model, _ = scan.String(model)
	a.done, _ = scan.Bool(done)
	a.reason, _ = scan.String(reason)
	for _, v := range [...]*[]byte{&a.text, &a.thinking} {
		if scan.Kind(*v) != '"' || len(*v) == 2 {
			*v = nil
		}
	}
	u := abi.Usage{Input: count(prompt), Output: count(output)}
	if u.Input != nil || u.Output != nil {
		a.usage = &u
	}
	if failure != nil {
		a.failed = streamError(raw)
	}
	return a
}

// count is nil for what is not reported: Ollama tells no tokens of a prompt that
// it has kept from the last time.
func count(raw []byte) *int64 {
	n, ok := scan.Int(raw)
	if !ok || n < 0 {
		return nil
	}
	return &n
}

// finish is the finish_reason, or the failure that done_reason stands for. The
// table is in README.md.
func (a *answer) finish(calls bool) (string, *abi.Error) {
	switch a.reason {
	case "length":
		return "length", nil
	case "load", "unload":
		return "", &abi.Error{Code: abi.UpstreamUnavailable, Message: "Ollama gave no answer: " + a.reason}
	}
	if calls {
		return "tool_calls", nil
	}
	return "stop", nil
}

func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	if r.Endpoint == abi.Embeddings {
		return decodeEmbeddings(r)
	}
	a := readAnswer(r.Body)
	s := parseState(r.State)
	calls := a.appendCalls(nil, &s, false)
	finish, failed := a.finish(len(calls) > 0)
	switch {
	case a.failed != nil:
		failed = a.failed
	case !a.done:
		failed = &abi.Error{Code: abi.UpstreamUnavailable, Message: "Ollama gave an answer that is not complete"}
	}
	if failed != nil {
		return nil, failed
	}
	b := append(make([]byte, 0, len(r.Body)+256), `{"choices":[{"index":0`...)
	if r.Endpoint == abi.Completions {
		b = a.appendText(b, &s)
	} else {
		b = append(scan.AppendName(b, "message"), `{"role":"assistant","content":`...)
		switch {
		case a.text != nil:
			b = append(b, a.text...)
		case len(calls) > 0:
			b = append(b, "null"...)
		default:
			b = append(b, '"', '"')
		}
		b = a.appendThinking(b)
		if len(calls) > 0 {
			b = append(scan.AppendName(b, "tool_calls"), scan.CloseArray(calls, 0)...)
		}
		b = appendLogprobs(append(b, `},"logprobs":`...), a.logprobs)
	}
	b = append(append(append(b, `,"finish_reason":"`...), finish...), `"}]}`...)
	return &abi.DecodeReply{Body: b, Usage: a.usage, Model: a.model}, nil
}

func (a *answer) appendThinking(b []byte) []byte {
	if a.thinking == nil {
		return b
	}
	return append(scan.AppendName(b, "reasoning_content"), a.thinking...)
}

// appendCalls appends the calls, each after a comma, with their index if they are
// of a delta, and counts them in s.
func (a *answer) appendCalls(b []byte, s *streamState, delta bool) []byte {
	scan.Elements(a.calls, func(_ int, call []byte) bool {
		var id, function, name, arguments []byte
		callFields.Read(call, nil, &id, &function)
		functionFields.Read(function, nil, &name, &arguments)
		if scan.Kind(name) != '"' {
			return true
		}
		if scan.Kind(arguments) != '{' {
			arguments = []byte("{}")
		}
		if b = append(b, ',', '{'); delta {
			b = append(strconv.AppendInt(append(b, `"index":`...), s.calls, 10), ',')
		}
		b = append(b, `"id":`...)
		if scan.Kind(id) == '"' && len(id) > 2 {
			b = append(b, id...)
		} else {
			b = s.appendCallID(b, name)
		}
		b = append(append(b, `,"type":"function","function":{"name":`...), name...)
		b = append(scan.AppendString(append(b, `,"arguments":`...), arguments), '}', '}')
		s.calls++
		return true
	})
	return b
}

// appendCallID makes an id for a call of a server that gives none. It is the same
// whole and streamed, and no two of a conversation are: the calls before this
// answer and in it are counted.
func (s *streamState) appendCallID(b, name []byte) []byte {
	return llm.AppendCallID(b, name, strconv.AppendInt(nil, s.before+s.calls, 10))
}

// appendLogprobs writes Ollama's list, whose entries are OpenAI's but for what they
// leave out, or null.
func appendLogprobs(b, list []byte) []byte {
	if scan.Len(list) == 0 {
		return append(b, "null"...)
	}
	b = append(b, `{"content":`...)
	start := len(b)
	scan.Elements(list, func(_ int, v []byte) bool {
		b = scan.Apply(append(b, ','), v, []scan.Edit{{Key: "bytes", Value: []byte("null"), OnlyIfAbsent: true},
			{Key: "top_logprobs", Value: []byte("[]"), OnlyIfAbsent: true}})
		return true
	})
	return append(scan.CloseArray(b, start), `,"refusal":null}`...)
}
