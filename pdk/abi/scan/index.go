package scan

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"unsafe"
)

// known is the index of the text at hand. Only a guest has one: it runs on one
// thread and answers one call at a time.
var known index

// index knows where each value of one text begins and ends, so that walking
// through it again and again reads no byte twice. What is not in it (another
// text, an odd part of this one) is walked byte by byte.
//
// Compiled to WebAssembly, a jump back costs some 25 instructions, a call 50, and
// each access with its bounds 10: hence the packed nodes, the long steps, and the
// pointers behind one comparison with the end.
type index struct {
	text    []byte  // kept, so that nothing else comes to stand at its address
	base    uintptr // the address
	size    uintptr // 0 when there is no index
	count   uint32  // of the nodes
	nodes   unsafe.Pointer
	buckets unsafe.Pointer
	room    []uint64 // see walk
}

// node is a value, with its name when it is a member. The layout of an index,
// here and in walk, is between hosts and guests of any version: another one needs
// another name of the host function (see package abi).
type node struct {
	word uint64 // the first eight bytes of the name, zeros behind a shorter one
	name uint64 // where the name begins behind its quote, its length << 32, and escapedName; 0 for an element
	span uint64 // where the value begins, and where it ends << 32
	link uint64 // see newLink
}

const nodeSize = int(unsafe.Sizeof(node{}))

// escaped is the kind of a string with a backslash.
const escaped = '\\'

// escapedName is the bit of a name with a backslash.
const escapedName = 1 << 63

// newLink says which node is the one after all that is in this one (while it is
// open, the one around it), and what it is: its first byte, or escaped.
func newLink(next int, kind byte) uint64 { return uint64(uint32(next)) | uint64(kind)<<32 }

func (v *node) start() int { return int(uint32(v.span)) }
func (v *node) end() int   { return int(v.span >> 32) }
func (v *node) next() int  { return int(uint32(v.link)) }
func (v *node) kind() byte { return byte(v.link >> 32) }

func (v *node) nameStart() int { return int(uint32(v.name)) }
func (v *node) nameSize() int  { return int(v.name << 1 >> 33) }

const bucketShift = 2

// bucketWords is how much of the room of an index the buckets of a text take.
func bucketWords(text int) int { return text>>(bucketShift+1) + 1 }

// none is where no node is.
const none = 1<<32 - 1

// WriteIndex writes an index of text to room, for the guest that room is the
// memory of, and returns its count of nodes: 0 when there is none, as the text is
// no JSON value, is cut off or shorter than a word, or as room is too small or
// begins at no multiple of 8 bytes.
func WriteIndex(room, text []byte) (nodes int) {
	at := unsafe.Pointer(unsafe.SliceData(room))
	if uintptr(at)%8 != 0 || len(room) < 8 {
		return 0
	}
	return max(0, walk(unsafe.Slice((*uint64)(at), len(room)/8), text))
}

// read makes x the index of b. A text without an index has its parts not found.
func (x *index) read(b []byte) {
	n := walk(x.room, b)
	for n < 0 {
		x.room = make([]uint64, 64*4+bucketWords(len(b))+2*len(x.room))
		n = walk(x.room, b)
	}
	x.take(b, n)
}

// take makes x the index of b of which n nodes have been written to x.room.
func (x *index) take(b []byte, n int) {
	x.text, x.count, x.base, x.size = b, uint32(n), 0, 0
	if n > 0 {
		x.base, x.size = uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
		x.buckets, x.nodes = unsafe.Pointer(&x.room[0]), unsafe.Pointer(&x.room[bucketWords(len(b))])
	}
}

// walk writes an index of b to room and returns the count of its nodes: 0 for a
// text without one, -1 when there is too little room. The buckets come first: for
// every 1<<bucketShift bytes of text the last node that begins there, 32 bits
// each; 0 where none does. The nodes follow, in the order of the text.
func walk(room []uint64, b []byte) int {
	text, size := unsafe.Pointer(unsafe.SliceData(b)), len(b)
	if size < 8 || size > none {
		return 0
	}
	places := (len(room) - bucketWords(size) - 1) * 8 / nodeSize // the end of the last node is in room
	if places <= 0 {
		return -1
	}
	buckets, nodes := unsafe.Pointer(&room[0]), unsafe.Pointer(&room[bucketWords(size)])
	clear(room[:bucketWords(size)])
	around, n := none, 0
	var word, name uint64 // of the member whose value comes
	for i := 0; i < size; {
		kind := *(*byte)(unsafe.Add(text, i))
		first, end, next := uint64(0), 0, n+1
		switch {
		case kind == '"':
			from := min(i+1, size-8)
			first = wordAt(unsafe.Add(text, from)) >> (8 * uint(i+1-from)) // nothing where the text ends
			found := breaks(first)
			if at := bits.TrailingZeros64(found) & 63; found != 0 && byte(first>>(at&^7)) == '"' {
				end = i + 2 + at>>3 // the short ones, of which a text has most
				first &= 1<<(at&^7) - 1
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
		if kind == '"' || kind == escaped {
			if value := afterColon(text, size, end); value > 0 {
				word, name = first, uint64(i+1)|uint64(end-i-2)<<32
				if kind == escaped {
					name |= escapedName
				}
				i = value
				continue
			}
		}
		if n == places {
			return -1
		}
		v := (*node)(unsafe.Add(nodes, n*nodeSize))
		v.word, v.name, v.link = word, name, newLink(next, kind)
		v.span = uint64(i) | uint64(end)<<32
		word, name = 0, 0
		*(*uint32)(unsafe.Add(buckets, i>>bucketShift<<2)) = uint32(n)
		i = end
		if n++; next != n {
			continue // it is open
		}
		if around == none {
			return n
		}
		// What follows directly needs no turn of its own.
		if i < size && *(*byte)(unsafe.Add(text, i)) == ',' {
			i++
		}
	}
	return 0
}

// afterColon is the index after the colon that follows a name's end, 0 when none does.
func afterColon(text unsafe.Pointer, size, i int) int {
	for ; i < size; i++ {
		switch c := *(*byte)(unsafe.Add(text, i)); {
		case c == ':':
			return i + 1
		case c > ' ':
			return 0
		}
	}
	return 0
}

// wordAt is the eight bytes at p.
func wordAt(p unsafe.Pointer) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(p)[:]) }

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
			if breaks(wordAt(unsafe.Add(p, 24)))|breaks(wordAt(unsafe.Add(p, 16)))|breaks(wordAt(unsafe.Add(p, 8)))|breaks(wordAt(p)) != 0 {
				break
			}
			i += 32
		}
		for i+8 <= size {
			if found := breaks(wordAt(unsafe.Add(text, i))); found != 0 {
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

// node is the node n.
func (x *index) node(n int) *node { return (*node)(unsafe.Add(x.nodes, n*nodeSize)) }

// inside is the first node in v, and the one after the last.
func (x *index) inside(v *node) (first, end *node) {
	return (*node)(unsafe.Add(unsafe.Pointer(v), nodeSize)), x.node(v.next())
}

// find returns the node of the index at hand that raw begins with and holds to its
// end, nil for none. Nearly always that is the first that it looks at.
func find(raw []byte) *node {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(raw))) - known.base
	if at >= known.size {
		return nil
	}
	n := *(*uint32)(unsafe.Add(known.buckets, at>>bucketShift<<2))
	v := (*node)(unsafe.Add(known.nodes, int(n)*nodeSize))
	if span := v.span; uintptr(uint32(span)) == at && uintptr(span>>32) <= at+uintptr(len(raw)) {
		return v
	}
	return known.findBefore(n, at, len(raw))
}

// findBefore is find from the node n of a bucket back.
func (x *index) findBefore(n uint32, at uintptr, size int) *node {
	for ; n < x.count; n-- {
		v := x.node(int(n))
		from := uintptr(v.start())
		if from == at && uintptr(v.end()) <= at+uintptr(size) {
			return v
		}
		if from == at || from>>bucketShift != at>>bucketShift {
			break
		}
	}
	return nil
}

// value is the text of the node v.
func (x *index) value(v *node) []byte {
	from := v.start()
	return x.text[from:v.end():v.end()]
}

// name is the name of v as it stands.
func (x *index) name(v *node) []byte {
	from := v.nameStart()
	return x.text[from : from+v.nameSize()]
}

func (x *index) unescapedName(v *node) []byte {
	from := v.nameStart()
	return AppendUnescaped(nil, x.text[from-1:from+v.nameSize()+1])
}

// members is Members for the object that the node v is.
func (x *index) members(v *node, f func(key, value []byte) bool) {
	if v.kind() != '{' {
		return
	}
	for v, end := x.inside(v); v != end; v = x.node(v.next()) {
		key := x.name(v)
		switch {
		case v.name == 0:
			return // not valid
		case v.name&escapedName != 0:
			key = x.unescapedName(v)
		}
		if !f(key, x.value(v)) {
			return
		}
	}
}

// member is the value of the member name of the object that the node v is, nil for none.
func (x *index) member(v *node, name string) (value *node) {
	if v.kind() != '{' {
		return nil
	}
	first := firstWord(unsafe.Pointer(unsafe.StringData(name)), len(name))
	for v, end := x.inside(v); v != end; v = x.node(v.next()) {
		switch {
		case v.name&escapedName != 0:
			if string(x.unescapedName(v)) == name {
				value = v
			}
		case v.name == 0:
			return value // not valid
		case v.word != first || v.nameSize() != len(name):
		case len(name) <= 8 || string(x.name(v)) == name:
			value = v
		}
	}
	return value
}

// firstWord is the first eight bytes of the n at p, as a node has them.
func firstWord(p unsafe.Pointer, n int) uint64 {
	switch {
	case n >= 8:
		return wordAt(p)
	case n == 0:
		return 0
	case runtime.GOARCH == "wasm":
		// There is always something before it in a guest's memory, and it may be read.
		return wordAt(unsafe.Add(p, n-8)) >> (64 - 8*n)
	}
	return shortWord(unsafe.Slice((*byte)(p), n))
}

func shortWord(b []byte) (word uint64) {
	for i, c := range b {
		word |= uint64(c) << (8 * i)
	}
	return word
}
