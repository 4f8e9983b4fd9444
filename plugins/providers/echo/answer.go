package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// The events of a stream: a canonical chunk; the usage, which ends the answer;
// an abi.Error.
const (
	eventChunk = "chunk"
	eventDone  = "done"
	eventError = "error"
)

// answer is what a chat completion will say.
type answer struct {
	wish      *wish
	text      string
	toolCalls []toolCall
	finish    string
	choices   int64
	input     int64 // words of the messages
}

func readChat(w *wish, r *abi.EncodeRequest) (*answer, error) {
	heard, err := listen(scan.Get(r.Body, "messages"))
	if err != nil {
		return nil, err
	}
	a := &answer{wish: w, text: heard.text, toolCalls: w.toolCalls, finish: "stop", choices: 1, input: heard.words}
	if err := a.readMembers(r, heard); err != nil {
		return nil, err
	}
	if w.reply != nil {
		a.text = *w.reply
	}
	if len(a.toolCalls) > 0 {
		a.finish = "tool_calls"
		if w.reply == nil {
			a.text = ""
		}
	}
	if w.finish != "" {
		a.finish = w.finish
	}
	return a, a.limit(r.Body)
}

func (a *answer) readMembers(r *abi.EncodeRequest, heard said) (err error) {
	if n := scan.Get(r.Body, "n"); !scan.IsNull(n) {
		if a.choices, err = wholeNumber("n", n, 1, 128); err != nil {
			return err
		}
	}
	if on, _ := scan.Bool(scan.Get(r.Body, "logprobs")); on && !dropped(r, "logprobs") {
		return refuse("logprobs", "is not supported by echo: it has no probabilities")
	}
	if name := forcedTool(r.Body); name != nil && len(a.toolCalls) == 0 && heard.role == "user" {
		a.toolCalls = []toolCall{{name: name, arguments: []byte(`"{}"`)}}
	}
	return nil
}

func dropped(r *abi.EncodeRequest, member string) bool {
	for _, d := range r.DropParams {
		if d == member {
			return true
		}
	}
	return false
}

// forcedTool is the raw name of the tool that the client wants to see called.
func forcedTool(body []byte) []byte {
	choice := scan.Get(body, "tool_choice")
	if scan.Kind(choice) == '{' {
		return scan.Get(choice, "function", "name")
	}
	if s, _ := scan.String(choice); s != "required" {
		return nil
	}
	var name []byte
	scan.Elements(scan.Get(body, "tools"), func(_ int, tool []byte) bool {
		name = scan.Get(tool, "function", "name")
		return name == nil
	})
	return name
}

// limit applies stop and the output cap, in words.
func (a *answer) limit(body []byte) error {
	stop := scan.Get(body, "stop")
	if s, ok := scan.String(stop); ok {
		a.stopAt(s)
	}
	scan.Elements(stop, func(_ int, v []byte) bool {
		s, _ := scan.String(v)
		a.stopAt(s)
		return true
	})
	for _, name := range [...]string{"max_completion_tokens", "max_tokens"} {
		raw := scan.Get(body, name)
		if scan.IsNull(raw) {
			continue
		}
		most, err := wholeNumber(name, raw, 1, maxTokens)
		if err != nil {
			return err
		}
		if words := split(a.text); int64(len(words)) > most {
			a.text = strings.Join(words[:most], "")
			a.finish = "length"
		}
		return nil
	}
	return nil
}

func (a *answer) stopAt(s string) {
	if i := strings.Index(a.text, s); s != "" && i >= 0 {
		a.text = a.text[:i]
	}
}

// whole makes the LocalAnswer of an answer in one piece.
func (a *answer) whole() []byte {
	b := append(a.wish.begin(200), `,"body":{"answer":{"choices":[`...)
	for i := range a.choices {
		b = a.comma(b, i)
		b = strconv.AppendInt(append(b, `{"index":`...), i, 10)
		b = append(b, `,"message":{"role":"assistant","content":`...)
		if a.text == "" && len(a.toolCalls) > 0 {
			b = append(b, `null`...)
		} else {
			b = scan.AppendString(b, a.text)
		}
		if a.wish.reasoning != "" {
			b = scan.AppendString(append(b, `,"reasoning_content":`...), a.wish.reasoning)
		}
		if len(a.toolCalls) > 0 {
			b = a.appendToolCalls(append(b, ','), false)
		}
		b = scan.AppendString(append(b, `},"finish_reason":`...), a.finish)
		b = append(b, '}')
	}
	b = append(b, `]},"usage":`...)
	return append(a.appendUsage(b), `}}`...)
}

func (a *answer) comma(b []byte, i int64) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// appendToolCalls writes the member, for a delta with indexes.
func (a *answer) appendToolCalls(b []byte, indexed bool) []byte {
	b = append(b, `"tool_calls":[`...)
	for i, c := range a.toolCalls {
		b = a.comma(b, int64(i))
		b = append(b, '{')
		if indexed {
			b = append(strconv.AppendInt(append(b, `"index":`...), int64(i), 10), ',')
		}
		b = strconv.AppendInt(append(b, `"id":"call_echo_`...), int64(i+1), 10)
		b = append(append(b, `","type":"function","function":{"name":`...), c.name...)
		b = append(append(b, `,"arguments":`...), c.arguments...)
		b = append(b, `}}`...)
	}
	return append(b, ']')
}

// stream makes the LocalAnswer of a stream.
func (a *answer) stream() []byte {
	s := stream{a: a, b: append(a.wish.begin(200), `,"events":[`...)}
	s.each(`"role":"assistant","content":""`, 0)
	for _, piece := range a.cut(a.wish.reasoning) {
		s.piece(`"reasoning_content":`, piece)
	}
	for _, piece := range a.cut(a.text) {
		s.piece(`"content":`, piece)
	}
	if len(a.toolCalls) > 0 {
		s.count()
		s.each(string(a.appendToolCalls(nil, true)), a.wish.delay)
	}
	switch {
	case a.wish.fail == nil:
		s.end()
	case !s.failed: // fail_after is beyond the last piece
		s.fail()
	}
	s.b = append(s.b, ']')
	if a.wish.fail != nil && a.wish.fail.status == 0 {
		s.b = append(s.b, `,"cut":true`...)
	}
	return append(s.b, '}')
}

// stream writes events until the answer fails.
type stream struct {
	a      *answer
	b      []byte
	events int64
	pieces int64
	failed bool
}

// count counts a piece, and fails instead when its time has come.
func (s *stream) count() {
	if s.a.wish.fail != nil && s.pieces == s.a.wish.failAfter && !s.failed {
		s.fail()
	}
	s.pieces++
}

func (s *stream) fail() {
	s.failed = true
	f := s.a.wish.fail
	if f.status == 0 {
		return
	}
	s.open(eventError, s.a.wish.delay)
	s.b = scan.AppendString(append(s.b, `{"code":`...), string(f.code))
	s.b = scan.AppendString(append(s.b, `,"message":`...), f.message)
	s.b = append(s.b, `}}`...)
}

func (s *stream) piece(member, text string) {
	s.count()
	s.each(string(scan.AppendString([]byte(member), text)), s.a.wish.delay)
}

// each sends a delta to every choice; the first waits.
func (s *stream) each(delta string, delay int64) {
	for i := range s.a.choices {
		s.chunk(i, delta, `null`, delay)
		delay = 0
	}
}

func (s *stream) chunk(choice int64, delta, finish string, delay int64) {
	if s.failed {
		return
	}
	s.open(eventChunk, delay)
	s.b = strconv.AppendInt(append(s.b, `{"choices":[{"index":`...), choice, 10)
	s.b = append(append(s.b, `,"delta":{`...), delta...)
	s.b = append(append(s.b, `},"finish_reason":`...), finish...)
	s.b = append(s.b, `}]}}`...)
}

// open begins an event up to its data, which its writer ends with the event's brace.
func (s *stream) open(name string, delay int64) {
	s.b = s.a.comma(s.b, s.events)
	s.events++
	s.b = append(append(append(s.b, `{"name":"`...), name...), '"')
	if delay > 0 {
		s.b = strconv.AppendInt(append(s.b, `,"delay_ms":`...), delay, 10)
	}
	s.b = append(s.b, `,"data":`...)
}

func (s *stream) end() {
	for i := range s.a.choices {
		s.chunk(i, "", `"`+s.a.finish+`"`, 0)
	}
	s.open(eventDone, 0)
	s.b = append(s.a.appendUsage(s.b), '}')
}
