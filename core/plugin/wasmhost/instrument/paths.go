package instrument

// paths follows a function's branches: what is known where several of them meet
// is what all of them bring along.
type paths struct {
	place
	scopes []scope
	dead   bool    // no way leads to what follows
	ended  []place // of the dispatch's blocks, by label: what is known behind them
	broken bool    // a way leads back to where something else was taken for known
}

// place is where the stack pointer is.
type place struct {
	from  int   // where in the module the base of the stack was made; 0 is nowhere, and there is no more to know
	moved int64 // by how much the pointer has moved since
	reach int   // the number of the base's reach
}

// scope is an open block, loop or if.
type scope struct {
	op    byte
	begin place
	known int   // how many halves were known when it began
	dead  bool  // it began where no way leads to
	ways  int   // how many lead to its end
	at    place // what all of them bring along
}

func (p *paths) reset(labels int) {
	*p = paths{scopes: append(p.scopes[:0], scope{}), ended: append(p.ended[:0], make([]place, labels)...)}
}

// meet is one more way to the end of f.
func (f *scope) meet(p place) {
	if f.ways++; f.ways == 1 {
		f.at = p
	} else if f.at != p {
		f.at = place{}
	}
}

// branch is a way from here to a label.
func (p *paths) branch(label uint32) {
	if p.dead || uint64(label) >= uint64(len(p.scopes)) {
		return
	}
	f := &p.scopes[len(p.scopes)-1-int(label)]
	if f.op == opLoop {
		p.back(f.begin)
	} else {
		f.meet(p.place)
	}
}

// back is a way from here back to where place was taken for known.
func (p *paths) back(to place) {
	p.broken = p.broken || !p.dead && to.from != 0 && to != p.place
}

// anywhere is a way from here to every label.
func (p *paths) anywhere() {
	here := p.place
	p.place = place{}
	for label := range p.scopes {
		p.branch(uint32(label))
	}
	p.place = here
}

// control takes an instruction that is neither in line nor a call.
func (a *addresses) control(op byte, f *flow, r *reader) {
	switch op {
	case opBlock, opLoop, opIf:
		if op == opLoop {
			a.forget(0)
			if !a.fast {
				a.place = place{}
			}
		}
		a.scopes = append(a.scopes, scope{op: op, begin: a.place, known: len(a.known), dead: a.dead})
	case opElse:
		a.otherwise()
	case opEnd:
		a.close(f, r)
	case opBr, opBrIf:
		a.leave(f)
		a.dead = a.dead || op == opBr
	case opBrTable:
		if a.choosing {
			a.choosing = false
		} else {
			a.anywhere()
		}
		a.dead = true
	case opReturn, opUnreachable:
		a.dead = true
	}
}

// leave is a branch, perhaps by way of the dispatch.
func (a *addresses) leave(f *flow) {
	if label, ok := f.forward(); ok {
		a.branch(label)
	} else if !f.leads() {
		a.branch(f.index)
	} else if to := f.label(uint32(f.value)); f.chosen && uint64(to) < uint64(len(a.ended)) {
		a.back(a.ended[to])
	} else {
		a.broken = true
	}
}

// otherwise begins the other arm of an if.
func (a *addresses) otherwise() {
	f := &a.scopes[len(a.scopes)-1]
	if !a.dead {
		f.meet(a.place)
	}
	f.op = opElse
	a.forget(f.known)
	a.place, a.dead = f.begin, f.dead
}

// close ends a scope.
func (a *addresses) close(flow *flow, r *reader) {
	n := len(a.scopes) - 1
	f := a.scopes[n]
	if n == 0 || f.op == opLoop {
		a.scopes = a.scopes[:max(n, 1)]
		return
	}
	a.scopes = a.scopes[:n]
	if f.op == opIf && !f.dead {
		f.meet(f.begin) // the way past it
	}
	through := !a.dead
	if through {
		f.meet(a.place)
	}
	if label := flow.ended; label >= 0 && a.chosen(label) {
		a.forget(0)
		if !a.fast {
			f.at = place{}
		}
		f.ways += 2
		if label < len(a.ended) {
			a.ended[label] = f.at
		}
	}
	if f.ways > 1 || !through {
		a.forget(f.known)
	}
	if a.dead = f.ways == 0; !a.dead {
		a.place = f.at
	}
	if f.ways > 1 {
		if a.texts = a.settle(a.texts); len(a.texts) > a.begun {
			a.edit(r.pos, r.pos)
		}
	}
}

// chosen reports whether the dispatch leads to one of its labels.
func (a *addresses) chosen(label int) bool {
	return a.labels == nil || label < len(a.labels) && a.labels[label]
}

// settle appends what sets all that is known to itself. Where ways meet, the
// engine sees that they bring the same value along only when it is asked for the
// first time, and takes it for another one from then on.
func (a *addresses) settle(text []byte) []byte {
	if a.from != 0 {
		text = again(text, a.base)
	}
	for _, l := range a.known {
		if h := a.halves[l]; h.from != 0 {
			text = again(text, h.local)
		}
	}
	return text
}

func again(text []byte, local uint32) []byte {
	text = appendU32(append(text, opLocalGet), local)
	return appendU32(append(text, opLocalSet), local)
}
