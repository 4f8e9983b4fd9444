package instrument

// Opcodes with a meaning here.
const (
	opUnreachable                           = 0x00
	opBlock, opLoop, opIf, opEnd            = 0x02, 0x03, 0x04, 0x0b
	opBr, opBrIf, opBrTable, opReturn       = 0x0c, 0x0d, 0x0e, 0x0f
	opCall, opCallIndirect                  = 0x10, 0x11
	opSelectTyped                           = 0x1c
	opLocalGet, opLocalSet, opLocalTee      = 0x20, 0x21, 0x22
	opGlobalGet, opGlobalSet                = 0x23, 0x24
	opTableGet, opTableSet                  = 0x25, 0x26
	opFirstLoad, opLastStore                = 0x28, 0x3e
	opMemorySize, opMemoryGrow              = 0x3f, 0x40
	opI32Const, opI64Const                  = 0x41, 0x42
	opF32Const, opF64Const                  = 0x43, 0x44
	opFirstNumeric, opLastNumeric           = 0x45, 0xc4
	opRefNull, opRefIsNull, opRefFunc       = 0xd0, 0xd1, 0xd2
	prefixMisc, prefixSIMD                  = 0xfc, 0xfd
	simdStore, simdConst, simdShuffle       = 0x0b, 0x0c, 0x0d
	simdFirstLane, simdLastLane             = 0x15, 0x22 // extract_lane, replace_lane
	simdFirstMemoryLane, simdLastMemoryLane = 0x54, 0x5b
	simdLoad32Zero, simdLoad64Zero          = 0x5c, 0x5d

	opNop, opElse, opDrop                          = 0x01, 0x05, 0x1a
	opI32Load8U, opFirstStore, opI64Store          = 0x2d, 0x36, 0x37
	opI32Eqz, opI32Eq, opI32Ne, opI32LtS, opI32GeU = 0x45, 0x46, 0x47, 0x48, 0x4f
	opI64Eqz, opI64Eq, opI64Ne, opI64GeU           = 0x50, 0x51, 0x52, 0x5a
	opI32Add, opI32Sub, opI32And, opI32ShrU        = 0x6a, 0x6b, 0x71, 0x76
	opI64Add, opI32WrapI64, opI64ExtendI32U        = 0x7c, 0xa7, 0xad

	blockEmpty = 0x40
)

// code writes all bodies with the test at their beginning and before branches
// that lead back.
func (w *rewriter) code(r *reader) {
	begin := r.pos
	n := r.count()
	w.renew, w.runtime = w.functions+uint32(n), w.runtimeEnd(reader{b: r.b, pos: begin, end: r.end})
	bodies := make([]byte, 0, 2*(r.end-r.pos))
	for i := range n {
		size := int(r.u32())
		if size > r.end-r.pos {
			r.fail("a body of %d bytes does not fit into the %d left", size, r.end-r.pos)
			return
		}
		b := &reader{b: r.b, pos: r.pos, end: r.pos + size}
		r.pos += size
		bodies = w.function(bodies, i, b)
		if b.err != nil {
			r.err = b.err
			return
		}
	}
	w.renewal()
	bodies = w.appendBody(bodies)
	for _, f := range w.more {
		if f.aside {
			w.asideBody(f.callee)
			bodies = w.appendBody(bodies)
		} else {
			bodies = append(bodies, f.body...)
		}
	}
	w.scratch = append(appendU32(make([]byte, 0, len(bodies)+5), uint32(n+1+len(w.more))), bodies...)
}

func (w *rewriter) appendBody(b []byte) []byte {
	b = appendU32(b, uint32(len(w.head)+len(w.body)))
	return append(append(b, w.head...), w.body...)
}

// source is a function as the module has it.
type source struct {
	*reader
	declared []byte // its locals
	locals   uint32 // how many, with its parameters
	round    int    // what running through it once takes from the allowance
}

// function appends the new body of the module's own function i.
func (w *rewriter) function(bodies []byte, i int, r *reader) []byte {
	signature := w.signature(i)
	begin := r.pos
	var locals uint64
	for range r.count() {
		locals += uint64(r.u32())
		valueType(r)
	}
	if locals > MaxLocals {
		r.fail("a function has %d locals, more than %d", locals, MaxLocals)
		return bodies
	}
	b := source{r, r.b[begin:r.pos], uint32(locals) + signature.parameters, 1 + (r.end-r.pos)/codePerUnit}
	how := way{goes: w.byGo && signature.resumed && pointerIs32(b.declared)}
	if how.goes {
		how.resume = w.plan(*r)
		if w.fast(b, how.resume, i) {
			return append(bodies, w.fastBody...)
		}
	}
	w.write(b, how)
	return w.appendBody(bodies)
}

// pointerIs32 reports whether the first local, which in Go's functions is the
// stack pointer, is one of 32 bits.
func pointerIs32(declared []byte) bool {
	r := &reader{b: declared, end: len(declared)}
	return r.u32() > 0 && r.u32() > 0 && r.byte() == typeI32
}

// way is how a function is written.
type way struct {
	resume
	goes  bool // it is one of Go's
	fast  bool // see fast
	split bool // another function serves where it is resumed
}

// write makes w.head and w.body, the locals and the instructions.
func (w *rewriter) write(b source, how way) {
	r := b.reader
	w.body = w.body[:0]
	w.flow.reset()
	w.addresses.reset(b.locals, &how, w.slack)
	w.recent = recent{-1, -1}
	w.begin(b, &how)
	w.copied = r.pos
	op := byte(0)
	for r.more() {
		at := r.pos
		op = r.byte()
		cost := w.immediates(r, op)
		if op == opIf && how.known && w.shortened(r, at) {
			continue
		}
		if w.flow.step(op, r); r.err != nil {
			break
		}
		if op == opLoop && how.fast {
			w.copy(r, at)
			w.copied = r.pos
			op = w.loop(&how, r.b[at:r.pos])
		}
		w.addresses.step(op, at, r, &w.flow)
		if w.flow.back {
			w.again(r, at, op, b.round)
		}
		if w.flow.choice == at {
			w.copy(r, at)
			w.choice(&how)
		}
		if cost != 0 {
			w.copy(r, at)
			w.charge(cost)
		}
		w.behind(r, at, op, &how)
		w.recent.step(op, at)
	}
	if op != opEnd {
		r.fail("a body does not end with end")
	}
	w.copy(r, r.end)
	w.fillHoles()
	w.declare(b.declared)
}

// shortened writes an if at a place in another way where it holds a call aside
// or a jump alone.
func (w *rewriter) shortened(r *reader, at int) bool {
	if c, ok := w.findAside(r); ok {
		negated := w.negate(r)
		w.copy(r, at)
		w.putAside(c, negated)
	} else if label, ok := w.flow.findJump(r); ok {
		w.simplify(r)
		w.copy(r, at)
		w.putJump(label)
	} else {
		return false
	}
	w.copied = r.pos
	return true
}

// again stands before a branch at a place that leads back to a loop, or to a
// block that has not ended by way of one.
func (w *rewriter) again(r *reader, at int, op byte, round int) {
	w.copy(r, at)
	if label, ok := w.flow.forward(); ok && op == opBr {
		w.body = appendU32(append(w.body, opBr), label)
		w.copied = r.pos
	} else {
		w.take(round)
	}
	w.flow.back = false
}

// behind writes what stands behind an instruction, or in the place of one that
// is not to be copied.
func (w *rewriter) behind(r *reader, at int, op byte, how *way) {
	switch {
	case op == opIf && how.isPlain(at):
		negated := w.negate(r)
		w.copy(r, at)
		w.copied = r.pos
		w.condition(negated)
	case w.slack && (op == opMemorySize || op == opMemoryGrow):
		w.copy(r, r.pos)
		w.hideSlack()
	case how.fast && (op == opCall || op == opCallIndirect) && r.has(pointerAgain):
		w.copy(r, r.pos)
		r.skip(len(pointerAgain))
		w.copied = r.pos
		w.returned(op == opCallIndirect || w.resumed(w.flow.index))
	}
}

// copy appends the module's instructions up to a place, with the edits.
func (w *rewriter) copy(r *reader, to int) {
	from := w.copied
	for _, e := range w.edits {
		w.body = append(w.body, r.b[from:e.from]...)
		if e.reach > 0 {
			w.reaches[e.reach-1].hole += len(w.body) - e.begin
		}
		w.body = append(w.body, w.texts[e.begin:e.end]...)
		from = e.to
	}
	w.edits, w.texts, w.begun = w.edits[:0], w.texts[:0], 0
	w.body = append(w.body, r.b[from:to]...)
	w.copied = to
}

// declare makes w.head of a body's declaration of locals and the added ones.
func (w *rewriter) declare(locals []byte) {
	if w.added == 0 {
		w.head = append(w.head[:0], locals...)
		return
	}
	r := &reader{b: locals, end: len(locals)}
	n := r.u32()
	w.head = append(appendU32(w.head[:0], n+1), locals[r.pos:]...)
	w.head = append(appendU32(w.head, w.added), typeI32)
}

// immediates skips what belongs to an opcode. It must take exactly the bytes
// that the engine takes, or else code could hide from the instrumentation: where
// an engine might read an odd encoding otherwise, only the usual one is accepted.
// It returns what the instruction takes from the allowance: mostly nothing.
func (w *rewriter) immediates(r *reader, op byte) (cost int) {
	switch {
	case op >= opFirstNumeric && op <= opLastNumeric:
	case op == opCall:
		if w.flow.index = r.u32(); w.flow.index < w.functions {
			return costHostCall
		}
	case op == opBr, op == opBrIf:
		w.flow.to(r.u32())
	case op >= opLocalGet && op <= opLocalTee:
		w.flow.index = r.u32()
	case op == opTableGet, op == opTableSet, op == opRefFunc:
		r.u32()
	case op == opGlobalGet, op == opGlobalSet:
		w.ownGlobal(r, r.u32())
	case op >= opFirstLoad && op <= opLastStore:
		memArg(r)
	case op == opBlock, op == opLoop, op == opIf:
		blockType(r)
	case op == opI32Const:
		w.flow.value = r.signed(5)
	case op == opI64Const:
		w.flow.value = r.signed(10)
	case op == opF32Const:
		r.skip(4)
	case op == opF64Const:
		r.skip(8)
	case op == opBrTable:
		for range r.count() {
			w.flow.to(r.u32())
		}
		w.flow.to(r.u32())
	case op == opCallIndirect:
		r.u32()
		r.u32()
		return costIndirectCall
	case op == opMemorySize, op == opMemoryGrow:
		r.expect(0, "memory index")
	case op == opSelectTyped:
		r.expect(1, "number of select's types")
		valueType(r)
	case op == opRefNull:
		refType(r)
	case op == prefixMisc:
		return misc(r)
	case op == prefixSIMD:
		simd(r)
	case op == 0x00, op == 0x01, op == 0x05, op == opEnd, op == 0x0f, op == 0x1a, op == 0x1b, op == opRefIsNull:
		// unreachable, nop, else, end, return, drop, select, ref.is_null: none
	default:
		r.pos--
		r.fail("opcode %#x belongs to no supported feature", op)
	}
	return 0
}

// memArg reads alignment and offset of a load or store. Bit 6 of the alignment
// would mean that a memory index follows (multi-memory).
func memArg(r *reader) {
	if r.u32() >= 32 {
		r.fail("an alignment is out of range")
	}
	r.u32()
}

func blockType(r *reader) {
	switch v := r.signed(5); {
	case v >= 0, v == -64, v >= -5, v == -16, v == -17: // index; empty; numbers and v128; funcref, externref
	default:
		r.fail("block type %d belongs to no supported feature", v)
	}
}

func misc(r *reader) (cost int) {
	op := r.u32()
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
	case 8: // memory.init
		r.u32()
		r.expect(0, "memory index")
	case 10: // memory.copy
		r.expect(0, "memory index")
		r.expect(0, "memory index")
	case 11: // memory.fill
		r.expect(0, "memory index")
	case 12, 14: // table.init, table.copy
		r.u32()
		r.u32()
	case 9, 13, 15, 16, 17: // data.drop, elem.drop, table.grow, table.size, table.fill
		r.u32()
	default:
		r.fail("opcode 0xfc %#x belongs to no supported feature", op)
	}
	if op == 8 || op >= 10 && op <= 12 || op == 14 || op == 17 {
		return costBytes
	}
	return 0
}

// simd reads the second byte of a vector opcode and what belongs to it. From
// 0x80 on the number takes a second byte, which is always 1.
func simd(r *reader) {
	op := r.byte()
	if op >= 0x80 {
		r.expect(1, "second byte of a vector opcode")
	}
	switch {
	case op <= simdStore, op == simdLoad32Zero, op == simdLoad64Zero:
		memArg(r)
	case op == simdConst, op == simdShuffle:
		r.skip(16)
	case op >= simdFirstLane && op <= simdLastLane:
		r.skip(1)
	case op >= simdFirstMemoryLane && op <= simdLastMemoryLane:
		memArg(r)
		r.skip(1)
	}
}
