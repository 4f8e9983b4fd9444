package plugin_test

import (
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/module"
)

// extismImport is what tells an Extism guest, wherever else the name stands.
var extismImport = module.Import("extism:host/env", "alloc", 0)

// TestLoader_Carrier: what a module imports decides who runs it, and nothing
// else that it holds.
func TestLoader_Carrier(t *testing.T) {
	const name = "\x0fextism:host/env"
	types := module.Section(module.Types, "\x60\x00\x00")
	of := func(sections ...string) string {
		text := module.Header
		for _, s := range sections {
			text += s
		}
		return text
	}
	imports := func(list ...string) string { return module.Section(module.Imports, list...) }
	ours := module.Import("tokligence", "input_length", 0)
	for _, c := range []struct{ name, file, declared, want string }{
		{"no imports", of(), "", "wasm"},
		{"ours", of(types, imports(ours)), "", "wasm"},
		{"Extism's", of(types, imports(extismImport)), "", "extism"},
		{"Extism's, declared as wasm", of(types, imports(extismImport)), "wasm", "extism"},
		{"Extism's, declared as a process", of(types, imports(extismImport)), "process", "process"},
		{"behind the others", of("\x00\x05\x04note", types, imports(
			ours, "\x01m\x01t\x01\x70\x00\x01", "\x01m\x01t\x01\x6f\x01\x01\x80\x01", "\x01m\x01m\x02\x00\x01", "\x01m\x01g\x03\x7e\x00", extismImport)), "", "extism"},
		{"only in a custom section", of("\x00" + module.Sized(module.Sized("note")+extismImport)), "", "wasm"},
		{"only in the data", of(types, imports(ours), module.Section(module.Data, "\x01"+module.Sized(extismImport))), "", "wasm"},
		{"only as a function's name", of(types, imports("\x03env"+name+"\x00\x00")), "", "wasm"},
		{"only as an export", of(module.Section(module.Exports, name+"\x00\x00")), "", "wasm"},
		{"a longer name", of(types, imports(module.Import("extism:host/env2", "alloc", 0))), "", "wasm"},
		{"cut off", of(types, imports(ours, extismImport))[:40], "", "wasm"},
		{"an import of no kind", of(types, imports("\x01m\x01x\x09", extismImport)), "", "wasm"},
		{"more sections than bytes", module.Header + "\x01\xff\xff\xff\xff\x0f" + imports(extismImport), "", "wasm"},
		{"no module", "GIF89a" + name, "", "wasm"},
		{"version 2", "\x00asm\x02\x00\x00\x00" + types + imports(extismImport), "", "wasm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			carriers := map[string]plugin.Carrier{}
			for _, n := range []string{"wasm", "extism", "process"} {
				carriers[n] = &fake{manifest: guardrail}
			}
			l := plugin.NewLoader(plugin.Options{Carriers: carriers, Builtins: noBuiltins{}, Log: func(string, string, string) {}})
			p, err := l.Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, c.file), Carrier: c.declared})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Release()
			for n, carrier := range carriers {
				if opened := carrier.(*fake).opens == 1; opened != (n == c.want) {
					t.Errorf("carrier %s opened it: %v, want %s", n, opened, c.want)
				}
			}
		})
	}
}

// TestLoader_SharesOnlyEqual: what the file's running depends on keeps
// declarations apart, though the file is the same.
func TestLoader_SharesOnlyEqual(t *testing.T) {
	path := writeFile(t, "x")
	for _, c := range []struct {
		name  string
		other func(*plugin.Declaration)
		opens int
	}{
		{"nothing", func(*plugin.Declaration) {}, 1},
		{"another configuration", func(d *plugin.Declaration) { d.Config = []byte(`{"a":1}`) }, 1},
		{"other hosts", func(d *plugin.Declaration) { d.AllowHosts = []string{"a.example"} }, 1},
		{"another carrier", func(d *plugin.Declaration) { d.Carrier = "process" }, 2},
		{"another path", func(d *plugin.Declaration) { d.Source = writeFile(t, "x") }, 2},
		{"a pin", func(d *plugin.Declaration) {
			d.SHA256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
		}, 2},
		{"other limits", func(d *plugin.Declaration) { d.Limits.MemoryBytes = 1 << 20 }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			carrier := &fake{manifest: `{"id":"guardrail.x","version":"1.0.0","kind":"guardrail","abi":1,"config":{}}`}
			l := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": carrier, "process": carrier}, Builtins: noBuiltins{},
				Log: func(string, string, string) {}})
			d := plugin.Declaration{ID: "guardrail.x", Source: path}
			for range 2 {
				p, err := l.Load(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Release()
				c.other(&d)
			}
			if carrier.opens != c.opens {
				t.Errorf("opened %d times, want %d", carrier.opens, c.opens)
			}
		})
	}
}
