package upstream

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// body reads an answer's body and gives its connection back at the end.
type body struct {
	c    *client
	k    *conn
	pool *pool
	ctx  context.Context

	framed io.Reader // the body's bytes as they are framed
	plain  io.Reader // the same, gzip undone
	idle   time.Duration
	timed  bool // a deadline is set
	done   bool // read to its end
	closed bool
	err    error
}

// begin finds out how the body is framed (RFC 9112, section 6.3).
func (b *body) begin(r *Response) error {
	k := b.k
	if strings.EqualFold(r.Get("connection"), "close") {
		k.spent = true
	}
	length, has, err := contentLength(r)
	if err != nil {
		return err
	}
	switch te := r.Get("transfer-encoding"); {
	case r.Status == 204 || r.Status == 304:
		b.framed = &fixed{r: k.r}
	case strings.EqualFold(te, "chunked"):
		k.spent = k.spent || has // both framings at once: not to be trusted twice
		b.framed = &chunked{r: k.r}
	case te != "":
		return malformed("an unknown transfer-encoding")
	case has:
		b.framed = &fixed{r: k.r, left: length}
	default:
		k.spent = true
		b.framed = k.r
	}
	b.plain = b.framed
	switch enc := strings.ToLower(r.Get("content-encoding")); enc {
	case "", "identity":
	case "gzip", "x-gzip":
		b.plain = &gunzip{src: b.framed}
	default:
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceUpstream, "the provider's content-encoding %q is not understood", enc)
	}
	return nil
}

func contentLength(r *Response) (n int64, has bool, err error) {
	for _, h := range r.Headers {
		if h.Name != "content-length" {
			continue
		}
		v, perr := strconv.ParseInt(h.Value, 10, 64)
		if perr != nil || v < 0 || h.Value[0] == '+' || has && v != n {
			return 0, false, malformed("a bad content-length")
		}
		n, has = v, true
	}
	return n, has, nil
}

func (b *body) SetIdleTimeout(d time.Duration) { b.idle = d }

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.idle > 0 {
		b.k.setTimeout(time.Now().Add(b.idle))
		b.timed = true
	} else if b.timed {
		b.k.setTimeout(time.Time{})
		b.timed = false
	}
	n, err := b.plain.Read(p)
	if err == io.EOF {
		b.err = io.EOF
		b.finish()
	} else if err != nil {
		b.err = b.c.fault(b.ctx, err, "the connection to the provider broke in the middle of its answer")
	}
	return n, b.err
}

// finish gives the connection back as soon as the body's end is read.
func (b *body) finish() {
	if b.done || b.closed {
		return
	}
	b.done = true
	k := b.k
	free := k.disarm()
	if !free || k.spent || k.r.Buffered() > 0 {
		k.Close()
		return
	}
	if b.timed {
		k.setTimeout(time.Time{})
	}
	b.c.mu.RLock()
	closed := b.c.closed
	b.c.mu.RUnlock()
	if closed {
		k.Close()
		return
	}
	b.pool.put(k, b.c.Now(), b.c.IdleTimeout, b.c.MaxIdle)
}

// Close ends the exchange. A body that was not read to its end costs its connection.
func (b *body) Close() error {
	if b.closed || b.done {
		b.closed = true
		return nil
	}
	if f, ok := b.framed.(*fixed); ok && f.left == 0 && b.err == nil {
		b.finish()
		b.closed = true
		return nil
	}
	b.closed = true
	b.k.disarm()
	return b.k.Close()
}

// fixed is a body of known length.
type fixed struct {
	r    *bufio.Reader
	left int64
}

func (f *fixed) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > f.left {
		p = p[:f.left]
	}
	n, err := f.r.Read(p)
	f.left -= int64(n)
	if err == io.EOF && f.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && f.left == 0 {
		err = io.EOF
	}
	return n, err
}

// chunked undoes the chunked transfer coding and hands out what has arrived.
type chunked struct {
	r    *bufio.Reader
	left int64 // of the chunk at hand
	mid  bool  // a chunk's closing line end is still to be read
	end  bool
}

func (c *chunked) Read(p []byte) (n int, err error) {
	for {
		if c.end {
			return n, io.EOF
		}
		if c.left == 0 {
			// What has been read is handed out before waiting for more.
			if n > 0 && !c.headBuffered() {
				return n, nil
			}
			if err := c.next(); err != nil {
				return n, cut(err)
			}
			continue
		}
		if n == len(p) || n > 0 && c.r.Buffered() == 0 {
			return n, nil
		}
		m, err := c.r.Read(p[n : n+int(min(int64(len(p)-n), c.left))])
		n += m
		if c.left -= int64(m); c.left == 0 {
			c.mid = true
		}
		if err != nil {
			return n, cut(err)
		}
	}
}

// headBuffered reports whether the next chunk's head can be read without waiting.
func (c *chunked) headBuffered() bool {
	buffered, _ := c.r.Peek(c.r.Buffered())
	from := 0
	if c.mid {
		from = 2
	}
	if len(buffered) <= from {
		return false
	}
	for _, b := range buffered[from:] {
		if b == '\n' {
			// A last chunk is followed by a blank line more.
			return buffered[from] != '0' || strings.Contains(string(buffered[from:]), "\r\n\r\n")
		}
	}
	return false
}

func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *chunked) next() error {
	if c.mid {
		c.mid = false
		if line, err := readLine(c.r); err != nil || line != "" {
			if err == nil {
				err = malformed("a bad chunk end")
			}
			return err
		}
	}
	line, err := readLine(c.r)
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	size = strings.TrimRight(size, " \t")
	n, perr := strconv.ParseUint(size, 16, 62)
	if perr != nil {
		return malformed("a bad chunk size")
	}
	if c.left = int64(n); n > 0 {
		return nil
	}
	for { // trailers are dropped
		if line, err = readLine(c.r); err != nil || line == "" {
			c.end = err == nil
			return err
		}
	}
}

// gunzip undoes gzip as the bytes arrive.
type gunzip struct {
	src io.Reader
	z   *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(bufio.NewReaderSize(g.src, readBuffer))
		if err != nil {
			return 0, cut(err)
		}
		g.z = z
	}
	n, err := g.z.Read(p)
	if err == io.EOF { // read the framing to its end, so that the connection can be kept
		if _, derr := io.Copy(io.Discard, io.LimitReader(g.src, 1<<16)); derr != nil {
			return n, derr
		}
	}
	return n, err
}
