package exchange

import (
	"context"
	"io"
	"strconv"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/upstream"
)

// soundPiece is the most of an answer of bytes that is passed on at once.
const soundPiece = 32 << 10

// relaySound passes on an answer of bytes as they come. The last one waits until
// the exchange is settled; nothing else does.
func (r *run) relaySound(ctx context.Context, resp *upstream.Response) *core.Error {
	resp.Body.SetIdleTimeout(r.target.Deployment.Timeouts.StreamIdle)
	if r.head.ContentType = resp.Get("content-type"); r.head.ContentType == "" {
		r.head.ContentType = "application/octet-stream"
	}
	r.head.Length, _ = strconv.ParseInt(resp.Get("content-length"), 10, 64)
	room := holdBody()
	defer dropBody(room)
	*room = append((*room)[:0], make([]byte, soundPiece+1)...)
	buf, held := *room, 0 // buf[0] is the byte that waits, when held is 1
	for {
		n, err := resp.Body.Read(buf[held : held+soundPiece])
		if n += held; n > held && r.firstByte.IsZero() {
			r.firstByte = r.x.now()
		}
		switch {
		case err == io.EOF:
			return r.endSound(buf[:n])
		case err != nil:
			r.abandoned = ctx.Err() != nil
			return r.unstarted(r.upstreamError(ctx, err))
		case n > 1:
			if err := r.send(buf[:n-1]); err != nil {
				return r.left(err)
			}
			buf[0], n = buf[n-1], 1
		}
		held = min(n, 1)
	}
}

// unstarted takes the head of an answer back that the client has not seen: it gets
// another, or an error.
func (r *run) unstarted(e *core.Error) *core.Error {
	if !r.out.started {
		r.head.ContentType, r.head.Length = "", 0
	}
	return e
}

// endSound settles the exchange and sends the last byte, or all of a short answer.
func (r *run) endSound(rest []byte) *core.Error {
	if r.whole = true; r.firstByte.IsZero() {
		r.firstByte = r.x.now()
	}
	if err := r.settle(core.OutcomeOK, 200, nil); err != nil {
		return r.unstarted(err)
	}
	if !r.out.started {
		return r.writeWhole(rest)
	}
	if err := r.send(rest); err != nil {
		r.x.log.Debug("client left before the end of its answer", "exchange", r.id)
	}
	return nil
}
