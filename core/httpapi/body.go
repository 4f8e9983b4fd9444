package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

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
	var src io.Reader = &patient{http.MaxBytesReader(w, r.Body, s.MaxBody), http.NewResponseController(w), s.BodyPatience}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		z, zerr := gzip.NewReader(src)
		if zerr != nil {
			return nil, nil, s.bodyError(zerr)
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

// patient reads a body whose every piece must come within a time. The deadline
// is taken back behind each read: the connection is used on.
type patient struct {
	src     io.Reader
	control *http.ResponseController
	wait    time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(p.wait)) // not every server has one
	n, err := p.src.Read(b)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		_ = p.control.SetReadDeadline(time.Time{})
	}
	return n, err
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
	e := core.Invalid("", "the request body could not be read").With(err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Status, e.Message = http.StatusRequestTimeout, "the request body did not come in time"
	case errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum):
		e.Message = "the request body is not the gzip that its content-encoding says"
	}
	return e
}

func (s *server) tooLarge() *core.Error {
	return core.Errorf(core.CodePayloadTooLarge, core.SourceClient, "the request body is larger than %d bytes", s.MaxBody)
}
