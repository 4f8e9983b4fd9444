package scan

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// known is the index of the text at hand, nil for none. Only a guest has one:
// it runs on one thread and answers one call at a time.
var known *index

// index knows where each value of one text begins and ends, so that walking
// through it again and again reads no byte twice. What is not in it (another
// text, an odd part of this one) is walked byte by byte.
//
// Compiled to WebAssembly, a jump back costs some 25 instructions, a call 50, and
// each access with its bounds 10: hence the packed nodes, the long steps, and in
// walk and farEnd the pointers behind one comparison with the end.
type index struct {
	text  []byte  // kept, so that nothing else comes to stand at its address
	base  uintptr // the address
	size  uintptr // 0 when there is no index
	nodes []node  // in the order of the text; a member is its key's and its value's
	// buckets has, for every 1<<bucketShift bytes of text, the last node that
	// begins there. Where none does it holds anything, as from an older text.
	buckets []uint32
}

// node is a value or a member's name.
type node struct {
	word uint64 // of a string, the eight bytes after its first quote
	span uint64 // where it begins, and where it ends << 32
	link uint64 // see newLink
}

// escaped is the kind of a string with a backslash.
const escaped = '\\'

// newLink says which node is the one after all that is in this one (while it is
// open, the one around it), and what it is: its first byte, or escaped.
func newLink(next int, kind byte) uint64 { return uint64(uint32(next)) | uint64(kind)<<32 }

func (v *node) start() int { return int(uint32(v.span)) }
func (v *node) end() int   { return int(v.span >> 32) }
func (v *node) next() int  { return int(uint32(v.link)) }
func (v *node) kind() byte { return byte(v.link >> 32) }

const bucketShift = 2

// none is where no node is.
const none = 1<<32 - 1

// read makes x the index of b. A text that is no JSON value, is cut off or is
// shorter than a word has none, and its parts are not found.
func (x *index) read(b []byte) {
	x.text = b
	x.base, x.size = uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
	if need := len(b)>>bucketShift + 1; cap(x.buckets) < need {
		x.buckets = make([]uint32, need)
	} else {
		x.buckets = x.buckets[:need]
	}
	n := x.walk(b)
	for n < 0 {
		x.nodes = make([]node, 64+2*cap(x.nodes))
		n = x.walk(b)
	}
	if n == 0 {
		x.size = 0
	}
	x.nodes = x.nodes[:n]
}

// walk writes the nodes of b and returns how many: 0 for a text without an
// index, -1 when there is too little room for them.
func (x *index) walk(b []byte) int {
	text, size := unsafe.Pointer(unsafe.SliceData(b)), len(b)
	if size < 8 {
		return 0
	}
	buckets := unsafe.Pointer(unsafe.SliceData(x.buckets))
	nodes, room := unsafe.Pointer(unsafe.SliceData(x.nodes)), cap(x.nodes)
	around, n := none, 0
	for i := 0; i < size; {
		kind := *(*byte)(unsafe.Add(text, i))
		first, end, next := uint64(0), 0, n+1
		switch {
		case kind == '"':
			from := min(i+1, size-8)
			first = word(unsafe.Add(text, from)) >> (8 * uint(i+1-from)) // nothing where the text ends
			found := breaks(first)
			if at := bits.TrailingZeros64(found) & 63; found != 0 && byte(first>>(at&^7)) == '"' {
				end = i + 2 + at>>3 // the short ones, of which a text has most
			}
		case kind <= ' ' || kind == ',' || kind == ':':
			i++
			continue
		case kind|0x20 == '}':
			if around == none {
				return 0
			}
			open := (*node)(unsafe.Add(nodes, around*nodeSize))
			around = open.next()
			open.link = newLink(n, open.kind())
			i++
			open.span = uint64(open.start()) | uint64(i)<<32
			if around == none {
				return n
			}
			continue
		case kind|0x20 == '{':
			next, around, end = around, n, i+1
		}
		if end == 0 {
			if end, kind = farEnd(text, size, i); end == 0 {
				return 0
			}
		}
		if n == room {
			return -1
		}
		v := (*node)(unsafe.Add(nodes, n*nodeSize))
		v.link = newLink(next, kind)
		v.span = uint64(i) | uint64(end)<<32
		v.word = first
		*(*uint32)(unsafe.Add(buckets, i>>bucketShift<<2)) = uint32(n)
		i = end
		if n++; next != n {
			continue // it is open
		}
		if around == none {
			return n
		}
		// What follows directly needs no turn of its own.
		if i < size {
			if c := *(*byte)(unsafe.Add(text, i)); c == ',' || c == ':' {
				i++
			}
		}
	}
	return 0
}

const nodeSize = int(unsafe.Sizeof(node{}))

// word is the eight bytes at p.
func word(p unsafe.Pointer) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(p)[:]) }

// breaks has the highest bit set of the first byte of w that is a quote or a
// backslash, and no lower bit.
func breaks(w uint64) uint64 {
	quote, back := w^(eachByte*'"'), w^(eachByte*'\\')
	return ((quote-eachByte)&^quote | (back-eachByte)&^back) & eachHigh
}

// farEnd returns the index after the string, number or word that begins at i, 0
// when it has no end, and its kind.
func farEnd(text unsafe.Pointer, size, i int) (end int, kind byte) {
	if kind = *(*byte)(unsafe.Add(text, i)); kind != '"' {
		return literalEnd(unsafe.Slice((*byte)(text), size), i), kind
	}
	i++
	for {
		for i+32 <= size {
			p := unsafe.Add(text, i)
			if breaks(word(unsafe.Add(p, 24)))|breaks(word(unsafe.Add(p, 16)))|breaks(word(unsafe.Add(p, 8)))|breaks(word(p)) != 0 {
				break
			}
			i += 32
		}
		for i+8 <= size {
			if found := breaks(word(unsafe.Add(text, i))); found != 0 {
				i += bits.TrailingZeros64(found) >> 3
				break
			}
			i += 8
		}
		for ; i < size; i++ {
			c := *(*byte)(unsafe.Add(text, i))
			if c == '"' {
				return i + 1, kind
			}
			if c == '\\' {
				break
			}
		}
		if i >= size {
			return 0, kind
		}
		kind = escaped
		i += 2
	}
}

// literalEnd is the index after the number or word that begins at i.
func literalEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r', ':':
			return i
		}
	}
	return i
}

// find returns the node that raw begins with and holds to its end.
func (x *index) find(raw []byte) (n int, ok bool) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(raw))) - x.base
	if at >= x.size {
		return 0, false
	}
	for n = int(x.buckets[at>>bucketShift]); uint(n) < uint(len(x.nodes)); n-- {
		v := &x.nodes[n]
		if v.start() == int(at) {
			return n, v.end() <= int(at)+len(raw)
		}
		if v.start()>>bucketShift != int(at>>bucketShift) {
			break
		}
	}
	return 0, false
}

// value is the text of the node n.
func (x *index) value(n int) []byte {
	v := &x.nodes[n]
	return x.text[v.start():v.end():v.end()]
}

// members is Members for the object that node n is.
func (x *index) members(n int, f func(key, value []byte) bool) {
	if x.nodes[n].kind() != '{' {
		return
	}
	for end, k := x.nodes[n].next(), n+1; k+1 < end; k = x.nodes[k+1].next() {
		key := &x.nodes[k]
		name := x.value(k)
		switch key.kind() {
		case '"':
			name = name[1 : len(name)-1]
		case escaped:
			name = AppendUnescaped(nil, name)
		default:
			return // not valid
		}
		if !f(name, x.value(k+1)) {
			return
		}
	}
}

// elements is Elements for the array that node n is.
func (x *index) elements(n int, f func(i int, value []byte) bool) {
	if x.nodes[n].kind() != '[' {
		return
	}
	i := 0
	for end, v := x.nodes[n].next(), n+1; v < end; v = x.nodes[v].next() {
		if !f(i, x.value(v)) {
			return
		}
		i++
	}
}

// follow is Get from the node n.
func (x *index) follow(n int, path []string) (value int, ok bool) {
	for _, name := range path {
		if n, ok = x.member(n, name); !ok {
			return 0, false
		}
	}
	return n, true
}

// member is the value of the member name of the object that node n is.
func (x *index) member(n int, name string) (value int, ok bool) {
	nodes := x.nodes
	if nodes[n].kind() != '{' {
		return 0, false
	}
	first, mask := firstWord(name)
	for end, k, next := nodes[n].next(), n+1, 0; k+1 < end; k = next {
		pair := (*[2]node)(nodes[k:])
		next = pair[1].next()
		switch key := &pair[0]; {
		case key.kind() == escaped:
			if string(AppendUnescaped(nil, x.value(k))) == name {
				value, ok = k+1, true
			}
		case (key.word^first)&mask != 0 || key.end()-key.start() != len(name)+2 || key.kind() != '"':
		case len(name) <= 8 || string(x.text[key.start()+1:key.end()-1]) == name:
			value, ok = k+1, true
		}
	}
	return value, ok
}

// wholeWord is the mask of a whole word.
const wholeWord = 1<<64 - 1

// firstWord is the word of the node that name has, and which of its bits count.
func firstWord(name string) (first, mask uint64) {
	b := unsafe.Slice(unsafe.StringData(name), len(name))
	switch n := len(b); {
	case n >= 8:
		return binary.LittleEndian.Uint64(b), wholeWord
	case n >= 4:
		first = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n > 0:
		first = uint64(b[0]) | uint64(b[n/2])<<(8*(n/2)) | uint64(b[n-1])<<(8*(n-1))
	}
	return first, 1<<(8*len(b)) - 1
}
