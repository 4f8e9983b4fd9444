// Package sse reads and writes event streams (WHATWG HTML, section 9.2). It
// knows nothing of models.
package sse

// Event is one event. Its slices are valid until the reader's next call.
type Event struct {
	Name []byte // the event field; empty when the stream gave none
	// Data is the data lines joined by LF. It is empty for an empty data line,
	// which is an event but is not passed on: clients fail to parse it.
	Data []byte
	// Raw is the event as it came, with its closing blank line, when that is what
	// Append would write, so that it may be passed on as it is. Else nil. Of another
	// framing it is the line or frame as it came.
	Raw []byte
	// Unterminated marks a last event that the end of the stream cut off before
	// its blank line. It may be whole or half.
	Unterminated bool
}
