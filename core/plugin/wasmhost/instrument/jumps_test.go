package instrument

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// dispatched is a function that jumps about between arms as Go's functions do:
// arm i is where the block ends that the br_table's label i leads to. It writes
// a trail of the arms that it came through, until it has come through 50.
func dispatched(rnd *rand.Rand) string {
	arms := 2 + rnd.IntN(6)
	labels := rnd.Perm(arms)
	var s strings.Builder
	s.WriteString("\x42\x32\x24\x01") // own = 50
	jump := func(open, depth int) {
		value := rnd.IntN(arms+3) - 1 // some are out of range
		loop := string(rune(open + depth))
		fmt.Fprintf(&s, "\x41%c", byte(value)&0x7f)
		switch rnd.IntN(5) {
		case 0:
			s.WriteString("\x21\x01\x01\x0c" + loop) // a nop between
		case 1:
			s.WriteString("\x22\x01\x1a\x0c" + loop) // local.tee, drop
		default:
			s.WriteString("\x21\x01\x0c" + loop)
		}
	}
	s.WriteString("\x03\x40" + strings.Repeat("\x02\x40", arms) + "\x20\x01\x0e" + leb(arms))
	for _, l := range labels {
		s.WriteString(leb(l))
	}
	s.WriteString(leb(rnd.IntN(arms)))
	for i := range arms {
		open := arms - 1 - i
		s.WriteString("\x0b\x20\x00\x42\x1f\x7e\x42" + leb(i) + "\x7c\x21\x00")                      // trail = 31 * trail + i
		s.WriteString("\x23\x01\x42\x01\x7d\x24\x01\x23\x01\x50\x04\x40\x20\x00\x0f\x0b")            // own--; return at zero
		s.WriteString("\x20\x00\x42" + string(rune(1+rnd.IntN(3))) + "\x83\x50\x04\x40\x02\x40\x0b") // if trail & n == 0
		jump(open, 1)
		s.WriteString("\x0b")
		if i < arms-1 && rnd.IntN(2) == 0 {
			continue // falls through
		}
		jump(open, 0)
	}
	s.WriteString("\x0b\x42\x00")
	return s.String()
}

// TestRewrite_Jumps: what jumps by dispatch goes the same way as before.
func TestRewrite_Jumps(t *testing.T) {
	r := environment(t)
	for seed := range uint64(100) {
		plain := frame(dispatched(rand.New(rand.NewPCG(seed, 0))))
		m, err := Rewrite([]byte(plain))
		if err != nil {
			t.Fatal(seed, err)
		}
		if before, after := answer(t, r, plain, false), answer(t, r, string(m.Bytes), true); before != after {
			t.Fatalf("seed %d: %#x, rewritten %#x", seed, before, after)
		}
	}
}

// TestRewrite_Forward: a jump is made direct only where it leads forward for certain.
func TestRewrite_Forward(t *testing.T) {
	const (
		begin  = "\x03\x40\x02\x40\x02\x40\x20\x01\x0e\x02\x00\x01\x01\x0b" // values 0 and 1 are arms 0 and 1
		end    = "\x0b\x42\x07\x0f\x0b\x42\x00"
		direct = "\x0c\x00"
	)
	for _, c := range []struct {
		name, jump string
		direct     bool
	}{
		{"forward", "\x41\x01\x21\x01\x0c\x01", true},
		{"the default", "\x41\x09\x21\x01\x0c\x01", true},
		{"negative is the default", "\x41\x7f\x21\x01\x0c\x01", true},
		{"to itself", "\x41\x00\x21\x01\x0c\x01", false},
		{"no constant", "\x20\x01\x21\x01\x0c\x01", false},
		{"a constant of before", "\x41\x01\x1a\x20\x01\x21\x01\x0c\x01", false},
		{"something between", "\x41\x01\x21\x01\x01\x0c\x01", false},
		{"on a condition", "\x41\x01\x21\x01\x41\x01\x0d\x01", false},
	} {
		m, err := Rewrite([]byte(frame(begin + c.jump + end)))
		if err != nil {
			t.Fatal(err)
		}
		before := c.jump[:len(c.jump)-2]
		if got := bytes.Contains(m.Bytes, []byte(before+direct)); got != c.direct {
			t.Errorf("%s: direct %v", c.name, got)
		}
	}
}
