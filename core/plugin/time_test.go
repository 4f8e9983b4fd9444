package plugin

import (
	"testing"
	"time"
)

func TestCallTime(t *testing.T) {
	for input, want := range map[int]time.Duration{0: 1, 64<<10 - 1: 1, 64 << 10: 2, 1 << 20: 17, 64 << 20: 40} {
		if got := CallTime(time.Second, input); got != want*time.Second {
			t.Errorf("%d bytes: %s", input, got)
		}
	}
}
