package exchange

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// glance is what an event says at first sight: which members it has at any
// depth, and how much generated text. It is seen while the event is validated, so
// that an ordinary event is gone through once.
type glance struct {
	err    bool  // "error" that is not null
	usage  bool  // "usage" that is an object
	finish bool  // "finish_reason" that is a string
	delta  bool  // "delta" that is an object
	blank  bool  // "id" that is empty
	tokens int64 // estimate of the generated text
}

// looker glances at the events of one stream.
type looker struct {
	seen  glance
	visit func(name, value []byte) // member, made once
}

// look glances at a JSON document; its error says where it is not valid.
func (l *looker) look(doc []byte) (glance, error) {
	if l.visit == nil {
		l.visit = l.member
	}
	l.seen = glance{}
	err := scan.Visit(doc, l.visit)
	return l.seen, err
}

func (l *looker) member(name, value []byte) {
	g := &l.seen
	switch string(name) {
	case "error":
		g.err = g.err || value[0] != 'n'
	case "usage":
		g.usage = g.usage || value[0] == '{'
	case "finish_reason":
		g.finish = g.finish || value[0] == '"'
	case "id":
		g.blank = g.blank || len(value) == 2 && value[0] == '"'
	case "content", "reasoning_content", "arguments", "text", "thinking", "partial_json", "delta", "response", "generation", "outputText", "completion":
		g.delta = g.delta || value[0] == '{' && string(name) == "delta"
		if value[0] == '"' {
			g.tokens += estimateText(value[1 : len(value)-1])
		}
	}
}

// nextString is the string that begins at or after i, as written between its
// quotes, and the position behind it; -1 when there is none.
func nextString(doc []byte, i int) (text []byte, rest int) {
	q := bytes.IndexByte(doc[i:], '"')
	if q < 0 {
		return nil, -1
	}
	from := i + q + 1
	for end := from; ; end++ {
		e := bytes.IndexByte(doc[end:], '"')
		if e < 0 {
			return nil, -1
		}
		if end += e; !escaped(doc, from, end) {
			return doc[from:end], end + 1
		}
	}
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}
