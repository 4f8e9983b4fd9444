package instrument

// paths follows a function's branches: what is known where several ways meet is
// what all of them bring along.
type paths struct {
	place
	scopes []scope
	dead   bool    // no way leads to what follows
	left   place   // what was known at the last branch
	lost   int     // to the ends of so many scopes, the outer ones, leads a way of which nothing is known
	ended  []place // of the dispatch's blocks, by label: what is taken for known behind them
	broken bool    // a way leads back to where something else was taken for known
}

// place is where the stack pointer is.
type place struct {
	from  int   // where in the module the base of the stack was made; 0 is nowhere, and there is no more to know
	moved int64 // how far the pointer is from the base
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

// meet is one more way to the end of s.
func (s *scope) meet(p place) {
	if s.ways++; s.ways == 1 {
		s.at = p
	} else if s.at != p {
		s.at = place{}
	}
}

// branch is a way from here to a label.
func (p *paths) branch(label uint32) {
	if p.dead || uint64(label) >= uint64(len(p.scopes)) {
		return
	}
	p.left = p.place
	if s := &p.scopes[len(p.scopes)-1-int(label)]; s.op == opLoop {
		p.back(s.begin)
	} else {
		s.meet(p.place)
	}
}

// back is a way from here back to where something is taken for known.
func (p *paths) back(known place) {
	p.broken = p.broken || !p.dead && known.from != 0 && known != p.place
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
		if !a.choosing {
			a.lost = len(a.scopes)
		}
		a.choosing, a.dead = false, true
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
		a.left = a.place
		a.back(a.ended[to])
	} else {
		a.broken = true
	}
}

// otherwise begins the other arm of an if.
func (a *addresses) otherwise() {
	s := &a.scopes[len(a.scopes)-1]
	if !a.dead {
		s.meet(a.place)
	}
	s.op = opElse
	a.forget(s.known)
	a.place, a.dead = s.begin, s.dead
}

// close ends a scope.
func (a *addresses) close(f *flow, r *reader) {
	n := len(a.scopes) - 1
	s := a.scopes[n]
	a.scopes = a.scopes[:max(n, 1)]
	if n == 0 || s.op == opLoop {
		return
	}
	if s.op == opIf && !s.dead {
		s.meet(s.begin) // the way past it
	}
	through := !a.dead
	if through {
		s.meet(a.place)
	}
	if n < a.lost {
		a.lost = n
		s.meet(place{})
	}
	if f.ended >= 0 && a.chosen(f.ended) {
		a.reenter(&s, f.ended)
	}
	if s.ways > 1 || !through {
		a.forget(s.known)
	}
	if a.dead = s.ways == 0; a.dead {
		return
	}
	if a.place = s.at; s.ways > 1 {
		if a.texts = a.settle(a.texts); len(a.texts) > a.begun {
			a.edit(r.pos, r.pos)
		}
	}
}

// chosen reports whether the dispatch leads to one of its labels.
func (a *addresses) chosen(label int) bool {
	return a.labels == nil || label < len(a.labels) && a.labels[label]
}

// reenter is where the dispatch leads to: of pointers nothing is known there.
// A fast function takes the stack pointer to be where the ways that led here so
// far bring it, or else where it was at the last branch; back checks that.
func (a *addresses) reenter(s *scope, label int) {
	a.forget(0)
	switch {
	case !a.fast:
		s.at = place{}
	case s.ways == 0:
		s.at = a.left
	}
	s.ways += 2
	if label < len(a.ended) {
		a.ended[label] = s.at
	}
}

// maxSettled bounds what is settled in one place.
const maxSettled = 8

// settle appends what sets that which is known to itself. Where ways meet, the
// engine sees that they bring the same value along only when it is asked for the
// first time, and takes it for another one from then on.
func (a *addresses) settle(text []byte) []byte {
	if a.from != 0 {
		text = kept(text, a.base)
	}
	for _, l := range a.known[max(len(a.known)-maxSettled, 0):] {
		if h := a.halves[l]; h.from != 0 {
			text = kept(text, h.local)
		}
	}
	return text
}

func kept(text []byte, local uint32) []byte {
	text = appendU32(append(text, opLocalGet), local)
	return appendU32(append(text, opLocalSet), local)
}
