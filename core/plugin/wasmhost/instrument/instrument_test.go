package instrument

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// factorial exports f(i64) → i64, which loops, and its memory.
const factorial = "\x00asm\x01\x00\x00\x00" +
	"\x01\x06\x01\x60\x01\x7e\x01\x7e" + "\x03\x02\x01\x00" + "\x05\x03\x01\x00\x01" +
	"\x07\x0e\x02\x01f\x00\x00\x06memory\x02\x00" +
	"\x0a\x21\x01\x1f\x01\x01\x7e" + "\x42\x01\x21\x01" + // acc = 1
	"\x03\x40\x20\x01\x20\x00\x7e\x21\x01" + // loop: acc *= n
	"\x20\x00\x42\x01\x7d\x22\x00\x50\x45\x0d\x00\x0b" + // n--; again unless 0
	"\x20\x01\x0b"

func instance(t testing.TB, b []byte) api.Module {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfig().WithMemoryLimitPages(16))
	t.Cleanup(func() { r.Close(context.Background()) })
	m, err := r.Instantiate(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRewrite_Same: a rewritten module computes what the module does, also past many tests of the flag.
func TestRewrite_Same(t *testing.T) {
	m, err := Rewrite([]byte(factorial))
	if err != nil {
		t.Fatal(err)
	}
	plain, rewritten := instance(t, []byte(factorial)), instance(t, m.Bytes)
	for _, n := range []uint64{1, 5, 20, 100_000} {
		want, err := plain.ExportedFunction("f").Call(t.Context(), n)
		got, err2 := rewritten.ExportedFunction("f").Call(t.Context(), n)
		if err := errors.Join(err, err2); err != nil || got[0] != want[0] {
			t.Errorf("f(%d) = %v, want %v; %v", n, got, want, err)
		}
	}
	rewritten.ExportedGlobal(FlagExport).(api.MutableGlobal).Set(1)
	if got, err := rewritten.ExportedFunction("f").Call(t.Context(), 100_000); err == nil {
		t.Errorf("with the flag set f answers %v", got)
	}
}

// TestRewrite_Truncated: no beginning of a module is taken for one, but where a section ends.
func TestRewrite_Truncated(t *testing.T) {
	whole := map[int]bool{8: true, 16: true, 20: true, 25: true, 41: true}
	for n := range len(factorial) {
		_, err := Rewrite([]byte(factorial[:n]))
		var e *Error
		if (err == nil) != whole[n] || err != nil && !errors.As(err, &e) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// FuzzRewrite: what wazero compiles still compiles when it could be rewritten.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(factorial))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Rewrite(b)
		if err != nil {
			return
		}
		if len(m.Bytes) < 8 {
			t.Fatal("no module")
		}
		r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(16))
		defer r.Close(context.Background())
		if _, err := r.CompileModule(t.Context(), b); err != nil {
			return
		}
		if _, err := r.CompileModule(t.Context(), m.Bytes); err != nil {
			t.Fatal(fmt.Errorf("the rewritten module does not compile: %w", err))
		}
	})
}
