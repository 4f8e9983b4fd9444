package llm

import "strings"

// sealed begins the raw strings that Sealed knows.
const sealed = `"data:`

// Sealed reports whether a raw signature of a thought says in the head of a data URL whose
// it is, as codecs write it of vendors whose own text does not tell. A vendor that does not
// know the head would refuse the whole request.
func Sealed(raw []byte) bool {
	return strings.HasPrefix(string(raw[:min(len(raw), len(sealed))]), sealed)
}
