package upstream

import (
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// ExceptionMark begins the names of events that report a failure; the failure's
// own name follows.
const ExceptionMark = "exception:"

// AppendEvent appends an event as Events of the same framing reads it. Lines have
// no names, and in an event stream of the web an exception has none.
func AppendEvent(dst []byte, framing abi.Framing, name string, data []byte) []byte {
	switch framing {
	case abi.FramingNDJSON:
		return append(append(dst, data...), '\n')
	case abi.FramingAWSEventStream:
		return appendFrame(dst, name, data)
	}
	if strings.HasPrefix(name, ExceptionMark) {
		name = ""
	}
	return sse.Append(dst, name, data)
}

// appendFrame writes what frames reads.
func appendFrame(dst []byte, name string, data []byte) []byte {
	kind, label := "event", ":event-type"
	if exception, ok := strings.CutPrefix(name, ExceptionMark); ok {
		kind, label, name = "exception", ":exception-type", exception
	}
	start := len(dst)
	dst = append(dst, make([]byte, prelude)...)
	for _, h := range [...][2]string{{label, name}, {":content-type", "application/json"}, {":message-type", kind}} {
		dst = append(append(dst, byte(len(h[0]))), h[0]...)
		dst = binary.BigEndian.AppendUint16(append(dst, 7), uint16(len(h[1])))
		dst = append(dst, h[1]...)
	}
	headers := len(dst) - start - prelude
	dst = append(dst, data...)
	frame := dst[start:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+checksum))
	binary.BigEndian.PutUint32(frame[4:], uint32(headers))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}
