package plugin

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tokligence/gateway/pdk/abi"
)

// ErrClosed is the cause of a call's fault after Close has begun.
var ErrClosed = errors.New("the plugin is closed")

// Instance is one running copy of a plugin's code. The pool never lets two
// callers use it at the same time: mixed use gives wrong answers without an error.
type Instance interface {
	// Call runs f and appends its reply to dst. It obeys ctx and the plugin's
	// time-out. An *abi.Error is the plugin's own refusal and leaves the
	// instance in use; after any other error it is closed. A *Fault needs only
	// Kind, Err and Stderr; another error counts as a trap.
	Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error)
	// MemoryBytes is what the instance holds now; 0 when unknown.
	MemoryBytes() int64
	Close(ctx context.Context) error
}

// PoolConfig says what a pool is made of.
type PoolConfig struct {
	ID     string // the plugin's, for faults
	Limits Limits
	// Open makes an instance that is configured and ready. Its error is
	// reported like that of a call.
	Open func(ctx context.Context) (Instance, error)
	// Rest frees what instances share, after Pool.Rest has closed those that lie
	// idle; Open has it again. nil: the pool never rests.
	Rest func(ctx context.Context) error
	// RetireBytes and RetireCalls end an instance's life after a call: 0 is half
	// of Limits.MemoryBytes and a million calls.
	RetireBytes int64
	RetireCalls uint64
	Breaker     BreakerConfig
	Now         func() time.Time // nil is time.Now
}

// Idle instances beyond keepIdle are closed when they lay unused for idleFor.
const (
	keepIdle    = 2
	idleFor     = 30 * time.Second
	retireCalls = 1_000_000
)

// Pool is a Plugin made of instances that are checked out to one caller each,
// last in, first out, so that hot ones stay hot and spare ones can go. It opens
// them on demand up to Limits.MaxInstances; further callers wait in order.
//
// It has no goroutine: whoever returns an instance does what is due.
type Pool struct {
	id     string
	limits Limits
	config PoolConfig
	now    func() time.Time

	mu      sync.Mutex
	idle    []*member     // a stack; the bottom lay longest
	live    int           // checked out, idle or being opened
	waiters list.List     // of chan turn
	drained chan struct{} // closed when the pool is closed and empty
	closed  bool
	breaker breaker
	stats   Stats
}

// member is an instance with what the pool knows of it. While it is checked out
// its fields belong to the caller.
type member struct {
	Instance
	calls     uint64
	idleSince time.Time
}

// turn is what a waiter gets: an instance, leave to open one (both nil), or why not.
type turn struct {
	m   *member
	err error
}

// NewPool makes a pool without instances; see Warm.
func NewPool(c PoolConfig) *Pool {
	c.Limits = c.Limits.WithDefaults()
	if c.RetireBytes == 0 {
		c.RetireBytes = c.Limits.MemoryBytes / 2
	}
	if c.RetireCalls == 0 {
		c.RetireCalls = retireCalls
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Pool{
		id: c.ID, limits: c.Limits, config: c, now: c.Now,
		breaker: breaker{config: c.Breaker.withDefaults()},
		drained: make(chan struct{}),
	}
}

// StartPool makes a pool with one instance, as carriers start a plugin. The
// error is that of Open as it is.
func StartPool(ctx context.Context, c PoolConfig) (Plugin, error) {
	p := NewPool(c)
	if err := p.Warm(ctx); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return p, nil
}

// Warm opens one instance, so that a faulty plugin or configuration is found
// before the first call. The error is that of Open as it is.
func (p *Pool) Warm(ctx context.Context) error {
	m, err := p.acquire(ctx)
	if err == nil && m == nil {
		m, err = p.open(ctx)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	extra := p.give(m, p.now())
	p.mu.Unlock()
	return closeAll(extra)
}

// Call implements Plugin.
func (p *Pool) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	m, err := p.acquire(ctx)
	if err != nil {
		return dst, p.name(f, err)
	}
	start := p.now()
	if m == nil {
		if m, err = p.open(ctx); err != nil {
			fault := p.name(f, err)
			p.mu.Lock()
			p.record(fault, start, p.now())
			p.mu.Unlock()
			return dst, fault
		}
	}
	returned := false
	defer func() {
		if !returned { // the carrier panicked: the slot must not be lost with it
			p.discard(m, &Fault{Plugin: p.id, Function: f, Kind: FaultTrap, Err: errors.New("the carrier panicked")}, start)
		}
	}()
	out, err := m.Call(ctx, f, input, dst)
	returned = true
	if err != nil {
		var refusal *abi.Error
		if !errors.As(err, &refusal) {
			fault := p.name(f, err)
			p.discard(m, fault, start)
			return dst, fault
		}
		out = dst
	}
	p.release(m, start)
	return out, err
}

// acquire returns an idle instance, or nil with the right to open one.
func (p *Pool) acquire(ctx context.Context) (*member, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, &Fault{Kind: FaultBusy, Err: ErrClosed}
	}
	if p.breaker.open {
		if wait := p.breaker.admit(p.now()); wait > 0 {
			p.mu.Unlock()
			return nil, breakerFault(wait)
		}
	}
	if n := len(p.idle); n > 0 {
		m := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return m, nil
	}
	if p.live < p.limits.MaxInstances {
		p.live++
		p.mu.Unlock()
		return nil, nil
	}
	p.stats.Waits++
	ready := make(chan turn, 1)
	place := p.waiters.PushBack(ready)
	p.mu.Unlock()

	select {
	case t := <-ready:
		return t.m, t.err
	case <-ctx.Done():
		closeAll(p.leave(place, ready))
	}
	kind := FaultBusy
	if errors.Is(ctx.Err(), context.Canceled) {
		kind = FaultCanceled
	}
	return nil, &Fault{Kind: kind, Err: fmt.Errorf("all %d instances are busy: %w", p.limits.MaxInstances, ctx.Err())}
}

// open makes the instance for which acquire gave leave, and gives the leave
// back when that fails.
func (p *Pool) open(ctx context.Context) (*member, error) {
	opened := false
	defer func() {
		if !opened {
			p.mu.Lock()
			p.vacate()
			p.mu.Unlock()
		}
	}()
	inst, err := p.config.Open(ctx)
	if err != nil {
		return nil, err
	}
	opened = true
	return &member{Instance: inst}, nil
}

// release takes an instance back after a good call.
func (p *Pool) release(m *member, start time.Time) {
	m.calls++
	spent := m.calls >= p.config.RetireCalls || m.MemoryBytes() > p.config.RetireBytes
	now := p.now()
	var extra []*member
	p.mu.Lock()
	p.record(nil, start, now)
	if spent {
		p.stats.Discarded++
		p.vacate()
		extra = append(extra, m)
	} else {
		extra = p.give(m, now)
	}
	p.mu.Unlock()
	closeAll(extra)
}

// discard throws an instance away after a fault.
func (p *Pool) discard(m *member, f *Fault, start time.Time) {
	now := p.now()
	p.mu.Lock()
	p.record(f, start, now)
	p.stats.Discarded++
	p.vacate()
	p.mu.Unlock()
	closeAll([]*member{m})
}

// record counts a finished call; f is nil after a good one.
func (p *Pool) record(f *Fault, start, now time.Time) {
	p.stats.Calls++
	p.stats.Time += now.Sub(start)
	if f == nil {
		p.breaker.good(now)
		return
	}
	if f.Kind == FaultCanceled { // the caller's doing, not the plugin's
		p.breaker.abandon()
		return
	}
	p.stats.Faults++
	p.stats.LastFault, p.stats.LastFaultAt = f.Error(), now
	if wait := p.breaker.bad(now); wait > 0 {
		p.stats.BreakerOpened++
		p.stats.OpenedBy = f.Kind
		for e := p.waiters.Front(); e != nil; e = p.waiters.Front() {
			p.waiters.Remove(e).(chan turn) <- turn{err: breakerFault(wait)}
		}
	}
}

// leave takes a waiter out of the queue. Its turn may have come at the same
// moment: then the next one has it.
func (p *Pool) leave(place *list.Element, ready chan turn) (extra []*member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breaker.abandon()
	select {
	case t := <-ready:
		switch {
		case t.m != nil:
			return p.give(t.m, p.now())
		case t.err == nil:
			p.vacate()
		}
	default:
		p.waiters.Remove(place)
	}
	return nil
}

// vacate gives the place of a lost instance to the next waiter.
func (p *Pool) vacate() {
	if e := p.waiters.Front(); e != nil {
		p.waiters.Remove(e).(chan turn) <- turn{}
		return
	}
	p.live--
	p.settle()
}

// give hands an instance to the next waiter or lays it down, and returns the
// instances that are to be closed.
func (p *Pool) give(m *member, now time.Time) (extra []*member) {
	if e := p.waiters.Front(); e != nil {
		p.waiters.Remove(e).(chan turn) <- turn{m: m}
		return nil
	}
	m.idleSince = now
	p.idle = append(p.idle, m)
	n := 0
	for len(p.idle)-n > keepIdle && now.Sub(p.idle[n].idleSince) >= idleFor {
		n++
	}
	if p.closed {
		n = len(p.idle)
	}
	if n == 0 {
		return nil
	}
	extra = append(extra, p.idle[:n]...)
	p.idle = append(p.idle[:0], p.idle[n:]...)
	p.live -= n
	p.settle()
	return extra
}

func (p *Pool) settle() {
	if p.closed && p.live == 0 {
		close(p.drained)
	}
}

// Stats implements Plugin. Calls that were never run (busy, closed, breaker)
// are in none of the counters, canceled ones are no faults.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Instances, s.Idle, s.BreakerOpen = p.live, len(p.idle), p.breaker.open
	return s
}

// Rest implements Plugin.
func (p *Pool) Rest(ctx context.Context) error {
	if p.config.Rest == nil {
		return nil
	}
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.live -= len(idle)
	p.mu.Unlock()
	return errors.Join(closeAll(idle), p.config.Rest(ctx))
}

// Close implements Plugin. Callers that wait already are still served. When ctx
// ends first, the instances still in use are closed as they come back.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.live -= len(p.idle)
		p.settle()
	}
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	err := closeAll(idle)
	select {
	case <-p.drained:
		return err
	case <-ctx.Done():
		return fmt.Errorf("plugin %s: calls still run: %w", p.id, ctx.Err())
	}
}

// closeAll frees instances. It takes no context: what was opened must be freed
// though the caller has gone.
func closeAll(ms []*member) error {
	var errs []error
	for _, m := range ms {
		errs = append(errs, m.Close(context.Background()))
	}
	return errors.Join(errs...)
}

// name makes a *Fault of err that says which plugin and function it was.
func (p *Pool) name(f abi.Function, err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		named := *fault
		named.Plugin, named.Function = p.id, f
		return &named
	}
	kind := FaultTrap
	if errors.Is(err, context.Canceled) {
		kind = FaultCanceled
	}
	return &Fault{Plugin: p.id, Function: f, Kind: kind, Err: err}
}

// WithDefaults fills in the limits that are zero.
func (l Limits) WithDefaults() Limits {
	if l.MemoryBytes == 0 {
		l.MemoryBytes = 64 << 20
	}
	if l.Timeout == 0 {
		l.Timeout = 250 * time.Millisecond
	}
	if l.MaxInstances == 0 {
		l.MaxInstances = 4 * runtime.GOMAXPROCS(0)
	}
	if l.OutputBytes == 0 {
		l.OutputBytes = 64 << 20
	}
	return l
}
