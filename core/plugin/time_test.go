package plugin

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestCallTime(t *testing.T) {
	for input, want := range map[int]time.Duration{0: 1, 64<<10 - 1: 1, 64 << 10: 2, 1 << 20: 17, 64 << 20: 40} {
		if got := CallTime(time.Second, abi.Encode, input); got != want*time.Second {
			t.Errorf("%d bytes: %s", input, got)
		}
	}
}

// What is asked once, when a plugin is loaded, has time also on a busy machine.
func TestCallTime_Load(t *testing.T) {
	for _, c := range []struct {
		timeout, want time.Duration
	}{{time.Millisecond, loadTime}, {time.Minute, time.Minute}} {
		for _, f := range []abi.Function{abi.Describe, abi.Plan} {
			if got := CallTime(c.timeout, f, 1<<20); got != c.want {
				t.Errorf("%s of a plugin with %v: %v, want %v", f, c.timeout, got, c.want)
			}
		}
	}
}
