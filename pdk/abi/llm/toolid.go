package llm

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendToolID appends the raw string id of a tool call as a vendor takes it
// that wants 1 to most bytes out of a-z, A-Z, 0-9, _, - and those of more. An id
// of that form stays as it is; another, as another vendor's model may have given
// it, becomes one that depends on nothing else, so that a call and its result
// still belong together: what fits of it, and a hash of the whole.
func AppendToolID(dst, id []byte, more string, most int) []byte {
	text := scan.Text(id)
	if len(text) <= most && isToolID(text, more) {
		return append(append(append(dst, '"'), text...), '"')
	}
	const hashed = 1 + 16
	dst = append(dst, '"')
	for _, c := range text[:min(len(text), max(most-hashed, 0))] {
		if !toolIDByte(c, more) {
			c = '_'
		}
		dst = append(dst, c)
	}
	dst = append(dst, '-')
	hash := fnv.New64a()
	hash.Write(text)
	digits := strconv.AppendUint(nil, hash.Sum64(), 16)
	for range 16 - len(digits) {
		dst = append(dst, '0')
	}
	return append(append(dst, digits...), '"')
}

// AppendCallID appends the raw string id of a tool call that its vendor gave none:
// the same for the same parts, and another for others.
func AppendCallID(dst []byte, parts ...[]byte) []byte {
	hash := fnv.New64a()
	for _, p := range parts {
		hash.Write(p)
		hash.Write([]byte{0})
	}
	return append(strconv.AppendUint(append(dst, `"call_`...), hash.Sum64(), 16), '"')
}

func isToolID(text []byte, more string) bool {
	for _, c := range text {
		if !toolIDByte(c, more) {
			return false
		}
	}
	return len(text) > 0
}

// plainIDByte says which bytes every vendor takes.
var plainIDByte = func() (plain [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") {
		plain[c] = true
	}
	return plain
}()

func toolIDByte(c byte, more string) bool { return plainIDByte[c] || strings.IndexByte(more, c) >= 0 }
