package bridge

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Call collects one tool call of a stream from its fragments. ID and Name are raw
// strings, nil until they are known, Extra is extra_content.
type Call struct {
	Index           int // of the canonical tool call
	ID, Name, Extra []byte
	Sent, Waiting   []byte // arguments, unescaped: what the client has of them, and what not
	Begun, Ended    bool
}

// Take keeps what a fragment says of the call; false when the call has ended and
// the fragment goes on with it all the same.
func (c *Call) Take(fragment []byte) bool {
	if id := scan.Get(fragment, "id"); filled(id) && c.ID == nil {
		c.ID = slices.Clone(id)
	}
	if name := scan.Get(fragment, "function", "name"); filled(name) && c.Name == nil {
		c.Name = slices.Clone(name)
	}
	if extra := scan.Get(fragment, "extra_content"); scan.Kind(extra) == '{' {
		c.Extra = slices.Clone(extra)
	}
	switch args := scan.Get(fragment, "function", "arguments"); {
	case !filled(args):
	case !c.Ended:
		c.Waiting = scan.AppendUnescaped(c.Waiting, args)
	default:
		return llm.Blank(args)
	}
	return true
}

// filled reports whether raw is a string with something in it.
func filled(raw []byte) bool { return scan.Kind(raw) == '"' && len(raw) > 2 }

// Whole reports whether arguments are a whole object, so that nothing can follow.
func Whole(arguments []byte) bool {
	return len(arguments) > 0 && arguments[len(arguments)-1] == '}' && scan.Valid(arguments) == nil
}
