package completions

import (
	"slices"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// FromChat makes a completion of a chat completion.
func (Bridge) FromChat(dst, answer []byte, a *bridge.Answer) ([]byte, error) {
	choices := scan.Get(answer, "choices")
	if scan.Len(choices) == 0 {
		return dst, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer has no choices")
	}
	prompt := echo(a)
	dst = append(appendHead(dst, a), `,"choices":`...)
	start := len(dst)
	scan.Elements(choices, func(i int, choice []byte) bool {
		dst, _ = appendChoice(append(dst, ','), choice, scan.Get(choice, "message"), index(choice, i), prompt)
		return true
	})
	dst = appendRest(scan.CloseArray(dst, start), answer)
	in, out := a.Usage.InputTokens(), a.Usage.OutputTokens()
	dst = strconv.AppendInt(append(dst, `,"usage":{"prompt_tokens":`...), in, 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), out, 10)
	return append(strconv.AppendInt(append(dst, `,"total_tokens":`...), in+out, 10), "}}"...), nil
}

// Stream begins to translate chunks.
func (Bridge) Stream(a *bridge.Answer) bridge.Stream {
	return &stream{head: appendHead(nil, a), prompt: echo(a)}
}

type stream struct {
	head   []byte // of every chunk
	room   []byte // the chunk that is written
	prompt []byte // to be echoed; nil for none
	echoed []int  // the choices that have it
}

// Chunk makes a completion chunk of a chat chunk, or nothing of one that says nothing.
func (s *stream) Chunk(dst, chunk []byte) ([]byte, error) {
	room := append(append(s.room[:0], s.head...), `,"choices":`...)
	choices, start := scan.Get(chunk, "choices"), len(room)
	says := scan.Len(choices) == 0
	scan.Elements(choices, func(i int, choice []byte) bool {
		i = index(choice, i)
		var prompt []byte
		if s.prompt != nil && !slices.Contains(s.echoed, i) {
			s.echoed, prompt = append(s.echoed, i), s.prompt
		}
		var more bool
		room, more = appendChoice(append(room, ','), choice, scan.Get(choice, "delta"), i, prompt)
		says = says || more
		return true
	})
	if s.room = append(appendRest(scan.CloseArray(room, start), chunk), '}'); !says {
		return dst, nil
	}
	return sse.Append(dst, "", s.room), nil
}

// Finish has nothing to add: what ends a stream of choices is the same for all of them.
func (s *stream) Finish(dst []byte, _ core.Usage) ([]byte, error) { return dst, nil }

func appendHead(dst []byte, a *bridge.Answer) []byte {
	dst = scan.AppendString(append(dst, `{"id":`...), a.ID)
	dst = strconv.AppendInt(append(dst, `,"object":"text_completion","created":`...), a.Created, 10)
	return scan.AppendString(append(dst, `,"model":`...), a.Model)
}

// appendRest keeps what the answer or chunk has of its own beside its choices.
func appendRest(dst, doc []byte) []byte {
	return appendOthers(dst, doc, "id", "object", "created", "model", "choices", "usage")
}

// appendChoice writes a choice with what its message or delta says, and tells
// whether that is anything.
func appendChoice(dst, choice, message []byte, i int, prompt []byte) (_ []byte, says bool) {
	dst = append(dst, `{"text":"`...)
	from := len(dst)
	if prompt != nil {
		dst = append(dst, prompt[1:len(prompt)-1]...)
	}
	dst = appendText(dst, scan.Get(message, "content"))
	says = len(dst) > from
	dst = strconv.AppendInt(append(dst, `","index":`...), int64(i), 10)
	dst = append(dst, `,"logprobs":null,"finish_reason":`...)
	finish := scan.Get(choice, "finish_reason")
	if scan.IsNull(finish) {
		finish = []byte("null")
	}
	dst = append(dst, finish...)
	rest := len(dst)
	dst = appendOthers(dst, choice, "index", "message", "delta", "logprobs", "finish_reason", "text")
	dst = appendOthers(dst, message, "role", "content")
	return append(dst, '}'), says || len(dst) > rest || scan.Kind(finish) == '"'
}

// appendText appends a raw text without its quotes, or those of parts.
func appendText(dst, content []byte) []byte {
	if scan.Kind(content) == '"' {
		return append(dst, content[1:len(content)-1]...)
	}
	scan.Elements(content, func(_ int, part []byte) bool {
		if text := scan.Get(part, "text"); scan.Kind(text) == '"' {
			dst = append(dst, text[1:len(text)-1]...)
		}
		return true
	})
	return dst
}

// appendOthers copies the members of an object, each behind a comma, but for those
// that say nothing and the given ones.
func appendOthers(dst, object []byte, but ...string) []byte {
	if scan.Kind(object) != '{' {
		return dst
	}
	scan.RawMembers(object, func(rawName, value []byte) bool {
		name, _ := scan.String(rawName)
		if !scan.IsNull(value) && !(scan.Kind(value) == '[' && scan.Len(value) == 0) && !slices.Contains(but, name) {
			dst = append(append(append(append(dst, ','), rawName...), ':'), value...)
		}
		return true
	})
	return dst
}

func index(choice []byte, otherwise int) int {
	if n, ok := scan.GetInt(choice, "index"); ok {
		return int(n)
	}
	return otherwise
}
