package instrument

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tokligence/gateway/core/plugin/carriertest/module"
)

// A module is written as the bytes of its parts.
var leb, sized, list, section, export = module.LEB, module.Sized, module.List, module.Section, module.Export

// body is a function's, with the locals 0, an i64, and 1, an i32.
func body(instructions string) string { return sized("\x02\x01\x7e\x01\x7f" + instructions + "\x0b") }

const header, end = module.Header, module.End

// The types 0 () → i64, 1 (i64, i64) → (i64, i64), 2 () → ().
var types = section(secType, "\x60\x00\x01\x7e", "\x60\x02\x7e\x7e\x02\x7e\x7e", "\x60\x00\x00")

// host exports what frame imports: g, which returns 7, and the global base, 5.
var host = header + types + section(secFunction, "\x00") + section(secGlobal, "\x7e\x00\x42\x05\x0b") +
	section(secExport, export("g", kindFunc, 0), export("base", kindGlo, 0)) + section(secCode, body("\x42\x07"))

// frame is a module with all kinds of sections whose function f does instructions. It
// has the functions 0 g, 1 f, 2 the start function, 3 swap; the globals 0 base
// and 1 of its own, which begins as base and which start triples; a table 0 of
// functions with g and a table 1 of externrefs; and two passive segments of data.
func frame(instructions string) string {
	return header + types +
		section(secImport, sized("host")+sized("g")+"\x00\x00", sized("host")+sized("base")+"\x03\x7e\x00") +
		string([]byte{secCustom}) + sized(sized("note")+"to be left out") +
		section(secFunction, "\x00", "\x02", "\x01") +
		section(secTable, "\x70\x00\x04", "\x6f\x01\x01\x05") +
		section(secMemory, "\x00\x01") +
		section(secGlobal, "\x7e\x01\x23\x00"+end) +
		section(secExport, export("f", kindFunc, 1), export("memory", kindMem, 0), export("own", kindGlo, 1)) +
		string([]byte{secStart}) + sized("\x02") +
		section(secElement,
			"\x00\x41\x00"+end+list("\x00"),                    // active: functions
			"\x01\x00"+list("\x00", "\x03"),                    // passive
			"\x02\x00\x41\x01"+end+"\x00"+list("\x00"),         // active, with its table
			"\x03\x00"+list("\x02"),                            // declarative
			"\x04\x41\x02"+end+list("\xd2\x00"+end),            // active: expressions
			"\x05\x70"+list("\xd0\x70"+end),                    // passive
			"\x06\x00\x41\x03"+end+"\x70"+list("\xd2\x00"+end), // active, with its table
			"\x07\x70"+list("\xd2\x03"+end),                    // declarative
		) +
		string([]byte{secDataCount}) + sized("\x03") +
		section(secCode, body(instructions), body("\x23\x01\x42\x03\x7e\x24\x01"), sized("\x00\x20\x01\x20\x00\x0b")) +
		section(secData, "\x00\x41\x08"+end+sized("actively"), "\x01"+sized("passive data"), "\x02\x00\x41\x20"+end+sized("explicit"))
}

func environment(t testing.TB) wazero.Runtime {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfig().WithMemoryLimitPages(16))
	t.Cleanup(func() { r.Close(context.Background()) })
	if _, err := r.InstantiateWithConfig(t.Context(), []byte(host), wazero.NewModuleConfig().WithName("host")); err != nil {
		t.Fatal(err)
	}
	return r
}

func answer(t *testing.T, r wazero.Runtime, module string, start bool) uint64 {
	t.Helper()
	m, err := r.InstantiateWithConfig(t.Context(), []byte(module), wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(context.Background())
	if start {
		if _, err := m.ExportedFunction(StartExport).Call(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	out, err := m.ExportedFunction("f").Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// feature is what f of a frame does and answers.
type feature struct {
	name, instructions string
	want               uint64
}

// features are the instructions of all that Rewrite accepts.
func features() []feature {
	const i32ToI64 = "\xac"
	return []feature{
		{"import", "\x10\x00", 7},
		{"call_indirect as linkers write it", "\x41\x00\x11\x00\x80\x80\x80\x80\x00", 7},
		{"imported global", "\x23\x00", 5},
		{"own global after start", "\x23\x01", 15},
		{"own global set", "\x42\x2a\x24\x01\x23\x01", 42},
		{"loop with parameters and results",
			"\x42\x01\x42\x03\x03\x01\x10\x03\x20\x01\x41\x01\x6a\x22\x01\x41\x0b\x48\x0d\x00" + end + "\x7d", 2},
		{"block with a result", "\x02\x7e\x42\x03\x42\x04\x0c\x00" + end, 4},
		{"if and else", "\x41\x00\x04\x7e\x42\x01\x05\x42\x02" + end, 2},
		{"br_table", "\x02\x40\x02\x40\x41\x01\x0e\x01\x00\x01" + end + "\x42\x01\x0f" + end + "\x42\x02", 2},
		{"select", "\x42\x01\x42\x02\x41\x00\x1b", 2},
		{"select with a type", "\x42\x01\x42\x02\x41\x01\x1c\x01\x7e", 1},
		{"after unreachable code", "\x02\x40\x0c\x00\xfc\x0b\x00\x03\x40" + end + end + "\x42\x09", 9},
		{"load and store", "\x41\x10\x42\x7f\x37\x03\x08\x41\x10\x29\x03\x08", 1<<64 - 1},
		{"data", "\x41\x08\x31\x00\x00", 'a'},
		{"memory.init, data.drop", "\x41\x00\x41\x01\x41\x04\xfc\x08\x01\x00\xfc\x09\x01\x41\x00\x31\x00\x00", 'a'},
		{"memory.fill, memory.copy", "\x41\x00\x41\x05\x41\xc0\x00\xfc\x0b\x00\x41\x80\x04\x41\x00\x41\x08\xfc\x0a\x00\x00\x41\x80\x04\x29\x03\x00",
			0x0505050505050505},
		{"memory.grow, memory.size", "\x41\x02\x40\x00\x3f\x00\x6a" + i32ToI64, 4},
		{"table.set, table.get", "\x41\x01\xd0\x70\x26\x00\x41\x01\x25\x00\xd1" + i32ToI64, 1},
		{"table.grow, table.size", "\xd0\x70\x41\x03\xfc\x0f\x00\xfc\x10\x00\x6a" + i32ToI64, 4 + 7},
		{"table.grow to the maximum of its own", "\xd0\x6f\x41\x04\xfc\x0f\x01\xd0\x6f\x41\x01\xfc\x0f\x01\x6a" + i32ToI64, 0},
		{"table.fill, ref.func", "\x41\x00\xd2\x03\x41\x02\xfc\x11\x00\x42\x01\x42\x02\x41\x01\x11\x01\x00\x7d", 1},
		{"table.init, table.copy, elem.drop", "\x41\x01\x41\x01\x41\x01\xfc\x0c\x01\x00\x41\x02\x41\x01\x41\x01\xfc\x0e\x00\x00\xfc\x0d\x01" +
			"\x42\x01\x42\x02\x41\x02\x11\x01\x00\x7d", 1},
		{"sign extension", "\x42\xff\x01\xc2", 1<<64 - 1},
		{"saturating conversion", "\x44\x00\x00\x00\x00\x00\x00\xf0\x7f\xfc\x06", 1<<63 - 1},
		{"f32", "\x43\x00\x00\x40\x40\xfc\x05", 3},
		{"v128.const, extract_lane", "\xfd\x0c\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\xfd\x1d\x01", 3},
		{"v128.load, v128.store", "\x41\x00\x41\x08\xfd\x00\x04\x00\xfd\x0b\x04\x00\x41\x00\x31\x00\x00", 'a'},
		{"splat, shuffle", "\x42\x06\xfd\x12\x42\x08\xfd\x12\xfd\x0d\x10\x11\x12\x13\x14\x15\x16\x17\x00\x01\x02\x03\x04\x05\x06\x07\xfd\x1d\x00", 8},
		{"a vector opcode of two bytes", "\x42\x06\xfd\x12\x42\x08\xfd\x12\xfd\xce\x01\xfd\x1d\x00", 14},
		{"load_lane, load_zero", "\x41\x08\x41\x08\xfd\x5d\x03\x00\xfd\x57\x03\x00\x01\xfd\x1d\x01\xa7\x41\xff\x01\x71" + i32ToI64, 'a'},

		{"if without else", "\x41\x01\x04\x40\x42\x08\x21\x00" + end + "\x41\x00\x04\x40\x42\x09\x21\x00" + end + "\x20\x00", 8},
		{"if with parameters and results", "\x42\x05\x42\x03\x41\x01\x04\x01\x7c\x42\x02\x05\x7d\x42\x04" + end + "\x7e", 16},
		{"br out of three with a value", "\x02\x7e\x03\x40\x02\x40\x42\x06\x0c\x02" + end + end + "\x42\x01" + end, 6},
		{"br_if with a value", "\x02\x7e\x42\x03\x20\x01\x0d\x00\x1a\x42\x05\x41\x01\x0d\x00\x1a\x42\x07" + end, 5},
		{"br_table with values", "\x02\x7e\x02\x7e\x42\x03\x41\x05\x0e\x02\x00\x00\x01" + end + "\x1a\x42\x01" + end, 3},
		{"br_table without targets", "\x02\x40\x41\x00\x0e\x00\x00" + end + "\x42\x02", 2},
		{"br_table back to a loop", "\x03\x40\x02\x40\x20\x00\x42\x01\x7c\x22\x00\x42\x05\x51\x0e\x01\x01\x00" + end + end + "\x20\x00", 5},
		{"continue and break", "\x02\x40\x03\x40\x20\x01\x41\x01\x6a\x22\x01\x41\x0a\x4a\x0d\x01\x20\x01\x41\x01\x71\x0d\x00" +
			"\x20\x00\x20\x01\xac\x7c\x21\x00\x0c\x00" + end + end + "\x20\x00", 30},
		{"loops in loops", "\x03\x40\x41\x00\x21\x01\x03\x40\x20\x01\x41\x01\x6a\x22\x01\x41\x03\x48\x0d\x00" + end +
			"\x20\x00\x42\x01\x7c\x22\x00\x42\x04\x53\x0d\x00" + end + "\x20\x00\x20\x01\xac\x7c", 7},
		{"a loop that is left at once", "\x03\x7e\x42\x04" + end, 4},
		{"return from within", "\x03\x40\x02\x40\x42\x0b\x0f" + end + end + "\x42\x01", 11},
		{"several results", "\x42\x01\x42\x02\x10\x03\x7d", 1},
		{"blocks a hundred deep", strings.Repeat("\x02\x40", 100) + "\x0c\xe3\x00" + strings.Repeat(end, 100) + "\x42\x0c", 12},
		{"nop and drop", "\x01\x42\x01\x1a\x01\x42\x0d", 13},
		{"dead code after br_table", "\x02\x7e\x42\x0e\x41\x00\x0e\x00\x00\x1a\x7c" + end, 14},
	}
}

// TestRewrite_Features: each feature computes what it computed before.
func TestRewrite_Features(t *testing.T) {
	r := environment(t)
	for _, c := range features() {
		t.Run(c.name, func(t *testing.T) {
			plain := frame(c.instructions)
			m, err := Rewrite([]byte(plain))
			if err != nil {
				t.Fatal(err)
			}
			if !m.Start || len(m.Imports) != 2 || m.Imports[0] != (Import{"host", "g", true}) || m.Imports[1].Function {
				t.Errorf("start %v, imports %v", m.Start, m.Imports)
			}
			if strings.Contains(string(m.Bytes), "to be left out") {
				t.Error("a custom section is kept")
			}
			before, after := answer(t, r, plain, false), answer(t, r, string(m.Bytes), true)
			if before != c.want || after != c.want {
				t.Errorf("%#x, rewritten %#x, want %#x", before, after, c.want)
			}
		})
	}
}

// TestRewrite_Compiled: so does what a compiler made, testdata/walk.ts.
func TestRewrite_Compiled(t *testing.T) {
	plain, err := os.ReadFile("testdata/walk.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Rewrite(plain)
	if err != nil {
		t.Fatal(err)
	}
	r := environment(t)
	if before, after := answer(t, r, string(plain), false), answer(t, r, string(m.Bytes), false); before != after || before == 0 {
		t.Errorf("%#x, rewritten %#x", before, after)
	}
}

// TestRewrite_Bare: a module without globals, exports, memory or anything else.
func TestRewrite_Bare(t *testing.T) {
	r := environment(t)
	for name, module := range map[string]string{
		"nothing":       header,
		"a function":    header + types + section(secFunction, "\x00") + section(secCode, body("\x42\x01")),
		"empty lists":   header + section(secType) + section(secImport) + section(secGlobal) + section(secExport) + section(secCode),
		"only a memory": header + section(secMemory, "\x01\x01\x02"),
	} {
		m, err := Rewrite([]byte(module))
		if err != nil || m.Start || len(m.Imports) > 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
			continue
		}
		i, err := r.InstantiateWithConfig(t.Context(), m.Bytes, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if g := i.ExportedGlobal(FlagExport); g == nil || g.Get() != 0 {
			t.Errorf("%s: flag %v", name, g)
		}
	}
}

// TestRewrite_Refused: what is malformed, beyond the features, too large, or
// would meddle with the added globals.
func TestRewrite_Refused(t *testing.T) {
	inCode := func(instructions string) string {
		return header + types + section(secFunction, "\x00") + section(secMemory, "\x00\x01") + section(secCode, body(instructions))
	}
	for _, c := range []struct{ name, module, text string }{
		{"global.set of the flag", inCode("\x42\x00\x24\x00"), "there is no global 0"},
		{"global.get of the flag", inCode("\x23\x00"), "there is no global 0"},
		{"behind own globals", frame("\x42\x00\x24\x02"), "there is no global 2"},
		{"the flag exported", header + section(secExport, export("x", kindGlo, 0)), "there is no global 0"},
		{"the flag in an initialiser", header + section(secGlobal, "\x7f\x00\x23\x01"+end), "there is no global"},
		{"flag's name", header + section(secExport, export(FlagExport, kindMem, 0)), "reserved for the host"},
		{"start's name", header + section(secExport, export(StartExport, kindFunc, 0)), "reserved for the host"},
		{"too many locals", header + types + section(secFunction, "\x00") + section(secCode, sized("\x01\xd1\x86\x03\x7f\x0b")), "50001 locals"},
		{"locals beyond 32 bits", header + types + section(secCode, sized("\x02\xff\xff\xff\xff\x0f\x7f\xff\xff\xff\xff\x0f\x7f\x0b")), "locals, more than"},
		{"large table", header + section(secTable, "\x70\x00\x81\x80\x10"), "more than 262144 entries"},
		{"two tables", header + section(secTable, "\x70\x00\x80\x80\x10", "\x70\x00\x01"), "more than 262144 entries"},
		{"table's limits", header + section(secTable, "\x70\x01\x02\x01"), "minimum 2 is above its maximum 1"},
		{"imports without end", header + "\x02\x05\xff\xff\xff\xff\x0f", "4294967295 elements"},
		{"elements without end", header + "\x09\x0a\x01\x01\x00\xff\xff\xff\xff\x0f\x00\x00", "4294967295 elements"},
		{"data without end", header + "\x0b\x07\x01\x01\xff\xff\xff\xff\x0f", "4294967295 elements"},
		{"parameters without end", header + "\x01\x07\x01\x60\xff\xff\xff\xff\x0f", "4294967295 elements"},
		{"a section beyond the file", header + "\x01\x05\x00", "section of 5 bytes"},
		{"a section with a rest", header + "\x01\x02\x00\x00", "1 bytes too many"},
		{"a body beyond its section", header + types + section(secCode, "\x7f\x00\x0b"), "body of 127 bytes"},
		{"a body without an end", header + types + section(secCode, sized("\x00\x01")), "does not end with end"},
		{"an empty body", header + types + section(secCode, sized("\x00")), "does not end with end"},
		{"an end within an instruction", header + types + section(secCode, sized("\x00\x41\x80\x0b")), "does not end with end"},
		{"an instruction cut off", header + types + section(secCode, sized("\x00\x41\x80")), "ends too early"},
		{"sections out of order", header + section(secExport) + section(secGlobal), "out of order"},
		{"a section twice", header + section(secType) + section(secType), "stands twice"},
		{"tag section", header + "\x0d\x01\x00", "section 13 belongs to no supported feature"},
		{"recursive types", header + section(secType, "\x4e\x01\x60\x00\x00"), "type is 0x4e"},
		{"shared memory", header + section(secMemory, "\x03\x01\x02"), "limits of kind 0x3"},
		{"tail call", inCode("\x12\x00"), "opcode 0x12"},
		{"try_table", inCode("\x1f\x40\x00"), "opcode 0x1f"},
		{"atomics", inCode("\xfe\x03\x00"), "opcode 0xfe"},
		{"relaxed vectors", inCode("\xfd\x80\x02"), "vector opcode is 0x2"},
		{"an opcode in a vector opcode's second byte", inCode("\xfd\x80\x03\x40"), "vector opcode is 0x3"},
		{"unknown misc", inCode("\xfc\x12\x00"), "opcode 0xfc 0x12"},
		{"multiple memories", inCode("\x41\x00\x28\x42\x00\x00"), "alignment"},
		{"memory index", inCode("\x3f\x01"), "memory index is 0x1"},
		{"memory index in two bytes", inCode("\x3f\x80\x00"), "memory index is 0x80"},
		{"select of two", inCode("\x1c\x02\x7f\x7f"), "select's types is 0x2"},
		{"reference block type", inCode("\x02\x64\x70" + end), "block type"},
		{"version 2", "\x00asm\x02\x00\x00\x00", "not a WebAssembly module of version 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Rewrite([]byte(c.module))
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.text) || e.Offset > len(c.module) || m != nil {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
}

// TestRewrite_Tables: no table grows beyond its share, whatever it said.
func TestRewrite_Tables(t *testing.T) {
	r := environment(t)
	for name, table := range map[string]string{"no maximum": "\x70\x00\x00", "a large maximum": "\x70\x01\x00\xff\xff\xff\xff\x0f"} {
		grow := "\x03\x40\xd0\x70\x41\x80\x08\xfc\x0f\x00\x41\x00\x4e\x0d\x00" + end + "\xfc\x10\x00\xac"
		m, err := Rewrite([]byte(header + types + section(secFunction, "\x00") + section(secTable, table) + section(secMemory, "\x00\x01") +
			section(secExport, export("f", kindFunc, 0)) + section(secCode, body(grow))))
		if err != nil {
			t.Fatal(err)
		}
		if n := answer(t, r, string(m.Bytes), false); n != MaxTableEntries {
			t.Errorf("%s: grew to %d entries", name, n)
		}
	}
}

// TestRewrite_Data: segments become one where nothing can tell, and the memory is the same.
func TestRewrite_Data(t *testing.T) {
	at := func(place int, content string) string {
		return "\x00\x41" + string(appendI32(nil, int32(place))) + end + sized(content)
	}
	far := 500
	for _, c := range []struct {
		name     string
		count    string // section before the code
		segments []string
		left     int
	}{
		{"neighbours", "", []string{at(0, "a"), at(1, "b"), at(2+mergeGap, "c")}, 1},
		{"a gap too wide", "", []string{at(0, "a"), at(2+mergeGap, "b")}, 2},
		{"one goes back", "", []string{at(far, "a"), at(far+9, "b"), at(0, "c"), at(3, "d")}, 2},
		{"one into a gap of before", "", []string{at(20, "x"), at(10, "a"), at(30, "b")}, 3},
		{"over another", "", []string{at(0, "abc"), at(1, "x")}, 2},
		{"empty", "", []string{at(0, ""), at(3, "x")}, 1},
		{"instructions may name them", string([]byte{secDataCount}) + sized("\x02"), []string{at(0, "a"), at(1, "b")}, 2},
		{"passive", "", []string{at(0, "a"), "\x01" + sized("b")}, 2},
	} {
		plain := header + types + section(secFunction, "\x00") + section(secMemory, "\x00\x01") +
			section(secExport, export("memory", kindMem, 0)) + c.count + section(secCode, body("\x42\x00")) + section(secData, c.segments...)
		m, err := Rewrite([]byte(plain))
		if err != nil {
			t.Fatal(c.name, err)
		}
		sections, _, err := split(&reader{b: m.Bytes, pos: 8, end: len(m.Bytes)})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if left := sections[order[secData]].count(); left != c.left {
			t.Errorf("%s: %d segments, want %d", c.name, left, c.left)
		}
		if before, after := memoryOf(t, []byte(plain)), memoryOf(t, m.Bytes); !bytes.Equal(before, after) {
			t.Errorf("%s: the memory is another", c.name)
		}
	}
}

func memoryOf(t *testing.T, module []byte) []byte {
	t.Helper()
	b, ok := instance(t, module).Memory().Read(0, 1<<16)
	if !ok {
		t.Fatal("no memory")
	}
	return b
}

// TestRewrite_Stops: whatever a guest does without an end, it sees the flag soon
// and lets Go's scheduler in, without which the flag could not be set.
func TestRewrite_Stops(t *testing.T) {
	r := environment(t)
	forever := func(s string) string { return "\x03\x40" + s + "\x0c\x00" + end }
	slow := strings.Repeat("\x44\x00\x00\x00\x00\x00\x00\xf0\x3f\x9f\x9f\x9f\x9f\x1a", 50_000)
	const all = "\x41\x00\x41\x00\x41\x80\x80\xc0\x00" // 0, 0, 1 MiB
	for name, instructions := range map[string]string{
		"loop":           forever(""),
		"nested loops":   forever("\x41\x90\xce\x00\x21\x01\x03\x40\x20\x01\x41\x01\x6b\x22\x01\x0d\x00" + end),
		"long rounds":    forever(slow),
		"memory.fill":    "\x41\x0f\x40\x00\x1a" + forever(all+"\xfc\x0b\x00"),
		"memory.copy":    "\x41\x0f\x40\x00\x1a" + forever(all+"\xfc\x0a\x00\x00"),
		"memory.grow":    forever("\x41\x01\x40\x00\x1a"),
		"table.fill":     forever("\x41\x00\xd0\x70\x41\x04\xfc\x11\x00"),
		"calls":          forever("\x10\x00\x1a"),
		"dispatched":     "\x03\x40\x02\x40\x02\x40\x20\x01\x0e\x02\x00\x01\x01\x0b\x41\x01\x21\x01\x0c\x01\x0b\x41\x00\x21\x01\x0c\x00\x0b",
		"a br_table":     "\x03\x40\x20\x01\x0e\x01\x00\x00\x0b",
		"indirect calls": forever("\x41\x00\x11\x00\x00\x1a"),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Rewrite([]byte(frame(instructions + "\x42\x00")))
			if err != nil {
				t.Fatal(err)
			}
			i, err := r.InstantiateWithConfig(t.Context(), m.Bytes, wazero.NewModuleConfig().WithName(""))
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close(context.Background())
			set := make(chan time.Time, 1)
			time.AfterFunc(10*time.Millisecond, func() {
				set <- time.Now()
				i.ExportedGlobal(FlagExport).(api.MutableGlobal).Set(1)
			})
			_, err = i.ExportedFunction("f").Call(t.Context())
			if late := time.Since(<-set); err == nil || !strings.Contains(err.Error(), "unreachable") || late > 5*time.Second {
				t.Errorf("error %v, %v after the flag was set", err, late)
			}
		})
	}
}
