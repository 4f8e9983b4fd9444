package sse

import "bytes"

// KeepAlive is a comment line that holds a silent connection open. It has no
// blank line behind it: old client libraries take one for the end of an event.
const KeepAlive = ": keep-alive\n"

// Append appends an event in its canonical form: LF line ends, the event field
// first and only when name is not empty, one data line per line of data, a
// blank line. CR, LF and CRLF all end a line of data, since the format cannot
// carry a CR; in name they become spaces.
//
// Empty data appends nothing: clients try to parse it.
func Append(dst []byte, name string, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	if name != "" {
		dst = append(dst, "event: "...)
		from := len(dst)
		dst = append(dst, name...)
		for i, c := range dst[from:] {
			if c == '\r' || c == '\n' {
				dst[from+i] = ' '
			}
		}
		dst = append(dst, '\n')
	}
	for {
		dst = append(dst, "data: "...)
		eol := lineEnd(data)
		dst = append(append(dst, data[:eol]...), '\n')
		if eol == len(data) {
			return append(dst, '\n')
		}
		if data[eol] == '\r' && eol+1 < len(data) && data[eol+1] == '\n' {
			eol++
		}
		data = data[eol+1:]
	}
}

func lineEnd(data []byte) int {
	eol := bytes.IndexByte(data, '\n')
	if eol < 0 {
		eol = len(data)
	}
	if cr := bytes.IndexByte(data[:eol], '\r'); cr >= 0 {
		return cr
	}
	return eol
}
