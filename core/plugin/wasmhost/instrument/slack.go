package instrument

// A memory of Go's gets one more page, which the module does not know of. Every
// address that it may use goes on for slackSize bytes, then, and whether an
// access lies within the memory may be asked before it is known if it is made.
const slackSize = 1 << 16

// maxPages is how large a memory may be at most.
const maxPages = 1 << 16

// memories copies the memories, with one more page if there is to be slack.
func (w *rewriter) memories(r *reader) {
	n := r.count()
	w.scratch = appendU32(w.scratch, uint32(n))
	for range n {
		w.memory, w.ownMemory, w.slack = true, true, w.byGo
		least, most, bounded := limits(r)
		if w.slack {
			least, most = least+1, min(most+1, maxPages)
		}
		if bounded {
			w.scratch = appendU32(appendU32(append(w.scratch, 1), least), most)
		} else {
			w.scratch = appendU32(append(w.scratch, 0), least)
		}
	}
}

// hideSlack stands behind what tells or told the size of the memory: −1, which
// says that it cannot grow, stays.
func (w *rewriter) hideSlack() {
	w.global(opGlobalSet, lengthGlobal)
	w.global(opGlobalGet, lengthGlobal)
	w.global(opGlobalGet, lengthGlobal)
	w.constantI32(-1)
	w.body = append(w.body, opI32Ne, opI32Sub)
}
