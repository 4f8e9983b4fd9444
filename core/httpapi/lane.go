package httpapi

import (
	"context"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
)

// A lane is one HTTP/1.1 connection that is served without net/http, whose
// server costs more than the exchange itself. It takes what nearly all clients
// send, a well-formed POST with a content length to an endpoint of exchanges,
// and hands the connection over to net/http, with the bytes that it has read,
// at the first request that is anything else.
type lane struct {
	s     *Server
	conn  net.Conn
	buf   []byte // what was read and not used yet
	head  laneHead
	reply laneReply
	watch watch
	from  func() netip.Addr // origin, made once

	ctx    context.Context // ends when the client leaves
	cancel context.CancelFunc
	state  atomic.Int32

	deadline time.Time // for reading, as last set
}

// The states of a lane.
const (
	laneIdle int32 = iota
	laneBusy
	laneClosed
)

const laneBuffer = 4 << 10

// drainTimeout is how long a refused body is read on, so that the client, still
// sending, sees the answer.
const drainTimeout = 2 * time.Second

// Timeouts of reading, of both servers.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	maxHead     = 64 << 10
)

// run serves the connection until it ends or is handed over.
func (l *lane) run() {
	handed := false
	defer func() {
		if p := recover(); p != nil {
			l.s.api.Log.Error("panic", "panic", p, "stack", string(debug.Stack()))
		}
		l.cancel()
		if !handed {
			_ = l.conn.Close() // the client may have closed it already
		}
	}()
	for {
		ok, err := l.readHead()
		if err != nil || !l.state.CompareAndSwap(laneIdle, laneBusy) {
			return
		}
		if !ok {
			handed = true
			_ = l.conn.SetReadDeadline(time.Time{})
			l.s.handOver(l.conn, l.buf)
			return
		}
		if !l.serve() || !l.state.CompareAndSwap(laneBusy, laneIdle) || l.s.draining.Load() {
			return
		}
	}
}

// readHead reads the next request's head; ok is false when net/http shall serve it.
func (l *lane) readHead() (ok bool, err error) {
	l.extend(idleTimeout)
	begun := false
	for scanned := 0; ; {
		if len(l.buf) > 0 {
			var verdict headVerdict
			if scanned, verdict = l.head.find(l.buf, scanned); verdict == headForeign {
				return false, nil
			} else if verdict == headWhole {
				return l.head.parse(l.buf[:scanned]), nil
			}
			if len(l.buf) >= maxHead {
				return false, nil
			}
			if !begun { // it must be whole soon, however many reads it takes
				begun = true
				l.setDeadline(headTimeout)
			}
		}
		if err := l.fill(); err != nil {
			return false, err
		}
	}
}

// extend moves the deadline for reading to at least most of d away; a call to
// the system is saved while it is.
func (l *lane) extend(d time.Duration) {
	if left := time.Until(l.deadline); left < d-d/8 || left > d {
		l.setDeadline(d)
	}
}

func (l *lane) setDeadline(d time.Duration) {
	l.deadline = time.Now().Add(d)
	_ = l.conn.SetReadDeadline(l.deadline) // a closed connection fails at the read
}

// fill reads more into the buffer.
func (l *lane) fill() error {
	if len(l.buf) == cap(l.buf) {
		l.buf = append(make([]byte, 0, max(2*cap(l.buf), laneBuffer)), l.buf...)
	}
	n, err := l.conn.Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// serve answers the request of l.head and reports whether the connection can
// take another.
func (l *lane) serve() bool {
	last := l.head.close
	used := int(min(int64(l.head.size)+l.head.length, int64(len(l.buf))))
	missing := l.head.length - int64(used-l.head.size)               // of the body
	l.reply.begin(l.conn, &l.s.api.gate.closed, last || missing > 0) // a body that nobody reads ends the connection
	body := func() ([]byte, func(), *core.Error) {
		body, done, err := l.readBody()
		if err == nil {
			missing, l.reply.close = 0, last
			l.watch.start()
		}
		return body, done, err
	}
	l.s.api.serveExchange(l.ctx, l.head.asked, l.head.get, l.from, body, &l.reply)
	if l.watch.stop() {
		l.deadline = time.Time{} // it was moved
	}
	err := l.reply.end()
	if missing > 0 {
		l.drain(missing)
		return false
	}
	l.buf = l.watch.give(l.buf[:copy(l.buf, l.buf[used:])])
	return err == nil && !l.reply.close && l.ctx.Err() == nil
}

// origin tells where the request of l.head comes from.
func (l *lane) origin() netip.Addr {
	return core.ClientAddress(l.conn.RemoteAddr().String(), l.head.all("x-forwarded-for"), l.s.api.TrustedProxies)
}

// readBody returns the body, in the connection's buffer when all of it has come
// with the head.
func (l *lane) readBody() (body []byte, done func(), err *core.Error) {
	length := l.head.length
	if length > l.s.api.MaxBody {
		return nil, nil, l.s.api.tooLarge()
	}
	here := l.buf[l.head.size:]
	if length <= int64(len(here)) {
		return here[:length:length], func() {}, nil
	}
	held := bodies.Get().(*[]byte)
	if int64(cap(*held)) < length {
		*held = make([]byte, length)
	}
	body = (*held)[:length]
	done = func() {
		if cap(*held) <= keptBody {
			bodies.Put(held)
		}
	}
	for n := copy(body, here); n < len(body); {
		l.setDeadline(l.s.api.BodyPatience)
		got, rerr := l.conn.Read(body[n:])
		if n += got; rerr != nil && n < len(body) {
			done()
			return nil, nil, l.s.api.bodyError(rerr)
		}
	}
	return body, done, nil
}

// drain reads what a refused client still sends, for a while: closing at once
// would make its system throw the answer away.
func (l *lane) drain(missing int64) {
	if c, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	l.setDeadline(drainTimeout)
	_, _ = io.CopyN(io.Discard, l.conn, missing) // however it ends, the connection is closed
}

// stop closes an idle lane at once; a busy one ends after its answer. force
// cuts that one too.
func (l *lane) stop(force bool) {
	if l.state.CompareAndSwap(laneIdle, laneClosed) || force {
		l.cancel()
		_ = l.conn.Close() // ends the lane's read
	}
}

// serveExchange is what every server does with a request to an endpoint: who
// is calling, the body, the exchange. body returns the whole body, which stays
// as it is until done.
func (s *server) serveExchange(ctx context.Context, a asked, header func(string) string, from func() netip.Addr,
	body func() ([]byte, func(), *core.Error), rep exchange.Reply) {
	now := s.Now()
	if !s.gate.enter() {
		s.refuseAsked(rep, a, now, errStopping)
		return
	}
	defer s.gate.leave()
	principal, err := s.Keys.Authenticate(ctx, presented(header), from, now)
	if err != nil {
		s.refuseAsked(rep, a, now, err)
		return
	}
	text, done, berr := body()
	if berr != nil {
		s.refuseAsked(rep, a, now, berr)
		return
	}
	defer done()
	s.Exchange.Do(ctx, principal, &exchange.Request{Endpoint: a.endpoint, Model: a.model, Native: a.native, Body: text, Arrived: now, Header: header}, rep)
}

// handedConn is a connection of which something was read already.
type handedConn struct {
	net.Conn
	read []byte
}

func (c *handedConn) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
