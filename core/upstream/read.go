package upstream

import (
	"errors"
	"io"
	"slices"
)

// ErrTooLarge is ReadAll's error for a body over its limit.
var ErrTooLarge = errors.New("answer too large")

// firstRead is the most that is allocated on the word of a content-length.
const firstRead = 1 << 20

// ReadAll reads a body of at most limit bytes in one piece into room, which grows
// as need be, at once by the length where the body tells one. Errors are those of
// Body, with what came before, or ErrTooLarge.
func ReadAll(resp *Response, limit int64, room []byte) ([]byte, error) {
	size := int64(2048)
	if n, err := length(resp.Get("content-length")); err == nil {
		if n > limit {
			return nil, ErrTooLarge
		}
		size = min(n, firstRead)
	}
	buf := slices.Grow(room[:0], int(size))
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, ErrTooLarge
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}
