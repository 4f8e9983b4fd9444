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
type index struct {
	text  []byte  // kept, so that nothing else comes to stand at its address
	base  uintptr // the address
	size  uintptr // 0 when there is no index
	nodes []node  // in the order of the text; a member is its key's and its value's
	// buckets has, for every 1<<bucketShift bytes of text, the first node that
	// begins there. Where none does it holds anything, as from an older text.
	buckets []uint32
}

// node is a value or a member's name.
type node struct {
	start, end uint32
	next       uint32 // the node after all that is in this one; while it is open, the one around it
	escaped    bool   // a string with a backslash
}

const bucketShift = 4

// none is where no node is.
const none = 1<<32 - 1

// read makes x the index of b. A text that is no JSON value or is cut off has
// none, and its parts are not found.
func (x *index) read(b []byte) {
	x.text = b
	x.base, x.size = uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
	x.nodes = x.nodes[:0]
	if need := len(b)>>bucketShift + 1; cap(x.buckets) < need {
		x.buckets = make([]uint32, need)
	} else {
		x.buckets = x.buckets[:need]
	}
	if !x.walk(b) {
		x.nodes, x.size = x.nodes[:0], 0
	}
}

func (x *index) walk(b []byte) bool {
	around := uint32(none)
	bucket := none
	for i := 0; i < len(b); {
		c := b[i]
		if c <= ' ' || c == ',' || c == ':' {
			i++
			continue
		}
		n := uint32(len(x.nodes))
		if c == '}' || c == ']' {
			if around == none {
				return false
			}
			open := &x.nodes[around]
			i++
			around, open.next, open.end = open.next, n, uint32(i)
			if around == none {
				return true
			}
			continue
		}
		if i>>bucketShift != bucket {
			bucket = i >> bucketShift
			x.buckets[bucket] = n
		}
		switch c {
		case '{', '[':
			x.nodes = append(x.nodes, node{start: uint32(i), next: around})
			around = n
			i++
			continue
		case '"':
			end, escaped := stringEnd(b, i)
			if end == i {
				return false
			}
			x.nodes = append(x.nodes, node{uint32(i), uint32(end), n + 1, escaped})
			i = end
		default:
			end := literalEnd(b, i)
			x.nodes = append(x.nodes, node{uint32(i), uint32(end), n + 1, false})
			i = end
		}
		if around == none {
			return true
		}
	}
	return false
}

// stringEnd is skipString, and tells whether there is a backslash. In a guest
// it is the quicker of the two, natively the slower for long strings.
func stringEnd(b []byte, start int) (end int, escaped bool) {
	const lo, hi = 0x0101010101010101, 0x8080808080808080
	i := start + 1
	for {
		for ; len(b)-i >= 8; i += 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, back := w^(lo*'"'), w^(lo*'\\')
			if found := ((quote-lo)&^quote | (back-lo)&^back) & hi; found != 0 {
				i += bits.TrailingZeros64(found) >> 3
				break
			}
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return start, escaped
		}
		if b[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
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
func (x *index) find(raw []byte) (n uint32, ok bool) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(raw))) - x.base
	if at >= x.size {
		return 0, false
	}
	n = x.buckets[at>>bucketShift]
	for int(n) < len(x.nodes) {
		v := &x.nodes[n]
		if v.start == uint32(at) {
			return n, uintptr(v.end) <= at+uintptr(len(raw))
		}
		if v.start > uint32(at) || v.start>>bucketShift != uint32(at>>bucketShift) {
			break
		}
		n++
	}
	return 0, false
}

// members is Members for the object that node n is.
func (x *index) members(n uint32, f func(key, value []byte) bool) {
	if x.text[x.nodes[n].start] != '{' {
		return
	}
	for end, k := x.nodes[n].next, n+1; k+1 < end; k = x.nodes[k+1].next {
		key, value := &x.nodes[k], &x.nodes[k+1]
		if x.text[key.start] != '"' {
			return // not valid
		}
		name := x.text[key.start+1 : key.end-1]
		if key.escaped {
			name = AppendUnescaped(nil, x.text[key.start:key.end])
		}
		if !f(name, x.text[value.start:value.end:value.end]) {
			return
		}
	}
}

// elements is Elements for the array that node n is.
func (x *index) elements(n uint32, f func(i int, value []byte) bool) {
	if x.text[x.nodes[n].start] != '[' {
		return
	}
	i := 0
	for end, v := x.nodes[n].next, n+1; v < end; v = x.nodes[v].next {
		value := &x.nodes[v]
		if !f(i, x.text[value.start:value.end:value.end]) {
			return
		}
		i++
	}
}

// follow is Get from the node n.
func (x *index) follow(n uint32, path []string) (value uint32, ok bool) {
	for _, name := range path {
		if x.text[x.nodes[n].start] != '{' {
			return 0, false
		}
		ok = false
		for end, k := x.nodes[n].next, n+1; k+1 < end; k = x.nodes[k+1].next {
			switch key := &x.nodes[k]; {
			case x.text[key.start] != '"':
				return 0, false // not valid
			case key.escaped:
				if string(AppendUnescaped(nil, x.text[key.start:key.end])) == name {
					n, ok = k+1, true
				}
			case int(key.end-key.start) == len(name)+2 && string(x.text[key.start+1:key.end-1]) == name:
				n, ok = k+1, true
			}
		}
		if !ok {
			return 0, false
		}
	}
	return n, true
}
