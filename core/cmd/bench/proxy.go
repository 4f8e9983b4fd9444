package main

import (
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
// connections and immediate flushes, which looks at nothing.
func proxy(addr string, args []string) error {
	target, err := url.Parse(args[0])
	if err != nil {
		return err
	}
	return http.ListenAndServe(addr, &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, DisableCompression: true},
		FlushInterval: -1,
		BufferPool:    &bufferPool{},
	})
}
