package bridge

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Extra gathers the extra_content of a message from its deltas: see package llm.
type Extra struct{ list []extra }

// extra is a member of what one vendor says.
type extra struct {
	vendor, name string
	value        []byte
}

// Sort says what a member of extra_content is for.
type Sort uint8

// The sorts.
const (
	Told   Sort = iota // it tells the client something of the answer
	Signed             // a signature, which the vendor wants back
	Done               // what the vendor's own tools did, which it wants back, with text in it
)

func sortOf(name string) Sort {
	switch name {
	case "thought_signature":
		return Signed
	case "parts", "blocks":
		return Done
	}
	return Told
}

// Take gathers the extra_content of a delta, or of a message. Lists of what was done
// go on from delta to delta; of others the last counts.
func (e *Extra) Take(content []byte) {
	scan.Members(content, func(vendor, said []byte) bool {
		scan.Members(said, func(name, value []byte) bool {
			e.put(extra{string(vendor), string(name), value})
			return true
		})
		return true
	})
}

func (e *Extra) put(x extra) {
	x.value = slices.Clone(x.value)
	i := slices.IndexFunc(e.list, func(old extra) bool { return old.vendor == x.vendor && old.name == x.name })
	switch {
	case i < 0:
		e.list = append(e.list, x)
	case sortOf(x.name) == Done && scan.Len(e.list[i].value) > 0:
		if old := e.list[i].value; scan.Len(x.value) > 0 {
			e.list[i].value = append(append(old[:len(old)-1], ','), x.value[1:]...)
		}
	default:
		e.list[i].value = x.value
	}
}

// Has reports whether there are members of these sorts.
func (e *Extra) Has(sorts ...Sort) bool {
	return slices.ContainsFunc(e.list, func(x extra) bool { return slices.Contains(sorts, sortOf(x.name)) })
}

// Cut takes the members of these sorts out, as an extra_content; nil when there are none.
func (e *Extra) Cut(sorts ...Sort) []byte {
	var vendors []string
	objects := map[string][]byte{}
	e.list = slices.DeleteFunc(e.list, func(x extra) bool {
		if !slices.Contains(sorts, sortOf(x.name)) {
			return false
		}
		if !slices.Contains(vendors, x.vendor) {
			vendors = append(vendors, x.vendor)
		}
		objects[x.vendor] = append(named(objects[x.vendor], x.name), x.value...)
		return true
	})
	var all []byte
	for _, vendor := range vendors {
		all = append(named(all, vendor), scan.CloseObject(objects[vendor], 0)...)
	}
	if all == nil {
		return nil
	}
	return scan.CloseObject(all, 0)
}

// named begins a member after a comma, whose name a vendor or client may have chosen.
func named(dst []byte, name string) []byte {
	return append(scan.AppendString(append(dst, ','), name), ':')
}
