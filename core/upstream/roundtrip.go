package upstream

import (
	"errors"
	"time"
)

const (
	// onePiece is how much of a body is copied behind its head, to leave in one
	// write. That much cannot block: it fits into the socket's buffer.
	onePiece = 16 << 10
	// nextPiece is how much of the rest is written at once.
	nextPiece = 256 << 10
	// besides is the size of body from which it is written while the answer is
	// awaited already.
	besides = 64 << 10
	// lateAnswer is the wait for an answer after writing has failed.
	lateAnswer = time.Second
)

var errAborted = errors.New("the request was answered before it was sent")

// roundTrip writes the request whose head is in buf, and reads the answer's
// head. It does not return before the request's body is out of use. buf holds the
// head alone again afterwards, so that another try sends the same bytes.
func (k *conn) roundTrip(buf *[]byte, r *Request) (*answer, error) {
	k.setWait(0)
	n := min(len(r.Body), onePiece)
	head := len(*buf)
	first := append(*buf, r.Body[:n]...)
	*buf = first[:head]
	if len(r.Body) > besides {
		return k.duplex(first, r.Body[n:], r)
	}
	werr := k.write(first, r.Body[n:], r.HeadTimeout)
	if werr == nil {
		k.setWait(r.HeadTimeout)
		return k.readHead(r.Method)
	}
	// A vendor may answer before it has read everything, and then hang up.
	k.spent = true
	k.setWait(lateAnswer)
	if a, err := k.readHead(r.Method); err == nil {
		return a, nil
	}
	return nil, werr
}

// write writes first and then rest, in pieces that must each be taken within
// bound; 0 is none.
func (k *conn) write(first, rest []byte, bound time.Duration) error {
	timed := bound > 0 && len(rest) > 0
	for piece := first; ; {
		if timed {
			_ = k.raw.SetWriteDeadline(time.Now().Add(bound)) // a closed connection says so in Write
		}
		if k.aborted.Load() { // after the deadline: see abort
			return errAborted
		}
		if _, err := k.nc.Write(piece); err != nil {
			return err
		}
		if len(rest) == 0 {
			break
		}
		n := min(len(rest), nextPiece)
		piece, rest = rest[:n], rest[n:]
	}
	if timed {
		_ = k.raw.SetWriteDeadline(time.Time{})
	}
	return nil
}

// abort makes write return. The connection cannot be used again.
func (k *conn) abort() {
	k.spent = true
	k.aborted.Store(true)
	_ = k.raw.SetWriteDeadline(past)
}

// duplex reads the answer's head while the body is still being written: a
// vendor that refuses a large body may say so at once and stop reading.
func (k *conn) duplex(first, rest []byte, r *Request) (*answer, error) {
	k.setUntil(time.Time{})
	k.waiting = true // the writer sets the bound of the read that goes on meanwhile
	written := make(chan error, 1)
	go func() {
		err := k.write(first, rest, r.HeadTimeout)
		switch {
		case err != nil:
			k.setUntil(time.Now().Add(lateAnswer))
		case r.HeadTimeout > 0:
			k.setUntil(time.Now().Add(r.HeadTimeout))
		}
		written <- err
	}()
	a, err := k.readHead(r.Method)
	if err != nil {
		k.raw.Close() // ends the writer
		if werr := <-written; isTimeout(werr) {
			err = werr
		}
		return nil, err
	}
	select {
	case werr := <-written:
		k.spent = k.spent || werr != nil
		return a, nil
	default:
	}
	if a.Status >= 300 { // a refusal will not change any more
		k.abort()
	}
	if <-written != nil {
		k.spent = true
	}
	return a, nil
}
