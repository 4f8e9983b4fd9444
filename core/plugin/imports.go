package plugin

import (
	"bytes"
	"encoding/binary"
)

// importsFrom reports whether a WebAssembly module imports anything from a host
// module of the name. What is no module, or a broken one, imports nothing: its
// carrier says what is wrong with it.
func importsFrom(file []byte, name string) bool {
	rest, ok := bytes.CutPrefix(file, []byte("\x00asm\x01\x00\x00\x00"))
	if !ok {
		return false
	}
	for r := (sectionReader{rest: rest}); len(r.rest) > 0 && !r.broken; {
		const imports = 2
		id := r.byte()
		if content := r.sized(); id == imports {
			return (&sectionReader{rest: content}).imports(name)
		}
	}
	return false
}

// sectionReader walks WebAssembly's binary format. Once it is broken, all that it reads is empty.
type sectionReader struct {
	rest   []byte
	broken bool
}

func (r *sectionReader) imports(name string) bool {
	for n := r.number(); n > 0 && !r.broken; n-- {
		from := r.sized()
		r.sized()
		switch kind := r.byte(); kind {
		case 0: // function: its type
			r.number()
		case 1: // table: the type of its elements, limits
			r.byte()
			r.limits()
		case 2: // memory
			r.limits()
		case 3: // global: type, mutable or not
			r.byte()
			r.byte()
		default:
			r.broken = true
		}
		if !r.broken && string(from) == name {
			return true
		}
	}
	return false
}

func (r *sectionReader) limits() {
	bounded := r.byte()&1 != 0
	r.number()
	if bounded {
		r.number()
	}
}

func (r *sectionReader) byte() byte {
	if len(r.rest) == 0 {
		r.broken = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

func (r *sectionReader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// sized reads a length and as many bytes.
func (r *sectionReader) sized() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.broken = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
