package scan

// Edit changes one top-level member of an object.
type Edit struct {
	Key string
	// Value is the raw JSON to write; nil removes the member.
	Value []byte
	// OnlyIfAbsent leaves a member that is there alone.
	OnlyIfAbsent bool
}

// Apply appends the object obj with the edits made to dst. Every byte of a
// member that no edit names stays as it is, and so does the order; new members
// come last. Duplicates of an edited member are removed. Of several edits of one
// member the last counts. obj must be a valid
// object; anything else is appended unchanged.
func Apply(dst, obj []byte, edits []Edit) []byte {
	e, ok := newEditor(dst, obj, edits)
	if !ok {
		return append(dst, obj...)
	}
	members(obj, e.member)
	return e.close()
}

// editor writes an object whose members it is told one by one.
type editor struct {
	dst, obj []byte
	edits    []Edit
	done     []bool
	from     int // where the text before the next member begins
	begun    bool
}

// newEditor begins an object; ok is false when there is nothing to edit.
func newEditor(dst, obj []byte, edits []Edit) (e editor, ok bool) {
	start := skipSpace(obj, 0)
	if Kind(obj) != '{' || len(edits) == 0 {
		return e, false
	}
	return editor{dst: append(dst, '{'), obj: obj, edits: edits, done: make([]bool, len(edits)), from: start + 1}, true
}

func (e *editor) separate() {
	if e.begun {
		e.dst = append(e.dst, ',')
	}
	e.begun = true
}

// member takes the next member; it never ends the walk.
func (e *editor) member(key []byte, name, value, valueTo int) bool {
	n := -1
	for i := range e.edits {
		if e.edits[i].Key == string(key) {
			n = i
		}
	}
	switch {
	case n < 0 || e.edits[n].OnlyIfAbsent:
		e.separate()
		e.dst = append(e.dst, e.obj[leading(e.obj, e.from, name):valueTo]...)
	case e.edits[n].Value == nil || e.done[n]:
	default:
		e.separate()
		e.dst = append(e.dst, e.obj[leading(e.obj, e.from, name):value]...)
		e.dst = append(e.dst, e.edits[n].Value...)
	}
	if n >= 0 {
		e.done[n] = true
	}
	e.from = valueTo
	return true
}

// overridden reports whether a later edit is of the same member.
func (e *editor) overridden(i int) bool {
	for j := i + 1; j < len(e.edits); j++ {
		if e.edits[j].Key == e.edits[i].Key {
			return true
		}
	}
	return false
}

// close writes the members that are new.
func (e *editor) close() []byte {
	for i := range e.edits {
		if n := &e.edits[i]; !e.done[i] && n.Value != nil && !e.overridden(i) {
			e.separate()
			e.dst = append(AppendString(e.dst, n.Key), ':')
			e.dst = append(e.dst, n.Value...)
		}
	}
	return append(e.dst, '}')
}

// leading is where a member's own leading white space begins: after the comma.
func leading(obj []byte, from, key int) int {
	for i := from; i < key; i++ {
		if obj[i] == ',' {
			return i + 1
		}
	}
	return from
}
