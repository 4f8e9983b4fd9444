package scan

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// Kind is the sort of a raw value: '{', '[', '"', 't', 'f', 'n', '0' for any
// number, and 0 for an absent one.
func Kind(raw []byte) byte {
	if len(raw) > 0 && raw[0] > ' ' {
		return kinds[raw[0]]
	}
	return kindBehindSpace(raw)
}

func kindBehindSpace(raw []byte) byte {
	if i := skipSpace(raw, 0); i < len(raw) {
		return kinds[raw[i]]
	}
	return 0
}

// kinds is the kind of a value by its first byte.
var kinds = func() (k [256]byte) {
	for c := range k {
		k[c] = byte(c)
	}
	for c := '1'; c <= '9'; c++ {
		k[c] = '0'
	}
	k['-'] = '0'
	return k
}()

// IsNull reports whether raw is absent or null.
func IsNull(raw []byte) bool { k := Kind(raw); return k == 0 || k == 'n' }

// Members calls f for every member of the object raw, in order, with its key
// (unescaped; valid until f returns) and its value (a slice of raw without
// white space around it), until f returns false. Anything but an object has none.
func Members(raw []byte, f func(key, value []byte) bool) {
	if v := find(raw); v != nil {
		known.members(v, f)
		return
	}
	members(raw, func(key []byte, _, v, end int) bool { return f(key, raw[v:end]) })
}

// members also tells where a member's key and value stand.
func members(raw []byte, f func(key []byte, keyStart, valueStart, valueEnd int) bool) {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return
	}
	i++
	var scratch []byte // for escaped names, which are rare
	for {
		i = skipSpace(raw, i)
		if i >= len(raw) || raw[i] != '"' {
			return
		}
		k := i
		if i = skipString(raw, k); i == k {
			return
		}
		key := raw[k+1 : i-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			scratch = AppendUnescaped(scratch[:0], raw[k:i])
			key = scratch
		}
		i = skipSpace(raw, i)
		if i >= len(raw) || raw[i] != ':' {
			return
		}
		v := skipSpace(raw, i+1)
		end := skipValue(raw, v)
		if end <= v || !f(key, k, v, end) {
			return
		}
		i = skipSpace(raw, end)
		if i >= len(raw) || raw[i] != ',' {
			return
		}
		i++
	}
}

// Elements calls f for every element of the array raw until f returns false.
// Anything but an array has none.
func Elements(raw []byte, f func(i int, value []byte) bool) {
	if v := find(raw); v != nil {
		if v.kind() != '[' {
			return
		}
		n := 0
		for v, end := known.inside(v); v != end && f(n, known.value(v)); v = known.node(v.next()) {
			n++
		}
		return
	}
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return
	}
	i++
	for n := 0; ; n++ {
		v := skipSpace(raw, i)
		end := skipValue(raw, v)
		if end <= v || !f(n, raw[v:end]) {
			return
		}
		i = skipSpace(raw, end)
		if i >= len(raw) || raw[i] != ',' {
			return
		}
		i++
	}
}

// Get follows path through objects and returns the raw value, nil when absent.
// Of duplicate members the last counts, as in every JSON library that fills structs.
func Get(raw []byte, path ...string) []byte {
	if v := find(raw); v != nil {
		for _, name := range path {
			if v = known.member(v, name); v == nil {
				return nil
			}
		}
		return known.value(v)
	}
	for _, name := range path {
		var found []byte
		Members(raw, func(key, value []byte) bool {
			if string(key) == name {
				found = value
			}
			return true
		})
		if found == nil {
			return nil
		}
		raw = found
	}
	return raw
}

// GetString is Get for a string value; "" when absent or not a string.
func GetString(raw []byte, path ...string) string {
	s, _ := String(Get(raw, path...))
	return s
}

// GetText is Text of what Get finds.
func GetText(raw []byte, path ...string) []byte { return Text(Get(raw, path...)) }

// GetInt is Get for an integer; ok is false when absent or not an integer.
func GetInt(raw []byte, path ...string) (n int64, ok bool) { return Int(Get(raw, path...)) }

// Len counts the elements of an array; 0 for anything else.
func Len(raw []byte) (n int) {
	Elements(raw, func(int, []byte) bool { n++; return true })
	return n
}

// String unescapes a raw string value. ok is false for anything else.
func String(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	return string(Text(raw)), true
}

// Text is the text of a raw string value, nil for anything else. It is a part
// of raw where nothing is escaped, and does not allocate then.
func Text(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	if Escaped(raw) {
		return AppendUnescaped(nil, raw)
	}
	return raw[1 : len(raw)-1 : len(raw)-1]
}

// Escaped reports whether there is a backslash in the raw string value.
func Escaped(raw []byte) bool {
	if v := find(raw); v != nil {
		return v.kind() == escaped
	}
	return bytes.IndexByte(raw, '\\') >= 0
}

// Same reports whether two texts are the same. Of long ones a guest compares four
// words at a time, which is several times quicker than a comparison of strings.
func Same(a, b []byte) bool {
	const step = 32
	n := len(a)
	if n != len(b) {
		return false
	}
	if n < step {
		return string(a) == string(b)
	}
	for i := 0; ; i = min(i+step, n-step) {
		p, q := unsafe.Add(unsafe.Pointer(unsafe.SliceData(a)), i), unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)
		if (wordAt(unsafe.Add(p, 24))^wordAt(unsafe.Add(q, 24)))|(wordAt(unsafe.Add(p, 16))^wordAt(unsafe.Add(q, 16))) != 0 ||
			(wordAt(unsafe.Add(p, 8))^wordAt(unsafe.Add(q, 8)))|(wordAt(p)^wordAt(q)) != 0 {
			return false
		}
		if i == n-step {
			return true
		}
	}
}

// Is reports whether raw is a string value of that text.
func Is(raw []byte, text string) bool {
	n := len(text)
	if len(raw) < n+2 || raw[0] != '"' {
		return false
	}
	if len(raw) == n+2 {
		p, q := unsafe.Pointer(&raw[1]), unsafe.Pointer(unsafe.StringData(text))
		if firstWord(p, n) == firstWord(q, n) && (n <= 8 || string(raw[9:1+n]) == text[8:]) {
			return true
		}
	}
	return Escaped(raw) && isEscaped(raw, text)
}

//go:noinline
func isEscaped(raw []byte, text string) bool {
	var room [256]byte // on the stack
	return string(AppendUnescaped(room[:0], raw)) == text
}

// Int reads an integer; 5, 5.0 and 5e0 are all five. ok is false for fractions,
// for what does not fit and for other kinds.
func Int(raw []byte) (n int64, ok bool) {
	if len(raw) == 0 || kinds[raw[0]] != '0' {
		return 0, false
	}
	if n, digits := leadingDigits(raw); digits == len(raw) {
		return n, true
	}
	return oddInt(raw)
}

// leadingDigits is the number at the beginning of raw, of at most 18 digits, and
// how many it has.
func leadingDigits(raw []byte) (n int64, digits int) {
	for _, c := range raw[:min(len(raw), 18)] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
		digits++
	}
	return n, digits
}

func oddInt(raw []byte) (n int64, ok bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Float reads any number.
func Float(raw []byte) (f float64, ok bool) {
	if len(raw) == 0 || kinds[raw[0]] != '0' {
		return 0, false
	}
	whole, n := leadingDigits(raw)
	if n == len(raw) && n <= 15 {
		return float64(whole), true
	}
	// Up to fifteen digits and a power of ten are exact, so the quotient is the number next to it.
	if n > 0 && n < 8 && raw[n] == '.' {
		part, digits := leadingDigits(raw[n+1:])
		if n+1+digits == len(raw) && digits > 0 && digits <= 7 {
			power := int64(1)
			for range digits {
				power *= 10
			}
			return float64(whole*power+part) / float64(power), true
		}
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

// Bool reads true or false.
func Bool(raw []byte) (b, ok bool) {
	switch Kind(raw) {
	case 't':
		return true, true
	case 'f':
		return false, true
	}
	return false, false
}

// AppendUnescaped appends the text of the raw string value (quotes included) to dst.
func AppendUnescaped(dst, raw []byte) []byte {
	if len(raw) < 2 {
		return dst
	}
	s := raw[1 : len(raw)-1]
	dst = slices.Grow(dst, len(s)+8)
	for {
		for len(s) >= 8 && cap(dst)-len(dst) >= 8 {
			w := binary.LittleEndian.Uint64(s)
			back := w ^ eachByte*'\\'
			n := bits.TrailingZeros64((back-eachByte)&^back&eachHigh) >> 3 // 8 for none
			binary.LittleEndian.PutUint64(dst[len(dst):len(dst)+8], w)
			if dst, s = dst[:len(dst)+n], s[n:]; n < 8 {
				break
			}
		}
		for len(s) > 0 && s[0] != '\\' {
			dst, s = append(dst, s[0]), s[1:]
		}
		if len(s) < 2 {
			return append(dst, s...)
		}
		c := s[1]
		s = s[2:]
		if c == 'u' {
			dst, s = appendEscapedRune(dst, s)
		} else {
			dst = append(dst, escapes[c])
		}
	}
}

// escapes is what a byte stands for behind a backslash, but for u.
var escapes = func() (e [256]byte) {
	for c := range e {
		e[c] = byte(c)
	}
	e['b'], e['f'], e['n'], e['r'], e['t'] = '\b', '\f', '\n', '\r', '\t'
	return e
}()

func appendEscapedRune(dst, s []byte) (_, rest []byte) {
	r, ok := hex4(s)
	if !ok {
		return utf8.AppendRune(dst, utf8.RuneError), s
	}
	s = s[4:]
	if r >= 0xd800 && r <= 0xdbff && len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
		if low, ok := hex4(s[2:]); ok && low >= 0xdc00 && low <= 0xdfff {
			r = 0x10000 + (r-0xd800)<<10 + low - 0xdc00
			s = s[6:]
		}
	}
	return utf8.AppendRune(dst, r), s
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a quoted JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	// A string and a slice both begin with the address of their bytes.
	return appendQuoted(dst, unsafe.Slice(*(**byte)(unsafe.Pointer(&s)), len(s)))
}

func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plainPrefix(s); i < len(s); i += plainPrefix(s[i:]) {
		c := s[i]
		if c >= utf8.RuneSelf {
			for i < len(s) && s[i] >= utf8.RuneSelf { // such runes seldom come alone
				r, n := utf8.DecodeRune(s[i:])
				if r == utf8.RuneError && n == 1 {
					dst = append(append(dst, s[start:i]...), "\uFFFD"...)
					start = i + 1
				}
				i += n
			}
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i, or i when it
// has no end.
func skipString(b []byte, i int) int {
	start := i
	i++
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return start
		}
		i += n
		back := i
		for back > 0 && b[back-1] == '\\' {
			back--
		}
		i++
		if (i-1-back)%2 == 0 {
			return i
		}
	}
}

// skipValue returns the index after the value that begins at i, or i when there
// is none or it has no end: whoever gets a string gets both of its quotes.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r', ':':
			return i
		}
		i++
	}
	return i
}

// skipNested is skipValue for an object or array.
func skipNested(b []byte, start int) int {
	depth := 0
	for i := start; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := skipString(b, i)
			if end == i {
				return start
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return start
}

// RawMembers is Members with the key as it stands, quotes included.
func RawMembers(raw []byte, f func(rawKey, value []byte) bool) {
	members(raw, func(_ []byte, k, v, end int) bool { return f(raw[k:skipString(raw, k)], raw[v:end]) })
}
