package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tokligence/gateway/core"
)

// readBuffer is what a connection reads ahead.
const readBuffer = 4 << 10

// oneWrite is the size up to which head and body leave in one copied write.
const oneWrite = 16 << 10

// conn is one connection, used by one request at a time.
type conn struct {
	net.Conn
	r     *bufio.Reader
	since time.Time // idle since
	spent bool      // must not be kept

	// The context of the running request ends reads and writes by a deadline in
	// the past; mu keeps a time-out of our own from lifting it.
	mu       sync.Mutex
	canceled bool
	stop     func() bool
}

// dial connects, through TLS where the target wants it.
func (c *client) dial(ctx context.Context, t *target, allowPrivate bool) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	proxy, err := proxyFor(t)
	if err != nil {
		return nil, err
	}
	addr := t.addr
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return checkAddress(address, allowPrivate) }}
	if proxy != nil { // the operator's own word: it may be anywhere, and it does the connecting
		addr, d.Control = proxy.addr, nil
	}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		if err := proxy.connect(ctx, raw, t.addr); err != nil {
			raw.Close()
			return nil, err
		}
	}
	if !t.secure {
		return &conn{Conn: raw, r: bufio.NewReaderSize(raw, readBuffer)}, nil
	}
	secure := tls.Client(raw, &tls.Config{ServerName: t.server, RootCAs: c.RootCAs, NextProtos: []string{"http/1.1"}, ClientSessionCache: c.sessions, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's TLS handshake failed").With(err)
	}
	return &conn{Conn: secure, r: bufio.NewReaderSize(secure, readBuffer)}, nil
}

// arm lets the end of ctx interrupt the connection until disarm.
func (k *conn) arm(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	k.stop = context.AfterFunc(ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.canceled = true
		_ = k.SetDeadline(time.Unix(1, 0)) // a closed connection needs none
	})
}

// disarm reports whether the context left the connection alone.
func (k *conn) disarm() bool {
	if k.stop == nil {
		return true
	}
	ok := k.stop()
	k.stop = nil
	return ok
}

// setTimeout bounds reads; the zero time lifts the bound.
func (k *conn) setTimeout(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.canceled {
		_ = k.SetReadDeadline(at) // a closed connection says so at the next read
	}
}

func (k *conn) send(head, body []byte) error {
	if len(head)+len(body) <= oneWrite {
		_, err := k.Write(append(head[:len(head):len(head)], body...))
		return err
	}
	buffers := net.Buffers{head, body}
	_, err := buffers.WriteTo(k.Conn)
	return err
}

const maxHead = 64 << 10

// readHead reads a final answer's status line and headers. Interim answers are skipped.
func (k *conn) readHead(method string) (resp *Response, answered bool, err error) {
	for {
		if _, err = k.r.Peek(1); err != nil {
			return nil, answered, err
		}
		answered = true
		resp, err = parseHead(k.r)
		if err != nil || resp.Status >= 200 || resp.Status == 101 {
			break
		}
	}
	if err == nil && resp.Status == 101 {
		err = malformed("it switched protocols")
	}
	return resp, answered, err
}

func malformed(what string) *core.Error {
	return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's answer is not HTTP: %s", what)
}

func parseHead(r *bufio.Reader) (*Response, error) {
	line, err := readLine(r)
	if err != nil {
		return nil, err
	}
	// HTTP/1.1 200 OK
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.") || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return nil, malformed("no status line")
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil || status < 100 {
		return nil, malformed("no status")
	}
	resp := &Response{Status: status, Headers: make([]Header, 0, 12)}
	old := line[7] == '0'
	for size := 0; ; {
		if line, err = readLine(r); err != nil {
			return nil, err
		}
		if line == "" {
			if old && !strings.EqualFold(resp.Get("connection"), "keep-alive") {
				resp.Headers = append(resp.Headers, Header{"connection", "close"})
			}
			return resp, nil
		}
		if size += len(line); size > maxHead {
			return nil, malformed("its head is too large")
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, malformed("a bad header line")
		}
		resp.Headers = append(resp.Headers, Header{strings.ToLower(name), strings.Trim(value, " \t")})
	}
}

// readLine reads a line without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := string(line)
		for err == bufio.ErrBufferFull && len(long) <= maxHead {
			line, err = r.ReadSlice('\n')
			long += string(line)
		}
		if len(long) > maxHead {
			return "", malformed("a line is too long")
		}
		return strings.TrimRight(long, "\r\n"), err
	}
	if err != nil {
		return "", err
	}
	n := len(line) - 1
	if n > 0 && line[n-1] == '\r' {
		n--
	}
	return string(line[:n]), nil
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
