package httpapi

import (
	"bytes"
	"strconv"

	"github.com/tokligence/gateway/core"
)

// laneHead is the head of a request that a lane can serve (RFC 9112, section 3).
type laneHead struct {
	asked  asked
	fields []laneField // reused
	size   int         // of the head, its empty line included
	length int64       // of the body
	close  bool        // the client wants no other request
}

type laneField struct{ name, value []byte }

// headVerdict is what the bytes read so far are.
type headVerdict int

const (
	headPart    headVerdict = iota // more is needed
	headWhole                      // a head, up to the position returned
	headForeign                    // nothing that a lane serves
)

const post = "POST "

// find looks for the end of the head; it goes on where it stopped. A line that
// does not end in CRLF is for net/http to judge.
func (h *laneHead) find(buf []byte, from int) (int, headVerdict) {
	if n := min(len(buf), len(post)); string(buf[:n]) != post[:n] {
		return 0, headForeign
	}
	for {
		i := bytes.IndexByte(buf[from:], '\n')
		if i < 0 {
			return from, headPart
		}
		end := from + i
		if i == 0 || buf[end-1] != '\r' {
			return 0, headForeign
		}
		if from = end + 1; i == 1 {
			return from, headWhole
		}
	}
}

// parse reads a whole head; false when net/http shall serve it.
func (h *laneHead) parse(buf []byte) bool {
	fields := h.fields[:0]
	*h = laneHead{size: len(buf), length: -1}
	line, rest := cutLine(buf)
	path, version, ok := bytes.Cut(line[len(post):], []byte(" "))
	if !ok || string(version) != "HTTP/1.1" {
		return false
	}
	if bytes.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	path, _, _ = bytes.Cut(path, []byte("?"))
	if bytes.IndexByte(path, '%') >= 0 {
		return false
	}
	if h.asked, ok = find(string(path)); !ok {
		return false
	}
	hosts := 0
	for {
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		if !ok || !core.IsToken(name) || !core.IsFieldValue(value) || len(fields) == 100 {
			return false
		}
		fields = append(fields, laneField{name, value})
		switch {
		case fold(name, "content-length"):
			if h.length >= 0 {
				return false
			}
			if h.length = parseLength(value); h.length < 0 {
				return false
			}
		case fold(name, "connection"):
			if h.close = h.close || fold(value, "close"); !h.close && !fold(value, "keep-alive") {
				return false
			}
		case fold(name, "host"):
			hosts++
		case fold(name, "transfer-encoding"), fold(name, "expect"), fold(name, "upgrade"), fold(name, "trailer"), fold(name, "content-encoding"):
			return false
		}
	}
	h.fields = fields
	return h.length > 0 && hosts == 1
}

// cutLine splits off the first line, which ends in CRLF.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	return b[:i-1], b[i+1:]
}

// parseLength reads a content length; -1 when it is none.
func parseLength(value []byte) int64 {
	n, err := strconv.ParseUint(string(value), 10, 48)
	if err != nil {
		return -1
	}
	return int64(n)
}

// get is the first field of the name, "" when there is none.
func (h *laneHead) get(name string) string {
	for _, f := range h.fields {
		if fold(f.name, name) {
			return string(f.value)
		}
	}
	return ""
}

// all are the values of every field of the name, in their order.
func (h *laneHead) all(name string) (values []string) {
	for _, f := range h.fields {
		if fold(f.name, name) {
			values = append(values, string(f.value))
		}
	}
	return values
}

// fold compares ASCII without regard to case.
func fold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x >= 'A' && x <= 'Z' {
			x |= 0x20
		}
		if y >= 'A' && y <= 'Z' {
			y |= 0x20
		}
		if x != y {
			return false
		}
	}
	return true
}
