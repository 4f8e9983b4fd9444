package upstream

import (
	"errors"
	"io"
)

// ErrTooLarge is ReadAll's error for a body over its limit.
var ErrTooLarge = errors.New("answer too large")

// ReadAll reads a body of at most limit bytes in one piece, sized by its length
// where it tells one. Errors are those of Body, or ErrTooLarge.
func ReadAll(resp *Response, limit int64) ([]byte, error) {
	size := int64(2048)
	if n, ok, err := contentLength(resp); ok && err == nil {
		if n > limit {
			return nil, ErrTooLarge
		}
		size = n + 1 // one more to meet the end without growing
	}
	buf := make([]byte, 0, size)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case int64(len(buf)) > limit:
			return nil, ErrTooLarge
		}
	}
}
