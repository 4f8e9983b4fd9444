package upstream

import (
	"bytes"
	"io"
)

// maxChunkLine bounds a chunk's size with its extensions, which mean nothing to us.
const maxChunkLine = 1 << 10

// readChunks reads the chunked coding (RFC 9112, section 7.1): what has
// arrived, over several chunks, and waits only while there is nothing.
func (b *body) readChunks(p []byte) (n int, err error) {
	k := b.k
	for {
		if b.left == 0 {
			if n > 0 && !b.chunkBuffered() {
				return n, nil
			}
			end, err := b.nextChunk()
			if end {
				b.end()
				return n, io.EOF
			}
			if err != nil {
				return n, cut(err)
			}
		}
		if n == len(p) || n > 0 && k.r == k.w {
			return n, nil
		}
		m, err := k.some(p[n : n+int(min(int64(len(p)-n), b.left))])
		n += m
		b.left -= int64(m)
		b.ended = b.left == 0 && m > 0
		if err != nil {
			return n, cut(err)
		}
	}
}

// nextChunk reads the line that begins a chunk, after the line end of the one
// before; end is the last chunk, its trailers read and dropped.
func (b *body) nextChunk() (end bool, err error) {
	if b.ended {
		line, err := b.k.line(2)
		if err != nil || len(line) != 2 || line[0] != '\r' {
			return false, chunkError(err, "a chunk longer than its size")
		}
		b.ended = false
	}
	line, err := b.k.line(maxChunkLine)
	if err != nil {
		return false, chunkError(err, "a bad chunk size")
	}
	size, ok := chunkSize(line)
	if !ok {
		return false, malformed("a bad chunk size")
	}
	if size > 0 {
		b.left = size
		return false, nil
	}
	for total := 0; total < maxHead; total += len(line) {
		if line, err = b.k.line(maxHead - total); err != nil {
			return false, chunkError(err, "too large trailers")
		}
		if len(line) == 2 && line[0] == '\r' {
			return true, nil
		}
	}
	return false, malformed("too large trailers")
}

// chunkError keeps the connection's own errors.
func chunkError(err error, what string) error {
	if err == nil || err == errFull {
		return malformed(what)
	}
	return err
}

// chunkSize reads "1a\r\n" or "1a;ext=1\r\n".
func chunkSize(line []byte) (n int64, ok bool) {
	line, ok = bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || bytes.IndexByte(line, '\r') >= 0 {
		return 0, false
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// chunkBuffered reports whether nextChunk will return without waiting.
func (b *body) chunkBuffered() bool {
	rest := b.k.buf[b.k.r:b.k.w]
	if b.ended {
		if len(rest) < 3 {
			return false
		}
		rest = rest[2:]
	}
	if len(rest) == 0 {
		return false
	}
	if rest[0] == '0' { // most likely the last: its trailers must be there too
		return bytes.Contains(rest, []byte("\r\n\r\n"))
	}
	return bytes.IndexByte(rest, '\n') >= 0
}
