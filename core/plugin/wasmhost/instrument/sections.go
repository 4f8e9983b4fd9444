package instrument

import (
	"cmp"
	"slices"
)

// Value types and other bytes of the binary format.
const (
	typeI32, typeV128                     = 0x7f, 0x7b
	typeFuncref, typeExternref            = 0x70, 0x6f
	typeFunction                          = 0x60
	kindFunc, kindTable, kindMem, kindGlo = 0, 1, 2, 3
)

func valueType(r *reader) {
	if t := r.byte(); (t < typeV128 || t > typeI32) && t != typeFuncref && t != typeExternref {
		r.fail("value type %#x belongs to no supported feature", t)
	}
}

func refType(r *reader) byte {
	t := r.byte()
	if t != typeFuncref && t != typeExternref {
		r.fail("reference type %#x belongs to no supported feature", t)
	}
	return t
}

// limits reads a size with or without a maximum.
func limits(r *reader) (least, most uint32, bounded bool) {
	flag := r.byte()
	least = r.u32()
	switch flag {
	case 0:
	case 1:
		most, bounded = r.u32(), true
	default:
		r.fail("limits of kind %#x belong to no supported feature", flag)
	}
	return least, most, bounded
}

// signature is what is kept of a function's type.
type signature struct {
	text       []byte
	parameters uint32
	resumed    bool // (i32) → i32, as Go's functions are
}

// resumedType is the type of Go's functions, which can be entered where a call
// returned to: from there to whether the stack is being unwound.
const resumedType = "\x60\x01\x7f\x01\x7f"

func (w *rewriter) readTypes(r *reader) {
	for range r.count() {
		begin := r.pos
		r.expect(typeFunction, "type")
		var lengths [2]int // parameters, results
		for i := range lengths {
			lengths[i] = r.count()
			for range lengths[i] {
				valueType(r)
			}
		}
		text := r.b[begin:r.pos]
		w.types = append(w.types, signature{text, uint32(lengths[0]), string(text) == resumedType})
	}
}

// signature is that of the module's own function i, which may have none if the
// module is not valid.
func (w *rewriter) signature(i int) signature {
	if i < 0 || i >= len(w.ownTypes) || uint64(w.ownTypes[i]) >= uint64(len(w.types)) {
		return signature{}
	}
	return w.types[w.ownTypes[i]]
}

// resumed reports whether a function is the module's own and of the type of Go's.
func (w *rewriter) resumed(function uint32) bool {
	return w.signature(int(int64(function) - int64(w.functions))).resumed
}

// The types that are added, by their distance from the module's last one.
const (
	renewalType = iota
	asideType
	conditionType // of a block that a condition is handed to
)

var addedTypes = [...]string{"\x60\x00\x00", "\x60\x02\x7f\x7e\x01\x7f", "\x60\x01\x7f\x00"}

func (w *rewriter) typeSection() []byte {
	b := appendU32(nil, uint32(len(w.types)+len(addedTypes)))
	for _, t := range w.types {
		b = append(b, t.text...)
	}
	for _, t := range addedTypes {
		b = append(b, t...)
	}
	return b
}

func (w *rewriter) functionSection() []byte {
	b := appendU32(nil, uint32(len(w.ownTypes)+1+len(w.more)))
	for _, t := range w.ownTypes {
		b = appendU32(b, t)
	}
	b = appendU32(b, uint32(len(w.types)+renewalType))
	for _, f := range w.more {
		if f.aside {
			b = appendU32(b, uint32(len(w.types)+asideType))
		} else {
			b = appendU32(b, f.kind)
		}
	}
	return b
}

func (w *rewriter) readImports(r *reader) {
	for range r.count() {
		i := Import{Module: r.name(), Name: r.name()}
		switch kind := r.byte(); kind {
		case kindFunc:
			i.Function = true
			w.functions++
			r.u32()
		case kindTable:
			refType(r)
			limits(r)
		case kindMem:
			w.memory = true
			limits(r)
		case kindGlo:
			valueType(r)
			r.byte() // mutable or not
			w.globals++
		default:
			r.fail("import of kind %d belongs to no supported feature", kind)
		}
		w.imports = append(w.imports, i)
	}
}

// tables bounds how far tables can grow. An even share for each, but no less
// than what a table begins with.
func (w *rewriter) tables(r *reader) {
	n := r.count()
	w.scratch = appendU32(w.scratch, uint32(n))
	total := 0
	for range n {
		w.scratch = append(w.scratch, refType(r))
		least, most, bounded := limits(r)
		share := max(least, uint32(MaxTableEntries/n))
		if !bounded || most > share {
			most = share
		}
		if total += int(least); total > MaxTableEntries {
			r.fail("tables begin with more than %d entries", MaxTableEntries)
		}
		if least > most {
			r.fail("a table's minimum %d is above its maximum %d", least, most)
		}
		w.scratch = append(w.scratch, 1)
		w.scratch = appendU32(w.scratch, least)
		w.scratch = appendU32(w.scratch, most)
	}
}

// addGlobals copies the globals and appends ours. It settles the index that the
// code refers to.
func (w *rewriter) addGlobals(r *reader) {
	n := r.count()
	begin := r.pos
	for range n {
		valueType(r)
		r.byte() // mutable or not
		w.constant(r)
	}
	w.globals += uint32(n)
	w.scratch = appendU32(w.scratch, uint32(n)+addedGlobals)
	w.scratch = append(w.scratch, r.b[begin:r.pos]...)
	for range addedGlobals {
		w.scratch = append(w.scratch, typeI32, 1, opI32Const, 0, opEnd)
	}
}

func (w *rewriter) addExports(r *reader) {
	n := r.count()
	begin := r.pos
	for range n {
		name := r.name()
		if name == FlagExport || name == StartExport {
			r.fail("the export %q is reserved for the host", name)
		}
		kind, index := r.byte(), r.u32()
		if kind == kindGlo {
			w.ownGlobal(r, index)
		}
	}
	total := uint32(n) + 1
	if w.start >= 0 {
		total++
	}
	w.scratch = appendU32(w.scratch, total)
	w.scratch = append(w.scratch, r.b[begin:r.pos]...)
	w.scratch = appendExport(w.scratch, FlagExport, kindGlo, w.globals)
	if w.start >= 0 {
		w.scratch = appendExport(w.scratch, StartExport, kindFunc, uint32(w.start))
	}
}

func appendExport(b []byte, name string, kind byte, index uint32) []byte {
	b = appendU32(b, uint32(len(name)))
	b = append(append(b, name...), kind)
	return appendU32(b, index)
}

// ownGlobal refuses an index past the module's own globals. It was out of
// range, but after the rewriting it would be our flag, and the guest could
// clear that.
func (w *rewriter) ownGlobal(r *reader, index uint32) {
	if index >= w.globals {
		r.fail("there is no global %d", index)
	}
}

// constant walks an initialiser up to its end.
func (w *rewriter) constant(r *reader) {
	for r.more() {
		switch op := r.byte(); op {
		case opI32Const:
			r.signed(5)
		case opI64Const:
			r.signed(10)
		case opF32Const:
			r.skip(4)
		case opF64Const:
			r.skip(8)
		case opGlobalGet:
			w.ownGlobal(r, r.u32())
		case opRefNull:
			refType(r)
		case opRefFunc:
			r.u32()
		case prefixSIMD:
			r.expect(simdConst, "constant")
			r.skip(16)
		case opEnd:
			return
		default:
			r.fail("opcode %#x cannot stand in an initialiser", op)
		}
	}
	r.fail("ends too early")
}

// elements walks the element section; the flag's bits are 1 not active, 2
// declarative or with a table index, 4 expressions instead of indexes.
func (w *rewriter) elements(r *reader) {
	for range r.count() {
		flag := r.u32()
		if flag > 7 {
			r.fail("element segment of kind %d", flag)
			return
		}
		active := flag&1 == 0
		if active && flag&2 != 0 {
			r.u32()
		}
		if active {
			w.constant(r)
		}
		if flag&3 != 0 {
			if flag&4 != 0 {
				refType(r)
			} else {
				r.expect(0, "element kind")
			}
		}
		for range r.count() {
			if flag&4 != 0 {
				w.constant(r)
			} else {
				r.u32()
			}
		}
	}
}

// mergeGap is the most zeros between two data segments that are made one.
const mergeGap = 64

// segment is an active data segment at a constant place.
type segment struct {
	start   uint64
	content []byte
}

func (s segment) end() uint64 { return s.start + uint64(len(s.content)) }

// data writes the data section. Go's linker cuts data at each short run of
// zeros, into tens of thousands of segments, and the engine keeps a record of
// each in every instance. Where no instruction can name a segment, neighbours
// become one: what lies between them is zero either way.
func (w *rewriter) data(r *reader) {
	n := r.count()
	begin := r.pos
	plain := w.ownMemory && !w.dataCount
	var merged []segment
	for range n {
		flag := r.u32()
		at := r.pos
		switch flag {
		case 0:
			w.constant(r)
		case 1:
		case 2:
			r.expect(0, "memory index")
			w.constant(r)
		default:
			r.fail("data segment of kind %d", flag)
		}
		start, ok := constantI32(r.b[at:r.pos])
		plain = plain && ok && flag == 0
		size := r.count()
		if content := r.b[r.pos : r.pos+size]; plain {
			merged = merge(merged, segment{uint64(start), content})
		}
		r.skip(size)
	}
	if r.err != nil || !plain || overlap(merged) {
		w.scratch = append(appendU32(w.scratch, uint32(n)), r.b[begin:r.pos]...)
		return
	}
	w.scratch = appendU32(w.scratch, uint32(len(merged)))
	for _, s := range merged {
		w.scratch = appendI32(append(w.scratch, 0, opI32Const), int32(uint32(s.start)))
		w.scratch = appendU32(append(w.scratch, opEnd), uint32(len(s.content)))
		w.scratch = append(w.scratch, s.content...)
	}
}

// merge appends s to the last segment where it begins soon after that.
func merge(list []segment, s segment) []segment {
	if len(list) > 0 {
		last := &list[len(list)-1]
		if end := last.end(); s.start >= end && s.start-end <= mergeGap {
			var zeros [mergeGap]byte
			last.content = append(append(last.content, zeros[:s.start-end]...), s.content...)
			return list
		}
	}
	return append(list, segment{s.start, slices.Clone(s.content)})
}

// overlap reports whether two segments have a place in common.
func overlap(list []segment) bool {
	list = slices.SortedFunc(slices.Values(list), func(a, b segment) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(list); i++ {
		if list[i-1].end() > list[i].start {
			return true
		}
	}
	return false
}

// constantI32 is the number that an initialiser of one i32.const gives.
func constantI32(expression []byte) (n uint32, ok bool) {
	r := &reader{b: expression, end: len(expression)}
	if r.byte() != opI32Const {
		return 0, false
	}
	n = uint32(r.signed(5))
	return n, r.byte() == opEnd && r.err == nil && !r.more()
}
