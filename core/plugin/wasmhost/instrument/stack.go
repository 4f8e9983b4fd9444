package instrument

// stackPointer is the local, and stackGlobal the global, in which Go's compiler
// keeps the pointer to the stack that its functions have in the memory.
const (
	stackPointer = 1
	stackGlobal  = 0
)

// stack knows where Go's stack pointer is. Go's functions keep most of their
// values there, and move the pointer for each call; an address to store at is
// even worked out in 64 bits:
//
//	local.get 1; i64.extend_i32_u; i64.const 40; i64.add; i32.wrap_i64
//
// All accesses between two calls get one base, some bytes below the pointer and
// kept in a local that is added. An address there never goes past 2^32, so
// constants may move into the offsets.
type stack struct {
	used     bool
	base     uint32 // the local; 0 is none yet
	fast     bool   // see fast
	choosing bool   // the dispatch is about to choose
	labels   []bool // those that it may choose; nil is all
}

// below is how far under the pointer a base lies that is made for an access: a
// call pushes its return address there.
const below = 8

// maxOffset bounds what is written as an offset from the base.
const maxOffset = 1 << 30

// onStack gives the load or store at module[at:r.pos] its address o from the base.
func (a *addresses) onStack(o operand, at int, r *reader) {
	align, offset := argument(at, r)
	if o.shape == shapeAddress {
		offset += o.constant
	}
	switch moved := offset + a.moved; {
	case a.from > o.from:
		return
	case a.from != 0 && moved >= 0 && moved < maxOffset:
		a.texts = appendU32(append(a.texts, opLocalGet), a.base)
		a.edit(o.from, o.to)
		offset = moved
	case offset >= maxOffset:
		return
	default:
		if a.base == 0 {
			a.base = a.add()
		}
		a.texts = append(a.texts, opLocalGet, stackPointer, opI32Const, below, opI32Sub)
		a.place = place{from: o.to, moved: below, reach: a.keep(a.base, o.from, o.to)}
		offset += below
	}
	a.stretch(a.place.reach, offset)
	a.texts = appendU32(appendU32(a.texts, align), uint32(offset))
	a.edit(at+1, r.pos)
}

// aside is a call that Go's compiler puts aside, under a condition: one that
// panics or makes the stack larger. It does not come back, except by unwinding.
type aside struct {
	callee uint32
	back   int64  // the return address, as the compiler writes it
	label  uint32 // of the end of the function, where unwinding goes on
}

// What Go's compiler writes around an address to return to: the pointer is moved
// by 8 and put on the operand stack; the address is stored there.
const (
	pushPointer = "\x20\x01\x41\x08\x6b\x22\x01\x24\x00\x20\x01"
	pushStore   = "\x37\x03\x00"
	// movePointer stands behind the pointer's new value.
	movePointer = "\x22\x01\x24\x00"
	// pointerAgain gets the pointer at the beginning and behind calls.
	pointerAgain = "\x23\x00\x21\x01"
)

// findAside looks whether an if, whose opcode r has just read, holds such a call.
func (w *rewriter) findAside(r *reader) (c aside, ok bool) {
	if r.err != nil || r.b[r.pos-1] != blockEmpty || !r.has(pushPointer) {
		return c, false
	}
	peek := &reader{b: r.b, pos: r.pos + len(pushPointer), end: r.end}
	peek.text("\x42")
	c.back = peek.signed(10)
	peek.text(pushStore + "\x41\x00\x10") // enter at 0
	c.callee = peek.u32()
	peek.text("\x23\x00\x21\x01\x0d") // the pointer again, br_if
	c.label = peek.u32()
	peek.text("\x0b")
	if peek.err != nil || !w.resumed(c.callee) {
		return c, false
	}
	r.pos = peek.pos
	return c, true
}

// has reports whether s stands next.
func (r *reader) has(s string) bool {
	return r.end-r.pos >= len(s) && string(r.b[r.pos:r.pos+len(s)]) == s
}

// text reads what can only be s.
func (r *reader) text(s string) {
	if !r.has(s) {
		r.fail("not %x", s)
		return
	}
	r.pos += len(s)
}

// putAside calls by way of a function that does what is common to all such
// calls of one callee.
func (w *rewriter) putAside(c aside, negated bool) {
	n, ok := w.asides[c.callee]
	if !ok {
		n, w.more = uint32(len(w.more)), append(w.more, added{aside: true, callee: c.callee})
		w.asides[c.callee] = n
	}
	w.condition(negated)
	w.body = append(w.body, opLocalGet, stackPointer, opI64Const)
	w.body = appendU32(append(appendI64(w.body, c.back), opCall), w.renew+1+n)
	w.body = append(appendU32(append(w.body, opBrIf), c.label), opEnd)
	w.passed()
	if c.label > 0 {
		w.branch(c.label - 1)
	}
	w.body = w.settle(w.body)
}

// asideBody makes w.body of the function (pointer, return address) → result
// that pushes the return address and calls callee. Were callee to return with
// the stack elsewhere, the caller would not know; it traps instead.
func (w *rewriter) asideBody(callee uint32) {
	w.head = append(w.head[:0], 1, 1, typeI32) // local 2 is the result
	w.body = append(w.body[:0],
		opLocalGet, 0, opI32Const, below, opI32Sub, opGlobalSet, stackGlobal,
		opGlobalGet, stackGlobal, opLocalGet, 1, opI64Store, 3, 0,
		opI32Const, 0, opCall)
	w.body = append(appendU32(w.body, callee), opLocalTee, 2,
		opI32Eqz, opGlobalGet, stackGlobal, opLocalGet, 0, opI32Ne, opI32And, opIf, blockEmpty, opUnreachable, opEnd,
		opLocalGet, 2, opEnd)
}
