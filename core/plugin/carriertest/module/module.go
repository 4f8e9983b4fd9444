// Package module writes WebAssembly modules for tests as the bytes of their
// parts, so that each can have exactly one thing wrong with it.
// https://webassembly.github.io/spec/core/binary/
package module

import "strings"

// Header begins every module, End ends bodies, blocks and initialisers.
const (
	Header = "\x00asm\x01\x00\x00\x00"
	End    = "\x0b"
)

// Sections.
const (
	Types, Imports, Functions, Tables, Memories = 1, 2, 3, 4, 5
	Globals, Exports, Start, Elements           = 6, 7, 8, 9
	Code, Data, DataCount                       = 10, 11, 12
)

// Kinds of imports and exports.
const (
	Func, Table, Memory, Global = 0, 1, 2, 3
)

// LEB is n as the format writes it: seven bits a byte.
func LEB(n int) string {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return string(append(b, byte(n)))
}

// Sized is s with its length before it: a name, a body, a section's content.
func Sized(s string) string { return LEB(len(s)) + s }

// List is a vector.
func List(items ...string) string { return LEB(len(items)) + strings.Join(items, "") }

// Section is a section that is a list.
func Section(id byte, items ...string) string { return string([]byte{id}) + Sized(List(items...)) }

// Export is an element of the exports.
func Export(name string, kind byte, index int) string {
	return Sized(name) + string([]byte{kind}) + LEB(index)
}

// Import is an element of the imports: a function of a type.
func Import(module, name string, typeIndex int) string {
	return Sized(module) + Sized(name) + string([]byte{Func}) + LEB(typeIndex)
}

// Body is a function without locals; its code has its end.
func Body(code string) string { return Sized("\x00" + code) }

// Const is the instruction i32.const n.
func Const(n int) string { return "\x41" + signed(n) }

// Const64 is the instruction i64.const n.
func Const64(n int) string { return "\x42" + signed(n) }

func signed(n int) string {
	var b []byte
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return string(append(b, byte(n)&0x7f))
}
