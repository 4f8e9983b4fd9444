package carriertest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/plugin/carriertest/module"
	"github.com/tokligence/gateway/pdk/abi"
)

// WriteWasm is [Host].Declares of the wasm carrier.
func WriteWasm(t *testing.T, manifest string, functions []abi.Function) string {
	const i32, output = "\x7f", "\x10\x00"
	write := func(at, n int) string {
		return module.Body(module.Const(at) + module.Const(n) + output + module.Const(0) + module.End)
	}
	bodies, exports := declared(1, functions, manifest, write)
	return writeFile(t, module.Header+
		module.Section(module.Types, "\x60\x00\x01"+i32, "\x60\x02"+i32+i32+"\x00")+
		module.Section(module.Imports, module.Import(abi.HostModule, "output_write", 1))+
		module.Section(module.Functions, indexes(len(functions))...)+
		module.Section(module.Memories, "\x00\x01")+
		module.Section(module.Exports, exports...)+
		module.Section(module.Code, bodies...)+
		module.Section(module.Data, "\x00"+module.Const(0)+module.End+module.Sized(manifest+"{}")))
}

// WriteExtism is [Host].Declares of the Extism carrier. The kernel takes a text
// byte by byte.
func WriteExtism(t *testing.T, manifest string, functions []abi.Function) string {
	const i32, i64 = "\x7f", "\x7e"
	const alloc, store, set, get, put = "\x10\x00", "\x10\x01", "\x10\x02", "\x20\x00", "\x21\x00"
	all := manifest + "{}"
	write := func(at, n int) string {
		var b strings.Builder
		b.WriteString("\x01\x01" + i64 + module.Const64(n) + alloc + put)
		for i := range n {
			b.WriteString(get + module.Const64(i) + "\x7c" + module.Const(int(all[at+i])) + store)
		}
		b.WriteString(get + module.Const64(n) + set + module.Const(0) + module.End)
		return module.Sized(b.String())
	}
	bodies, exports := declared(3, functions, manifest, write)
	return writeFile(t, module.Header+
		module.Section(module.Types, "\x60\x00\x01"+i32, "\x60\x01"+i64+"\x01"+i64, "\x60\x02"+i64+i32+"\x00", "\x60\x02"+i64+i64+"\x00")+
		module.Section(module.Imports, module.Import("extism:host/env", "alloc", 1),
			module.Import("extism:host/env", "store_u8", 2), module.Import("extism:host/env", "output_set", 3))+
		module.Section(module.Functions, indexes(len(functions))...)+
		module.Section(module.Memories, "\x00\x01")+
		module.Section(module.Exports, exports...)+
		module.Section(module.Code, bodies...))
}

// LinkProcess makes [Host].Declares of the process carrier with the guest's program.
func LinkProcess(guest string) func(*testing.T, string, []abi.Function) string {
	return func(t *testing.T, manifest string, functions []abi.Function) string {
		path := filepath.Join(t.TempDir(), "plugin")
		b, err := json.Marshal(struct {
			Manifest  string
			Functions []abi.Function
		}{manifest, functions})
		if err := errors.Join(err, os.Symlink(guest, path), os.WriteFile(path+".json", b, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

func indexes(n int) (list []string) {
	for range n {
		list = append(list, "\x00") // the type () → i32
	}
	return list
}

// declared makes a body for each function, which writes the manifest or the {}
// behind it, and the exports. Imported functions have the first indexes.
func declared(imported int, functions []abi.Function, manifest string, write func(at, n int) string) (bodies, exports []string) {
	exports = []string{module.Export("memory", module.Memory, 0)}
	for i, f := range functions {
		exports = append(exports, module.Export(abi.ExportPrefix+string(f), module.Func, imported+i))
		at, n := len(manifest), len("{}")
		if f == abi.Describe {
			at, n = 0, len(manifest)
		}
		bodies = append(bodies, write(at, n))
	}
	return bodies, exports
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin.wasm")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
