package upstream

import (
	"io"

	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// EventReader cuts events out of a vendor's bytes.
type EventReader interface {
	// Next returns the next event, whose slices are valid until the call after.
	// io.EOF is an end between two events; an end within one is an event marked
	// Unterminated, or an error where the framing can tell that it is broken.
	Next() (sse.Event, error)
	// Buffered reports whether Next will return without reading. The last
	// event's slices stay valid.
	Buffered() bool
}

// Events reads body by framing. An event of more than max bytes is an error.
func Events(framing abi.Framing, body io.Reader, max int) EventReader {
	switch framing {
	case abi.FramingNDJSON:
		return &lines{window: window{src: body}, max: max}
	case abi.FramingAWSEventStream:
		return &frames{window: window{src: body}, max: max}
	}
	return sse.NewReader(body, max)
}

// window is a stretch of a stream in memory. It begins with 4 KiB and doubles
// on demand.
type window struct {
	src   io.Reader
	buf   []byte
	r, w  int   // buf[r:w] is unread
	empty int   // reads in a row that gave nothing
	err   error // of src; final
}

func (w *window) unread() []byte { return w.buf[w.r:w.w] }

// more reads once; what was unread before stays so, but moves.
func (w *window) more() {
	if w.buf == nil {
		w.buf = make([]byte, readBuffer)
	}
	if w.r > 0 || w.w == len(w.buf) {
		to := w.buf
		if w.w-w.r > len(to)/2 {
			to = make([]byte, 2*len(to))
		}
		w.r, w.w, w.buf = 0, copy(to, w.unread()), to
	}
	n, err := w.src.Read(w.buf[w.w:])
	w.w += n
	if w.empty++; n > 0 {
		w.empty = 0
	}
	if err == nil && w.empty > 100 {
		err = io.ErrNoProgress
	}
	w.err = err
}
