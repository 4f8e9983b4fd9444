package sse

import (
	"bytes"
	"fmt"
	"io"
)

const (
	firstBuffer = 4 << 10  // of a stream; grows by doubling
	keptBuffer  = 64 << 10 // a larger buffer is not kept over Reset
	maxEmpty    = 100      // reads in a row without a byte or an error
)

var bom = []byte("\xef\xbb\xbf")

// Reader cuts a byte stream into events. It holds one buffer, allocated at the
// first read and grown on demand; events are slices of it. Not safe for
// concurrent use.
type Reader struct {
	src io.Reader
	max int
	buf []byte
	err error // of src, or a fault of the stream; final

	// buf[start:end] is unread; lines before scan are taken. lf and cr are the
	// first places from scan on that may hold that byte: what lies before them
	// was searched already, so no byte is searched twice.
	start, scan, end int
	lf, cr           int

	name, data span // of the block at start; data is its first data line
	dataLines  int
	fields     int  // event and data lines seen
	canonical  bool // the block is, so far, what Append writes
	ready      bool // the block is complete and ends before scan
	skipLF     bool // the last line ended in CR: an LF that follows belongs to it
	begun      bool // the place of the byte order mark is passed
	joined     []byte
}

type span struct{ from, to int }

// NewReader reads events from src. An event of more than max bytes, counted
// with its line ends, is an error of Next.
func NewReader(src io.Reader, max int) *Reader {
	r := &Reader{max: max}
	r.Reset(src)
	return r
}

// Reset makes r read another stream with the same limit. The buffer is kept
// unless it has grown large, so a pooled Reader does not allocate.
func (r *Reader) Reset(src io.Reader) {
	buf, joined := r.buf, r.joined
	if len(buf) > keptBuffer {
		buf = nil
	}
	if cap(joined) > keptBuffer {
		joined = nil
	}
	*r = Reader{src: src, max: r.max, buf: buf, joined: joined[:0], canonical: true}
}

// Next returns the next event; its slices are valid until Next is called again.
// Blocks without a data line, comments, id, retry and unknown fields are
// skipped. At the end of the stream a block that has data but no blank line is
// returned with Unterminated; after that, and always after an error, Next
// returns the same error again: io.EOF at the end, else that of the source as
// it is, or one that names the size limit.
func (r *Reader) Next() (Event, error) {
	for {
		if r.parse() {
			return r.take(), nil
		}
		if r.err == io.EOF {
			return r.last()
		}
		if r.err != nil {
			return Event{}, r.err
		}
		r.fill()
	}
}

// Buffered reports whether Next will return without reading from the source.
// The slices of the last event stay valid.
func (r *Reader) Buffered() bool { return r.parse() || r.err != nil }

// parse takes lines until a block is complete; false means that more bytes are
// needed or that r.err has become final.
func (r *Reader) parse() bool {
	if r.ready {
		return true
	}
	if !r.begun && !r.skipBOM() {
		return false
	}
	for {
		if r.skipLF && r.scan < r.end {
			r.skipLF = false
			if r.buf[r.scan] == '\n' {
				r.passOver(r.scan + 1)
			}
		}
		eol := r.lineEnd()
		if r.tooLong(min(eol+1, r.end)) || eol == r.end {
			return false
		}
		r.skipLF = r.buf[eol] == '\r'
		if eol > r.scan {
			r.line(r.buf[r.scan:eol])
			if r.skipLF {
				r.canonical = false
			}
			r.passOver(eol + 1)
			continue
		}
		r.scan = eol + 1
		if r.dataLines > 0 {
			r.canonical = r.canonical && !r.skipLF
			r.ready = true
			return true
		}
		r.newBlock()
	}
}

// passOver moves the scan on. Lines at the head of a block that mean nothing
// do not become part of it, so the rest may still be passed on as it is.
func (r *Reader) passOver(to int) {
	r.scan = to
	if r.fields == 0 {
		r.start, r.canonical = to, true
	}
}

func (r *Reader) newBlock() {
	r.start = r.scan
	r.name, r.data = span{}, span{}
	r.dataLines, r.fields = 0, 0
	r.canonical, r.ready = true, false
}

// tooLong ends the stream with an error when the block reaches past max.
func (r *Reader) tooLong(to int) bool {
	if to-r.start <= r.max || r.err != nil && r.err != io.EOF {
		return false
	}
	r.err = fmt.Errorf("event is longer than the limit of %d bytes", r.max)
	r.scan, r.end = r.start, r.start
	return true
}

func (r *Reader) skipBOM() bool {
	head := r.buf[r.start:min(r.end, r.start+len(bom))]
	if len(head) < len(bom) && r.err == nil && bytes.HasPrefix(bom, head) {
		return false
	}
	r.begun = true
	if bytes.Equal(head, bom) {
		r.passOver(r.start + len(bom))
	}
	return true
}

// lineEnd is the place of the byte that ends the line at scan, or r.end.
func (r *Reader) lineEnd() int {
	r.lf = r.find('\n', r.lf)
	r.cr = r.find('\r', r.cr)
	return min(r.lf, r.cr)
}

func (r *Reader) find(c byte, from int) int {
	from = min(max(from, r.scan), r.end)
	if from < r.end && r.buf[from] == c {
		return from
	}
	if i := bytes.IndexByte(r.buf[from:r.end], c); i >= 0 {
		return from + i
	}
	return r.end
}

// line notes what the line at scan says.
func (r *Reader) line(line []byte) {
	field, value, spaced := cutField(line)
	at := span{r.scan + value, r.scan + len(line)}
	switch string(field) {
	case "data":
		if r.dataLines == 0 {
			r.data = at
		}
		r.dataLines++
		r.canonical = r.canonical && spaced
	case "event":
		r.name = at
		r.canonical = r.canonical && spaced && r.fields == 0 && at.from < at.to
	default:
		r.canonical = false
		return
	}
	r.fields++
}

// cutField splits a line at its colon: value is the index at which the value
// begins; spaced says that exactly the usual ": " stands between. A comment's
// field is empty.
func cutField(line []byte) (field []byte, value int, spaced bool) {
	// The two that matter are tried first: a long data line is not searched.
	for _, n := range [...]int{4, 5} {
		if len(line) > n && line[n] == ':' {
			return fieldAt(line, n)
		}
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, len(line), false
	}
	return fieldAt(line, colon)
}

func fieldAt(line []byte, colon int) (field []byte, value int, spaced bool) {
	if len(line) > colon+1 && line[colon+1] == ' ' {
		return line[:colon], colon + 2, true
	}
	return line[:colon], colon + 1, false
}

// take returns the complete block and begins the next one.
func (r *Reader) take() Event {
	e := Event{Name: r.buf[r.name.from:r.name.to], Data: r.block()}
	if r.canonical && len(e.Data) > 0 {
		e.Raw = r.buf[r.start:r.scan:r.scan]
	}
	r.newBlock()
	return e
}

// block returns the data of the block that ends at scan. Several lines are
// joined apart from the buffer, which stays what Raw needs.
func (r *Reader) block() []byte {
	if r.dataLines == 1 {
		return r.buf[r.data.from:r.data.to:r.data.to]
	}
	r.joined = append(r.joined[:0], r.buf[r.data.from:r.data.to]...)
	rest := r.buf[r.data.to:r.scan]
	for len(rest) > 0 {
		eol := bytes.IndexAny(rest, "\r\n")
		line := rest
		if eol >= 0 {
			line = rest[:eol]
		}
		if field, value, _ := cutField(line); string(field) == "data" {
			r.joined = append(append(r.joined, '\n'), line[value:]...)
		}
		if eol < 0 {
			break
		}
		rest = rest[eol+1:]
	}
	return r.joined
}

// last returns what is left at the end of the source.
func (r *Reader) last() (Event, error) {
	if r.scan < r.end {
		r.line(r.buf[r.scan:r.end])
		r.scan = r.end
	}
	if r.dataLines == 0 {
		return Event{}, io.EOF
	}
	r.canonical = false
	e := r.take()
	if len(e.Data) == 0 {
		return Event{}, io.EOF
	}
	e.Unterminated = true
	return e, nil
}

// fill reads once from the source, after making room.
func (r *Reader) fill() {
	r.makeRoom()
	for range maxEmpty {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.err = err
			return
		}
		if n > 0 {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// makeRoom moves the unread bytes to the front, and doubles a buffer that
// they fill by half or more.
func (r *Reader) makeRoom() {
	if r.buf == nil {
		r.buf = make([]byte, firstBuffer)
	}
	unread := r.end - r.start
	if unread > 0 && len(r.buf)-r.end >= len(r.buf)/2 {
		return
	}
	to := r.buf
	if unread > len(r.buf)/2 {
		to = make([]byte, 2*len(r.buf))
	}
	copy(to, r.buf[r.start:r.end])
	r.buf = to
	r.shift(r.start)
}

func (r *Reader) shift(by int) {
	r.start -= by
	r.scan -= by
	r.end -= by
	r.lf = max(r.lf-by, 0)
	r.cr = max(r.cr-by, 0)
	if r.fields > 0 {
		r.name.from, r.name.to = max(r.name.from-by, 0), max(r.name.to-by, 0)
		r.data.from, r.data.to = max(r.data.from-by, 0), max(r.data.to-by, 0)
	}
}
