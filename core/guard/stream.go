package guard

import (
	"bytes"
	"context"
	"slices"
	"unicode/utf8"

	"github.com/tokligence/gateway/core/segment"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// Stream guards a streamed answer. Events are held whole: one leaves when all
// of its text lies before what the guardrails keep back, so that whatever else
// it carries (log probabilities, indexes, ids) stays with its text.
type Stream struct {
	// Frame writes an event to dst as the client's stream has it; sse.Append unless set.
	Frame func(dst []byte, name string, data []byte) []byte

	run    *Run
	stages []*stage
}

// stage is one guardrail's place in the line; what it releases goes to the next.
type stage struct {
	attachment int
	queue      []*event
	texts      []*running
	fresh      bool // text or an end has come since the last inspection
	echoes     map[segment.Stream]*echo
}

// echo is a running text that may come again as a whole: as it came to the stage,
// and as it left.
type echo struct{ said, left []byte }

// running is the text of one segment.Stream that has not left the stage yet.
type running struct {
	stream segment.Stream
	pieces []*piece
	fresh  bool
	ended  bool
	alone  bool   // one event's: it neither goes on nor comes again
	before string // the end of what has left
	seen   string // monitor: what has left and would have been held
}

type piece struct {
	found *segment.Found
	text  string
	free  bool  // may leave
	again *echo // its text is that of earlier pieces; nil for a text of its own
}

type event struct {
	name, data []byte
	found      []segment.Found
	pieces     []*piece
	ended      segment.Ended
}

// Stream is nil when no guardrail of the chain inspects streams.
func (r *Run) Stream() *Stream {
	s := &Stream{run: r, Frame: sse.Append}
	for i := range r.chain.attachments {
		if slices.Contains(r.chain.attachments[i].Stages, string(abi.StageStream)) {
			st := &stage{attachment: i}
			if segment.Repeats(r.context.Endpoint) {
				st.echoes = map[segment.Stream]*echo{}
			}
			s.stages = append(s.stages, st)
		}
	}
	if len(s.stages) == 0 {
		return nil
	}
	return s
}

// Push takes one event of the client's dialect.
func (s *Stream) Push(ev sse.Event) {
	s.stages[0].push(s.newEvent(bytes.Clone(ev.Name), bytes.Clone(ev.Data)))
}

func (s *Stream) newEvent(name, data []byte) *event {
	e := &event{name: name, data: data}
	e.found, e.ended = segment.Event(s.run.context.Endpoint, data)
	return e
}

func (st *stage) push(e *event) {
	st.queue = append(st.queue, e)
	for i := range e.found {
		f := &e.found[i]
		p := &piece{found: f, text: f.Text}
		e.pieces = append(e.pieces, p)
		if st.repeats(f, p) {
			continue
		}
		t := st.text(f)
		t.pieces = append(t.pieces, p)
		t.fresh, t.ended, st.fresh = true, f.Alone, true
	}
	for _, t := range st.texts {
		if e.ended.Has(t.stream) && len(t.pieces) > 0 {
			t.ended, t.fresh, st.fresh = true, true, true
		}
	}
}

// repeats reports whether a text says again what has been inspected piece by
// piece; it leaves as the pieces did. What says anything else is inspected itself.
func (st *stage) repeats(f *segment.Found, p *piece) bool {
	e := st.echoes[f.Stream]
	switch {
	case f.Repeats && e != nil && string(e.said) == f.Text:
		for _, t := range st.texts {
			if t.stream == f.Stream && !t.alone && len(t.pieces) > 0 {
				t.ended, t.fresh, st.fresh = true, true, true
			}
		}
		p.again, p.free = e, true
		return true
	case f.Repeats:
		f.Alone = true
	case st.echoes != nil && !f.Alone:
		if e == nil {
			e = new(echo)
			st.echoes[f.Stream] = e
		}
		e.said = append(e.said, f.Text...)
	}
	return false
}

func (st *stage) text(f *segment.Found) *running {
	if !f.Alone {
		for _, t := range st.texts {
			if t.stream == f.Stream && !t.alone {
				return t
			}
		}
	}
	t := &running{stream: f.Stream, alone: f.Alone}
	st.texts = append(st.texts, t)
	return t
}

// Ready inspects what has been pushed and appends the events that may leave.
// The error is a *core.Error; dst then still holds what may leave.
func (s *Stream) Ready(ctx context.Context, dst []byte) ([]byte, error) {
	return s.advance(ctx, dst, false)
}

// End is Ready for the end of the stream: nothing stays behind.
func (s *Stream) End(ctx context.Context, dst []byte) ([]byte, error) {
	return s.advance(ctx, dst, true)
}

func (s *Stream) advance(ctx context.Context, dst []byte, end bool) ([]byte, error) {
	for n, st := range s.stages {
		if err := s.inspect(ctx, st, end); err != nil {
			return dst, err
		}
		for _, e := range st.release() {
			if n+1 < len(s.stages) {
				s.stages[n+1].push(s.newEvent(e.name, e.data))
				continue
			}
			dst = s.Frame(dst, string(e.name), e.data)
		}
	}
	return dst, nil
}

// inspect asks the stage's guardrail about all texts that have grown or ended,
// the ended ones in a call of their own.
func (s *Stream) inspect(ctx context.Context, st *stage, end bool) error {
	if !st.fresh && !end {
		return nil
	}
	st.fresh = false
	var going, ended []*running
	for _, t := range st.texts {
		t.ended = t.ended || end
		switch {
		case len(t.pieces) == 0 || !t.fresh && !t.ended:
		case t.ended:
			ended = append(ended, t)
		default:
			going = append(going, t)
		}
	}
	if err := s.ask(ctx, st, going, false); err != nil {
		return err
	}
	return s.ask(ctx, st, ended, true)
}

func (s *Stream) ask(ctx context.Context, st *stage, texts []*running, final bool) error {
	if len(texts) == 0 {
		return nil
	}
	req := &abi.InspectRequest{Stage: abi.StageStream, Final: final, Segments: make([]abi.Segment, len(texts))}
	for i, t := range texts {
		req.Segments[i] = abi.Segment{ID: i, Role: "assistant", Kind: t.stream.Kind, Group: i, Choice: t.stream.Choice, Text: t.whole(), Before: t.before}
	}
	reply, err := s.run.inspect(ctx, st.attachment, req)
	if err != nil {
		return err
	}
	monitor := s.run.chain.attachments[st.attachment].Monitor
	if reply.Verdict == abi.Rewrite && !monitor {
		for _, seg := range reply.Segments {
			texts[seg.ID].rewrite(seg.Text)
		}
	}
	for i, t := range texts {
		hold := reply.Hold
		switch {
		case final:
			t.seen, hold = "", 0
		case monitor:
			t.seen, hold = lastRunes(req.Segments[i].Text, hold), 0
		case len(req.Segments[i].Text) < t.size():
			hold *= maxEscape
		}
		t.settle(hold)
	}
	return nil
}

// maxEscape is how many characters of JSON may stand for one: \ud83d\ude00.
const maxEscape = 12

// lastRunes is the end of s, at most n characters.
func lastRunes(s string, n int) string {
	from := len(s)
	for ; n > 0 && from > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:from])
		from -= size
	}
	return s[from:]
}

// whole is the text that is to be inspected.
func (t *running) whole() string {
	text := t.seen
	if text == "" && len(t.pieces) == 1 {
		text = t.pieces[0].text
	} else {
		b := []byte(text)
		for _, p := range t.pieces {
			b = append(b, p.text...)
		}
		text = string(b)
	}
	if t.stream.Kind == segment.KindToolArguments {
		text = segment.Plain(text)
	}
	return text
}

// size is the length in bytes of what has not left.
func (t *running) size() (n int) {
	for _, p := range t.pieces {
		n += len(p.text)
	}
	return n
}

// rewrite puts the new text where the old one began.
func (t *running) rewrite(text string) {
	for _, p := range t.pieces {
		p.text = ""
	}
	t.pieces[0].text = text
}

// settle frees the pieces that end before the last hold characters.
func (t *running) settle(hold int) {
	t.fresh = false
	behind := 0
	for i := len(t.pieces) - 1; i >= 0; i-- {
		p := t.pieces[i]
		p.free = behind >= hold
		behind += utf8.RuneCountInString(p.text)
	}
}

// release takes the events off the queue whose every piece is free, in order.
func (st *stage) release() (out []*event) {
	for len(st.queue) > 0 {
		e := st.queue[0]
		for _, p := range e.pieces {
			if !p.free {
				return out
			}
		}
		st.remember(e)
		e.rewrite()
		if len(e.pieces) > 0 {
			for _, t := range st.texts {
				t.forget(e)
			}
			st.texts = slices.DeleteFunc(st.texts, func(t *running) bool { return t.alone && len(t.pieces) == 0 })
		}
		st.queue = st.queue[1:]
		out = append(out, e)
	}
	return out
}

// remember notes how the pieces of an event leave, for those that say it again.
func (st *stage) remember(e *event) {
	if st.echoes == nil {
		return
	}
	for _, p := range e.pieces {
		if p.again != nil {
			p.text = string(p.again.left)
		} else if t := st.echoes[p.found.Stream]; t != nil && !p.found.Alone {
			t.left = append(t.left, p.text...)
		}
	}
}

// rewrite puts changed texts into the event's data.
func (e *event) rewrite() {
	var texts []abi.SegmentText
	for _, p := range e.pieces {
		if p.text != p.found.Text {
			texts = append(texts, abi.SegmentText{ID: p.found.ID, Text: p.text})
		}
	}
	e.data = replace(e.data, e.found, texts)
}

// maxBefore is how much of what has left a guardrail is shown again, in bytes.
const maxBefore = 64

// forget drops the pieces of an event that has left.
func (t *running) forget(e *event) {
	t.pieces = slices.DeleteFunc(t.pieces, func(p *piece) bool {
		if !slices.Contains(e.pieces, p) {
			return false
		}
		t.before += p.text
		if cut := len(t.before) - maxBefore; cut > 0 {
			for !utf8.RuneStart(t.before[cut]) {
				cut++
			}
			t.before = t.before[cut:]
		}
		return true
	})
}
