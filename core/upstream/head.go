package upstream

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
)

const (
	maxHead    = 64 << 10 // of one answer's head; also of a chunked body's trailers
	maxInterim = 16       // 1xx answers before the final one
)

// answer is a response with room for what belongs to it, in one allocation.
type answer struct {
	Response
	body    body
	headers [16]Header
}

// framing is how a body is delimited.
type framing uint8

const (
	byClose framing = iota
	byLength
	byChunks
)

// readHead reads the head of a final answer; interim ones are passed over.
func (k *conn) readHead(method string) (*answer, error) {
	for range maxInterim {
		block, err := k.headBlock()
		if err != nil {
			return nil, err
		}
		a := &answer{}
		a.Headers = a.headers[:0]
		if err := a.parse(string(block), method); err != nil {
			return nil, err
		}
		if a.Status >= 200 || a.Status == 101 && k.switches {
			k.spent = k.spent || a.body.last
			return a, nil
		}
		if a.Status == 101 {
			return nil, malformed("it switches protocols")
		}
	}
	return nil, malformed("too many interim answers")
}

// headBlock reads up to the blank line and makes header names lower-case. The
// block, without the blank line, is valid until the next read.
func (k *conn) headBlock() ([]byte, error) {
	line, first := k.r, true // line is where the line at hand begins
	for {
		eol := bytes.IndexByte(k.buf[line:k.w], '\n')
		if eol >= 0 {
			if eol == 0 || eol == 1 && k.buf[line] == '\r' {
				block := k.buf[k.r:line]
				k.r = line + eol + 1
				return block, nil
			}
			if !first {
				lowerName(k.buf[line : line+eol])
			}
			first = false
			line += eol + 1
			continue
		}
		if k.w-k.r >= maxHead {
			return nil, malformed("its head is too large")
		}
		at := line - k.r
		if err := k.fill(maxHead); err != nil {
			return nil, cut(err)
		}
		line = k.r + at
	}
}

func lowerName(line []byte) {
	for i, c := range line {
		if c == ':' {
			return
		}
		if c >= 'A' && c <= 'Z' {
			line[i] = c + 'a' - 'A'
		}
	}
}

// parse reads a head: a status line and header lines, each with its line end.
// A lone LF ends a line too (RFC 9112, section 2.2); nothing else is forgiven.
func (a *answer) parse(head, method string) error {
	line, rest := cutLine(head)
	old, err := a.statusLine(line)
	if err != nil {
		return err
	}
	f := fields{length: -1}
	for rest != "" {
		line, rest = cutLine(rest)
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return malformed("a header line without colon")
		}
		// A folded line begins with a blank, which is no token.
		h := Header{line[:colon], strings.Trim(line[colon+1:], " \t")}
		if !core.IsToken(h.Name) || !core.IsFieldValue(h.Value) {
			return malformed("a bad header line")
		}
		if err := f.note(h); err != nil {
			return err
		}
		a.Headers = append(a.Headers, h)
	}
	return a.frame(&f, old, method)
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// statusLine reads "HTTP/1.1 200 OK"; the phrase may be missing, with or
// without its blank.
func (a *answer) statusLine(line string) (old bool, err error) {
	if len(line) < 12 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		len(line) > 12 && line[12] != ' ' || !core.IsFieldValue(line) {
		return false, malformed("no HTTP/1 status line")
	}
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return false, malformed("no status")
		}
		a.Status = a.Status*10 + int(c-'0')
	}
	if a.Status < 100 {
		return false, malformed("no status")
	}
	return line[7] == '0', nil
}

// fields are the headers that frame a body.
type fields struct {
	length    int64 // -1 is none
	chunked   bool
	coding    bool // a transfer coding was named
	close     bool
	keepAlive bool
}

func (f *fields) note(h Header) error {
	switch h.Name {
	case "content-length":
		// Several equal values are one (RFC 9110, section 8.6).
		for v := range strings.SplitSeq(h.Value, ",") {
			n, err := length(strings.Trim(v, " \t"))
			if err != nil || f.length >= 0 && n != f.length {
				return malformed("a bad content-length")
			}
			f.length = n
		}
	case "transfer-encoding":
		if f.coding || !strings.EqualFold(h.Value, "chunked") {
			return malformed("a transfer-encoding that was not asked for")
		}
		f.coding, f.chunked = true, true
	case "connection":
		for v := range strings.SplitSeq(h.Value, ",") {
			v = strings.Trim(v, " \t")
			f.close = f.close || strings.EqualFold(v, "close")
			f.keepAlive = f.keepAlive || strings.EqualFold(v, "keep-alive")
		}
	}
	return nil
}

// length takes digits only: no sign, no blank, no overflow.
func length(s string) (int64, error) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// frame decides where the body ends (RFC 9112, section 6.3).
func (a *answer) frame(f *fields, old bool, method string) error {
	b := &a.body
	b.last = f.close || old && !f.keepAlive
	switch {
	case a.Status < 200 || a.Status == 204 || a.Status == 304 || method == "HEAD" || method == "CONNECT" && a.Status < 300:
		b.framing = byLength
	case f.chunked && old:
		return malformed("a transfer-encoding in HTTP/1.0")
	case f.chunked:
		b.framing = byChunks
		b.last = b.last || f.length >= 0 // both framings: not to be trusted for another answer
	case f.length >= 0:
		b.framing, b.left = byLength, f.length
	default:
		b.framing, b.last = byClose, true
	}
	return nil
}
