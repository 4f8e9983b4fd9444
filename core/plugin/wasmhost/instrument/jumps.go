package instrument

// flow follows the control instructions of one function. It knows which labels
// are loops: whatever goes on without an end branches back to one of them again
// and again, so the test stands before these branches. A branch that leads
// forward all the same needs none.
//
// Go's compiler writes all jumps within a function as one pattern: the jump
// sets a local to the number of its target and branches back to a loop that
// begins by choosing among blocks by that local (a dispatch). A jump to a block
// that has not ended yet is made a branch to that block here: it leads to the
// same place, and the engine makes a direct jump of it instead of an indirect
// one through a place where all of the function's values have to meet.
type flow struct {
	loops []bool // of each open frame, the function's own first, whether it is a loop
	dispatch
	// What the last instructions were: a constant, or a constant that was put
	// into the dispatch's local.
	constant, chosen bool
	value            int64
	ended            int    // the dispatch's label whose block has just ended; -1 is none
	back             bool   // a label of the instruction at hand is a loop
	index            uint32 // of the label or local that the last instruction named
}

// dispatch is the loop with which Go's functions begin: as many blocks as there
// are targets, and in the innermost one a br_table.
type dispatch struct {
	loop    int // its frame; 0 is none
	blocks  int // directly in it
	open    int // those of them that have not ended, the outer ones
	choice  int // where in the module the choice begins, with its local.get
	local   uint32
	targets []uint32 // labels seen from the br_table: 0 is the innermost block
	other   uint32
}

func (f *flow) reset() {
	*f = flow{loops: append(f.loops[:0], false), dispatch: dispatch{targets: f.targets[:0]}, ended: -1}
}

// to takes note of a branch's label.
func (f *flow) to(label uint32) {
	f.index = label
	if uint64(label) < uint64(len(f.loops)) && f.loops[len(f.loops)-1-int(label)] {
		f.back = true
	}
}

// step takes an instruction whose immediates r has just read.
func (f *flow) step(op byte, r *reader) {
	chosen := f.chosen
	f.ended = -1
	f.constant, f.chosen = op == opI32Const, f.constant && op == opLocalSet && f.index == f.local
	switch op {
	case opBlock, opIf:
		f.loops = append(f.loops, false)
	case opLoop:
		f.loops = append(f.loops, true)
		if f.loop == 0 && r.err == nil && r.b[r.pos-1] == blockEmpty {
			f.find(*r)
		}
	case opEnd:
		f.end()
	case opBr:
		f.chosen = chosen // forward asks
	}
}

func (f *flow) end() {
	last := len(f.loops) - 1
	if last == 0 {
		return // of the function
	}
	if f.loop > 0 && last == f.loop+f.open {
		if f.open == 0 {
			f.loop = 0
		} else {
			f.ended = f.blocks - f.open
			f.open--
		}
	}
	f.loops = f.loops[:last]
}

// find looks whether the loop that has just begun is a dispatch.
func (f *flow) find(r reader) {
	blocks := 0
	for r.end-r.pos >= 2 && r.b[r.pos] == opBlock && r.b[r.pos+1] == blockEmpty {
		r.pos += 2
		blocks++
	}
	choice := r.pos
	if blocks == 0 || r.byte() != opLocalGet {
		return
	}
	local := r.u32()
	if r.byte() != opBrTable {
		return
	}
	targets := f.targets[:0]
	for range r.count() {
		targets = append(targets, r.u32())
	}
	other := r.u32()
	if r.err == nil {
		f.dispatch = dispatch{loop: len(f.loops) - 1, blocks: blocks, open: blocks, choice: choice, local: local, targets: targets, other: other}
	}
}

// enter stands before a dispatch's choice and makes that of 0 a direct jump: it
// is how a function begins when it is called.
func (w *rewriter) enter() {
	if d := &w.flow.dispatch; len(d.targets) > 0 && d.targets[0] < uint32(d.blocks) {
		w.body = append(appendU32(append(w.body, opLocalGet), d.local), opI32Eqz)
		w.body = appendU32(append(w.body, opBrIf), d.targets[0])
	}
}

// forward is the label of the block to which a br leads by way of the dispatch,
// if it does so and the block has not ended.
func (f *flow) forward() (label uint32, ok bool) {
	if !f.chosen || !f.leads() {
		return 0, false
	}
	return f.ahead(uint32(f.value))
}

// ahead is the label of the block that a choice leads to, if that has not ended.
func (f *flow) ahead(choice uint32) (label uint32, ok bool) {
	target := f.label(choice)
	// The innermost block is the frame loop+blocks.
	frame := int64(f.loop) + int64(f.blocks) - int64(target)
	if frame <= int64(f.loop) || frame > int64(f.loop+f.open) {
		return 0, false
	}
	return uint32(int64(len(f.loops)-1) - frame), true
}

// findJump looks whether an if, whose opcode r has just read, holds nothing but
// a jump ahead by way of the dispatch.
func (f *flow) findJump(r *reader) (label uint32, ok bool) {
	if r.err != nil || r.b[r.pos-1] != blockEmpty || f.loop == 0 {
		return 0, false
	}
	peek := &reader{b: r.b, pos: r.pos, end: r.end}
	peek.text("\x41")
	choice := uint32(peek.signed(5))
	peek.text("\x21")
	local := peek.u32()
	peek.text("\x0c")
	loop := peek.u32()
	peek.text("\x0b")
	if peek.err != nil || local != f.local || int64(len(f.loops))-int64(loop) != int64(f.loop) {
		return 0, false
	}
	if label, ok = f.ahead(choice); ok {
		r.pos = peek.pos
	}
	return label, ok
}

// putJump writes the jump, if the condition says so.
func (w *rewriter) putJump(label uint32) {
	w.body = appendU32(append(w.body, opBrIf), label)
	w.passed()
	w.branch(label)
}

// passed forgets what the last instructions were.
func (w *rewriter) passed() {
	w.flow.constant, w.flow.chosen = false, false
	w.operands = w.operands[:0]
	w.recent = recent{-1, -1}
}

// condition begins a block in the place of an if, by the condition on the
// operand stack, which is negated already or not. Where an if without else ends,
// the engine has forgotten which accesses it compared.
func (w *rewriter) condition(negated bool) {
	w.body = appendI64(append(w.body, opBlock), int64(len(w.types)+conditionType))
	if !negated {
		w.body = append(w.body, opI32Eqz)
	}
	w.body = append(w.body, opBrIf, 0)
}
