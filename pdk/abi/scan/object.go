package scan

// Object is a JSON object that has been walked through once: looking its
// members up, and editing them, reads none of the others again. The zero value
// has no members.
type Object struct {
	text    []byte
	members []place
}

// place is where a member stands in the text.
type place struct {
	key                  []byte // unescaped
	name, value, valueTo int
}

// Parse is [Valid] and [Walk] in one pass.
func Parse(text []byte) (Object, error) {
	v := validator{b: text, noting: true, noted: make([]place, 0, usual)}
	if err := v.document(); err != nil {
		return Object{}, err
	}
	return Object{text, v.noted}, nil
}

// Walk finds the members of text, which must be valid. Anything but an object has none.
func Walk(text []byte) Object {
	places := make([]place, 0, usual)
	members(text, func(_ []byte, name, value, valueTo int) bool {
		key := Text(text[name:skipString(text, name)])
		places = append(places, place{key, name, value, valueTo})
		return true
	})
	return Object{text, places}
}

// usual is how many members most requests have.
const usual = 8

// Text is the whole text of the object.
func (o *Object) Text() []byte { return o.text }

// Members calls f as the function Members does.
func (o *Object) Members(f func(key, value []byte) bool) {
	for i := range o.members {
		m := &o.members[i]
		if !f(m.key, o.text[m.value:m.valueTo]) {
			return
		}
	}
}

// Get is the raw value of a member, the last of its name; nil when absent.
func (o *Object) Get(name string) []byte {
	for i := len(o.members) - 1; i >= 0; i-- {
		if m := &o.members[i]; string(m.key) == name {
			return o.text[m.value:m.valueTo]
		}
	}
	return nil
}

// Apply edits the object as the function Apply does.
func (o *Object) Apply(dst []byte, edits []Edit) []byte {
	e, ok := newEditor(dst, o.text, edits)
	if !ok {
		return append(dst, o.text...)
	}
	for i := range o.members {
		m := &o.members[i]
		e.member(m.key, m.name, m.value, m.valueTo)
	}
	return e.close()
}
