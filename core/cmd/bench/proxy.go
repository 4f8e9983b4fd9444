package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// bufferPool gives the proxy its copy buffers.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }

// proxy is the yardstick: the standard library's reverse proxy with pooled
// connections and immediate flushes, which looks at nothing. args[0] is its upstream.
func proxy(l net.Listener, args []string) error {
	target, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, DisableCompression: true},
		FlushInterval: -1,
		BufferPool:    &bufferPool{},
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Without it the server closes the request's body at the answer's first byte. The
		// transport may just then be looking for the body's end behind its last byte; the
		// error that it finds instead makes it cut the answer off.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		forward.ServeHTTP(w, r)
	}))
}
