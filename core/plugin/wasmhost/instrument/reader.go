package instrument

import "fmt"

// Error says what is wrong with a module and where.
type Error struct {
	Offset int // in the module's file
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("offset %#x: %s", e.Offset, e.Reason) }

// reader walks module[pos:end]. The first error stays; what is read after it is
// zero, and every loop over a reader ends since fail moves pos to end.
type reader struct {
	b        []byte
	pos, end int
	err      error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: r.pos, Reason: fmt.Sprintf(format, args...)}
	}
	r.pos = r.end
}

func (r *reader) more() bool { return r.pos < r.end }

func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.fail("ends too early")
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

// expect reads a byte that can only be want.
func (r *reader) expect(want byte, what string) {
	if c := r.byte(); c != want && r.err == nil {
		r.pos--
		r.fail("%s is %#x, not %#x", what, c, want)
	}
}

func (r *reader) skip(n int) {
	if n > r.end-r.pos {
		r.fail("ends too early")
		return
	}
	r.pos += n
}

// u32 reads an unsigned LEB128 of at most five bytes.
func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 0xffffffff {
				break
			}
			return uint32(v)
		}
	}
	r.fail("a number is longer than 32 bits")
	return 0
}

// signed reads a signed LEB128 of at most n bytes.
func (r *reader) signed(n int) int64 {
	var v int64
	for i := range n {
		c := r.byte()
		v |= int64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if shift := 7 * (i + 1); shift < 64 {
				v = v << (64 - shift) >> (64 - shift)
			}
			return v
		}
	}
	r.fail("a number is too long")
	return 0
}

// count reads the length of a vector. Each element takes at least one byte, so
// a longer one is a lie, for which a decoder would allocate gigabytes.
func (r *reader) count() int {
	n := r.u32()
	if uint64(n) > uint64(r.end-r.pos) {
		r.fail("a list of %d elements does not fit into the %d bytes left", n, r.end-r.pos)
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	n := r.count()
	s := r.b[r.pos : r.pos+n]
	r.pos += n
	return string(s)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendI32 appends a signed LEB128.
func appendI32(b []byte, v int32) []byte { return appendI64(b, int64(v)) }

func appendI64(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}
