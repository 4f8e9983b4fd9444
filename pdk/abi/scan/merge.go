package scan

// Merge appends the JSON value a with patch laid over it to dst: objects are
// merged member by member, a member that is null takes the other away, and
// anything else stands in its place. Both must be valid; nil is an empty object.
// https://www.rfc-editor.org/rfc/rfc7396
func Merge(dst, a, patch []byte) []byte {
	if len(patch) == 0 {
		patch = []byte("{}")
	}
	if Kind(patch) != '{' {
		return append(dst, patch...)
	}
	if Kind(a) != '{' {
		a = []byte("{}")
	}
	var edits []Edit
	Members(patch, func(key, value []byte) bool {
		e := Edit{Key: string(key)}
		if !IsNull(value) {
			e.Value = Merge(nil, Get(a, e.Key), value)
		}
		for i := range edits {
			if edits[i].Key == e.Key { // of a name that stands twice the last counts
				edits[i] = e
				return true
			}
		}
		edits = append(edits, e)
		return true
	})
	return Apply(dst, a, edits)
}
