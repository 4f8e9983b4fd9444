package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/tokligence/gateway/core"
)

// A process at its file size limit gets a signal and, where that is ignored, an
// error from each write beyond: a disk that fills up at a byte of our choice.
func init() { asChild = func() { signal.Ignore(syscall.SIGXFSZ) } }

// fill leaves the gateway's database log room for that many bytes more.
func (g *gateway) fill(room uint64) {
	g.t.Helper()
	log, err := os.Stat(filepath.Join(g.dir, "data", "t.db-wal"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.limitFiles(uint64(log.Size()) + room)
}

// clear makes room again.
func (g *gateway) clear() { g.t.Helper(); g.limitFiles(1<<64 - 1) }

func (g *gateway) limitFiles(size uint64) {
	g.t.Helper()
	limit := struct{ soft, hard uint64 }{size, 1<<64 - 1}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &own); err != nil {
		g.t.Fatal(err)
	}
	limit.hard = own.Max
	limit.soft = min(limit.soft, limit.hard)
	_, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(g.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		g.t.Fatal(errno)
	}
}

// TestGateway_DiskFull fills the disk at each moment of an exchange. Clients get
// clear errors, the vendor is called for nothing that is not on record, no entry
// is lost, and once there is room all goes on without a restart.
func TestGateway_DiskFull(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	var mu sync.Mutex
	whole := map[string]bool{} // by user: the client has its answer
	ask := func(user string, stream bool) answer {
		a := g.ask(k.Secret, "m", user, stream)
		mu.Lock()
		defer mu.Unlock()
		whole[user] = a.whole
		return a
	}
	if a := ask("before", false); !a.whole {
		t.Fatalf("%+v", a)
	}
	recovered := func() {
		t.Helper()
		g.clear()
		eventually(t, "ready again", g.ready)
	}

	t.Run("before the vendor is called", func(t *testing.T) {
		g.fill(0)
		for _, stream := range []bool{false, true} {
			unavailable(t, ask("open", stream))
		}
		status, body := g.try("POST", "/v1/messages", k.Secret, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
		if text := string(body); status != 529 || !strings.Contains(text, `"type":"overloaded_error"`) {
			t.Errorf("%d %s", status, text)
		}
		if status, body := g.try("POST", "/api/v1/keys", adminSecret, `{"name":"x"}`); status != http.StatusServiceUnavailable || !strings.Contains(string(body), "disk is full") {
			t.Errorf("a key is made: %d %s", status, body)
		}
		if status, body := g.try("GET", "/readyz", "", ""); status != http.StatusServiceUnavailable || !strings.Contains(string(body), "the ledger cannot be written") {
			t.Errorf("readyz: %d %s", status, body)
		}
		g.log.await(t, 0, "the disk is full")
		if n := v.requests("open"); n != 0 {
			t.Errorf("%d requests reached the vendor", n)
		}
		recovered()
		if a := ask("open-again", true); !a.whole {
			t.Errorf("%+v", a)
		}
	})

	t.Run("before the answer is settled", func(t *testing.T) {
		whole, stream, release := g.underWay(v, k.Secret, "")
		g.fill(0)
		release()
		unavailable(t, <-whole)
		if a := <-stream; a.status != 200 || a.whole || strings.Count(a.body, `"code":"overloaded"`) != 1 || strings.Contains(a.body, "[DONE]") {
			t.Errorf("stream: %d %s", a.status, a.body)
		}
		v.at(nil)
		recovered()
	})

	t.Run("within a batch", func(t *testing.T) {
		for round, room := range []uint64{100, 4096 + 24, 3*(4096+24) + 1, 9 * 4120, 20*4120 + 7} {
			var asked sync.WaitGroup
			refused := make(chan string, 16)
			for c := range cap(refused) {
				asked.Go(func() {
					for n := 0; ; n++ {
						user := fmt.Sprintf("batch%d.%d.%d", round, c, n)
						if a := ask(user, n%2 == 0); !a.whole {
							refused <- a.body
							return
						}
					}
				})
			}
			g.fill(room)
			asked.Wait()
			for range cap(refused) {
				if body := <-refused; !strings.Contains(body, `"code":"overloaded"`) {
					t.Errorf("room %d: refused with %s", room, body)
				}
			}
			recovered()
		}
	})

	g.complete(v)
	g.verify(k)
	for _, e := range g.entries() {
		withheld := e.Outcome == core.OutcomeFailed && e.ErrorCode == core.CodeOverloaded && (e.Status == 503 || e.Stream && e.Status == 200)
		if ok := e.Outcome == core.OutcomeOK && e.Status == 200; ok != whole[e.EndUser] || ok == withheld {
			t.Errorf("the answer is whole: %v; %s %d %q at %s", whole[e.EndUser], e.Outcome, e.Status, e.ErrorCode, e.Amount)
		}
	}
}
