package upstream

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tokligence/gateway/core/sse"
)

// lines reads one JSON document a line. Blank lines are skipped.
type lines struct {
	window
	max  int
	seen int // bytes of unread that hold no LF
}

// scan finds the next line that is not blank; n is its length with its LF.
func (l *lines) scan() (n int, found bool) {
	for {
		unread := l.unread()
		i := bytes.IndexByte(unread[l.seen:], '\n')
		if i < 0 {
			l.seen = len(unread)
			return 0, false
		}
		n = l.seen + i + 1
		if len(bytes.TrimSpace(unread[:n])) > 0 {
			l.seen = n - 1
			return n, true
		}
		l.r += n
		l.seen = 0
	}
}

func (l *lines) Buffered() bool {
	_, found := l.scan()
	return found || l.err != nil || l.seen > l.max
}

func (l *lines) Next() (sse.Event, error) {
	for {
		n, found := l.scan()
		if n > l.max || l.seen > l.max {
			return sse.Event{}, fmt.Errorf("event is longer than the limit of %d bytes", l.max)
		}
		if !found && l.err == io.EOF {
			n = len(l.unread())
		}
		if found || l.err == io.EOF {
			raw := l.unread()[:n]
			line := bytes.TrimSpace(raw)
			l.r += n
			l.seen = 0
			if len(line) > 0 {
				return sse.Event{Data: line, Raw: raw, Unterminated: !found}, nil
			}
		}
		if l.err != nil {
			return sse.Event{}, l.err
		}
		l.more()
	}
}
