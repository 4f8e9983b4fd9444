package upstream

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

var errClosed = errors.New("read of a closed body")

// body reads an answer's body and gives its connection back at the end. Its
// framing is set when the head is parsed.
type body struct {
	framing framing
	last    bool  // the connection ends with this answer
	ended   bool  // chunked: a chunk's data was read, its line end not
	left    int64 // of the body, or of the chunk at hand

	c    *client
	p    *pool
	k    *conn // nil when given back or closed
	ctx  context.Context
	gzip *gunzip
	idle time.Duration
	err  error // final
}

// begin hands the connection to the body of a.
func (a *answer) begin(ctx context.Context, c *client, p *pool, k *conn) error {
	if a.Status == 101 {
		k.setWait(0)
		a.Body = &tunnel{k}
		return nil
	}
	b := &a.body
	b.ctx, b.c, b.p, b.k = ctx, c, p, k
	a.Body = b
	if b.framing == byLength && b.left == 0 {
		b.finish()
		return nil
	}
	encoding := a.Get("content-encoding")
	if encoding == "" || strings.EqualFold(encoding, "identity") {
		return nil
	}
	if !strings.EqualFold(encoding, "gzip") && !strings.EqualFold(encoding, "x-gzip") {
		return malformed("a content-encoding that was not asked for")
	}
	b.gzip = &gunzip{}
	// They describe bytes that nobody will see.
	a.Headers = slices.DeleteFunc(a.Headers, func(h Header) bool {
		return h.Name == "content-encoding" || h.Name == "content-length"
	})
	return nil
}

func (b *body) SetIdleTimeout(d time.Duration) { b.idle = d }

func (b *body) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	b.k.setWait(b.idle)
	if b.gzip != nil {
		n, err = b.gzip.read(framed{b}, p)
	} else {
		n, err = b.read(p)
	}
	switch {
	case err == io.EOF:
		b.finish()
	case err != nil:
		b.err = fault(b.ctx, err, brokeWithin)
		b.release().discard()
	}
	return n, b.err
}

// framed is the body's bytes before gzip is undone.
type framed struct{ b *body }

func (f framed) Read(p []byte) (int, error) { return f.b.read(p) }

// read reads within the framing; io.EOF only at the body's end, and as soon as
// that is known.
func (b *body) read(p []byte) (int, error) {
	switch b.framing {
	case byChunks:
		return b.readChunks(p)
	case byClose:
		n, err := b.k.some(p)
		if err == io.EOF {
			b.end()
		}
		return n, err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.k.some(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.left == 0 {
		return n, io.EOF
	}
	return n, cut(err)
}

// end makes further reads find the end again.
func (b *body) end() { b.framing, b.left = byLength, 0 }

// release takes the connection away from the body.
func (b *body) release() *conn {
	k := b.k
	b.k = nil
	if b.gzip != nil {
		b.gzip.free()
	}
	return k
}

// finish gives the connection back after the body's end.
func (b *body) finish() {
	b.err = io.EOF
	k := b.release()
	if !k.unwatch() || k.spent || k.w > k.r {
		k.discard()
		return
	}
	if len(k.buf) > readBuffer {
		k.buf, k.r, k.w = make([]byte, readBuffer), 0, 0
	}
	b.c.keep(b.p, k)
}

// Close ends the exchange. A body that was not read costs its connection,
// unless the rest has arrived already.
func (b *body) Close() error {
	if b.k == nil {
		if b.err == io.EOF {
			b.err = errClosed
		}
		return nil
	}
	b.k.offline = true
	var rest [1024]byte
	for {
		if _, err := b.read(rest[:]); err == io.EOF {
			b.k.offline = false
			b.finish()
			break
		} else if err != nil {
			b.release().discard()
			break
		}
	}
	b.err = errClosed
	return nil
}
