package instrument

import "slices"

// resume is where a function of Go's goes on from its dispatch: where it is
// entered, and where its jumps lead back to. The dispatch lists more, the
// targets of jumps that lead forward only and become direct ones; without a way
// through the dispatch, what the engine knows before such a target still holds
// behind it. What is left out traps, should it ever be chosen.
//
// Go's functions are entered at the beginning and where their calls return to,
// by the addresses that they push: the function in the upper 48 bits, the choice
// in the lower 16. The runtime also enters a function just before its deferred
// calls, which is one less than the address pushed there.
type resume struct {
	known  bool
	labels []bool   // whether each block, the innermost first, ends at such a place
	jumped []bool   // the same without where calls return to
	table  []bool   // the same with those only that the dispatch finds by its table
	back   []uint32 // choices of jumps that lead back
	enters bool     // it begins behind one of the blocks
	loops  bool     // there are such jumps
	calls  bool     // there are calls that return
	frame  int64    // the most bytes by which the pointer to the stack is moved at once
	plain  []int    // where its ifs without else and results stand
}

// maxBack is how many ways back are told apart one by one; more go by the table.
const maxBack = 8

// maxJumps bounds how many ways back are followed.
const maxJumps = 1 << 10

// plan finds where the function is resumed whose instructions r is to read.
func (w *rewriter) plan(r reader) resume {
	f := &w.flow
	f.reset()
	defer f.reset()
	var p resume
	var choices []uint32
	var ifs []int // that have not ended; 0 is another block
	ended, choosing := 0, false
	for r.more() {
		at, chosen := r.pos, f.chosen
		op := r.byte()
		w.immediates(&r, op)
		if op == opIf {
			if _, ok := w.findAside(&r); ok {
				f.constant, f.chosen = false, false
				continue
			}
		}
		if f.step(op, &r); r.err != nil {
			return resume{}
		}
		choice := choosing
		choosing = f.choice == at
		switch {
		case op == opBrTable && !choice:
			return resume{} // Go's compiler writes no other
		case choosing:
			if f.local != 0 || p.known {
				return resume{}
			}
			p.known = true
		case f.back && f.leads():
			if op != opBr || !chosen || len(p.back) > maxJumps {
				return resume{}
			}
			if _, ok := f.forward(); !ok && !slices.Contains(p.back, uint32(f.value)) {
				p.back = append(p.back, uint32(f.value))
			}
		case op == opI32Sub && r.has(movePointer):
			p.frame = max(p.frame, f.value)
		case op == opEnd:
			ended = r.pos
			if n := len(ifs); n > 0 {
				if ifs[n-1] > 0 {
					p.plain = append(p.plain, ifs[n-1])
				}
				ifs = ifs[:n-1]
			}
		case op == opNop && ended == at:
			ended = r.pos
		case op == opElse && len(ifs) > 0:
			ifs[len(ifs)-1] = 0
		case op == opIf && r.b[r.pos-1] == blockEmpty:
			ifs = append(ifs, at)
		case op == opIf, op == opBlock, op == opLoop:
			ifs = append(ifs, 0)
		case op == opI64Const && returns(&r, at):
			choice := uint32(f.value & 0xffff)
			choices = append(choices, choice)
			if ended == at-len(pushPointer) && choice > 0 {
				choices = append(choices, choice-1)
			}
		}
		f.back = false
	}
	p.enters = f.label(0) < uint32(f.blocks)
	p.calls, p.loops = len(choices) > 0, len(p.back) > 0
	slices.Sort(p.plain)
	begin := append(slices.Clone(p.back), 0)
	p.jumped, p.labels = f.ends(begin), f.ends(append(begin, choices...))
	if len(p.back) > maxBack {
		choices, p.back = append(choices, p.back...), nil
	}
	p.table = f.ends(append(choices, 0))
	return p
}

// isPlain reports whether the if at a place has no else.
func (p *resume) isPlain(at int) bool {
	_, ok := slices.BinarySearch(p.plain, at)
	return ok
}

// ends says of each block, the innermost first, whether a choice leads to its end.
func (d *dispatch) ends(choices []uint32) []bool {
	labels := make([]bool, d.blocks+1)
	for _, c := range choices {
		if l := d.label(c); l < uint32(len(labels)) {
			labels[l] = true
		}
	}
	return labels
}

// returns reports whether the number at module[at:r.pos] is pushed as an address to return to.
func returns(r *reader, at int) bool {
	begin := at - len(pushPointer)
	return begin >= 0 && string(r.b[begin:at]) == pushPointer &&
		r.end-r.pos >= len(pushStore) && string(r.b[r.pos:r.pos+len(pushStore)]) == pushStore
}

// leads reports whether the label at hand is that of the dispatch.
func (f *flow) leads() bool {
	return f.loop > 0 && int64(len(f.loops)-1)-int64(f.index) == int64(f.loop)
}

// label is where a choice leads, seen from the br_table.
func (d *dispatch) label(choice uint32) uint32 {
	if uint64(choice) < uint64(len(d.targets)) {
		return d.targets[choice]
	}
	return d.other
}

// choose stands in the place of a dispatch's choice, in one more block: behind
// its end is the trap.
func (w *rewriter) choose(how *way) {
	d := &w.flow.dispatch
	w.body = append(w.body, opBlock, blockEmpty, opLocalGet, 0, opI32Eqz)
	w.body = appendU32(append(w.body, opBrIf), d.label(0)+1)
	for _, choice := range how.back {
		w.body = append(w.body, opLocalGet, 0)
		w.constantI32(int32(choice))
		w.body = appendU32(append(w.body, opI32Eq, opBrIf), d.label(choice)+1)
	}
	if !how.fast || len(how.back) == 0 {
		w.body = append(w.body, opLocalGet, 0, opBrTable)
		w.body = appendU32(w.body, uint32(len(d.targets)))
		for _, label := range append(d.targets, d.other) {
			if label < uint32(len(how.table)) && !how.table[label] {
				w.body = append(w.body, 0)
			} else {
				w.body = appendU32(w.body, label+1)
			}
		}
	}
	w.body = append(w.body, opEnd, opUnreachable)
}
