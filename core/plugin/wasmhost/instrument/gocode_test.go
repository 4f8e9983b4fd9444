package instrument

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// goModule is a module as Go's compiler writes it: function 0 is one of Go's
// with the given instructions, 1, 2 and 4 are called by it, and the export f runs
// 0 and resumes it where it was unwound. Its locals are 0 the choice, 1 the stack
// pointer, 2 what it has seen so far, 3 a pointer. At 0 in the memory stands how
// many arms it may still come through, at 8 what it has seen.
func goModule(instructions string) string {
	i64 := func(op byte, n int) string { return string(appendI64([]byte{op}, int64(n))) }
	const mix = "\x41\x00\x41\x00\x29\x03\x08\x42\x1f\x7e"   // at 8: 31 * it
	callee := mix + "\x23\x00\x29\x03\x00\x7c\x37\x03\x08" + // and the address that was pushed
		"\x23\x00\x41\x10\x6b\x41\x00\x29\x03\x08\x37\x03\x00" + // its own frame is below
		"\x41\x00\x29\x03\x08\x42\x07\x83\x50\x04\x7f\x41\x01\x05" + // unwinds now and then
		"\x23\x00\x41\x08\x6a\x24\x00\x41\x00\x0b"
	aside := mix + "\x42\x01\x7c\x37\x03\x08\x41\x01"  // always unwinds
	helper := mix + "\x37\x03\x08\x41\x00\x29\x03\x08" // none of Go's functions: nothing is pushed for it
	run := "\x41\x00" + i64(opI64Const, 40) + "\x37\x03\x00" +
		"\x03\x40\x20\x00\x10\x00\x04\x40" + // while 0 is unwound
		"\x23\x00\x29\x03\x00\x42\xff\xff\x03\x83\xa7\x21\x00\x23\x00\x41\x08\x6a\x24\x00" + // pop where it goes on
		"\x0c\x01\x0b\x0b\x41\x00\x29\x03\x08"
	function := func(locals, instructions string) string { return sized(locals + instructions + end) }
	return header + string([]byte{secCustom}) + sized(sized(goSection)+"\xff Go build ID") +
		section(secType, "\x60\x01\x7f\x01\x7f", "\x60\x00\x01\x7e") +
		section(secFunction, "\x00", "\x00", "\x00", "\x01", "\x01") +
		section(secMemory, "\x00\x01") +
		section(secGlobal, "\x7f\x01\x41"+string(appendI32(nil, 60_000))+end) +
		section(secExport, export("f", kindFunc, 3), export("memory", kindMem, 0)) +
		section(secCode, function("\x02\x01\x7f\x02\x7e", instructions), function("\x00", callee), function("\x00", aside), function("\x01\x01\x7f", run), function("\x00", helper))
}

// stacked is a function as Go's compiler writes them: arms that use the stack,
// call, are resumed behind the call, and jump about.
func stacked(rnd *rand.Rand) string {
	arms := 2 + rnd.IntN(6)
	var s strings.Builder
	s.WriteString("\x23\x00\x21\x01\x02\x40\x03\x40" + strings.Repeat("\x02\x40", arms) + "\x20\x00\x0e" + leb(arms-1))
	for i := range arms {
		s.WriteString(leb(i))
	}
	s.WriteString(end)
	for i := range arms {
		if i > 0 {
			s.WriteString(end)
		}
		exit := arms - i // out of the loop
		s.WriteString("\x41\x00\x41\x00\x29\x03\x00\x42\x01\x7d\x37\x03\x00" + "\x41\x00\x29\x03\x00\x50\x04\x40\x41\x00\x0f\x0b")
		for range rnd.IntN(6) {
			s.WriteString(action(rnd, exit))
			if rnd.IntN(4) == 0 { // to any arm, under a condition
				s.WriteString("\x20\x02\x42\x03\x83\x50" + []string{"", "\x45"}[rnd.IntN(2)] + "\x04\x40\x41" + leb(rnd.IntN(arms)) + "\x21\x00\x0c" + leb(exit) + end)
			}
		}
		s.WriteString("\x41\x00\x41\x00\x29\x03\x08\x42\x1f\x7e\x20\x02\x7c\x37\x03\x08") // what it has seen
		switch {
		case i+1 < arms && rnd.IntN(2) == 0:
			s.WriteString(push(i+1) + "\x10\x01\x23\x00\x21\x01\x0d" + leb(exit))
		default:
			s.WriteString("\x41" + leb(rnd.IntN(arms)) + "\x21\x00\x0c" + leb(exit-1))
		}
	}
	// The last arm is in no block of the dispatch: it leaves the loop by a jump.
	s.WriteString(end + end + "\x41\x01")
	return s.String()
}

// push pushes the address with a choice, and the choice of the function to call.
func push(choice int) string {
	return pushPointer + string(appendI64([]byte{opI64Const}, int64(7<<16|choice))) + pushStore + "\x41\x00"
}

// action is something that an arm does with the stack or a pointer.
func action(rnd *rand.Rand, exit int) string {
	offset := func() string { return leb(8 * rnd.IntN(12)) }
	constant := "\x42" + string(appendI64(nil, int64(8*rnd.IntN(12))))
	address := "\x20\x01\xad" + constant + "\x7c\xa7"
	see := func(value string) string { return "\x20\x02\x42\x1f\x7e" + value + "\x7c\x21\x02" }
	switch rnd.IntN(15) {
	case 0:
		return address + "\x20\x02\x37\x03" + offset()
	case 1:
		return "\x20\x01\x20\x02\x37\x03" + offset()
	case 2:
		return see("\x20\x01\x29\x03" + offset())
	case 3: // the value is loaded from the stack too
		return address + "\x20\x01\x29\x03" + offset() + "\x37\x03" + offset()
	case 4: // a pointer, used again and again
		return "\x20\x01\xad" + constant + "\x7c\x21\x03" + see("\x20\x03\xa7\x29\x03"+offset()) + see("\x20\x03\xa7\x29\x03"+offset()) +
			"\x20\x03\xa7\x20\x02\x37\x03" + offset()
	case 5: // one that changes while it stands on the operand stack
		return "\x20\x03\x42\xff\x01\x83\x42\x80\x08\x84\x21\x03" + "\x20\x03\xa7\x20\x03\x42\x08\x7c\x22\x03\x20\x03\xa7\x29\x03" + offset() + "\x7c\x37\x03" + offset() + see("\x20\x03")
	case 6: // a frame
		n := leb(8 * (1 + rnd.IntN(7)))
		return "\x20\x01\x41" + n + "\x6b\x22\x01\x24\x00" + action(rnd, exit) + "\x20\x01\x41" + n + "\x6a\x22\x01\x24\x00"
	case 7: // under a condition
		return "\x20\x02\x42\x01\x83" + []string{"\x50", "\xa7"}[rnd.IntN(2)] + "\x04\x40" + action(rnd, exit+1) + end
	case 9:
		return see("\x10\x04\x23\x00\x21\x01")
	case 10:
		return "\x20\x02\x42\x02\x83\x50\x04\x40" + action(rnd, exit+1) + "\x05" + action(rnd, exit+1) + end
	case 11: // left early
		return "\x02\x40\x20\x02\x42\x05\x83\x42\x01\x55\x0d\x00" + action(rnd, exit+1) + end
	case 12: // a loop
		return "\x03\x40\x20\x01\x20\x02\x37\x03" + offset() + "\x20\x02\x42\x01\x88\x22\x02\x42\x00\x52\x0d\x00" + end
	case 13: // a choice that is not the dispatch's
		return "\x02\x40\x02\x40\x20\x02\xa7\x0e\x01\x00\x01" + end + action(rnd, exit+1) + end
	case 8: // a pointer that moves on before its old place is written
		return "\x20\x01\xad\x21\x03\x20\x03\xa7\x20\x03" + constant + "\x7c\x22\x03\x37\x03" + offset() + see("\x20\x03\xa7\x29\x03"+offset())
	}
	return "\x20\x02\x42\x07\x83\x50\x04\x40" + push(0) + "\x10\x02\x23\x00\x21\x01\x0d" + leb(exit+1) + end // put aside
}

// TestRewrite_Stack: functions of Go's leave the same behind in the memory, and
// the engine compares fewer addresses in them.
func TestRewrite_Stack(t *testing.T) {
	asides, kept, fast := 0, 0, 0
	for seed := range uint64(120) {
		plain := goModule(stacked(rand.New(rand.NewPCG(seed, 0))))
		m, err := Rewrite([]byte(plain))
		if err != nil {
			t.Fatal(seed, err)
		}
		before, after := instance(t, []byte(plain)), instance(t, m.Bytes)
		want, err1 := before.ExportedFunction("f").Call(t.Context())
		got, err2 := after.ExportedFunction("f").Call(t.Context())
		if err1 != nil || err2 != nil || want[0] != got[0] {
			t.Fatalf("seed %d: %#x, %v; rewritten %#x, %v", seed, want, err1, got, err2)
		}
		a, _ := before.Memory().Read(0, 1<<16)
		b, _ := after.Memory().Read(0, 1<<16)
		if string(a) != string(b) {
			t.Fatalf("seed %d: the memory is another", seed)
		}
		asides += strings.Count(plain, "\x10\x02\x23\x00\x21\x01") - strings.Count(string(m.Bytes), "\x10\x02\x23\x00\x21\x01")
		kept += strings.Count(string(m.Bytes), "\x41\x08\x6b\x22\x04")
		if strings.Contains(string(m.Bytes), pointerAgain+"\x20\x01\x41") {
			fast++
		}
	}
	if asides == 0 || kept == 0 || fast < 40 {
		t.Errorf("%d calls were put aside, %d bases made, %d functions are fast", asides, kept, fast)
	}
}

// TestRewrite_Go: what Go's compiler makes of a program with goroutines, panics,
// deep stacks and garbage computes the same.
func TestRewrite_Go(t *testing.T) {
	file := filepath.Join(t.TempDir(), "busy.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-o", file, "./testdata/busy")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plain, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Rewrite(plain)
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntime(t.Context())
	defer r.Close(context.Background())
	wasi_snapshot_preview1.MustInstantiate(t.Context(), r)
	var sums [2][]uint64
	for i, module := range [][]byte{plain, m.Bytes} {
		g, err := r.InstantiateWithConfig(t.Context(), module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
			WithSysNanotime().WithSysWalltime().WithStderr(os.Stderr))
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint64(4) {
			sum, err := g.ExportedFunction("busy").Call(t.Context(), n)
			if err != nil {
				t.Fatal(i, n, err)
			}
			sums[i] = append(sums[i], sum...)
		}
	}
	for n, want := range sums[0] {
		if sums[1][n] != want || want == 0 {
			t.Errorf("busy(%d) = %#x, rewritten %#x", n, want, sums[1][n])
		}
	}
}

// TestRewrite_Slack: a guest of Go's does not see the page that its memory has more.
func TestRewrite_Slack(t *testing.T) {
	tell := "\xad\x7c\x37\x03\x08"                         // adds it to what it has seen
	told := "\x41\x00\x41\x00\x29\x03\x08\x42\x80\x08\x7e" // 1024 times that
	size, grow := "\x3f\x00", func(pages string) string { return "\x41" + pages + "\x40\x00" }
	for _, c := range []struct {
		name, instructions string
		want               uint64
	}{
		{"size", told + size + tell, 1},
		{"grown", told + grow("\x02") + tell + told + size + tell, 1<<10 + 3},
		{"too far", told + grow("\x80\x01") + tell, 1<<32 - 1},
	} {
		for _, module := range rewritten(t, goModule(c.instructions+"\x41\x00")) {
			m := instance(t, module)
			got, err := m.ExportedFunction("f").Call(t.Context())
			if err != nil || got[0] != c.want {
				t.Errorf("%s: %d, %v; want %d", c.name, got, err, c.want)
			}
		}
	}
}

// rewritten is a module as it is and as Rewrite writes it.
func rewritten(t *testing.T, module string) [][]byte {
	t.Helper()
	m, err := Rewrite([]byte(module))
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{[]byte(module), m.Bytes}
}
