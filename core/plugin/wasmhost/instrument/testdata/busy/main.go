// Program busy does what needs Go's stacks most: it grows them, unwinds them,
// switches between them and lets the collector walk them.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
)

func main() {}

//go:wasmexport busy
func busy(n uint64) (sum uint64) {
	sum = 1
	for _, part := range []func(uint64) uint64{deep, recovered, caught, deferred, spoken, collected, sorted, guarded} {
		sum = sum*31 + part(n)
	}
	return sum
}

// deep needs a stack that is moved several times.
func deep(n uint64) uint64 {
	var room [40]uint64
	room[n%40] = n
	if n > 3000 {
		return n
	}
	below := deep(n + 1)
	return below + room[n%40]
}

// recovered panics in ways that the runtime finds, and goes on.
func recovered(n uint64) (sum uint64) {
	try := func(f func()) {
		defer func() {
			sum = sum*31 + uint64(len(fmt.Sprint(recover())))
		}()
		f()
	}
	var none *[8]int
	var m map[string]int
	list := []int{1, 2}
	for range 3 {
		try(func() { none[n%8] = 1 })
		try(func() { m["x"] = 1 })
		try(func() { _ = list[2+n] })
		try(func() { panic(errors.New("own")) })
		try(func() { _ = any(n).(string) })
		try(func() { runtime.Gosched() })
	}
	return sum
}

// caught panics behind a callee that was inlined, so that nothing stands in the
// code between the end of a jump and the deferred call but a mark of the line.
func caught(n uint64) (sum uint64) {
	defer func() {
		if recover() != nil {
			sum += 3 * (n + 1)
		}
	}()
	var b bytes.Buffer
	b.WriteByte(byte(n))
	b.Grow(math.MaxInt - 1)
	return sum
}

// deferred has more deferred calls than a frame holds, and a result that they change.
func deferred(n uint64) (sum uint64) {
	for i := range 10 + n {
		defer func() { sum = sum*7 + i; runtime.Gosched() }()
	}
	defer func() {
		if recover() != nil {
			sum++
		}
	}()
	panic("unwound")
}

// spoken passes numbers between goroutines.
func spoken(n uint64) uint64 {
	in, out := make(chan uint64), make(chan uint64, 3)
	var all sync.WaitGroup
	for i := range uint64(8) {
		all.Go(func() {
			for v := range in {
				out <- v*v + deep(2990+i-i)
			}
		})
	}
	go func() {
		for v := range 100 + n {
			in <- v
		}
		close(in)
		all.Wait()
		close(out)
	}()
	var sum uint64
	for v := range out {
		sum += v
	}
	return sum
}

// collected leaves garbage while it holds pointers on its stack.
func collected(n uint64) (sum uint64) {
	var kept []*[64]uint64
	for i := range 2000 + n {
		p := new([64]uint64)
		p[i%64] = i
		if i%50 == 0 {
			kept = append(kept, p)
		}
		if i%500 == 0 {
			runtime.GC()
		}
	}
	for i, p := range kept {
		sum += p[(i*50)%64]
	}
	return sum
}

func sorted(n uint64) (sum uint64) {
	words := strings.Fields(strings.Repeat("the quick brown fox jumps over the lazy dog ", 20+int(n)))
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(b, a) })
	counts := map[string]uint64{}
	for i, w := range words {
		counts[w] += uint64(i)
	}
	for _, w := range slices.Sorted(mapKeys(counts)) {
		sum = sum*31 + counts[w]
	}
	return sum
}

func mapKeys(m map[string]uint64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// guarded ends goroutines by Goexit, behind deferred calls.
func guarded(n uint64) (sum uint64) {
	var mu sync.Mutex
	done := make(chan bool)
	for i := range 5 + n {
		go func() {
			defer func() { done <- true }()
			defer mu.Unlock()
			mu.Lock()
			sum += i
			runtime.Goexit()
		}()
	}
	for range 5 + n {
		<-done
	}
	return sum
}
