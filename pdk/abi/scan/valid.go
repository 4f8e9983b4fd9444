// Package scan reads and edits JSON text in place: no tree, no reflection, and
// every value that is only moved stays byte for byte what it was.
//
// [Valid] checks a text once, strictly. Everything else in the package assumes
// text that has passed it and never fails loudly on other text: it answers
// "absent" and stays within the slice.
//
// A key or string value is compared after unescaping, so "model" and
// "\u006dodel" are the same member.
package scan

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 512

// SyntaxError says where a JSON text is wrong.
type SyntaxError struct {
	Offset int // of the byte at fault
	What   string
}

func (e *SyntaxError) Error() string { return e.What + " at byte " + strconv.Itoa(e.Offset) }

// Valid checks that b is one JSON value (RFC 8259) in valid UTF-8 without lone
// surrogates, at most MaxDepth deep, with nothing but white space around it.
func Valid(b []byte) error {
	v := validator{b: b}
	return v.document()
}

// Visit is [Valid] that calls f for every member of an object, at any depth:
// with its name as it stands between its quotes, and its raw value. It may have
// called f for a part of what it then finds not to be valid.
func Visit(b []byte, f func(name, value []byte)) error {
	v := validator{b: b, visit: f}
	return v.document()
}

type validator struct {
	b   []byte
	i   int
	err *SyntaxError

	noting bool // where the members of the outermost object stand
	noted  []place
	visit  func(name, value []byte) // nil for none
}

func (v *validator) document() error {
	v.space()
	v.value(0)
	if v.err == nil {
		v.space()
		if v.i < len(v.b) {
			v.fail("unexpected text after the value")
		}
	}
	if v.err != nil {
		return v.err
	}
	return nil
}

func (v *validator) fail(what string) {
	if v.err == nil {
		v.err = &SyntaxError{Offset: v.i, What: what}
	}
}

func (v *validator) space() {
	for v.i < len(v.b) && isSpace(v.b[v.i]) {
		v.i++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// next is the byte at hand, 0 at the end.
func (v *validator) next() byte {
	if v.i < len(v.b) {
		return v.b[v.i]
	}
	return 0
}

func (v *validator) value(depth int) {
	if depth > MaxDepth {
		v.fail("nested too deep")
		return
	}
	switch c := v.next(); {
	case c == '{':
		v.object(depth)
	case c == '[':
		v.array(depth)
	case c == '"':
		v.str()
	case c == '-' || c >= '0' && c <= '9':
		v.number()
	case c == 't':
		v.literal("true")
	case c == 'f':
		v.literal("false")
	case c == 'n':
		v.literal("null")
	case v.i >= len(v.b):
		v.fail("unexpected end")
	default:
		v.fail("unexpected character")
	}
}

func (v *validator) literal(word string) {
	if len(v.b)-v.i < len(word) || string(v.b[v.i:v.i+len(word)]) != word {
		v.fail("unexpected character")
		return
	}
	v.i += len(word)
}

func (v *validator) object(depth int) {
	v.i++
	v.space()
	if v.next() == '}' {
		v.i++
		return
	}
	for v.err == nil {
		v.space()
		if v.next() != '"' {
			v.fail("expected a member name")
			return
		}
		name := v.i
		v.str()
		nameEnd := v.i
		v.space()
		if v.err == nil && v.next() != ':' {
			v.fail("expected a colon")
		}
		if v.err != nil {
			return
		}
		v.i++
		v.space()
		value := v.i
		v.value(depth + 1)
		if depth == 0 && v.noting && v.err == nil {
			v.noted = append(v.noted, place{Text(v.b[name:nameEnd]), name, value, v.i})
		}
		if v.visit != nil && v.err == nil {
			v.visit(v.b[name+1:nameEnd-1], v.b[value:v.i])
		}
		v.space()
		if v.err != nil || v.more('}') {
			return
		}
	}
}

func (v *validator) array(depth int) {
	v.i++
	v.space()
	if v.next() == ']' {
		v.i++
		return
	}
	for v.err == nil {
		v.space()
		v.value(depth + 1)
		v.space()
		if v.err != nil || v.more(']') {
			return
		}
	}
}

// more steps over a comma, or over the closing byte and reports the end.
func (v *validator) more(closing byte) (ended bool) {
	switch v.next() {
	case ',':
		v.i++
		return false
	case closing:
		v.i++
		return true
	}
	v.fail("expected a comma or the end")
	return true
}

func (v *validator) digits() {
	if c := v.next(); c < '0' || c > '9' {
		v.fail("expected a digit")
		return
	}
	for c := v.next(); c >= '0' && c <= '9'; c = v.next() {
		v.i++
	}
}

func (v *validator) number() {
	if v.next() == '-' {
		v.i++
	}
	if v.next() == '0' {
		v.i++
	} else {
		v.digits()
	}
	if v.next() == '.' {
		v.i++
		v.digits()
	}
	if c := v.next(); c == 'e' || c == 'E' {
		v.i++
		if c := v.next(); c == '+' || c == '-' {
			v.i++
		}
		v.digits()
	}
}

func (v *validator) str() {
	b, i := v.b, v.i+1
	for {
		if i += plainPrefix(b[i:]); i >= len(b) {
			v.i = i
			v.fail("unexpected end of string")
			return
		}
		switch c := b[i]; {
		case c == '"':
			v.i = i + 1
			return
		case c == '\\':
			v.i = i
			v.escape()
			if v.err != nil {
				return
			}
			i = v.i
		case c < 0x20:
			v.i = i
			v.fail("control character in string")
			return
		default:
			for i < len(b) && b[i] >= utf8.RuneSelf { // such runes seldom come alone
				r, n := utf8.DecodeRune(b[i:])
				if r == utf8.RuneError && n == 1 {
					v.i = i
					v.fail("invalid UTF-8")
					return
				}
				i += n
			}
		}
	}
}

// plainPrefix counts leading bytes that are ASCII, no control character, no
// quote and no backslash.
func plainPrefix(b []byte) int {
	n := 0
	for ; len(b)-n >= 32; n += 32 {
		p := b[n : n+32 : n+32]
		if (special(binary.LittleEndian.Uint64(p))|special(binary.LittleEndian.Uint64(p[8:]))|
			special(binary.LittleEndian.Uint64(p[16:]))|special(binary.LittleEndian.Uint64(p[24:])))&eachHigh != 0 {
			break
		}
	}
	for ; len(b)-n >= 8; n += 8 {
		if m := special(binary.LittleEndian.Uint64(b[n:])) & eachHigh; m != 0 {
			return n + bits.TrailingZeros64(m)/8
		}
	}
	for n < len(b) && b[n] >= 0x20 && b[n] < utf8.RuneSelf && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

const eachByte, eachHigh = 0x0101010101010101, 0x8080808080808080

// special has the highest bit set of the first byte of w that is not plain: a
// subtraction borrows from the bytes behind it alone. Flipping the second bit
// moves the quote, and no other plain byte, next to the control characters.
func special(w uint64) uint64 {
	return ((w ^ eachByte*2) - eachByte*0x21) | ((w ^ eachByte*'\\') - eachByte) | w
}

func (v *validator) escape() {
	v.i++
	switch v.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		v.i++
	case 'u':
		r, ok := hex4(v.b[v.i+1:])
		if !ok {
			v.fail("bad \\u escape")
			return
		}
		v.i += 5
		if r < 0xd800 || r > 0xdfff {
			return
		}
		low, ok := rune(0), false
		if len(v.b)-v.i >= 6 && v.b[v.i] == '\\' && v.b[v.i+1] == 'u' {
			low, ok = hex4(v.b[v.i+2:])
		}
		if r > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
			v.fail("lone surrogate")
			return
		}
		v.i += 6
	default:
		v.fail("bad escape")
	}
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
