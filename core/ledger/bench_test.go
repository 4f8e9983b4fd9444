package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/store"
)

// BenchmarkExchange is Reserve, Begin and Settle on a real file: two commits an
// exchange. cpu-µs/op is user and system time of the whole process.
func BenchmarkExchange(b *testing.B) {
	for _, callers := range []int{1, 32, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			ctx := context.Background()
			st, err := store.Open(ctx, "sqlite://"+filepath.Join(b.TempDir(), "bench.db"), time.Now)
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			l, err := ledger.Open(ctx, st, ledger.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close(ctx)
			budget := &core.Budget{ID: "bud_1", Scope: core.ScopeKey, SubjectID: "key_1", Amount: 1 << 60, Period: core.PeriodMonth}
			budgets := []*core.Budget{budget}
			var next atomic.Int64
			var wg sync.WaitGroup
			begin := cpu(b)
			b.ReportAllocs()
			b.ResetTimer()
			for range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for {
						if next.Add(1) > int64(b.N) {
							return
						}
						now := time.Now()
						id := core.NewID(core.PrefixExchange, now)
						r, err := l.Reserve(ctx, budgets, 6_000_000, now)
						if err == nil {
							err = l.Begin(ctx, r, openExchange(id, now, 6_000_000))
						}
						if err == nil {
							err = l.Settle(ctx, r, entry(id, now, 1_234_567), nil)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64((cpu(b)-begin).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
			s := l.Stats()
			b.ReportMetric(float64(2*b.N)/float64(s.Batches), "records/batch")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
