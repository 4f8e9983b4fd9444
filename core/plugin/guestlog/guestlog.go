// Package guestlog is what a carrier does with the words of a plugin: a bounded
// part goes to the log, and the last lines are kept for the operator of a fault.
package guestlog

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"unicode"
)

// Bounds of what is kept and passed on.
const (
	TailBytes    = 4 << 10 // kept for a fault
	LineBytes    = 1 << 10 // of one line in the log; the rest is cut
	LinesPerCall = 20      // in the log; further ones are counted
)

// Capture is one instance's log and standard error. A plugin that writes
// without end costs the reading and no more: each call allows it some lines,
// and the log is told how many were left out. It is safe for concurrent use.
type Capture struct {
	log func(level, message string)

	mu      sync.Mutex
	tail    []byte
	line    []byte // begun, not ended
	cut     bool   // the line is longer than what is kept of it
	left    int
	dropped int
}

// New makes a capture that passes lines on to log, which may be nil.
func New(log func(level, message string)) *Capture {
	if log == nil {
		log = func(string, string) {}
	}
	return &Capture{log: log, left: LinesPerCall}
}

// Write takes standard error. It never fails.
func (c *Capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	c.tail = append(c.tail, p[max(0, n-TailBytes):]...)
	if extra := len(c.tail) - TailBytes; extra > 0 {
		c.tail = append(c.tail[:0], c.tail[extra:]...)
	}
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		room := LineBytes - len(c.line)
		c.cut = c.cut || len(part) > room
		c.line = append(c.line, part[:min(room, len(part))]...)
		if ended {
			level, message := levelOf(strings.TrimRight(string(c.line), "\r"))
			c.emit(level, message, c.cut)
			c.line, c.cut = c.line[:0], false
		}
		p = rest
	}
	return n, nil
}

// Log takes one message of the plugin's log.
func (c *Capture) Log(level, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.emit(level, message[:min(LineBytes, len(message))], len(message) > LineBytes)
}

func (c *Capture) emit(level, message string, cut bool) {
	switch {
	case message == "":
	case c.left == 0:
		c.dropped++
	default:
		c.left--
		message = printable(message, "\t")
		if cut {
			message += "…"
		}
		c.log(level, message)
	}
}

// levelOf splits the level off a line that the Go kit's Log has written.
func levelOf(line string) (level, message string) {
	for _, level := range []string{"debug", "info", "warn", "error"} {
		if rest, ok := strings.CutPrefix(line, level+": "); ok {
			return level, rest
		}
	}
	return "info", line
}

// Refill allows lines for another call, and tells of those that were left out.
func (c *Capture) Refill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = LinesPerCall
	if c.dropped > 0 {
		c.log("warn", fmt.Sprintf("%d lines were left out", c.dropped))
		c.dropped = 0
	}
}

// printable is s without what would forge a line or steer the terminal on which
// it is read: other control characters than those kept become blanks.
func printable(s, kept string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(kept, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Last returns the end of standard error.
func (c *Capture) Last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(printable(string(c.tail), "\t\n"))
}
