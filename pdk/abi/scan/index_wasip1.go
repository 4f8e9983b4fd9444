package scan

// Index makes walking through b and its parts quick until Index is called for
// another text. b must not be changed in between; what is in it may be found
// where it stood before. Only guests have it: see package pdk/go.
func Index(b []byte) {
	if known == nil {
		known = &index{}
	}
	known.read(b)
}
