// Package patch makes the edits of a provider's plan in JSON documents: at any
// depth, and without touching any other byte.
package patch

import (
	"bytes"
	"fmt"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Patch is an abi.Edit made ready: it changes members at any depth of a JSON
// document and leaves every other byte as it is. Where names stand twice, all of
// them are changed.
type Patch struct {
	abi.Edit
	at []abi.Step // of Key
	// sign is a name without which a document stays as it is; "" when there is none.
	sign string
}

func compile(e abi.Edit) (Patch, error) {
	at, err := abi.ParsePath(e.Key)
	if err != nil {
		return Patch{}, fmt.Errorf("%s: %w", e.Key, err)
	}
	p := Patch{Edit: e, at: at}
	switch n := len(at); {
	case e.Op == abi.EditLift && (n < 2 || at[n-2].Each):
		return p, fmt.Errorf("%s: a member of an object is wanted", e.Key)
	case e.Op == abi.EditLift:
		p.sign = at[n-2].Name
	case e.Op == abi.EditDrop && (n < 2 || !at[n-2].Each):
		return p, fmt.Errorf("%s: a member of an array's elements is wanted", e.Key)
	case e.Op == abi.EditSplitThinking:
		p.sign = "type" // of a part
	case reshapes(e.Op) || e.Op == abi.EditRemove || e.Op == abi.EditRename || e.Op == abi.EditCopy:
		p.sign = at[n-1].Name
	case e.Where != nil:
		p.sign = someText(e.Where)
	case n > 1:
		p.sign = at[n-2].Name
	}
	return p, nil
}

// someText is a text in one of an object's members, "" for none.
func someText(object []byte) (text string) {
	scan.Members(object, func(_, value []byte) bool {
		text, _ = scan.String(value)
		return text == ""
	})
	return text
}

// Compile makes edits ready; its error names the path that is none.
func Compile(edits []abi.Edit) (list []Patch, err error) {
	for _, e := range edits {
		p, err := compile(e)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// Deep reports whether one of the patches reaches below the members of a document.
func Deep(list []Patch) bool {
	for i := range list {
		if list[i].Deep() {
			return true
		}
	}
	return false
}

// Deep reports whether the patch reaches below the members of a document, or
// depends on them.
func (p *Patch) Deep() bool { return len(p.at) > 1 || p.Where != nil || reshapes(p.Op) }

// Removals are patches that take the members away.
func Removals(paths []string) ([]Patch, error) {
	edits := make([]abi.Edit, len(paths))
	for i, path := range paths {
		edits[i] = abi.Edit{Op: abi.EditRemove, Key: path}
	}
	return Compile(edits)
}

// Apply returns doc with the patches made, one after the other: doc itself when none
// of them changes anything. doc must be valid.
func Apply(doc []byte, list []Patch) (_ []byte, changed bool) {
	for i := range list {
		if p := &list[i]; p.concerns(doc) {
			if out := p.write(make([]byte, 0, len(doc)+len(p.Value)+64), doc, p.at); !bytes.Equal(out, doc) {
				doc, changed = out, true
			}
		}
	}
	return doc, changed
}

// escapedASCII is in every text that has an ASCII letter written by its number.
var escapedASCII = []byte(`\u00`)

// concerns is a first look: most documents, and nearly all events of a stream,
// need no second.
func (p *Patch) concerns(doc []byte) bool {
	return p.sign == "" || bytes.Contains(doc, []byte(p.sign)) || bytes.Contains(doc, escapedASCII)
}

// Finds reports whether the member is there, in any of the places that the path
// names. doc must be valid.
func (p *Patch) Finds(doc []byte) bool {
	return p.concerns(doc) && found(doc, p.at)
}

func found(doc []byte, at []abi.Step) (is bool) {
	scan.Members(doc, func(key, value []byte) bool {
		switch {
		case string(key) != at[0].Name:
		case len(at) == 1:
			is = true
		case !at[0].Each:
			is = found(value, at[1:])
		default:
			scan.Elements(value, func(_ int, v []byte) bool { is = found(v, at[1:]); return !is })
		}
		return !is
	})
	return is
}

// write appends doc with the member at the end of the path changed.
func (p *Patch) write(dst, doc []byte, at []abi.Step) []byte {
	switch {
	case len(at) == 1:
		return p.change(dst, doc)
	case len(at) == 2 && p.Op == abi.EditLift:
		return p.lift(dst, doc, at[0].Name, at[1].Name)
	case len(at) == 2 && p.Op == abi.EditDrop:
		return p.drop(dst, doc, at[0].Name, at[1].Name)
	}
	next := 0
	inner := func(v []byte) {
		from := cap(doc) - cap(v) // v is a slice of doc
		dst = p.write(append(dst, doc[next:from]...), v, at[1:])
		next = from + len(v)
	}
	scan.Members(doc, func(key, value []byte) bool {
		switch {
		case string(key) != at[0].Name:
		case at[0].Each:
			scan.Elements(value, func(_ int, v []byte) bool { inner(v); return true })
		default:
			inner(value)
		}
		return true
	})
	return append(dst, doc[next:]...)
}

// change appends the object with its member changed. Anything else, and an object
// in which there is nothing to do, stays as it is.
func (p *Patch) change(dst, object []byte) []byte {
	name := p.at[len(p.at)-1].Name
	old := scan.Get(object, name)
	edits := [2]scan.Edit{{Key: name, Value: p.Value}}
	n := 1
	switch {
	case scan.Kind(object) != '{' || !has(object, p.Where):
		n = 0
	case p.Op == abi.EditDefault:
		if old != nil {
			n = 0
		}
	case p.Op != abi.EditSet && old == nil:
		n = 0
	case reshapes(p.Op):
		return p.reshape(dst, object, old)
	case p.Op == abi.EditRename:
		there := !scan.IsNull(scan.Get(object, p.To)) // null is what some say beside the old name
		edits, n = [2]scan.Edit{{Key: name}, {Key: p.To, Value: old, OnlyIfAbsent: there}}, 2
	case p.Op == abi.EditCopy:
		edits[0] = scan.Edit{Key: p.To, Value: old, OnlyIfAbsent: true}
	case p.Op == abi.EditRemove:
		edits[0].Value = nil
	}
	if n == 0 {
		return append(dst, object...)
	}
	return scan.Apply(dst, object, edits[:n])
}

// lift appends the object with a member of its member outer in the place of that.
func (p *Patch) lift(dst, object []byte, outer, name string) []byte {
	around := scan.Get(object, outer)
	if scan.Kind(around) != '{' || !has(around, p.Where) {
		return append(dst, object...)
	}
	value := scan.Get(around, name)
	if scan.IsNull(value) {
		value = p.Value
	}
	if p.To == outer {
		return scan.Apply(dst, object, []scan.Edit{{Key: outer, Value: value}})
	}
	return scan.Apply(dst, object, []scan.Edit{{Key: outer}, {Key: p.To, Value: value}})
}

// drop appends the object without those elements of its member list that are named.
func (p *Patch) drop(dst, object []byte, list, name string) []byte {
	var kept []byte
	all := true
	scan.Elements(scan.Get(object, list), func(_ int, v []byte) bool {
		if text, ok := scan.String(scan.Get(v, name)); ok && among(p.Value, text) {
			all = false
			return true
		}
		kept = append(append(kept, ','), v...)
		return true
	})
	if all {
		return append(dst, object...)
	}
	return scan.Apply(dst, object, []scan.Edit{{Key: list, Value: scan.CloseArray(kept, 0)}})
}

// among reports whether the text is an element of the array.
func among(array []byte, text string) (is bool) {
	scan.Elements(array, func(_ int, v []byte) bool {
		is = is || scan.Is(v, text)
		return !is
	})
	return is
}

// has reports whether the object has all members of where with their values.
func has(object, where []byte) (is bool) {
	is = true
	scan.Members(where, func(key, value []byte) bool {
		got := scan.Get(object, string(key))
		is = got != nil && scan.Kind(got) == scan.Kind(value) && (scan.Same(scan.Text(got), scan.Text(value)) && scan.Kind(value) == '"' || bytes.Equal(got, value))
		return is
	})
	return is
}
