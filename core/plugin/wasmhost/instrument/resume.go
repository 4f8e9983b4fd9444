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
	labels []bool   // whether each block, the innermost first, is such a place
	back   []uint32 // choices of jumps that lead back
}

// maxBack is how many ways back are told apart one by one; more go by the table.
const maxBack = 8

// plan finds where the function is resumed whose instructions r is to read.
func (w *rewriter) plan(r reader) resume {
	f := &w.flow
	f.reset()
	defer f.reset()
	var p resume
	var choices []uint32
	ended := 0
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
		switch {
		case f.choice == at:
			if f.local != 0 || p.known {
				return resume{}
			}
			p.known = true
		case f.back && f.leads():
			if op != opBr || !chosen {
				return resume{}
			}
			if _, ok := f.forward(); !ok && !slices.Contains(p.back, uint32(f.value)) {
				p.back = append(p.back, uint32(f.value))
			}
		case op == opEnd:
			ended = r.pos
		case op == opI64Const && returns(&r, at):
			choice := uint32(f.value & 0xffff)
			choices = append(choices, choice)
			if ended == at-len(pushPointer) && choice > 0 {
				choices = append(choices, choice-1)
			}
		}
		f.back = false
	}
	if len(p.back) > maxBack {
		choices, p.back = append(choices, p.back...), nil
	}
	p.labels = make([]bool, f.blocks+1)
	for _, c := range append(choices, 0) {
		if l := f.label(c); l < uint32(len(p.labels)) {
			p.labels[l] = true
		}
	}
	return p
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
func (w *rewriter) choose(p *resume) {
	d := &w.flow.dispatch
	w.body = append(w.body, opBlock, blockEmpty, opLocalGet, 0, opI32Eqz)
	w.body = appendU32(append(w.body, opBrIf), d.label(0)+1)
	for _, choice := range p.back {
		w.body = append(w.body, opLocalGet, 0)
		w.constantI32(int32(choice))
		w.body = appendU32(append(w.body, opI32Eq, opBrIf), d.label(choice)+1)
	}
	w.body = append(w.body, opLocalGet, 0, opBrTable)
	w.body = appendU32(w.body, uint32(len(d.targets)))
	for _, label := range append(d.targets, d.other) {
		if label < uint32(len(p.labels)) && !p.labels[label] {
			w.body = append(w.body, 0)
		} else {
			w.body = appendU32(w.body, label+1)
		}
	}
	w.body = append(w.body, opEnd, opUnreachable)
}
