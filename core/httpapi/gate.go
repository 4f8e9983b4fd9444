package httpapi

import "sync"

// Gate counts the exchanges under way, so that a gateway can stop when the last
// has ended. The zero Gate is open.
type Gate struct {
	mu      sync.Mutex
	running int
	idle    chan struct{} // nil while the gate is open
}

// Close refuses new exchanges from now on. The channel closes when none is left.
func (g *Gate) Close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle == nil {
		g.idle = make(chan struct{})
		if g.running == 0 {
			close(g.idle)
		}
	}
	return g.idle
}

// Closed reports whether Close was called.
func (g *Gate) Closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.idle != nil
}

// enter counts an exchange, or refuses it; leave must follow.
func (g *Gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle != nil {
		return false
	}
	g.running++
	return true
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 && g.idle != nil {
		close(g.idle)
	}
}
