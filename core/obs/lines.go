package obs

import (
	"io"
	"sync"
	"time"
)

// Lines is where log lines go, whole and one at a time.
type Lines struct {
	mu     sync.Mutex
	w      io.Writer
	held   []byte      // lines for the next turn of the timer
	timer  *time.Timer // nil until the first Gather
	set    bool        // the timer is
	closed bool
}

const (
	// heldFor is how long a line is held at most.
	heldFor = 10 * time.Millisecond
	// heldBytes is as much as a pipe takes without mixing it with others' lines.
	heldBytes = 4096
)

// NewLines writes lines to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Write writes a line at once, behind those that are held.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return l.w.Write(line)
}

// Gather writes a line, together with others when they come fast: a write for
// each would be the dearest part of them. What is held when the process is
// killed is lost.
func (l *Lines) Gather(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held)+len(line) > heldBytes {
		l.flush()
	}
	l.held = append(l.held, line...)
	if l.set && !l.closed {
		return
	}
	l.flush()
	switch {
	case l.closed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(heldFor, l.turn)
	default:
		l.timer.Reset(heldFor)
	}
	l.set = true
}

// turn writes what has come since the last one, until nothing has.
func (l *Lines) turn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set = len(l.held) > 0; l.set {
		l.flush()
		l.timer.Reset(heldFor)
	}
}

func (l *Lines) flush() {
	if len(l.held) > 0 {
		_, _ = l.w.Write(l.held) // nobody is left to tell
		l.held = l.held[:0]
	}
}

// Close writes what is held. Lines that come later are not held.
func (l *Lines) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.flush()
	if l.timer != nil {
		l.timer.Stop()
	}
}
