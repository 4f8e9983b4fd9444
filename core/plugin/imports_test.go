package plugin

import (
	"slices"
	"testing"

	"github.com/tokligence/gateway/core/plugin/carriertest/module"
	"github.com/tokligence/gateway/core/plugin/wasmhost/instrument"
)

// FuzzImportsFrom: of a module that is sound the imports are those that the
// carrier's own reader finds; of anything else it may say what it likes.
func FuzzImportsFrom(f *testing.F) {
	const name = "extism:host/env"
	types := module.Section(module.Types, "\x60\x00\x00")
	for _, imports := range [][]string{
		nil,
		{module.Import("tokligence", "log", 0), module.Import(name, "alloc", 0)},
		{"\x01m\x01t\x01\x70\x01\x01\x80\x01", "\x01m\x01m\x02\x00\x01", "\x01m\x01g\x03\x7e\x00", module.Import(name, "alloc", 0)},
		{module.Import("env", name, 0)},
	} {
		f.Add([]byte(module.Header + types + module.Section(module.Imports, imports...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := importsFrom(b, name)
		m, err := instrument.Rewrite(b)
		if err != nil {
			return
		}
		if want := slices.ContainsFunc(m.Imports, func(i instrument.Import) bool { return i.Module == name }); got != want {
			t.Errorf("%v, want %v: %v", got, want, m.Imports)
		}
	})
}
