package instrument

import "slices"

// addresses writes the addresses of loads and stores so that the engine sees
// which of them have one base. It compares each access with the memory's end, in
// some seventy bytes of code, unless the same value was compared before: the
// code of a guest, and the memory that it takes, are for the most part that.
//
// A pointer of 64 bits is cut to 32 at each use; here that is done once, and the
// result kept in a local that is added. What Go's compiler does is in stack.
//
// The engine knows of a base how far the accesses so far have reached. So where
// a base is kept, it is made to reach as far as any access by it will.
type addresses struct {
	operands []operand
	edits    []edit
	reaches  []reach
	texts    []byte // of the edits
	begun    int    // where in them the next one's begins
	// Of each local, by its number: how often it was set so far, and where its
	// lower half is kept.
	set    []uint32
	halves []half
	known  []uint32 // the locals with a half, in the order in which they got it
	next   uint32   // the number of the next local to be added
	added  uint32   // how many were
	slack  bool     // the memory goes on for slackSize bytes behind its end
	paths
	stack
}

// half is a local with the lower half of another.
type half struct {
	local uint32 // 0 is none yet
	reach int
	from  int // where in the module it begins to be right; 0 is nowhere
}

// reach is how far behind a base its accesses go, and where that is to be
// written: at first in the texts, then in the function's new instructions.
type reach struct {
	most uint32
	hole int
}

// edit puts texts[begin:end] in the place of module[from:to].
type edit struct {
	from, to, begin, end int
	reach                int // the number of the reach that is written there, 0 is none
}

// operand is what is known of a value on the operand stack: its shape, and
// module[from:to], which computes it.
type operand struct {
	shape
	local    uint32
	set      uint32 // how often the local had been set
	constant int64
	from, to int
}

type shape byte

const (
	shapeOther    shape = iota
	shapeConstant       // of 32 or 64 bits
	shapeLocal          // a local
	shapeMoved          // a local of 32 bits and a constant
	shapeExtended       // a local of 32 bits made 64
	shapeSum            // that and a constant
	shapeAddress        // that cut to 32 bits again
	shapeHalf           // a local of 64 bits cut to 32
)

func (a *addresses) reset(locals uint32, how *way, slack bool) {
	*a = addresses{
		operands: a.operands[:0], edits: a.edits[:0], reaches: a.reaches[:0], texts: a.texts[:0], known: a.known[:0],
		set:    append(a.set[:0], make([]uint32, locals)...),
		halves: append(a.halves[:0], make([]half, locals)...),
		next:   locals,
		slack:  slack,
		paths:  a.paths,
		stack:  stack{used: how.goes, fast: how.fast, labels: how.labels},
	}
	a.paths.reset(len(how.labels))
}

func (a *addresses) push(o operand) { a.operands = append(a.operands, o) }

func (a *addresses) pop() (o operand) {
	if n := len(a.operands); n > 0 {
		o, a.operands = a.operands[n-1], a.operands[:n-1]
	}
	return o
}

// step takes the instruction at module[at:r.pos]. What is on the operand stack
// when control goes elsewhere or a call is made is not followed any further.
func (a *addresses) step(op byte, at int, r *reader, f *flow) {
	switch {
	case op == opNop:
	case op == opLocalGet:
		o := operand{from: at, to: r.pos}
		if f.index < uint32(len(a.set)) {
			o.shape, o.local, o.set = shapeLocal, f.index, a.set[f.index]
		}
		a.push(o)
	case op == opLocalSet, op == opLocalTee:
		a.change(f.index, a.pop())
		if op == opLocalTee {
			a.push(operand{})
		}
	case op == opI64Const, op == opI32Const:
		a.push(operand{shape: shapeConstant, constant: f.value, from: at, to: r.pos})
	case op == opF32Const, op == opF64Const, op == opGlobalGet:
		a.push(operand{})
	case op == opGlobalSet, op == opDrop:
		a.pop()
	case op == opI64ExtendI32U:
		a.grow(at, r.pos, shapeLocal, shapeExtended)
	case op == opI32WrapI64:
		if n := len(a.operands); n > 0 && a.operands[n-1].shape == shapeSum {
			a.grow(at, r.pos, shapeSum, shapeAddress)
		} else {
			a.grow(at, r.pos, shapeLocal, shapeHalf)
		}
	case op == opI32Add:
		a.plus(at, r.pos, 1, shapeLocal, shapeMoved)
	case op == opI32Sub:
		a.plus(at, r.pos, -1, shapeLocal, shapeMoved)
	case op == opI64Add:
		a.plus(at, r.pos, 1, shapeExtended, shapeSum)
	case op >= opFirstLoad && op < opFirstStore:
		a.access(a.pop(), at, r)
		a.push(operand{})
	case op >= opFirstStore && op <= opLastStore:
		a.pop()
		a.access(a.pop(), at, r)
	case op >= opFirstNumeric && op <= opLastNumeric:
		if !unary(op) {
			a.pop()
		}
		a.pop()
		a.push(operand{})
	default:
		a.operands = a.operands[:0]
		a.control(op, f, r)
	}
}

// unary reports whether a numeric instruction takes one operand.
func unary(op byte) bool {
	return op == opI32Eqz || op == opI64Eqz || op >= 0x67 && op <= 0x69 || op >= 0x79 && op <= 0x7b ||
		op >= 0x8b && op <= 0x91 || op >= 0x99 && op <= 0x9f || op >= opI32WrapI64
}

// grow makes one shape of another by the instruction that follows it directly.
func (a *addresses) grow(at, end int, from, to shape) {
	o := a.pop()
	if o.shape != from || o.to != at {
		o = operand{}
	} else {
		o.shape, o.to = to, end
	}
	a.push(o)
}

// plus makes one shape of another by a constant that is added.
func (a *addresses) plus(at, end int, sign int64, from, to shape) {
	c, o := a.pop(), a.pop()
	if c.shape != shapeConstant || c.to != at || c.from != o.to || o.shape != from || c.constant < 0 {
		o = operand{}
	} else {
		o.shape, o.constant, o.to = to, sign*c.constant, end
	}
	a.push(o)
}

// change notes that a local gets the value of o.
func (a *addresses) change(local uint32, o operand) {
	if local >= uint32(len(a.set)) {
		return
	}
	moved := o.shape == shapeMoved && o.local == local && o.set == a.set[local]
	a.set[local]++
	a.halves[local].from = 0
	switch {
	case local != stackPointer:
	case moved:
		a.moved += o.constant
	default:
		a.place = place{}
	}
}

// forget leaves only the first known halves.
func (a *addresses) forget(known int) {
	for _, l := range a.known[min(known, len(a.known)):] {
		a.halves[l].from = 0
	}
	a.known = a.known[:min(known, len(a.known))]
}

// access writes the address o of the load or store at module[at:r.pos] anew.
func (a *addresses) access(o operand, at int, r *reader) {
	switch {
	case a.dead:
	case o.shape == shapeHalf:
		_, offset := argument(at, r)
		a.halve(o, offset)
	case a.stack.used && o.local == stackPointer && o.set == a.set[stackPointer] && (o.shape == shapeLocal || o.shape == shapeAddress):
		a.onStack(o, at, r)
	}
}

// halve takes half of a local from where it is kept, or has it kept.
func (a *addresses) halve(o operand, offset int64) {
	h := &a.halves[o.local]
	switch {
	case h.from != 0 && h.from <= o.from:
		a.texts = appendU32(append(a.texts, opLocalGet), h.local)
		a.edit(o.from, o.to)
	case h.from == 0 && a.set[o.local] == o.set:
		if h.local == 0 {
			h.local = a.add()
		}
		h.from = o.to
		a.known = append(a.known, o.local)
		h.reach = a.keep(h.local, o.to, o.to)
	default:
		return
	}
	a.stretch(h.reach, offset)
}

// keep puts the text so far, which computes a base, in the place of
// module[from:to], and has it kept in a local. What is loaded there in vain is
// dropped by the engine; what it keeps is the comparison with how far it reaches.
// It returns the number of the reach, 0 for none.
func (a *addresses) keep(local uint32, from, to int) int {
	a.texts = appendU32(append(a.texts, opLocalTee), local)
	if !a.slack {
		a.edit(from, to)
		return 0
	}
	a.texts = append(a.texts, opI32Load8U, 0)
	a.reaches = append(a.reaches, reach{hole: len(a.texts)})
	a.texts = append(a.texts, make([]byte, holeSize)...)
	a.texts = appendU32(append(a.texts, opDrop, opLocalGet), local)
	a.edit(from, to).reach = len(a.reaches)
	return len(a.reaches)
}

// stretch has a base reach an access that begins offset bytes behind it.
func (a *addresses) stretch(number int, offset int64) {
	if last := offset + accessSize - 1; number > 0 && last < slackSize {
		r := &a.reaches[number-1]
		r.most = max(r.most, uint32(last))
	}
}

// accessSize is the largest access of what is followed here.
const accessSize = 8

// holeSize is that of a number that is written when the function has been read.
const holeSize = 5

// fill writes a number into its hole, in as many bytes as there are.
func fill(hole []byte, v uint32) {
	for i := range holeSize {
		hole[i] = byte(v&0x7f) | 0x80
		v >>= 7
	}
	hole[holeSize-1] &= 0x7f
}

// argument is the alignment and the offset of the load or store at module[at:r.pos].
func argument(at int, r *reader) (align uint32, offset int64) {
	argument := &reader{b: r.b, pos: at + 1, end: r.pos}
	return argument.u32(), int64(argument.u32())
}

// add is a new local of 32 bits.
func (a *addresses) add() uint32 {
	a.next++
	a.added++
	return a.next - 1
}

// edit puts the text that was appended since the last edit in the place of
// module[from:to]. The edits are kept in the module's order; what is put between
// belongs to what stands before.
func (a *addresses) edit(from, to int) *edit {
	i := len(a.edits)
	for i > 0 && (a.edits[i-1].from > from || a.edits[i-1].from == from && from == to) {
		i--
	}
	a.edits = slices.Insert(a.edits, i, edit{from: from, to: to, begin: a.begun, end: len(a.texts)})
	a.begun = len(a.texts)
	return &a.edits[i]
}
