package main

import (
	"strconv"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

var generateFields = scan.NewNames("prompt", "suffix", "think", "stop", "options", "max_tokens", "logprobs", "echo", "best_of", "raw", "system", "template",
	"model", "stream", "stream_options", "user")

// generate makes the body of /api/generate for a completion of one prompt.
func (q *request) generate(r *abi.EncodeRequest) *llm.Fault {
	var prompt, suffix, think, stop, options, maxTokens, logprobs, echo, best, raw, system, template, unused []byte
	if f := llm.Read(r.Body, r.DropParams, &q.notices, generateFields, q.other,
		&prompt, &suffix, &think, &stop, &options, &maxTokens, &logprobs, &echo, &best, &raw, &system, &template,
		&unused, &unused, &unused, &unused); f != nil {
		return f
	}
	if scan.Kind(prompt) == '[' && scan.Len(prompt) == 1 {
		scan.Elements(prompt, func(_ int, v []byte) bool { prompt = v; return false })
	}
	if scan.Kind(prompt) != '"' || len(prompt) == 2 { // to Ollama an empty one means to load the model
		return llm.Refuse("prompt", "must be one text and not empty with Ollama")
	}
	if think == nil {
		think = []byte("false") // a completion has no place for thoughts
	}
	var f *llm.Fault
	for _, m := range [...]struct {
		name  string
		v     []byte
		kinds string
	}{{"prompt", prompt, `"`}, {"suffix", suffix, `"`}, {"raw", raw, "tf"}, {"system", system, `"`}, {"template", template, `"`}} {
		if f == nil && m.v != nil {
			f = wantKind(m.name, m.v, m.kinds)
		}
		q.put(m.name, m.v)
	}
	for _, step := range [...]func() *llm.Fault{
		func() *llm.Fault { return onlyUsual(echo, best) },
		func() *llm.Fault { return q.think(think, nil, nil) },
		func() *llm.Fault { return q.own(options) },
		func() *llm.Fault { return q.capped("max_tokens", maxTokens) },
		func() *llm.Fault { return q.stops(stop) },
		func() *llm.Fault { return q.tokenLogprobs(logprobs) },
	} {
		if f == nil {
			f = step()
		}
	}
	return f
}

// onlyUsual refuses what Ollama cannot do.
func onlyUsual(echo, best []byte) *llm.Fault {
	if on, ok := scan.Bool(echo); echo != nil && (!ok || on) {
		return llm.Refuse("echo", "is not supported by Ollama")
	}
	if n, ok := scan.Int(best); best != nil && (!ok || n != 1) {
		return llm.Refuse("best_of", "is not supported by Ollama")
	}
	return nil
}

// tokenLogprobs takes the number of likeliest tokens that a completion asks for.
func (q *request) tokenLogprobs(n []byte) *llm.Fault {
	if n == nil {
		return nil
	}
	if top, ok := scan.Int(n); !ok || top < 0 || top > 20 {
		return llm.Refuse("logprobs", "must be a whole number from 0 to 20")
	}
	return q.logprobs([]byte("true"), n)
}

// appendText writes the members of a completion's choice or of a chunk of it.
func (a *answer) appendText(b []byte, s *streamState) []byte {
	text := a.text
	if text == nil {
		text = []byte(`""`)
	}
	b = append(scan.AppendName(b, "text"), text...)
	b = a.appendThinking(b)
	return s.appendTokens(scan.AppendName(b, "logprobs"), a.logprobs)
}

// appendTokens writes a completion's logprobs, lists side by side, or null. The
// offsets are characters of the answer.
func (s *streamState) appendTokens(b, list []byte) []byte {
	if scan.Len(list) == 0 {
		return append(b, "null"...)
	}
	var tokens, numbers, tops, offsets []byte
	scan.Elements(list, func(_ int, v []byte) bool {
		token, number := logprob(v)
		tokens = append(append(tokens, ','), token...)
		numbers = append(append(numbers, ','), number...)
		offsets = strconv.AppendInt(append(offsets, ','), s.offset, 10)
		s.offset += int64(utf8.RuneCount(scan.Text(token)))
		tops = append(tops, ',')
		start := len(tops)
		scan.Elements(scan.Get(v, "top_logprobs"), func(_ int, top []byte) bool {
			token, number := logprob(top)
			tops = append(append(append(append(tops, ','), token...), ':'), number...)
			return true
		})
		tops = scan.CloseObject(tops, start)
		return true
	})
	b = append(append(b, `{"tokens":`...), scan.CloseArray(tokens, 0)...)
	b = append(append(b, `,"token_logprobs":`...), scan.CloseArray(numbers, 0)...)
	b = append(append(b, `,"top_logprobs":`...), scan.CloseArray(tops, 0)...)
	return append(append(append(b, `,"text_offset":`...), scan.CloseArray(offsets, 0)...), '}')
}

// logprob is an entry's raw token and number.
func logprob(v []byte) (token, number []byte) {
	token, number = scan.Get(v, "token"), scan.Get(v, "logprob")
	if scan.Kind(token) != '"' {
		token = []byte(`""`)
	}
	if scan.Kind(number) != '0' {
		number = []byte("null")
	}
	return token, number
}
