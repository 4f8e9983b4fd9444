package bridge

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Details makes thinking blocks of thoughts as OpenRouter has them (reasoning_details,
// see package llm), and [SplitThoughts] these of those. What a block cannot say of a
// detail (its type, format, id, index and signature) is sealed in the block's signature,
// which clients hand back as it came; the words stay in the block alone, where a
// guardrail has read them. A hidden one is sealed whole, as redacted_thinking.
// https://openrouter.ai/docs/guides/best-practices/reasoning-tokens#preserving-reasoning
type Details struct {
	head []byte // the open detail, its words empty; nil for none
}

// detailMark begins a signature or data of this file's making. What follows is the
// detail in base64, without its words.
const detailMark = "or1."

// wordsOf is the member that has a detail's words. Others than these and hidden ones are
// not for a model to read again: what a tool of the vendor's did.
func wordsOf(detail []byte) string {
	switch scan.GetString(detail, "type") {
	case "reasoning.text":
		return "text"
	case "reasoning.summary":
		return "summary"
	}
	return ""
}

func hidden(detail []byte) bool { return scan.GetString(detail, "type") == "reasoning.encrypted" }

// Carried reports whether a detail becomes a thinking block.
func Carried(detail []byte) bool { return wordsOf(detail) != "" || hidden(detail) }

// AnyCarried reports whether one of the details becomes a thinking block.
func AnyCarried(details []byte) (found bool) {
	scan.Elements(details, func(_ int, d []byte) bool {
		found = Carried(d)
		return !found
	})
	return found
}

// HaveWords reports whether details of a delta bring the words of thoughts, which
// reasoning_content repeats.
func HaveWords(details []byte) (found bool) {
	scan.Elements(details, func(_ int, d []byte) bool {
		name := wordsOf(d)
		found = name != "" && filled(scan.Get(d, name))
		return !found
	})
	return found
}

// MaySeal reports whether a body can have a block that [Sealed] finds.
func MaySeal(body []byte) bool {
	return bytes.Contains(body, []byte(`"`+detailMark)) || bytes.Contains(body, []byte(`\u00`))
}

// Continues reports whether a detail of a delta goes on with the open one.
func (d *Details) Continues(detail []byte) bool {
	if d.head == nil {
		return false
	}
	for _, name := range [...]string{"type", "index", "id"} {
		old, v := scan.Get(d.head, name), scan.Get(detail, name)
		if !scan.IsNull(old) && !scan.IsNull(v) && !bytes.Equal(old, v) {
			return false
		}
	}
	return true
}

// Add is the increment of a block that a detail comes to: of type thinking with its
// words, which leaves it open, or a whole redacted_thinking; nil for one that is not
// carried. One that does not continue the open detail wants that ended before.
func (d *Details) Add(detail []byte) (block []byte) {
	if hidden(detail) {
		return scan.CloseObject(append(scan.AppendName(append(scan.AppendName(nil, "type"), `"redacted_thinking"`...), "data"), sealDetail(detail)...), 0)
	}
	name := wordsOf(detail)
	if name == "" {
		return nil
	}
	said := scan.Get(detail, name)
	if d.head == nil {
		d.head = []byte("{}")
	}
	var edits []scan.Edit
	scan.Members(detail, func(key, value []byte) bool {
		if string(key) == name && filled(value) {
			value = []byte(`""`)
		}
		if old := scan.Get(d.head, string(key)); old == nil || !scan.IsNull(value) {
			edits = append(edits, scan.Edit{Key: string(key), Value: value})
		}
		return true
	})
	d.head = scan.Apply(nil, d.head, edits)
	if scan.Kind(said) != '"' {
		said = []byte(`""`)
	}
	return scan.CloseObject(append(scan.AppendName(append(scan.AppendName(nil, "type"), `"thinking"`...), "thinking"), said...), 0)
}

// End is the raw signature that ends the open detail's block; nil when none is open.
func (d *Details) End() (signature []byte) {
	if d.head == nil {
		return nil
	}
	signature, d.head = sealDetail(d.head), nil
	return signature
}

func sealDetail(detail []byte) []byte {
	return scan.AppendString(nil, detailMark+base64.RawStdEncoding.EncodeToString(detail))
}

// WithBlocks is a whole message whose reasoning_details are thinking_blocks, one for
// each; the message itself when it has none of these or has those.
func WithBlocks(message []byte) []byte {
	if scan.Len(scan.Get(message, "thinking_blocks")) > 0 {
		return message
	}
	var list []byte
	scan.Elements(scan.Get(message, "reasoning_details"), func(_ int, detail []byte) bool {
		var one Details
		block := one.Add(detail)
		if block == nil {
			return true
		}
		if signature := one.End(); signature != nil {
			block = scan.Apply(nil, block, []scan.Edit{{Key: "signature", Value: signature}})
		}
		list = append(append(list, ','), block...)
		return true
	})
	if list == nil {
		return message
	}
	return scan.Apply(nil, message, []scan.Edit{{Key: "reasoning_details"}, {Key: "thinking_blocks", Value: scan.CloseArray(list, 0)}})
}

// SplitThoughts takes the thinking blocks of a history, a raw array, apart: blocks as
// Claude has them, and the details that others were made of. Either is nil for none.
func SplitThoughts(list []byte) (blocks, details []byte) {
	scan.Elements(list, func(_ int, block []byte) bool {
		if detail := unsealDetail(block); detail != nil {
			details = append(append(details, ','), detail...)
		} else if !Sealed(block) {
			blocks = append(append(blocks, ','), block...)
		}
		return true
	})
	if blocks != nil {
		blocks = scan.CloseArray(blocks, 0)
	}
	if details != nil {
		details = scan.CloseArray(details, 0)
	}
	return blocks, details
}

// seal is the raw text in which a block may be sealed.
func seal(block []byte) []byte {
	if scan.GetString(block, "type") == "redacted_thinking" {
		return scan.Get(block, "data")
	}
	return scan.Get(block, "signature")
}

// Sealed reports whether a thinking block was made of a detail, for no Claude to read.
func Sealed(block []byte) bool {
	return strings.HasPrefix(string(scan.Text(seal(block))), detailMark)
}

// unsealDetail is the detail that a block was made of, with the block's words; nil for
// another block.
func unsealDetail(block []byte) []byte {
	text, ok := strings.CutPrefix(string(scan.Text(seal(block))), detailMark)
	if !ok {
		return nil
	}
	detail, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || scan.Valid(detail) != nil || !Carried(detail) {
		return nil
	}
	for _, name := range [...]string{"text", "summary"} {
		switch old, words := scan.Get(detail, name), scan.Get(block, "thinking"); {
		case scan.IsNull(old):
		case name != wordsOf(detail) || scan.Kind(words) != '"': // no words were sealed here
			return nil
		default:
			detail = scan.Apply(nil, detail, []scan.Edit{{Key: name, Value: words}})
		}
	}
	return detail
}
