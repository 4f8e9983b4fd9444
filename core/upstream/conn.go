package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// readBuffer is what a connection holds for reading; a head may make it grow.
const readBuffer = 4 << 10

var (
	errFull    = errors.New("buffer full")
	errOffline = errors.New("nothing is buffered")
)

// conn is one connection, used by one request at a time. It is not safe for
// concurrent use but for shut, which the end of a context calls, and setUntil,
// which a request's writer calls while its answer is awaited.
type conn struct {
	raw  net.Conn // the TCP connection
	nc   net.Conn // the same, or TLS over it
	buf  []byte
	r, w int // buf[r:w] is unread

	since    time.Time // idle since
	answered bool      // a byte came since the connection was taken
	spent    bool      // not to be used again
	switches bool      // to another protocol, if its server agrees
	offline  bool      // reads take what is buffered only
	shut     func()    // closes raw
	stop     func() bool
	aborted  atomic.Bool // the request is not to be written to its end

	wait    time.Duration // bounds the reads until the next setWait; 0 is none
	waiting bool          // the bound of this setWait runs already

	mu    sync.Mutex
	until time.Time // when reads shall fail; zero is never
	armed time.Time // the socket's own deadline; zero is none. Never after until
}

func newConn(raw, nc net.Conn) *conn {
	return &conn{raw: raw, nc: nc, buf: make([]byte, readBuffer), shut: func() { raw.Close() }}
}

// watch closes the connection when ctx ends, until unwatch.
func (k *conn) watch(ctx context.Context) {
	if ctx.Done() != nil {
		k.stop = context.AfterFunc(ctx, k.shut)
	}
}

// unwatch reports whether the context left the connection alone.
func (k *conn) unwatch() bool {
	if k.stop == nil {
		return true
	}
	alone := k.stop()
	k.stop = nil
	return alone
}

// discard closes the connection at once: TLS does not say goodbye, since that
// could block on a peer that has stopped reading.
func (k *conn) discard() {
	k.unwatch()
	k.raw.Close()
}

// setWait bounds the following reads together by d from the moment at which
// the first has to wait.
func (k *conn) setWait(d time.Duration) { k.wait, k.waiting = d, false }

// setUntil makes reads fail from t on. Setting a socket's deadline costs a
// timer, so an earlier one stays: when it strikes, read sees that it is too
// early and sets it anew. A stream of many short waits sets it once per wait.
func (k *conn) setUntil(t time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = t
	if !t.IsZero() && (k.armed.IsZero() || k.armed.Sub(t) > time.Millisecond) {
		k.arm(t)
	}
}

func (k *conn) arm(t time.Time) {
	k.armed = t
	_ = k.raw.SetReadDeadline(t) // a closed connection says so at the next read
}

// early handles a deadline that has struck: it reports whether reads go on.
func (k *conn) early() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.until.IsZero() && !time.Now().Before(k.until) {
		k.armed = past // whoever uses the connection next must set it anew
		return false
	}
	k.arm(k.until)
	return true
}

// read reads from the network.
func (k *conn) read(p []byte) (int, error) {
	if k.offline {
		return 0, errOffline
	}
	if !k.waiting {
		k.waiting = true
		if k.wait > 0 {
			k.setUntil(time.Now().Add(k.wait))
		} else if !k.until.IsZero() {
			k.setUntil(time.Time{})
		}
	}
	for {
		n, err := k.nc.Read(p)
		if n > 0 {
			k.answered = true
		}
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && k.early() {
			continue
		}
		return n, err
	}
}

// fill reads into the buffer, growing it up to limit when it is full.
func (k *conn) fill(limit int) error {
	if k.r == k.w {
		k.r, k.w = 0, 0
	}
	if k.w == len(k.buf) {
		to := k.buf
		if k.r == 0 {
			if len(k.buf) >= limit {
				return errFull
			}
			to = make([]byte, min(2*len(k.buf), max(limit, readBuffer)))
		}
		k.w = copy(to, k.buf[k.r:k.w])
		k.r, k.buf = 0, to
	}
	n, err := k.read(k.buf[k.w:])
	k.w += n
	if n > 0 {
		return nil // an error beside it comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// some reads into p what is buffered, or else what one read gives.
func (k *conn) some(p []byte) (int, error) {
	if k.r == k.w {
		if len(p) >= len(k.buf) {
			n, err := k.read(p)
			if n > 0 {
				err = nil // it comes again
			}
			return n, err
		}
		if err := k.fill(0); err != nil {
			return 0, err
		}
	}
	n := copy(p, k.buf[k.r:k.w])
	k.r += n
	return n, nil
}

// line reads a line with its LF, of at most limit bytes. It is valid until the
// next read.
func (k *conn) line(limit int) ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(k.buf[k.r+seen:k.w], '\n'); i >= 0 {
			line := k.buf[k.r : k.r+seen+i+1]
			if len(line) > limit {
				return nil, errFull
			}
			k.r += len(line)
			return line, nil
		}
		if seen = k.w - k.r; seen >= limit {
			return nil, errFull
		}
		if err := k.fill(limit); err != nil {
			return nil, cut(err)
		}
	}
}
