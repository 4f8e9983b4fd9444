package obs

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// writes keeps what each write brought.
type writes struct {
	mu    sync.Mutex
	texts []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, string(p))
	return len(p), nil
}

func (w *writes) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.texts...)
}

// TestLines: the first line goes at once and the others at a turn, in their
// order, whole, and no more at a time than a pipe takes in one piece.
func TestLines(t *testing.T) {
	w := &writes{}
	l := NewLines(w)
	l.set = true // as behind a first line
	var want string
	for i := range 100 {
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", i))
		want += line
		l.Gather([]byte(line))
	}
	if len(w.all()) != 1 { // what is more than a pipe takes
		t.Errorf("written already: %q", w.all())
	}
	if _, err := l.Write([]byte("at once\n")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.all(), ""); got != want+"at once\n" {
		t.Errorf("got %s", got)
	}
	for _, text := range w.all() {
		if len(text) > heldBytes || !strings.HasSuffix(text, "\n") {
			t.Errorf("%d bytes in one write: %s", len(text), text)
		}
	}
	l.Gather([]byte("held\n"))
	l.Close()
	l.Gather([]byte("late\n"))
	if got := strings.Join(w.all(), ""); !strings.HasSuffix(got, "at once\nheld\nlate\n") {
		t.Errorf("got %s", got)
	}
}

// TestLines_Turn: what is held is written without another line, and the timer rests.
func TestLines_Turn(t *testing.T) {
	w := &writes{}
	l := NewLines(w)
	l.timer = time.NewTimer(time.Hour) // nobody hears it: the test has the turns
	l.Gather([]byte("first\n"))
	if fmt.Sprint(w.all()) != "[first\n]" {
		t.Errorf("%q", w.all())
	}
	l.Gather([]byte("second\n"))
	l.turn()
	l.turn()
	if got := fmt.Sprint(w.all()); got != "[first\n second\n]" || l.set {
		t.Errorf("%q, set %v", got, l.set)
	}
	l.Close()
}
