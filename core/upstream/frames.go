package upstream

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
)

// frames reads application/vnd.amazon.eventstream: frames of a prelude (total
// length, length of headers, CRC-32 of both), headers, payload, and the CRC-32
// of all before. Numbers are big-endian.
// Source: the package aws/protocol/eventstream of github.com/aws/aws-sdk-go-v2.
type frames struct {
	window
	max   int
	name  []byte
	fault error // final
}

const (
	prelude  = 12
	checksum = 4
	minFrame = prelude + checksum
)

// size is the frame's length; 0 until its prelude is there.
func (f *frames) size() int {
	b := f.unread()
	if len(b) < prelude || f.fault != nil {
		return 0
	}
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		f.fault = malformed("an event frame with a wrong checksum")
		return 0
	}
	total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch {
	case total < minFrame || headers > total-minFrame:
		f.fault = malformed("an event frame of an impossible size")
	case int64(total) > int64(f.max):
		f.fault = fmt.Errorf("event is longer than the limit of %d bytes", f.max)
	default:
		return int(total)
	}
	return 0
}

func (f *frames) whole() bool {
	n := f.size()
	return n > 0 && n <= len(f.unread())
}

func (f *frames) Buffered() bool { return f.whole() || f.fault != nil || f.err != nil }

func (f *frames) Next() (sse.Event, error) {
	for !f.whole() {
		switch {
		case f.fault != nil:
			return sse.Event{}, f.fault
		case f.err == io.EOF && len(f.unread()) > 0:
			return sse.Event{}, malformed("an event frame that is cut off").With(io.ErrUnexpectedEOF)
		case f.err != nil:
			return sse.Event{}, f.err
		}
		f.more()
	}
	n := f.size()
	frame := f.unread()[:n]
	if crc32.ChecksumIEEE(frame[:n-checksum]) != binary.BigEndian.Uint32(frame[n-checksum:]) {
		f.fault = malformed("an event frame with a wrong checksum")
		return sse.Event{}, f.fault
	}
	at := prelude + int(binary.BigEndian.Uint32(frame[4:]))
	e := sse.Event{Data: frame[at : n-checksum], Raw: frame}
	if f.fault = f.nameEvent(&e, frame[prelude:at]); f.fault != nil {
		return sse.Event{}, f.fault
	}
	f.r += n
	return e, nil
}

// nameEvent names e by its frame's headers as abi.Event says. An error frame is
// named like an exception; it has no payload, so its message becomes the data.
func (f *frames) nameEvent(e *sse.Event, headers []byte) error {
	var kind, event, exception, code, message []byte
	for len(headers) > 0 {
		name, value, rest, ok := cutHeader(headers)
		if !ok {
			return malformed("an event frame with broken headers")
		}
		headers = rest
		switch string(name) {
		case ":message-type":
			kind = value
		case ":event-type":
			event = value
		case ":exception-type":
			exception = value
		case ":error-code":
			code = value
		case ":error-message":
			message = value
		}
	}
	switch string(kind) {
	case "event", "":
		f.name = append(f.name[:0], event...)
	case "exception":
		f.name = append(append(f.name[:0], ExceptionMark...), exception...)
	case "error":
		f.name = append(append(f.name[:0], ExceptionMark...), code...)
		if len(e.Data) == 0 {
			data, err := json.Marshal(map[string]string{"message": string(message)})
			if err != nil {
				return err
			}
			e.Data = data
		}
	default:
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is malformed: an event frame of unknown kind %.40q", kind)
	}
	e.Name = f.name
	return nil
}

// sizes of header values by their type; -1 is a length of two bytes and as many bytes.
var valueSizes = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

// cutHeader splits the first header off. The value is that of a string; others
// are nil, since none that matters here is of another type.
func cutHeader(b []byte) (name, value, rest []byte, ok bool) {
	n := int(b[0])
	if n == 0 || len(b) < 1+n+1 {
		return nil, nil, nil, false
	}
	name, b = b[1:1+n], b[1+n:]
	kind := int(b[0])
	b = b[1:]
	if kind >= len(valueSizes) {
		return nil, nil, nil, false
	}
	size := valueSizes[kind]
	if size < 0 {
		if len(b) < 2 {
			return nil, nil, nil, false
		}
		size, b = int(binary.BigEndian.Uint16(b)), b[2:]
	}
	if len(b) < size {
		return nil, nil, nil, false
	}
	if kind == 7 {
		value = b[:size]
	}
	return name, value, b[size:], true
}
