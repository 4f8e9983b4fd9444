package exchange

import "bytes"

// glance is what an event says at first sight: which members it has at any
// depth, and how much generated text. It is one pass over the event's strings,
// so that an ordinary event is not parsed.
type glance struct {
	err    bool  // "error" that is not null
	usage  bool  // "usage" that is an object
	finish bool  // "finish_reason" that is a string
	tokens int64 // estimate of the generated text
}

// look glances at a valid JSON document.
func look(doc []byte) (g glance) {
	for i := 0; ; {
		name, rest := nextString(doc, i)
		if rest < 0 {
			return g
		}
		if i = skipSpace(doc, rest); i >= len(doc) || doc[i] != ':' {
			i = rest // a value
			continue
		}
		i = skipSpace(doc, i+1)
		first := doc[min(i, len(doc)-1)]
		switch string(name) {
		case "error":
			g.err = g.err || first != 'n'
		case "usage":
			g.usage = g.usage || first == '{'
		case "finish_reason":
			g.finish = g.finish || first == '"'
		case "content", "reasoning_content", "arguments", "text", "thinking", "partial_json":
			if first == '"' {
				name, i = nextString(doc, i)
				g.tokens += estimateText(name)
			}
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
