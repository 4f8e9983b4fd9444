package httpapi

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core/exchange"
)

// laneReply writes an exchange's answer to a connection.
type laneReply struct {
	conn     net.Conn
	stopping *atomic.Bool // no connection is to be used again
	close    bool         // no other request after this answer
	out      []byte       // what is to be written; reused
	data     []byte       // of a stream: the chunk being collected; reused
	stream   bool
	chunked  bool      // the stream's end must be told
	left     int64     // of a body whose length was told
	broken   bool      // the answer is not whole: nothing follows it
	err      error     // of the first write that failed
	extended time.Time // when the write deadline was last moved
}

var (
	errBroken  = errors.New("the answer is not whole")
	errTooLong = errors.New("the answer is longer than its content-length")
)

// inOne is the largest body that is copied behind its head rather than written apart.
const inOne = 16 << 10

// keptOut bounds the buffers that wait for another request.
const keptOut = 32 << 10

func (r *laneReply) begin(conn net.Conn, stopping *atomic.Bool, last bool) {
	*r = laneReply{conn: conn, stopping: stopping, close: last, out: r.out[:0], data: r.data[:0], extended: r.extended}
}

// Whole writes a complete answer.
func (r *laneReply) Whole(status int, h *exchange.Head, body []byte) error {
	r.appendHead(status, h)
	r.out = appendValue(append(r.out, "Content-Type: "...), cmp.Or(h.ContentType, "application/json"))
	r.out = append(r.out, "\r\nContent-Length: "...)
	r.out = strconv.AppendInt(r.out, int64(len(body)), 10)
	r.out = append(r.out, "\r\n\r\n"...)
	if len(body) > inOne {
		r.patience()
		both := net.Buffers{r.out, body}
		_, err := both.WriteTo(r.conn)
		return r.note(err)
	}
	r.out = append(r.out, body...)
	return r.write()
}

// Start begins the head of an answer that comes in pieces; it leaves with the first Flush.
func (r *laneReply) Start(h *exchange.Head) error {
	r.appendHead(http.StatusOK, h)
	if h.ContentType != "" {
		r.out = appendValue(append(r.out, "Content-Type: "...), h.ContentType)
	} else {
		r.out = append(r.out, "Content-Type: text/event-stream\r\nCache-Control: no-cache"...)
	}
	r.out = append(r.out, "\r\nX-Accel-Buffering: no\r\n"...)
	if r.stream, r.left = true, h.Length; r.left > 0 {
		r.out = append(strconv.AppendInt(append(r.out, "Content-Length: "...), r.left, 10), "\r\n\r\n"...)
	} else {
		r.chunked = true
		r.out = append(r.out, "Transfer-Encoding: chunked\r\n\r\n"...)
	}
	return r.err
}

// Break keeps the end of the answer from being told.
func (r *laneReply) Break() { r.broken = true }

// Write collects event text into a chunk.
func (r *laneReply) Write(p []byte) error {
	r.data = append(r.data, p...)
	return r.err
}

// Flush hands what was written to the network.
func (r *laneReply) Flush() error {
	switch {
	case len(r.data) == 0:
	case !r.chunked:
		if r.left -= int64(len(r.data)); r.left < 0 {
			return r.note(errTooLong)
		}
		r.out = append(r.out, r.data...)
		r.data = r.data[:0]
	default:
		r.out = strconv.AppendInt(r.out, int64(len(r.data)), 16)
		r.out = append(r.out, "\r\n"...)
		r.out = append(r.out, r.data...)
		r.out = append(r.out, "\r\n"...)
		r.data = r.data[:0]
	}
	return r.write()
}

// end completes a stream.
func (r *laneReply) end() error {
	if r.stream {
		if len(r.data) > 0 {
			_ = r.Flush() // noted in r.err
		}
		if r.broken || r.left > 0 {
			_ = r.note(errBroken)
		}
		if r.chunked && !r.broken {
			r.out = append(r.out, "0\r\n\r\n"...)
		}
		_ = r.write()
	}
	if cap(r.out) > keptOut {
		r.out = nil
	}
	if cap(r.data) > keptOut {
		r.data = nil
	}
	return r.err
}

func (r *laneReply) write() error {
	if r.err == nil && len(r.out) > 0 {
		r.patience()
		_, err := r.conn.Write(r.out)
		r.note(err)
	}
	r.out = r.out[:0]
	return r.err
}

func (r *laneReply) note(err error) error {
	if r.err == nil {
		r.err = err
	}
	return r.err
}

// patience lets a client that takes nothing for a minute be taken for gone.
func (r *laneReply) patience() {
	if now := time.Now(); now.Sub(r.extended) > writePatience/4 {
		r.extended = now
		_ = r.conn.SetWriteDeadline(now.Add(writePatience)) // a closed connection fails at the write
	}
}

func (r *laneReply) appendHead(status int, h *exchange.Head) {
	b := append(r.out, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), http.StatusText(status)...)
	b = append(append(b, "\r\nDate: "...), httpDate()...)
	b = append(b, "\r\n"...)
	eachHead(h, func(name, value string) {
		b = append(append(b, name...), ": "...)
		b = append(appendValue(b, value), "\r\n"...)
	})
	if r.close = r.close || r.stopping.Load(); r.close {
		b = append(b, "Connection: close\r\n"...)
	}
	r.out = b
}

// appendValue writes a field's value; a line break in it becomes a space, as
// net/http does it.
func appendValue(b []byte, value string) []byte {
	for i := range len(value) {
		c := value[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

// dated is the Date header of a second.
type dated struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[dated]

func httpDate() string {
	now := time.Now()
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return d.text
}
