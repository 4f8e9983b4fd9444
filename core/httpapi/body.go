package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/tokligence/gateway/core"
)

// keptBody is the largest buffer that waits for another request.
const keptBody = 1 << 20

var bodies = sync.Pool{New: func() any { return new([]byte) }}

// readBody reads the whole body into a buffer that done gives back. A body
// over the limit is refused, counted after gzip is undone.
func (s *server) readBody(w http.ResponseWriter, r *http.Request) (body []byte, done func(), err *core.Error) {
	if r.ContentLength > s.MaxBody {
		return nil, nil, s.tooLarge()
	}
	var src io.Reader = http.MaxBytesReader(w, r.Body, s.MaxBody)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, zerr := gzip.NewReader(src)
		if zerr != nil {
			return nil, nil, core.Invalid("", "the request body is not the gzip that its content-encoding says").With(zerr)
		}
		src = z
	default:
		e := core.Invalid("", "content-encoding %q is not understood: send the body plain or gzipped", encoding)
		e.Status = http.StatusUnsupportedMediaType
		return nil, nil, e
	}
	held := bodies.Get().(*[]byte)
	buf := (*held)[:0]
	if n := r.ContentLength + 1; n > int64(cap(buf)) {
		buf = make([]byte, 0, n)
	}
	buf, rerr := readUpTo(src, buf, s.MaxBody)
	if *held = buf; cap(buf) > keptBody {
		*held = nil
	}
	give := func() { bodies.Put(held) }
	if rerr != nil {
		give()
		return nil, nil, s.bodyError(rerr)
	}
	return buf, give, nil
}

var errOverLimit = errors.New("body over the limit")

func readUpTo(src io.Reader, buf []byte, limit int64) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf, errOverLimit
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

func (s *server) bodyError(err error) *core.Error {
	var tooLarge *http.MaxBytesError
	if errors.Is(err, errOverLimit) || errors.As(err, &tooLarge) {
		return s.tooLarge()
	}
	return core.Invalid("", "the request body could not be read").With(err)
}

func (s *server) tooLarge() *core.Error {
	return core.Errorf(core.CodePayloadTooLarge, core.SourceClient, "the request body is larger than %d bytes", s.MaxBody)
}
