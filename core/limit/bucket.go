package limit

import (
	"math"
	"math/bits"
	"time"
)

const minute = uint64(time.Minute)

// bucket holds what was used and has not leaked yet: used units less
// rest/minute of one. It leaks the limit per minute.
type bucket struct {
	used int64
	rest uint64 // < minute
	last int64  // when it leaked last, Unix nanoseconds

	// added counts all units ever put in. Units leak in the order in which they
	// came, so what came after a grant tells how much of the grant is left.
	added int64
}

// leak brings the bucket to the instant. A clock that goes backwards leaks nothing.
func (b *bucket) leak(at, limit int64) {
	elapsed := at - b.last
	if elapsed <= 0 {
		return
	}
	b.last = at
	if limit <= 0 || b.used == 0 {
		b.used, b.rest = 0, 0
		return
	}
	hi, lo := bits.Mul64(uint64(elapsed), uint64(limit))
	lo, carry := bits.Add64(lo, b.rest, 0)
	hi += carry
	if hi >= minute { // more than an int64 of units
		b.used, b.rest = 0, 0
		return
	}
	gone, rest := bits.Div64(hi, lo, minute)
	if gone >= uint64(b.used) {
		b.used, b.rest = 0, 0
		return
	}
	b.used, b.rest = b.used-int64(gone), rest
}

func (b *bucket) add(n int64) {
	b.used += n
	b.added += n
}

// giveBack takes out n of the units of one grant, those that have not leaked
// yet; mark is what added was just after the grant.
func (b *bucket) giveBack(n, granted, mark int64) {
	left := min(max(b.used-(b.added-mark), 0), granted)
	if b.used -= min(n, left); b.used == 0 {
		b.rest = 0
	}
}

// wait is the time until n more fit under limit; 0 when they do.
func (b *bucket) wait(n, limit int64) time.Duration {
	return b.until(limit-n, limit)
}

// until is the time until at most level units are left, rounded up.
func (b *bucket) until(level, limit int64) time.Duration {
	excess := b.used - level
	if excess <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(excess), minute)
	lo, borrow := bits.Sub64(lo, b.rest, 0)
	hi -= borrow
	if hi >= uint64(limit) {
		return math.MaxInt64
	}
	wait, rem := bits.Div64(hi, lo, uint64(limit))
	if rem > 0 {
		wait++
	}
	return time.Duration(min(wait, math.MaxInt64))
}
