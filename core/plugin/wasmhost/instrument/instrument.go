// Package instrument rewrites a WebAssembly module so that its host can stop it.
//
// The module gets one more global, exported as [FlagExport] and zero at first,
// and an allowance that each beginning of a function, branch back to a loop,
// copying of memory and call of the host takes from, by how long what follows may last.
// When it is used up, the guest leaves its code for the host's for a moment and
// tests the flag. So it traps a few milliseconds after the host has set it,
// whatever it does: everything that runs for longer than its own length passes
// one of these places.
//
// Leaving is essential: Go cannot preempt compiled guest code, so its collector,
// when it stops the world, would wait for an endless loop for ever, with the
// timer that was to set the flag stopped already.
//
// The rest of the module means what it meant, but for three things. Its start
// function is exported as [StartExport] instead of running by itself, since
// nothing could stop it while the module is being made. Tables get an upper
// limit: their entries are the host's memory. Custom sections (names, debug
// information) go.
//
// Some things are written in another way for the engine's sake: the jumps of
// Go's compiler, see flow; addresses, see addresses and stack; calls that do not
// come back, see aside; and neighbouring segments of data, see data.
//
// What is accepted is WebAssembly 2.0: MVP with mutable globals, sign extension,
// saturating conversions, multi-value, bulk memory, reference types and SIMD.
// Rewrite checks the shape of the module as far as is needed to trust its own
// walk: lengths, opcodes, global indexes. Types are left to the engine's
// validation, which must follow. It also shields the engine's decoder, which
// allocates what a list's length says before it has seen the list.
package instrument

import "fmt"

// The names of the exports that Rewrite adds. A module that has one already is refused.
const (
	FlagExport  = "tokligence:stop"
	StartExport = "tokligence:start"
)

// Bounds of what a module may ask for at load.
const (
	// MaxTableEntries is how many entries all tables together may have, in the
	// beginning or by growing.
	MaxTableEntries = 1 << 18
	// MaxLocals bounds one function's locals; the web's engines have the same.
	MaxLocals = 50_000
)

// Section ids.
const (
	secCustom, secType, secImport, secFunction, secTable, secMemory = 0, 1, 2, 3, 4, 5
	secGlobal, secExport, secStart, secElement, secCode, secData    = 6, 7, 8, 9, 10, 11
	secDataCount                                                    = 12
)

// order is the place of each section id in a file; custom ones stand anywhere.
var order = [...]int{secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6, secExport: 7,
	secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12}

const lastOrder = 12

// Module is a rewritten module.
type Module struct {
	Bytes []byte
	Start bool // there is a start function to be called: StartExport
	// Imports are the module's, in their order.
	Imports []Import
}

// added is a function that is not the module's: an aside, or where another one is resumed.
type added struct {
	aside  bool
	callee uint32 // of the aside
	body   []byte // of the other, with its length
	kind   uint32 // its type
}

// Import is something that a module wants from its host.
type Import struct {
	Module, Name string
	Function     bool // else a table, memory or global
}

// rewriter holds what earlier sections say and later ones need.
type rewriter struct {
	scratch   []byte // a section's new content
	head      []byte // a function's new locals
	body      []byte // a function's new instructions
	copied    int    // up to where in the module they are copied
	fastBody  []byte // the whole of a fast function
	checks    []int  // holes in body for the reach of the base
	runtime   int    // how many of the functions are of Go's runtime
	slow      int    // a hole in body for the function that is resumed
	imports   []Import
	functions uint32 // imported ones
	globals   uint32 // imported and own ones, without ours
	start     int64  // function index, -1 is none
	memory    bool   // there is one
	ownMemory bool   // it is the module's own
	dataCount bool   // instructions may name data segments
	byGo      bool   // Go's compiler made it
	slack     bool   // its memory is larger than it knows
	types     []signature
	ownTypes  []uint32          // of the module's own functions
	renew     uint32            // the function that renews the allowance
	more      []added           // those that follow it
	asides    map[uint32]uint32 // where among these the one is by way of which a function is called
	flow      flow              // of the function at hand
	addresses                   // in it
	recent
}

// Rewrite returns the instrumented module. It keeps no reference to module. The
// error is an *Error.
func Rewrite(module []byte) (*Module, error) {
	r := &reader{b: module, end: len(module)}
	header := [8]byte{0, 'a', 's', 'm', 1}
	if len(module) < 8 || [8]byte(module[:8]) != header {
		return nil, &Error{Reason: "not a WebAssembly module of version 1"}
	}
	r.skip(8)
	sections, byGo, err := split(r)
	if err != nil {
		return nil, err
	}
	w := &rewriter{byGo: byGo, start: -1, asides: map[uint32]uint32{}}
	if s := sections[order[secStart]]; s != nil {
		w.start = int64(s.u32())
		if s.finish("start section"); s.err != nil {
			return nil, s.err
		}
	}
	var contents [lastOrder + 1][]byte
	for place, id := range sectionIDs() {
		s := sections[place]
		if s == nil && id != secGlobal && id != secExport {
			continue
		}
		if contents[place], err = w.section(id, s); err != nil {
			return nil, err
		}
	}
	if sections[order[secCode]] != nil {
		contents[order[secType]], contents[order[secFunction]] = w.typeSection(), w.functionSection()
	}
	size := len(header)
	for _, content := range contents {
		size += len(content) + 6
	}
	out := append(make([]byte, 0, size), header[:]...)
	for place, id := range sectionIDs() {
		if content := contents[place]; content != nil {
			out = appendU32(append(out, byte(id)), uint32(len(content)))
			out = append(out, content...)
		}
	}
	return &Module{Bytes: out, Start: w.start >= 0, Imports: w.imports}, nil
}

// sectionIDs returns the id of each place in the file; index 0 is unused.
func sectionIDs() []int {
	ids := make([]int, lastOrder+1)
	for id, place := range order {
		ids[place] = id
	}
	ids[0] = secCustom
	return ids
}

// goSection is the custom section that Go's linker writes first.
const goSection = "go:buildid"

// split finds the sections, by their place, and whether Go's linker wrote them.
func split(r *reader) (sections [lastOrder + 1]*reader, byGo bool, err error) {
	last := 0
	for r.more() {
		at := r.pos
		id := int(r.byte())
		size := int(r.u32())
		if size > r.end-r.pos {
			r.fail("a section of %d bytes does not fit into the %d left", size, r.end-r.pos)
		}
		if r.err != nil {
			break
		}
		s := &reader{b: r.b, pos: r.pos, end: r.pos + size}
		r.pos += size
		if id == secCustom {
			// What it says is dropped, but a broken one is a broken file.
			byGo = s.name() == goSection || byGo
			if s.err != nil {
				return sections, false, s.err
			}
			continue
		}
		if id >= len(order) {
			return sections, false, &Error{Offset: at, Reason: fmt.Sprintf("section %d belongs to no supported feature", id)}
		}
		if order[id] <= last {
			return sections, false, &Error{Offset: at, Reason: fmt.Sprintf("section %d stands twice or out of order", id)}
		}
		last = order[id]
		sections[last] = s
	}
	return sections, byGo, r.err
}

// finish checks that a section was read to its end.
func (r *reader) finish(what string) {
	if r.err == nil && r.pos != r.end {
		r.fail("%s: %d bytes too many", what, r.end-r.pos)
	}
}

// section returns a section's new content; s is nil when the module has none.
func (w *rewriter) section(id int, s *reader) ([]byte, error) {
	if s == nil {
		s = &reader{b: []byte{0}, end: 1} // an empty list
	}
	begin := s.pos
	w.scratch = w.scratch[:0]
	copied := true
	switch id {
	case secStart:
		return nil, nil
	case secType:
		w.readTypes(s)
	case secImport:
		w.readImports(s)
	case secFunction:
		for range s.count() {
			w.ownTypes = append(w.ownTypes, s.u32())
		}
	case secElement:
		w.elements(s)
	case secDataCount:
		w.dataCount = true
		s.u32()
	default:
		copied = false
		switch id {
		case secMemory:
			w.memories(s)
		case secTable:
			w.tables(s)
		case secGlobal:
			w.addGlobals(s)
		case secExport:
			w.addExports(s)
		case secCode:
			w.code(s)
		case secData:
			w.data(s)
		}
	}
	if s.finish("section"); s.err != nil {
		return nil, s.err
	}
	if copied {
		return s.b[begin:s.end], nil
	}
	content := w.scratch
	w.scratch = nil
	return content, nil
}
