package conformance

import (
	"strings"
	"sync"
)

// telltale stands in prompts of the corpus and nowhere else.
const telltale = "heron waits by the weir"

// log is what the plugin's log got.
type log struct {
	mu     sync.Mutex
	quotes []string
}

func (l *log) add(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(message, telltale) && len(l.quotes) < mostProblems {
		l.quotes = append(l.quotes, message)
	}
}

// judge tells of the lines that quote a prompt: the operator's log is not the
// place for it.
func (l *log) judge(c *Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.quotes {
		c.fail("a line of the log quotes a prompt: %s", short([]byte(line)))
	}
}
