package scan

import (
	"slices"
	"unsafe"
)

// Names are the names of members that are read together, or the words that a
// string may be. Make them once, as a variable of the package.
type Names struct {
	names []string
	known []knownName          // those names, behind one that is none
	slots [1 << slotBits]uint8 // by hash, the index in known; 0 for none
	hash  uint64               // see slot
	lossy bool                 // a name has lost its slot to another
}

// knownName is a name as the words that it is compared by.
type knownName struct {
	word  uint64 // as a node's
	tail  uint64 // the last eight bytes of one that is longer than that
	size  uint64
	bytes unsafe.Pointer
}

const (
	slotBits  = 8
	knownSize = int(unsafe.Sizeof(knownName{}))
)

// slot is where a name is looked for.
func slot(word, size, hash uint64) uint64 { return (word ^ size<<56) * hash >> (64 - slotBits) }

// NewNames has up to 255 names that differ.
func NewNames(names ...string) *Names {
	f := &Names{names: names, known: make([]knownName, 1, len(names)+1)}
	f.known[0].size = none
	for _, name := range names {
		p, n := unsafe.Pointer(unsafe.StringData(name)), len(name)
		v := knownName{word: firstWord(p, n), size: uint64(n), bytes: p}
		if n > 8 {
			v.tail = wordAt(unsafe.Add(p, n-8))
		}
		f.known = append(f.known, v)
	}
	// Some factor gives each name a slot of its own, if they are not many.
	f.hash = 0x9e3779b97f4a7c15
	for tries := 0; !f.part() && tries < 100; tries++ {
		f.hash = f.hash*0x5851f42d4c957f2d | 1
	}
	return f
}

// part fills the slots, and reports whether each name has one of its own.
func (f *Names) part() bool {
	f.slots, f.lossy = [1 << slotBits]uint8{}, false
	for i, v := range f.known[1:] {
		s := &f.slots[slot(v.word, v.size, f.hash)]
		f.lossy = f.lossy || *s != 0
		*s = uint8(i + 1)
	}
	return !f.lossy
}

// Read is one walk through the members of the object raw. The value of the nth
// name is put where the nth pointer of into says, as Get finds it; the value of an
// absent member stays what it was, and null is nil. Where other is not nil it is
// called with each member of another name (valid until it returns) but null, in
// order. It reports whether raw is an object.
func (f *Names) Read(raw []byte, other func(name, value []byte), into ...*[]byte) bool {
	if len(into) != len(f.names) {
		panic("scan: Read wants a place for each name")
	}
	around := find(raw)
	switch {
	case around == nil:
		return f.walk(raw, other, into)
	case around.kind() != '{':
		return false
	}
	v, end := known.inside(around)
	if v = known.fields(v, end, f, into); v != end {
		known.others(v, end, f, other, into)
	}
	return true
}

// walk is Read of what is not in the index.
func (f *Names) walk(raw []byte, other func(name, value []byte), into []*[]byte) bool {
	members(raw, func(name []byte, _, v, end int) bool {
		f.put(name, raw[v:end:end], other, into)
		return true
	})
	return Kind(raw) == '{'
}

// Index is the ordinal of a name, -1 when it is none.
func (f *Names) Index(name string) int { return slices.Index(f.names, name) }

// Word is the name that the raw string value is, "" for another.
func (f *Names) Word(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	text := raw[1 : len(raw)-1]
	word := firstWord(unsafe.Pointer(unsafe.SliceData(text)), len(text))
	i := f.slots[slot(word, uint64(len(text)), f.hash)]
	if c := &f.known[i]; c.size == uint64(len(text)) && c.word == word {
		if name := f.names[i-1]; len(name) <= 8 || name[8:] == string(text[8:]) {
			return name
		}
	}
	if f.lossy || Escaped(raw) {
		if i := f.Index(string(Text(raw))); i >= 0 {
			return f.names[i]
		}
	}
	return ""
}

// put is Read for one member.
func (f *Names) put(name, value []byte, other func(name, value []byte), into []*[]byte) {
	null := value[0] == 'n'
	for i, known := range f.names {
		if known == string(name) {
			if *into[i] = value; null {
				*into[i] = nil
			}
			return
		}
	}
	if other != nil && !null {
		other(name, value)
	}
}

// others reads the members from the node v on, which fields has no name for.
func (x *index) others(v, end *node, f *Names, other func(name, value []byte), into []*[]byte) {
	for ; v != end; v = x.fields(x.node(v.next()), end, f, into) {
		switch {
		case v.name == 0:
			return // not valid
		case v.name&escapedName != 0:
			f.put(x.unescapedName(v), x.value(v), other, into)
		case f.lossy:
			f.put(x.name(v), x.value(v), other, into)
		case other != nil && v.kind() != 'n':
			other(x.name(v), x.value(v))
		}
	}
}

// fields reads the members from the node v on, and returns the first that it
// finds no name for, or end. It calls nothing and has few branches, which is what
// makes code quick when it is compiled to WebAssembly, and reads from each address
// first what is farthest behind it, which checks the bounds of the rest.
func (x *index) fields(v, end *node, f *Names, into []*[]byte) *node {
	nodes, text := x.nodes, unsafe.Pointer(unsafe.SliceData(x.text))
	names, places := unsafe.Pointer(unsafe.SliceData(f.known)), unsafe.Pointer(unsafe.SliceData(into))
	for v != end {
		link, span, name, word := v.link, v.span, v.name, v.word
		size := name >> 32 // no name's, where it is escaped
		i := int(f.slots[slot(word, size, f.hash)])
		c := (*knownName)(unsafe.Add(names, i*knownSize))
		if (c.size^size)|(c.word^word) != 0 {
			return v
		}
		if size > 8 {
			at := unsafe.Add(text, int(uint32(name)))
			rest := c.tail ^ wordAt(unsafe.Add(at, int(size)-8))
			for j := 8; j < int(size)-8; j += 8 {
				rest |= wordAt(unsafe.Add(at, j)) ^ wordAt(unsafe.Add(c.bytes, j))
			}
			if rest != 0 {
				return v
			}
		}
		// A slice as numbers: x keeps the text, so the collector need not hear of it.
		into := *(**[3]uintptr)(unsafe.Add(places, (i-1)*int(unsafe.Sizeof(places))))
		length, from := uintptr(span>>32-span&none), uintptr(text)+uintptr(uint32(span))
		if byte(link>>32) == 'n' {
			length, from = 0, 0
		}
		into[2], into[1], into[0] = length, length, from
		v = (*node)(unsafe.Add(nodes, int(uint32(link))*nodeSize))
	}
	return v
}
