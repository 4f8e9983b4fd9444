package llm

import "strings"

// sealed begins the raw strings that Sealed knows.
const sealed = `"data:`

// Sealed reports whether a raw signature of a thought, or the data of a redacted one, says
// in the head of a data URL whose it is, as the codecs of vendors write it whose own text
// does not tell. A vendor that does not know the head would refuse the whole request.
func Sealed(raw []byte) bool {
	return strings.HasPrefix(string(raw[:min(len(raw), len(sealed))]), sealed)
}
