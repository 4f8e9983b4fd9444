package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves the gateway on a listener: plain HTTP/1.1 requests to the
// endpoints of exchanges in lanes, everything else (TLS, HTTP/2, all other
// paths) by net/http.
type Server struct {
	api      *server
	http     *http.Server
	draining atomic.Bool
	base     context.Context // of every exchange
	cut      context.CancelCauseFunc

	mu    sync.Mutex
	lanes map[*lane]struct{}
	ended chan struct{} // closed when draining and no lane is left
	front net.Listener
	rest  *handedListener
}

// NewServer makes a server of all that o has.
func NewServer(o Options) *Server {
	api := newAPI(o)
	base, cut := context.WithCancelCause(context.Background())
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &Server{api: api, base: base, cut: cut, lanes: map[*lane]struct{}{}, ended: make(chan struct{}),
		http: &http.Server{Handler: api.routes(), BaseContext: func(net.Listener) context.Context { return base }, Protocols: &protocols, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: maxHead, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn)}}
}

// ServeTLS serves by net/http alone until Shutdown or Close.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return s.http.ServeTLS(l, certFile, keyFile)
}

// Serve serves plain connections until Shutdown or Close; it always returns an
// error, [http.ErrServerClosed] after one of those.
func (s *Server) Serve(l net.Listener) error {
	rest := &handedListener{addr: l.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	s.mu.Lock()
	s.front, s.rest = l, rest
	s.mu.Unlock()
	defer rest.Close()
	go func() { _ = s.http.Serve(rest) }() // ends with rest
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = 0
			s.open(conn)
			continue
		}
		if s.draining.Load() {
			return http.ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, most likely: it passes.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.api.Log.Warn("no connection taken", "error", err, "retry_in", pause.String())
		time.Sleep(pause)
	}
}

// open gives a connection its lane.
func (s *Server) open(conn net.Conn) {
	l := &lane{s: s, conn: conn}
	l.from = l.origin
	l.ctx, l.cancel = context.WithCancel(s.base)
	l.watch.conn, l.watch.cancel = conn, l.cancel
	s.mu.Lock()
	s.lanes[l] = struct{}{}
	s.mu.Unlock()
	go func() {
		defer s.forget(l)
		l.run()
	}()
}

func (s *Server) forget(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lanes, l)
	s.settleEnd()
}

// settleEnd tells Shutdown that the last lane has ended. s.mu is held.
func (s *Server) settleEnd() {
	if !s.draining.Load() || len(s.lanes) > 0 {
		return
	}
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

// handOver gives a connection to net/http, with what was read of it.
func (s *Server) handOver(conn net.Conn, read []byte) {
	select {
	case s.rest.conns <- &handedConn{conn, read}:
	case <-s.rest.closed:
		_ = conn.Close()
	}
}

// Shutdown takes no more connections, closes idle ones and waits for the
// exchanges under way, until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop(false)
	if err := s.http.Shutdown(ctx); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cuts every connection.
func (s *Server) Close() error {
	s.stop(true)
	return s.http.Close()
}

func (s *Server) stop(force bool) {
	s.api.gate.close()
	s.draining.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.front != nil {
		_ = s.front.Close() // may have been closed before
	}
	for l := range s.lanes {
		l.stop(force)
	}
	s.settleEnd()
}

// handedListener gives net/http the connections that lanes do not serve.
type handedListener struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *handedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *handedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *handedListener) Addr() net.Addr { return l.addr }
