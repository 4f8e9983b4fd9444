package upstream

import (
	"sync"
	"time"
)

// poolKey tells connections apart that must not be mixed.
type poolKey struct {
	secure       bool
	addr         string
	proxy        string
	allowPrivate bool
}

// pool keeps idle connections of one address, the latest used first: the
// others grow old and are closed. Nothing runs in the background: old
// connections go when others are used.
type pool struct {
	mu     sync.Mutex
	idle   []*conn // by since
	closed bool
}

// poolFor returns the pool of k; c.mu is held.
func (c *client) poolFor(k poolKey) *pool {
	p := c.pools[k]
	if p == nil {
		p = &pool{closed: c.closed}
		c.pools[k] = p
	}
	return p
}

// keep gives k back to its pool. Once per idle time the other pools are
// searched too: one that is no longer used would keep its connections for ever.
func (c *client) keep(p *pool, k *conn) {
	now := c.Now()
	p.put(k, now, c.IdleTimeout, c.MaxIdle)
	at := c.reapAt.Load()
	if now.UnixNano() < at || !c.reapAt.CompareAndSwap(at, now.Add(c.IdleTimeout).UnixNano()) {
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.pools {
		p.reap(now, c.IdleTimeout)
	}
}

// take returns a connection that has been idle for less than limit, or nil.
func (p *pool) take(now time.Time, limit time.Duration) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.idle) - 1; n >= 0; n-- {
		k := p.idle[n]
		p.idle[n] = nil
		p.idle = p.idle[:n]
		if idle := now.Sub(k.since); idle < limit && (idle < probeAfter || k.alive()) {
			k.answered = false
			return k
		}
		k.discard()
	}
	return nil
}

// put keeps a connection for at most limit, together with at most others.
func (p *pool) put(k *conn, now time.Time, limit time.Duration, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		k.discard()
		return
	}
	k.since = now
	p.drop(p.old(now, limit, most))
	p.idle = append(p.idle, k)
}

func (p *pool) reap(now time.Time, limit time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(p.old(now, limit, len(p.idle)+1))
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.drop(len(p.idle))
}

// old counts the connections that waited for limit or more, and those without
// which fewer than most are left.
func (p *pool) old(now time.Time, limit time.Duration, most int) int {
	n := max(len(p.idle)-most+1, 0)
	for n < len(p.idle) && now.Sub(p.idle[n].since) >= limit {
		n++
	}
	return n
}

// drop closes the first n.
func (p *pool) drop(n int) {
	if n == 0 {
		return
	}
	for _, k := range p.idle[:n] {
		k.discard()
	}
	left := copy(p.idle, p.idle[n:])
	clear(p.idle[left:])
	p.idle = p.idle[:left]
}
