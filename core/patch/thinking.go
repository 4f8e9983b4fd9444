package patch

import (
	"encoding/base64"
	"hash/fnv"
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// reshapes reports whether an edit makes a new value of the old one.
func reshapes(op abi.EditOp) bool {
	switch op {
	case abi.EditSplitThinking, abi.EditJoinThinking, abi.EditShortID, abi.EditUnwrap, abi.EditInt8, abi.EditNest:
		return true
	}
	return false
}

// reshape appends the object with what an edit makes of its member old.
func (p *Patch) reshape(dst, object, old []byte) []byte {
	name := p.at[len(p.at)-1].Name
	switch {
	case p.Op == abi.EditSplitThinking && scan.Kind(old) == '[':
		content, thought := splitThinking(old)
		edits := []scan.Edit{{Key: name, Value: content}}
		if len(thought) > 0 {
			thought = append(inner(nil, scan.Get(object, p.To)), thought...)
			edits = append(edits, scan.Edit{Key: p.To, Value: quoted(thought)})
		}
		return scan.Apply(dst, object, edits)
	case p.Op == abi.EditJoinThinking && len(inner(nil, old)) > 0:
		return scan.Apply(dst, object, []scan.Edit{{Key: name}, {Key: p.To, Value: joinThinking(old, scan.Get(object, p.To))}})
	case p.Op == abi.EditUnwrap && scan.Kind(old) == '[' && scan.Len(old) == 1:
		scan.Elements(old, func(_ int, v []byte) bool { old = v; return true })
		return scan.Apply(dst, object, []scan.Edit{{Key: name, Value: old}})
	case p.Op == abi.EditInt8 && scan.Kind(old) == '"':
		return scan.Apply(dst, object, []scan.Edit{{Key: name, Value: signed(old)}})
	case p.Op == abi.EditNest && scan.Get(object, p.To) == nil:
		others := scan.Apply(nil, object, []scan.Edit{{Key: name}})
		return scan.Apply(dst, []byte("{}"), []scan.Edit{{Key: name, Value: old}, {Key: p.To, Value: others}})
	case p.Op == abi.EditShortID && scan.Kind(old) == '"':
		size, _ := scan.Int(p.Value)
		return scan.Apply(dst, object, []scan.Edit{{Key: name, Value: appendShortID(nil, old, int(size))}})
	}
	return append(dst, object...)
}

// inner appends what stands between the quotes of a raw string, escapes as they are.
func inner(dst, raw []byte) []byte {
	if scan.Kind(raw) != '"' {
		return dst
	}
	return append(dst, raw[1:len(raw)-1]...)
}

func quoted(text []byte) []byte { return append(append([]byte{'"'}, text...), '"') }

// splitThinking takes an array of parts apart: what is thought, as it stands between
// quotes, and the rest, which is a string where it is text alone and null where there
// is none.
func splitThinking(parts []byte) (content, thought []byte) {
	var text, rest []byte
	plain, some := true, false
	scan.Elements(parts, func(_ int, part []byte) bool {
		if scan.Is(scan.Get(part, "type"), "thinking") {
			thought = appendThought(thought, scan.Get(part, "thinking"))
			return true
		}
		t := scan.Get(part, "text")
		plain = plain && scan.Kind(t) == '"' && scan.Is(scan.Get(part, "type"), "text")
		text = inner(text, t)
		rest, some = append(append(rest, ','), part...), true
		return true
	})
	switch {
	case !some:
		return []byte("null"), thought
	case plain:
		return quoted(text), thought
	}
	return scan.CloseArray(rest, 0), thought
}

// appendThought appends what a part of thinking says: a text, or parts with text.
func appendThought(dst, said []byte) []byte {
	dst = inner(dst, said)
	scan.Elements(said, func(_ int, part []byte) bool {
		dst = inner(dst, scan.Get(part, "text"))
		return true
	})
	return dst
}

// joinThinking is content as parts, behind one that is what was thought.
func joinThinking(thought, content []byte) []byte {
	dst := append([]byte(`[{"type":"thinking","thinking":[{"type":"text","text":`), thought...)
	dst = append(dst, `}]}`...)
	switch scan.Kind(content) {
	case '"':
		if len(inner(nil, content)) > 0 {
			dst = append(append(append(dst, `,{"type":"text","text":`...), content...), '}')
		}
	case '[':
		scan.Elements(content, func(_ int, part []byte) bool {
			dst = append(append(dst, ','), part...)
			return true
		})
	}
	return append(dst, ']')
}

// signed is the array of the bytes of a raw base64 string, each a signed number: the
// string itself where it is no base64.
func signed(text []byte) []byte {
	raw, err := base64.StdEncoding.AppendDecode(nil, scan.Text(text))
	if err != nil {
		return text
	}
	list := make([]byte, 0, 5*len(raw)+2)
	for _, b := range raw {
		list = strconv.AppendInt(append(list, ','), int64(int8(b)), 10)
	}
	return scan.CloseArray(list, 0)
}

const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendShortID appends the raw string id as size letters and digits: as it is where
// it is that, else of a hash, so that a call and its result still belong together.
func appendShortID(dst, id []byte, size int) []byte {
	text := scan.Text(id)
	if len(text) == size && isAlphanumeric(text) {
		return append(dst, id...)
	}
	hash := fnv.New64a()
	hash.Write(text)
	sum := hash.Sum64()
	dst = append(dst, '"')
	for range size {
		dst = append(dst, idDigits[sum%uint64(len(idDigits))])
		sum /= uint64(len(idDigits))
	}
	return append(dst, '"')
}

func isAlphanumeric(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c|' ' < 'a' || c|' ' > 'z') {
			return false
		}
	}
	return true
}
