package plugin

import (
	"strings"
	"testing"
	"time"
)

// TestBreaker: each step is seconds to pass, then calls: g good, b bad, c
// canceled by their caller; x is one that must not be let through. Parentheses
// hold calls that began before the breaker opened. [n] checks the pause in seconds.
func TestBreaker(t *testing.T) {
	for _, c := range []struct{ name, steps string }{
		{"five faults in a row", "bbbbb x"},
		{"four faults", "bbbb g g"},
		{"half of the calls are good", "gggggbbbbb g"},
		{"more than half are bad", "ggggbbbb b x"},
		{"faults too far apart", "bbbb +10 b g"},
		{"faults just near enough", "bbbb +9 b x"},
		{"canceled calls count for nothing", "bbbb cccccccc b x"},
		{"closed by a good trial", "bbbbb x +1 g gg bbb g"},
		{"one trial at a time", "bbbbb +1 t x x g g"},
		{"each bad trial doubles the pause",
			"bbbbb [1] x +1 b [2] x +1 x +1 b [4] +4 b [8] +8 b [16] +16 b [32] +32 b [60] +60 b [60] +60 g bbbb"},
		{"the pause begins anew", "bbbbb +1 b [2] +2 g bbbb g b x [1]"},
		{"a canceled trial makes room for the next", "bbbbb +1 c g g"},
		{"late faults of earlier calls do not matter", "bbbbb (bbb) [1] +1 g"},
		{"late successes of earlier calls do not close", "bbbbb (g) x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := breaker{config: BreakerConfig{}.withDefaults()}
			now := time.Unix(1e9, 0)
			var pause time.Duration
			finish := func(r rune) {
				switch r {
				case 'g':
					b.good(now)
				case 'b':
					if p := b.bad(now); p > 0 {
						pause = p
					}
				case 'c':
					b.abandon()
				}
			}
			trial := false
			for _, step := range strings.Fields(c.steps) {
				switch step[0] {
				case '+', '[':
					d, err := time.ParseDuration(strings.Trim(step, "+[]") + "s")
					if err != nil {
						t.Fatal(err)
					}
					if step[0] == '+' {
						now = now.Add(d)
					} else if pause != d {
						t.Fatalf("at %s the pause is %v", step, pause)
					}
					continue
				case '(':
					for _, r := range strings.Trim(step, "()") {
						finish(r)
					}
					continue
				}
				for _, r := range step {
					if trial && r != 'x' { // the trial that t began ends
						trial = false
						finish(r)
						continue
					}
					refused := b.open && b.admit(now) > 0
					if refused != (r == 'x') {
						t.Fatalf("in %q of %q: refused is %v", r, c.steps, refused)
					}
					if trial = trial || r == 't'; !refused {
						finish(r)
					}
				}
			}
		})
	}
}
