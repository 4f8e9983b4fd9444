package upstream

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// EventReader cuts events out of a vendor's bytes.
type EventReader interface {
	// Next returns the next event, whose slices are valid until the call after;
	// io.EOF at the end.
	Next() (sse.Event, error)
	// Buffered reports whether Next will return without reading.
	Buffered() bool
}

// Events reads body by framing. An event of more than max bytes is an error.
func Events(framing abi.Framing, body io.Reader, max int) EventReader {
	switch framing {
	case abi.FramingNDJSON:
		return &lines{r: bufio.NewReaderSize(body, readBuffer), max: max}
	case abi.FramingAWSEventStream:
		return &frames{r: bufio.NewReaderSize(body, readBuffer), max: max, decoder: eventstream.NewDecoder()}
	}
	return sse.NewReader(body, max)
}

// lines reads one JSON document a line; the last may lack its line end.
type lines struct {
	r   *bufio.Reader
	max int
	buf []byte
}

func (l *lines) Buffered() bool {
	b, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

func (l *lines) Next() (sse.Event, error) {
	for {
		l.buf = l.buf[:0]
		var err error
		for {
			var part []byte
			part, err = l.r.ReadSlice('\n')
			l.buf = append(l.buf, part...)
			if len(l.buf) > l.max {
				return sse.Event{}, fmt.Errorf("a line of more than %d bytes", l.max)
			}
			if err != bufio.ErrBufferFull {
				break
			}
		}
		if data := bytes.TrimSpace(l.buf); len(data) > 0 && (err == nil || err == io.EOF) {
			return sse.Event{Data: data, Unterminated: err == io.EOF}, nil
		}
		if err != nil {
			return sse.Event{}, err
		}
	}
}

// frames reads the vendor's binary event stream. Both checksums of a frame are
// checked by the decoder.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (framing)
type frames struct {
	r       *bufio.Reader
	max     int
	decoder *eventstream.Decoder
	buf     []byte
	payload []byte
}

// minFrame is a frame without headers and payload: prelude and two checksums.
const minFrame = 16

func (f *frames) size() (int, bool) {
	b, _ := f.r.Peek(min(4, f.r.Buffered()))
	if len(b) < 4 {
		return 0, false
	}
	return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3]), true
}

func (f *frames) Buffered() bool {
	n, ok := f.size()
	return ok && f.r.Buffered() >= n
}

func (f *frames) Next() (sse.Event, error) {
	if _, err := f.r.Peek(4); err != nil {
		if err == io.EOF && f.r.Buffered() > 0 {
			err = io.ErrUnexpectedEOF
		}
		return sse.Event{}, err
	}
	n, _ := f.size()
	if n < minFrame || n > f.max {
		return sse.Event{}, malformed("a frame of an impossible size")
	}
	if cap(f.buf) < n {
		f.buf = make([]byte, n)
	}
	f.buf = f.buf[:n]
	if _, err := io.ReadFull(f.r, f.buf); err != nil {
		return sse.Event{}, cut(err)
	}
	m, err := f.decoder.Decode(bytes.NewReader(f.buf), f.payload[:0])
	if err != nil {
		return sse.Event{}, malformed("a broken frame").With(err)
	}
	f.payload = m.Payload
	name, err := frameName(m.Headers)
	return sse.Event{Name: []byte(name), Data: m.Payload}, err
}

// frameName is how abi.Event.Name tells events, exceptions and errors apart.
func frameName(h eventstream.Headers) (string, error) {
	get := func(name string) string {
		if v := h.Get(name); v != nil {
			return v.String()
		}
		return ""
	}
	switch kind := get(":message-type"); kind {
	case "event", "":
		return get(":event-type"), nil
	case "exception":
		return "exception:" + get(":exception-type"), nil
	case "error":
		return "exception:" + get(":error-code"), nil
	default:
		return "", malformed("a frame of an unknown kind")
	}
}

// RetryAfter reads a Retry-After header: seconds, or an HTTP date (RFC 9110,
// section 10.2.3). Negative and unreadable values are none.
func RetryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(seconds * float64(time.Second)), seconds >= 0 && seconds < 1e8
	}
	at, err := http.ParseTime(value)
	return max(at.Sub(now), 0), err == nil
}
