package scan

// An object is built by writing every member with AppendName and its value, and
// then closing it: no member needs to know whether it is the first.
//
//	start := len(dst)
//	dst = AppendString(AppendName(dst, "text"), s)
//	dst = CloseObject(dst, start)

// These functions are not inlined: an append is some 600 bytes of a guest's code,
// and most of that runs once a call.

// AppendName appends a comma and a member's name with its colon. The name needs no escaping.
//
//go:noinline
func AppendName(dst []byte, name string) []byte {
	dst = append(append(dst, ',', '"'), name...)
	return append(dst, '"', ':')
}

// CloseObject turns the first comma after start into the opening brace, or
// writes an empty object when nothing has been appended.
//
//go:noinline
func CloseObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{'
	return append(dst, '}')
}

// CloseArray is CloseObject for an array whose elements each begin with a comma.
//
//go:noinline
func CloseArray(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, '[', ']')
	}
	dst[start] = '['
	return append(dst, ']')
}

// AppendStrings appends an array of strings.
func AppendStrings(dst []byte, list []string) []byte {
	start := len(dst)
	for _, s := range list {
		dst = AppendString(append(dst, ','), s)
	}
	return CloseArray(dst, start)
}

// AppendMember appends a member, which begins with a comma, and its raw value; nil is
// no member.
func AppendMember(dst []byte, name string, value []byte) []byte {
	if value == nil {
		return dst
	}
	return append(AppendName(dst, name), value...)
}
