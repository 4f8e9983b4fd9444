package instrument

// The globals that are added, by their distance from the module's own last one.
const (
	flagGlobal      = iota
	allowanceGlobal // what may still be done before the flag is tested
	lengthGlobal    // keeps the number on top of the stack while takeBytes looks at it
	addedGlobals
)

// The allowance and what things take from it. Between two tests a guest runs
// through 4 MB of its code, handles 64 MB of memory or calls the host 16 times:
// milliseconds all of them.
const (
	allowance = 1 << 14
	// codePerUnit is how many bytes of code cost a unit. Each entry and each
	// round of a loop costs one more: all of the function may be run before the
	// next such place.
	codePerUnit = 256
	// bytesPerUnit is how many bytes or table entries cost a unit, as a shift.
	bytesPerUnit     = 12
	costHostCall     = allowance / 16
	costIndirectCall = allowance / 256 // may be one of the host
	costBytes        = -1              // by the number on top of the stack
)

// take takes units from the allowance.
func (w *rewriter) take(units int) {
	w.global(opGlobalGet, allowanceGlobal)
	w.constantI32(int32(units))
	w.body = append(w.body, opI32Sub)
	w.global(opGlobalSet, allowanceGlobal)
	w.test()
}

// charge takes what an instruction costs.
func (w *rewriter) charge(cost int) {
	if cost == costBytes {
		w.takeBytes()
	} else {
		w.take(cost)
	}
}

// takeBytes takes for an instruction that handles as many bytes or entries as
// the top of the stack says, and leaves the stack as it was.
func (w *rewriter) takeBytes() {
	w.global(opGlobalSet, lengthGlobal)
	w.global(opGlobalGet, allowanceGlobal)
	w.global(opGlobalGet, lengthGlobal)
	w.constantI32(bytesPerUnit)
	w.body = append(w.body, opI32ShrU, opI32Sub)
	w.constantI32(1)
	w.body = append(w.body, opI32Sub)
	w.global(opGlobalSet, allowanceGlobal)
	w.test()
	w.global(opGlobalGet, lengthGlobal)
}

// test does nothing before the allowance is used up.
func (w *rewriter) test() {
	w.global(opGlobalGet, allowanceGlobal)
	w.constantI32(0)
	w.body = append(w.body, opI32LtS, opIf, blockEmpty, opCall)
	w.body = append(appendU32(w.body, w.renew), opEnd)
}

// renewal makes w.body of the function that renews the allowance, lets the host
// in and traps if the flag is set. Growing the memory by nothing is what lets
// the host in without an import, which would shift the index of every function.
func (w *rewriter) renewal() {
	w.head, w.body = append(w.head[:0], 0), w.body[:0]
	w.constantI32(allowance)
	w.global(opGlobalSet, allowanceGlobal)
	if w.memory {
		w.constantI32(0)
		w.body = append(w.body, opMemoryGrow, 0, opDrop)
	}
	w.global(opGlobalGet, flagGlobal)
	w.body = append(w.body, opIf, blockEmpty, opUnreachable, opEnd, opEnd)
}

func (w *rewriter) global(op byte, which uint32) {
	w.body = appendU32(append(w.body, op), w.globals+which)
}

func (w *rewriter) constantI32(v int32) {
	w.body = appendI32(append(w.body, opI32Const), v)
}
