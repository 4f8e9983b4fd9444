package exchange

import (
	"bytes"
	"math/bits"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A plugin may give the places of annotations in bytes of UTF-8, as its vendor does:
// start_byte and end_byte in the place of OpenAI's start_index and end_index, which are
// in characters. Or it gives them in pieces: start_piece and end_piece are how many
// strings of text, as it wrote them, come before. It may not have seen the text that
// they are of.

// places are OpenAI's names for what plugins write.
var places = [...]struct{ plugin, index string }{
	{"start_byte", "start_index"}, {"end_byte", "end_index"}, {"start_piece", "start_index"}, {"end_piece", "end_index"},
}

var startByte, startPiece = []byte(`"start_byte":`), []byte(`"start_piece":`)

// placed reports whether annotations have places that are not yet in characters.
func placed(doc []byte) bool {
	return bytes.Contains(doc, startByte) || bytes.Contains(doc, startPiece)
}

// cites reports whether the answer may have annotations: only then is its text gone through.
func (r *run) cites() bool {
	return r.plan.endpoint == abi.Chat && (len(r.extrasAt(r.target).hosted) > 0 || r.body.Get("extra_body") != nil)
}

// characters knows where the characters of a text begin: a bit for each of its bytes.
type characters struct {
	starts []uint64
	size   int
	count  int64
	pieces []int64 // how many characters there are up to the end of each
}

// add takes more of the text, a JSON string; an empty one is no piece.
func (c *characters) add(quoted []byte) {
	if scan.Kind(quoted) != '"' || len(quoted) == 2 {
		return
	}
	for _, b := range scan.AppendUnescaped(nil, quoted) {
		if c.size%64 == 0 {
			c.starts = append(c.starts, 0)
		}
		if b&0xC0 != 0x80 {
			c.starts[c.size/64] |= 1 << (c.size % 64)
			c.count++
		}
		c.size++
	}
	c.pieces = append(c.pieces, c.count)
}

// take adds a content, which is a string or an array of its pieces; joined is the
// string that the pieces make, nil for what is one already.
func (c *characters) take(content []byte) (joined []byte) {
	if scan.Kind(content) != '[' {
		c.add(content)
		return nil
	}
	joined = append(joined, '"')
	scan.Elements(content, func(_ int, piece []byte) bool {
		if c.add(piece); scan.Kind(piece) == '"' {
			joined = append(joined, piece[1:len(piece)-1]...)
		}
		return true
	})
	return append(joined, '"')
}

// upTo counts the characters of the first n pieces.
func (c *characters) upTo(n int64) int64 {
	if n = min(n, int64(len(c.pieces))); n <= 0 {
		return 0
	}
	return c.pieces[n-1]
}

// before counts the characters that begin before a byte.
func (c *characters) before(offset int64) (n int64) {
	at := int(min(max(offset, 0), int64(c.size)))
	for _, word := range c.starts[:at/64] {
		n += int64(bits.OnesCount64(word))
	}
	if at%64 > 0 {
		n += int64(bits.OnesCount64(c.starts[at/64] & (1<<(at%64) - 1)))
	}
	return n
}

// indexed puts characters in the place of bytes and pieces in the annotations of an answer
// or chunk, whose texts stand in part ("message", "delta") of each choice and go on those of of.
func indexed(doc []byte, part string, of map[int64]*characters) []byte {
	var choices []byte
	scan.Elements(scan.Get(doc, "choices"), func(i int, choice []byte) bool {
		n, ok := scan.GetInt(choice, "index")
		if !ok {
			n = int64(i)
		}
		text := of[n]
		if text == nil {
			text = &characters{}
			of[n] = text
		}
		said := scan.Get(choice, part)
		var edits []scan.Edit
		if joined := text.take(scan.Get(said, "content")); joined != nil {
			edits = append(edits, scan.Edit{Key: "content", Value: joined})
		}
		if notes := scan.Get(said, "annotations"); placed(notes) {
			edits = append(edits, scan.Edit{Key: "annotations", Value: text.annotations(notes)})
		}
		if edits != nil {
			said = scan.Apply(nil, said, edits)
			choice = scan.Apply(nil, choice, []scan.Edit{{Key: part, Value: said}})
		}
		choices = append(append(choices, ','), choice...)
		return true
	})
	if !placed(doc) {
		return doc
	}
	return scan.Apply(nil, doc, []scan.Edit{{Key: "choices", Value: scan.CloseArray(choices, 0)}})
}

func (c *characters) annotations(notes []byte) []byte {
	var out []byte
	scan.Elements(notes, func(_ int, note []byte) bool {
		if at := scan.Get(note, "url_citation"); placed(at) {
			note = scan.Apply(nil, note, []scan.Edit{{Key: "url_citation", Value: scan.Apply(nil, at, c.indices(at))}})
		}
		out = append(append(out, ','), note...)
		return true
	})
	return scan.CloseArray(out, 0)
}

// indices are the edits that put a citation's places into characters.
func (c *characters) indices(citation []byte) (edits []scan.Edit) {
	for i, p := range places {
		n, ok := scan.GetInt(citation, p.plugin)
		if !ok {
			continue
		}
		if i < 2 {
			n = c.before(n)
		} else {
			n = c.upTo(n)
		}
		edits = append(edits, scan.Edit{Key: p.plugin}, scan.Edit{Key: p.index, Value: appendInt(nil, n)})
	}
	return edits
}
