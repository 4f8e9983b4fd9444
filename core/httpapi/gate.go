package httpapi

import (
	"sync"
	"sync/atomic"

	"github.com/tokligence/gateway/core"
)

// errStopping answers requests that come while the gateway stops.
var errStopping = core.Errorf(core.CodeOverloaded, core.SourceGateway, "the gateway is shutting down")

// gate counts the exchanges under way, so that a gateway can stop when the last
// has ended. The zero gate is open.
type gate struct {
	closed  atomic.Bool
	mu      sync.Mutex
	running int
	idle    chan struct{} // nil while the gate is open
}

// close lets nobody in from now on. The channel closes when nobody is left.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle == nil {
		g.idle = make(chan struct{})
		g.closed.Store(true)
		if g.running == 0 {
			close(g.idle)
		}
	}
	return g.idle
}

// enter lets an exchange in, or not; leave must follow.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle != nil {
		return false
	}
	g.running++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 && g.idle != nil {
		close(g.idle)
	}
}

// Refuse answers every new exchange with 503 from now on, while everything else
// is served and what runs goes on. The channel closes when nothing runs any more.
func (s *Server) Refuse() <-chan struct{} { return s.api.gate.close() }

// Cut ends what still runs: its clients are told that the gateway stops.
func (s *Server) Cut() { s.cut(errStopping) }
