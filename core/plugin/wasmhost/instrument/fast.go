package instrument

// maxFrame bounds the frames of fast functions, so that what lies below the
// stack's pointer by one is still in the memory.
const maxFrame = 1 << 15

// fast tries to write one of Go's functions as two: a fast one for whoever
// calls it, which is left in w.fastBody, and a slow one to be resumed. Few calls
// unwind the stack, but little is known at a place that each of them may come
// back to. The fast one has a single base for all that it does on the stack,
// made when it begins, as a call that returns leaves the pointer where it was.
// What never is resumed needs no slow one.
func (w *rewriter) fast(b source, p resume, i int) bool {
	if !w.slack || !p.known || !p.enters || p.frame > maxFrame || !b.has(pointerAgain) || p.calls && i < w.runtime {
		return false
	}
	begin := b.pos
	how := way{resume: p, goes: true, fast: true, split: p.calls}
	how.labels, how.table = p.jumped, p.jumped
	if w.write(b, how); b.err != nil {
		return true
	}
	if w.broken {
		b.pos = begin
		return false
	}
	if how.split {
		fill(w.body[w.slow:], w.renew+1+uint32(len(w.more)))
	}
	w.fastBody = w.appendBody(w.fastBody[:0])
	if how.split {
		w.more = append(w.more, added{kind: w.ownTypes[i]})
		last := len(w.more) - 1
		b.pos = begin
		w.write(b, way{resume: p, goes: true})
		w.more[last].body = w.appendBody(nil)
	}
	return true
}

// runtimeEnd is how many of the functions are those of Go's runtime, which the
// linker puts first: more than half of a codec's code, of which a call runs
// through little. Written twice, they would be a guest's largest part. The last
// of them is the loop that calls what is to be resumed, one of two functions of
// type () → () that call by a table.
func (w *rewriter) runtimeEnd(r reader) (end int) {
	for i := range r.count() {
		size := int(r.u32())
		if r.skip(size); r.err != nil || !w.byGo {
			return 0
		}
		if b := (reader{b: r.b, pos: r.pos - size, end: r.pos}); string(w.signature(i).text) == addedTypes[renewalType] && w.callsIndirectly(b) {
			end = i
		}
	}
	return end
}

// callsIndirectly reports whether a body calls by a table.
func (w *rewriter) callsIndirectly(r reader) bool {
	for range r.count() {
		r.u32()
		valueType(&r)
	}
	for r.more() {
		op := r.byte()
		if w.immediates(&r, op); op == opCallIndirect {
			return r.err == nil
		}
	}
	return false
}

// begin stands before a function's first instruction.
func (w *rewriter) begin(b source, how *way) {
	if how.split && how.loops {
		w.body = append(w.body, opLocalGet, 0, opIf, blockEmpty)
		w.resumeSlow()
		w.body = append(w.body, opEnd)
	}
	w.take(b.round)
	if !how.fast {
		return
	}
	b.skip(len(pointerAgain))
	w.base = w.add()
	w.place = place{from: b.pos, moved: how.frame + below, reach: 1}
	w.reaches = append(w.reaches, reach{hole: -1})
	w.body = append(append(w.body, pointerAgain...), opLocalGet, stackPointer)
	w.constantI32(int32(w.moved))
	w.body = appendU32(append(w.body, opI32Sub, opLocalSet), w.base)
	w.check()
}

// check asks whether all of the base's accesses lie in the memory.
func (w *rewriter) check() {
	w.body = append(appendU32(append(w.body, opLocalGet), w.base), opI32Load8U, 0)
	w.checks = append(w.checks, len(w.body))
	w.body = append(append(w.body, make([]byte, holeSize)...), opDrop)
}

// resumeSlow hands on to the slow function.
func (w *rewriter) resumeSlow() {
	w.body = append(w.body, opLocalGet, 0, opCall)
	w.slow = len(w.body)
	w.body = append(append(w.body, make([]byte, holeSize)...), opReturn)
}

// loop writes the beginning of a loop in a fast function: for the engine all is
// new in there. It returns what became of it. A dispatch that nothing leads back
// to is no loop.
func (w *rewriter) loop(how *way, text []byte) byte {
	if f := &w.flow; !how.loops && f.loop > 0 && f.loop == len(f.loops)-1 {
		w.body = append(append(w.body, opBlock), text[1:]...)
		return opBlock
	}
	w.body = append(w.body, text...)
	w.check()
	return opLoop
}

// choice stands before the dispatch's choice.
func (w *rewriter) choice(how *way) {
	w.choosing = true
	if how.fast {
		w.branch(w.flow.label(0))
	}
	switch {
	case !how.known:
		w.enter()
	case how.fast && !how.loops:
		w.enter()
		if how.split {
			w.resumeSlow()
		} else {
			w.body = append(w.body, opUnreachable)
		}
	default:
		w.choose(how)
	}
}

// returned stands behind a call in a fast function. Those of Go's functions take
// the address to return to from the stack; those of what helps Go's compiler find none there.
func (w *rewriter) returned(popped bool) {
	if popped {
		w.body = append(w.body, opLocalGet, stackPointer, opI32Const, below, opI32Add, opLocalSet, stackPointer)
		w.set[stackPointer]++
		w.moved += below
	}
	w.passed()
}

// fillHoles writes what is known at a function's end.
func (w *rewriter) fillHoles() {
	for _, reach := range w.reaches {
		if reach.hole >= 0 {
			fill(w.body[reach.hole:], reach.most)
		}
	}
	for _, at := range w.checks {
		fill(w.body[at:], w.reaches[0].most)
	}
	w.checks = w.checks[:0]
}
