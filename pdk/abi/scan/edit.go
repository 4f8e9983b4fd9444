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
// come last. Duplicates of an edited member are removed. obj must be a valid
// object; anything else is appended unchanged.
func Apply(dst, obj []byte, edits []Edit) []byte {
	start := skipSpace(obj, 0)
	if Kind(obj) != '{' || len(edits) == 0 {
		return append(dst, obj...)
	}
	done := make([]bool, len(edits))
	dst = append(dst, '{')
	first := true
	sep := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
	}
	from := start + 1 // where the text before the next member begins
	members(obj, func(key []byte, k, v, end int) bool {
		e := -1
		for i := range edits {
			if edits[i].Key == string(key) {
				e = i
			}
		}
		switch {
		case e < 0 || edits[e].OnlyIfAbsent:
			sep()
			dst = append(dst, obj[leading(obj, from, k):end]...)
		case edits[e].Value == nil || done[e]:
		default:
			sep()
			dst = append(dst, obj[leading(obj, from, k):v]...)
			dst = append(dst, edits[e].Value...)
		}
		if e >= 0 {
			done[e] = true
		}
		from = end
		return true
	})
	for i, e := range edits {
		if !done[i] && e.Value != nil {
			sep()
			dst = append(AppendString(dst, e.Key), ':')
			dst = append(dst, e.Value...)
		}
	}
	return append(dst, '}')
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
