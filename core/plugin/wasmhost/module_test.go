package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/module"
	"github.com/tokligence/gateway/pdk/abi"
)

// flagFunc is a global that only takes.
type flagFunc func(uint64)

func (f flagFunc) Set(v uint64) { f(v) }

// What the modules written by hand are made of.
const (
	header    = module.Header
	memory    = "\x05\x03\x01\x00\x01" // one page
	zero      = "\x41\x00\x0b"         // i32.const 0
	loop      = "\x03\x40\x0c\x00\x0b\x0b"
	loopedI32 = "\x03\x40\x0c\x00\x0b\x00\x0b"
)

// guest is a module with describe, which is code, and configure; index 1 and 2
// when it imports something, and further functions of type () → ().
func guest(describe, configure string) string {
	return header + types + section(3, "\x00", "\x00") + memory +
		section(7, export("memory", 2, 0), export("tok_describe", 0, 0), export("tok_configure", 0, 1)) +
		section(10, body(describe), body(configure))
}

// types: 0 () → i32, 1 () → (), 2 (i32, i32) → (), 3 (i32) → (), 4 (i32, i32, i32) → (),
// 5 (i32, i32, i32, i32) → i64
var types = section(module.Types, "\x60\x00\x01\x7f", "\x60\x00\x00", "\x60\x02\x7f\x7f\x00", "\x60\x01\x7f\x00", "\x60\x03\x7f\x7f\x7f\x00", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7e")

var section, export, body, name = module.Section, module.Export, module.Body, module.Sized

func TestOpen_Refused(t *testing.T) {
	exports := section(7, export("memory", 2, 0), export("tok_describe", 0, 0))
	for _, c := range []struct{ name, module, text string }{
		{"no module", "GIF89a", "not a WebAssembly module"},
		{"empty", "", "not a WebAssembly module"},
		{"no memory", header, `does not export its memory as "memory"`},
		{"memory under another name", header + memory + section(7, export("mem", 2, 0)), `does not export its memory as "memory"`},
		{"no describe", header + memory + section(7, export("memory", 2, 0)), "does not export tok_describe"},
		{"no configure", header + types + section(3, "\x00") + memory + exports + section(10, body(zero)), "does not export tok_configure"},
		{"signature", header + types + section(3, "\x01") + memory + exports + section(10, body("\x0b")),
			"export tok_describe must be a function without parameters that returns an i32"},
		{"signature of _initialize", header + types + section(3, "\x00") + memory +
			section(7, export("memory", 2, 0), export("_initialize", 0, 0)) + section(10, body(zero)), "export _initialize must be"},
		{"unknown module", importing("env", "abort", 1), "imports env.abort, which no guest is given"},
		{"unknown function", importing("tokligence", "http", 1), "imports tokligence.http, which no guest is given"},
		{"unknown function of WASI", importing("wasi_snapshot_preview1", "fork", 1), "imports wasi_snapshot_preview1.fork"},
		{"signature of an import", importing("tokligence", "input_read", 1), "imports tokligence.input_read with another signature"},
		{"memory above the limit", header + "\x05\x05\x01\x00\x81\x80\x04", "compile"},
		{"reserved export", header + memory + section(7, export("memory", 2, 0), export("tokligence:stop", 2, 0)), "reserved for the host"},
		// Fifteen bytes for which a decoder would allocate 400 GB.
		{"imports without end", header + "\x02\x05\xff\xff\xff\xff\x0f", "a list of 4294967295 elements does not fit"},
		{"feature", header + "\x01\x06\x01\x4e\x01\x60\x00\x00", "type is 0x4e, not 0x60"},
		{"type out of range, at which wazero panics", header + types + section(3, "\x00", "\x30") + memory + exports +
			section(10, body("\x10\x01"+zero), body(zero)), "compile: the compiler broke: runtime error"},
		{"huge table", header + "\x04\x07\x01\x70\x00\xff\xff\xff\x3f" + memory, "tables begin with more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, err := New().Open(t.Context(), plugin.Source{ID: "provider.x", Bytes: []byte(c.module)})
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "plugin provider.x: ") {
				t.Errorf("error %v, want %q", err, c.text)
			}
			if code != nil {
				t.Error("there is code all the same")
			}
		})
	}
}

func importing(from, function string, index byte) string {
	return header + types + section(2, name(from)+name(function)+string([]byte{0, index})) +
		section(3, "\x00", "\x00") + memory +
		section(7, export("memory", 2, 0), export("tok_describe", 0, 1), export("tok_configure", 0, 2)) +
		section(10, body(zero), body(zero))
}

// calling is a module whose describe calls a function of the host with two
// numbers, three for the log and four for an index.
func calling(function, numbers string) string {
	kind, drop := 2, ""
	switch function {
	case "log":
		kind = 4
	case "input_indexed":
		kind, drop = 5, "\x1a"
	}
	return header + types + section(2, module.Import("tokligence", function, kind)) +
		section(3, "\x00", "\x00") + memory +
		section(7, export("memory", 2, 0), export("tok_describe", 0, 1), export("tok_configure", 0, 2)) +
		section(10, body(numbers+"\x10\x00"+drop+zero), body(zero))
}

// TestCall_ByHand: faults that no compiler makes. Each is found at every call,
// and the gateway stays whole.
func TestCall_ByHand(t *testing.T) {
	const minusOne, page = "\x41\x7f", "\x41\x80\x80\x04"
	for _, c := range []struct {
		name, module string
		kind         plugin.FaultKind
		text         string
	}{
		{"good", guest(zero, zero), "", ""},
		{"a maximum above the limit", strings.Replace(guest(zero, zero), memory, "\x05\x06\x01\x01\x01\x80\x80\x04", 1), "", ""},
		{"write nothing at the end", calling("output_write", page+"\x41\x00"), "", ""},
		{"write past the end", calling("output_write", page+"\x41\x01"), plugin.FaultTrap, "output_write at 0x10000 of 1 bytes"},
		{"write with overflow", calling("output_write", minusOne+"\x41\x02"), plugin.FaultTrap, "output_write at 0xffffffff"},
		{"negative length", calling("output_write", "\x41\x00"+minusOne), plugin.FaultTrap, "of 4294967295 bytes"},
		{"read past the end", calling("input_read", page+"\x41\x01"), plugin.FaultTrap, "input_read at 0x10000"},
		{"read more than there is", calling("input_read", "\x41\x00\x41\x06"), plugin.FaultTrap, "input_read of 6 bytes; the input has 5"},
		{"too little for the input", calling("input_indexed", page+"\x41\x04"+page+"\x41\x01"), "", ""},
		{"read past the end with an index", calling("input_indexed", page+"\x41\x05\x41\x00\x41\x00"), plugin.FaultTrap, "input_indexed at 0x10000 of 5 bytes"},
		{"index past the end", calling("input_indexed", "\x41\x00\x41\x05"+page+"\x41\x01"), plugin.FaultTrap, "input_indexed at 0x10000 of 1 bytes"},
		{"index at an odd place", calling("input_indexed", "\x41\x00\x41\x05\x41\x01"+"\x41\x3f"), "", ""},
		{"log past the end", calling("log", "\x41\x02"+page+"\x41\x01"), plugin.FaultTrap, "log at 0x10000"},
		{"write in parts without end", calling("output_write", "\x03\x40\x41\x00"+page+"\x10\x00\x0c\x00\x0b\x00\x00"), plugin.FaultOutput, "the limit is 1000000"},
		{"result 7", guest("\x41\x07\x0b", zero), plugin.FaultContract, "returned 7, which is neither 0 nor 1"},
		{"result -1", guest("\x41\x7f\x0b", zero), plugin.FaultContract, "returned -1"},
		{"an error without a document", guest("\x41\x01\x0b", zero), plugin.FaultOutput, "its error is not the document it should be"},
		{"loop", guest(loopedI32, zero), plugin.FaultDeadline, "longer than"},
		{"recursion", guest("\x10\x00\x0b", zero), plugin.FaultTrap, "stack overflow"},
		{"memory.grow without end", guest("\x03\x40\x41\x01\x40\x00\x1a\x0c\x00\x0b\x00\x0b", zero), plugin.FaultDeadline, "longer than"},
		{"trap", guest("\x00\x0b", zero), plugin.FaultTrap, "unreachable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := time.Minute
			if c.kind == plugin.FaultDeadline {
				timeout = 30 * time.Millisecond
			}
			code, err := New().Open(t.Context(), plugin.Source{
				ID: "provider.x", Bytes: []byte(c.module), Limits: plugin.Limits{Timeout: timeout, OutputBytes: 1_000_000},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer code.Close(context.Background())
			p, err := code.Start(t.Context(), plugin.Setup{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
			for range 2 {
				_, err := p.Call(t.Context(), abi.Describe, []byte("input"), nil)
				var f *plugin.Fault
				switch {
				case c.kind == "" && err != nil:
					t.Error(err)
				case c.kind != "" && (!errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.text)):
					t.Errorf("error %v, want kind %s with %q", err, c.kind, c.text)
				}
			}
			if _, err := p.Call(t.Context(), abi.Configure, nil, nil); err != nil {
				t.Errorf("next call: %v", err)
			}
		})
	}
}

// TestStart_Bounded: what runs by itself has an end too.
func TestStart_Bounded(t *testing.T) {
	tail := section(10, body(zero), body(zero), body(loop))
	functions := header + types + section(3, "\x00", "\x00", "\x01") + memory
	exports := []string{export("memory", 2, 0), export("tok_describe", 0, 0), export("tok_configure", 0, 1)}
	for _, c := range []struct{ name, module, text string }{
		{"start function", functions + section(7, exports...) + "\x08\x01\x02" + tail, "start: deadline"},
		{"_initialize", functions + section(7, append(exports, export("_initialize", 0, 2))...) + tail, "_initialize: deadline"},
		{"configure", guest(zero, loopedI32), "configure: deadline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, err := carrier{50 * time.Millisecond}.Open(t.Context(), plugin.Source{
				ID: "provider.x", Bytes: []byte(c.module), Limits: plugin.Limits{Timeout: 20 * time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer code.Close(context.Background())
			_, err = code.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
			if err == nil || !strings.Contains(err.Error(), "plugin provider.x: "+c.text) {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
}
