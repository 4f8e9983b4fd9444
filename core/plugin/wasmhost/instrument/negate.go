package instrument

// recent is where the last instructions begin if they compute in line; -1 is none.
type recent struct{ last, before int }

func (l *recent) step(op byte, at int) {
	if op < opFirstNumeric || op > opLastNumeric {
		at = -1
	}
	l.before, l.last = l.last, at
}

// negate makes the condition on top of the operand stack the opposite, by
// changing what computes it. The engine does not see through a negation.
func (w *rewriter) negate(r *reader) bool {
	switch {
	case w.last < w.copied:
		return false
	case r.b[w.last] == opI32Eqz:
		w.edit(w.last, w.last+1)
		return true
	}
	return w.oppose(r, w.last)
}

// simplify takes a negation out of the condition on top of the operand stack.
func (w *rewriter) simplify(r *reader) {
	if w.before >= w.copied && w.last >= w.copied && r.b[w.last] == opI32Eqz && w.oppose(r, w.before) {
		w.edit(w.last, w.last+1)
	}
}

// oppose turns the comparison at a place, if it is one of whole numbers.
func (w *rewriter) oppose(r *reader, at int) bool {
	op := r.b[at]
	switch {
	case op == opI64Eqz:
		w.texts = append(w.texts, opI64Const, 0, opI64Ne)
	case op >= opI32Eq && op <= opI32GeU:
		w.texts = append(w.texts, opI32Eq+opposites[op-opI32Eq])
	case op >= opI64Eq && op <= opI64GeU:
		w.texts = append(w.texts, opI64Eq+opposites[op-opI64Eq])
	default:
		return false
	}
	w.edit(at, at+1)
	return true
}

// opposites are those of eq, ne, and lt, gt, le, ge, each signed and unsigned.
var opposites = [...]byte{1, 0, 8, 9, 6, 7, 4, 5, 2, 3}
