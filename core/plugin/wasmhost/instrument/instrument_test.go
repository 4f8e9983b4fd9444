package instrument

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

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

// FuzzRewrite: a module that wazero compiles still compiles when it was
// rewritten, and answers the same. Go guests are too large to be changed byte by
// byte; the carrier's tests run one.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(factorial))
	if compiled, err := os.ReadFile("testdata/walk.wasm"); err != nil {
		f.Fatal(err)
	} else {
		f.Add(compiled)
	}
	for _, c := range features() {
		f.Add([]byte(frame(c.instructions)))
	}
	for seed := range uint64(10) {
		f.Add([]byte(frame(dispatched(rand.New(rand.NewPCG(seed, 0))))))
		f.Add([]byte(goModule(stacked(rand.New(rand.NewPCG(seed, 0))))))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Rewrite(b)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(16).WithCloseOnContextDone(true))
		defer r.Close(context.Background())
		if err := compile(ctx, r, b); err != nil {
			return
		}
		if err := compile(ctx, r, m.Bytes); err != nil {
			t.Fatalf("the rewritten module does not compile: %v", err)
		}
		if bytes.Contains(b, []byte{prefixMisc, 15}) {
			return // table.grow has a bound of its own in a rewritten module
		}
		if bytes.Contains(b, []byte(goSection)) {
			return // it says that Go's compiler made it, and then need not do what that does
		}
		if _, err := r.InstantiateWithConfig(ctx, []byte(host), wazero.NewModuleConfig().WithName("host")); err != nil {
			t.Fatal(err)
		}
		want, err1 := outcome(ctx, r, b, false)
		got, err2 := outcome(ctx, r, m.Bytes, m.Start)
		if ctx.Err() == nil && ((err1 == nil) != (err2 == nil) || !slices.Equal(got, want)) {
			t.Fatalf("%v, %v; rewritten %v, %v", want, err1, got, err2)
		}
	})
}

// compile takes a panic for an error, as the carrier does.
func compile(ctx context.Context, r wazero.Runtime, module []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	_, err = r.CompileModule(ctx, module)
	return err
}

// outcome is what the export f answers when it takes nothing or one i64.
func outcome(ctx context.Context, r wazero.Runtime, module []byte, start bool) ([]uint64, error) {
	m, err := r.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	defer m.Close(context.Background())
	if start {
		if _, err := m.ExportedFunction(StartExport).Call(ctx); err != nil {
			return nil, err
		}
	}
	f := m.ExportedFunction("f")
	switch {
	case f == nil:
		return nil, nil
	case len(f.Definition().ParamTypes()) == 0:
		return f.Call(ctx)
	case slices.Equal(f.Definition().ParamTypes(), []api.ValueType{api.ValueTypeI64}):
		return f.Call(ctx, 6)
	}
	return nil, nil
}
