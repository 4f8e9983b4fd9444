package guestlog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCapture(t *testing.T) {
	var got []string
	c := New(func(level, message string) { got = append(got, level+"|"+message) })
	long := strings.Repeat("x", LineBytes)
	fmt.Fprint(c, "warn: be", "ware\r\n\nplain\n")
	fmt.Fprint(c, long, "y\n", long, "\n", "bad \xff\nnot ended")
	c.Log("debug", long+"z")
	c.Log("error", "\x1b[31m\tone\r\nline\u0085\x00")
	want := []string{"warn|beware", "info|plain", "info|" + long + "…", "info|" + long, "info|bad \uFFFD", "debug|" + long + "…", "error| [31m\tone  line  "}
	if !slices.Equal(got, want) {
		t.Errorf("log %q, want %q", got, want)
	}
	fmt.Fprint(c, "\x1b[2J\n\tat last")
	if !strings.HasSuffix(c.Last(), "bad \uFFFD\nnot ended [2J\n\tat last") {
		t.Errorf("last words %q", c.Last())
	}
}

func TestCapture_Flood(t *testing.T) {
	var got []string
	c := New(func(level, message string) { got = append(got, level+"|"+message) })
	for range 1000 {
		fmt.Fprintln(c, strings.Repeat("flood", 100))
	}
	if len(got) != LinesPerCall || len(c.Last()) > TailBytes {
		t.Errorf("%d lines, %d bytes kept", len(got), len(c.Last()))
	}
	c.Refill()
	c.Log("info", "next")
	if want := []string{"warn|980 lines were left out", "info|next"}; !slices.Equal(got[LinesPerCall:], want) {
		t.Errorf("then %q, want %q", got[LinesPerCall:], want)
	}
}
