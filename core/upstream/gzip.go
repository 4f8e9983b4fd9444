package upstream

import (
	"bufio"
	"compress/gzip"
	"io"
	"strings"
	"sync"
)

// gunzip undoes gzip as the bytes arrive: what the vendor flushed can be read.
type gunzip struct{ z *unzipper }

type unzipper struct {
	in bufio.Reader
	gzip.Reader
	begun bool
}

var unzippers = sync.Pool{New: func() any { return new(unzipper) }}

func (g *gunzip) read(src io.Reader, p []byte) (int, error) {
	if g.z == nil {
		g.z = unzippers.Get().(*unzipper)
		g.z.in.Reset(src)
		g.z.begun = false
	}
	if !g.z.begun {
		if err := g.z.Reset(&g.z.in); err != nil {
			return 0, gzipError(cut(err))
		}
		g.z.begun = true
	}
	n, err := g.z.Read(p)
	return n, gzipError(err)
}

// free gives the buffers back.
func (g *gunzip) free() {
	if g.z != nil {
		g.z.in.Reset(nil)
		unzippers.Put(g.z)
		g.z = nil
	}
}

func gzipError(err error) error {
	if err == gzip.ErrHeader || err == gzip.ErrChecksum || err != nil && strings.HasPrefix(err.Error(), "flate: corrupt") {
		return malformed("its gzip is corrupt").With(err)
	}
	return err
}
