package exchange

import (
	"bytes"
	"math/bits"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A plugin may give the places of annotations in bytes of UTF-8, as its vendor does:
// start_byte and end_byte in the place of OpenAI's start_index and end_index, which are
// in characters. It may not have seen the text that they are of.

var startByte = []byte(`"start_byte":`)

// cites reports whether the answer may have annotations: only then is its text gone through.
func (r *run) cites() bool {
	return r.plan.endpoint == abi.Chat && (len(r.facts.hosted) > 0 || r.body.Get("extra_body") != nil)
}

// characters knows where the characters of a text begin: a bit for each of its bytes.
type characters struct {
	starts []uint64
	size   int
}

// add takes more of the text, a JSON string.
func (c *characters) add(quoted []byte) {
	if scan.Kind(quoted) != '"' {
		return
	}
	for _, b := range scan.AppendUnescaped(nil, quoted) {
		if c.size%64 == 0 {
			c.starts = append(c.starts, 0)
		}
		if b&0xC0 != 0x80 {
			c.starts[c.size/64] |= 1 << (c.size % 64)
		}
		c.size++
	}
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

// indexed puts characters in the place of bytes in the annotations of an answer or chunk,
// whose texts stand in part ("message", "delta") of each choice and go on those of of.
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
		text.add(scan.Get(said, "content"))
		if notes := scan.Get(said, "annotations"); bytes.Contains(notes, startByte) {
			said = scan.Apply(nil, said, []scan.Edit{{Key: "annotations", Value: text.annotations(notes)}})
			choice = scan.Apply(nil, choice, []scan.Edit{{Key: part, Value: said}})
		}
		choices = append(append(choices, ','), choice...)
		return true
	})
	if !bytes.Contains(doc, startByte) {
		return doc
	}
	return scan.Apply(nil, doc, []scan.Edit{{Key: "choices", Value: scan.CloseArray(choices, 0)}})
}

func (c *characters) annotations(notes []byte) []byte {
	var out []byte
	scan.Elements(notes, func(_ int, note []byte) bool {
		if at := scan.Get(note, "url_citation"); bytes.Contains(at, startByte) {
			start, _ := scan.GetInt(at, "start_byte")
			end, _ := scan.GetInt(at, "end_byte")
			at = scan.Apply(nil, at, []scan.Edit{{Key: "start_byte"}, {Key: "end_byte"},
				{Key: "start_index", Value: appendInt(nil, c.before(start))}, {Key: "end_index", Value: appendInt(nil, c.before(end))}})
			note = scan.Apply(nil, note, []scan.Edit{{Key: "url_citation", Value: at}})
		}
		out = append(append(out, ','), note...)
		return true
	})
	return scan.CloseArray(out, 0)
}
