package plugin

import (
	"fmt"
	"time"
)

// BreakerConfig says when a plugin that fails is left alone for a while. Zero
// fields take the defaults.
type BreakerConfig struct {
	// Faults within Window open the breaker when they are also more than half of
	// the calls in it; defaults 5 and 10 s.
	Faults int
	Window time.Duration
	// Backoff is the first pause (1 s). Each trial call that fails doubles it up
	// to MaxBackoff (60 s); one that succeeds ends it.
	Backoff, MaxBackoff time.Duration
}

func (c BreakerConfig) withDefaults() BreakerConfig {
	if c.Faults == 0 {
		c.Faults = 5
	}
	if c.Window == 0 {
		c.Window = 10 * time.Second
	}
	if c.Backoff == 0 {
		c.Backoff = time.Second
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = time.Minute
	}
	return c
}

// breaker counts calls in windows that begin with the first call after the last
// one's end. The pool's lock guards it.
type breaker struct {
	config        BreakerConfig
	begin         time.Time // of the window
	calls, faults int

	open    bool
	trial   bool // one call is under way to see whether the plugin is well again
	until   time.Time
	backoff time.Duration
}

// admit is asked while the breaker is open. 0 lets the call through as the
// trial; else it is how long to stay away.
func (b *breaker) admit(now time.Time) time.Duration {
	if wait := b.until.Sub(now); wait > 0 {
		return wait
	}
	if b.trial {
		return b.config.Backoff
	}
	b.trial = true
	return 0
}

// abandon ends a trial that showed nothing: the caller left.
func (b *breaker) abandon() { b.trial = false }

func (b *breaker) good(now time.Time) {
	if b.open && b.trial {
		*b = breaker{config: b.config}
	}
	b.roll(now)
	b.calls++
}

// bad counts a fault; more than 0 is for how long the breaker is open now.
func (b *breaker) bad(now time.Time) time.Duration {
	if b.open {
		if !b.trial { // a call that began before the breaker opened
			return 0
		}
		b.backoff = min(2*b.backoff, b.config.MaxBackoff)
		return b.shut(now)
	}
	b.roll(now)
	b.calls++
	b.faults++
	if b.faults < b.config.Faults || 2*b.faults <= b.calls {
		return 0
	}
	b.backoff = b.config.Backoff
	return b.shut(now)
}

func (b *breaker) shut(now time.Time) time.Duration {
	b.open, b.trial = true, false
	b.until = now.Add(b.backoff)
	b.calls, b.faults = 0, 0
	return b.backoff
}

func (b *breaker) roll(now time.Time) {
	if now.Sub(b.begin) >= b.config.Window {
		b.begin, b.calls, b.faults = now, 0, 0
	}
}

func breakerFault(wait time.Duration) *Fault {
	return &Fault{Kind: FaultBreaker, Err: fmt.Errorf("it failed too often lately and is left alone for %v", wait)}
}
