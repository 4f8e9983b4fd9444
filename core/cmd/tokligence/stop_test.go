package main

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tokligence/gateway/core"
)

// outcomes counts the ledger's entries by outcome, after another start.
func (g *gateway) outcomes() map[core.Outcome]int {
	g.t.Helper()
	g.start()
	n := map[core.Outcome]int{}
	for _, e := range g.entries() {
		n[e.Outcome]++
	}
	return n
}

// TestGateway_StopDrains: on SIGTERM the gateway says that it is not ready and
// refuses what is new, lets what runs finish, and ends with 0.
func TestGateway_StopDrains(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, strings.Replace(settings, `"2s"`, `"20s"`, 1), v)
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	whole, stream, release := g.underWay(v, k.Secret, "")
	g.signal(syscall.SIGTERM)
	g.log.await(t, 0, `"msg":"stopping"`)
	eventually(t, "not ready", func() bool { return !g.ready() })
	if status, body := g.try("GET", "/readyz", "", ""); status != http.StatusServiceUnavailable || !strings.Contains(string(body), "the gateway is stopping") {
		t.Errorf("readyz: %d %s", status, body)
	}
	for _, stream := range []bool{false, true} {
		a := g.ask(k.Secret, "m", "new", stream)
		unavailable(t, a)
	}
	if status, body := g.try("POST", "/v1/messages", k.Secret, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`); status != 529 || !strings.Contains(string(body), `"type":"overloaded_error"`) {
		t.Errorf("messages: %d %s", status, body)
	}
	release()
	for _, a := range []answer{<-whole, <-stream} {
		if !a.whole {
			t.Errorf("%s was cut: %d %s", a.user, a.status, a.body)
		}
	}
	if err := g.wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if n := v.requests("new"); n != 0 {
		t.Errorf("%d new requests reached the vendor", n)
	}
	if n := g.outcomes(); n[core.OutcomeOK] != 2 || len(n) != 1 {
		t.Errorf("entries: %v", n)
	}
	g.complete(v)
	g.verify(k)
}

// TestGateway_StopCuts: what still runs at the limit ends with an error that the
// client understands, and is in the ledger.
func TestGateway_StopCuts(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, strings.Replace(settings, `"2s"`, `"100ms"`, 1), v)
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	whole, stream, release := g.underWay(v, k.Secret, "")
	g.signal(syscall.SIGTERM)
	unavailable(t, <-whole)
	if a := <-stream; a.status != 200 || a.whole || !strings.Contains(a.body, "Hello") || strings.Count(a.body, `"code":"overloaded"`) != 1 || strings.Contains(a.body, "[DONE]") {
		t.Errorf("stream: %d %s", a.status, a.body)
	}
	if err := g.wait(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	release()
	if n := g.outcomes(); n[core.OutcomeFailed] != 2 || len(n) != 1 {
		t.Errorf("entries: %v", n)
	}
	for _, e := range g.entries() {
		if e.ErrorCode != core.CodeOverloaded || e.Stream != (e.EndUser == "stream") || e.Stream && (e.Status != 200 || e.Usage.Output == 0 || e.Amount == 0) {
			t.Errorf("entry %+v", e)
		}
	}
	g.verify(k)
}

// TestGateway_StopTwice: a second signal ends the process at once, and loses
// nothing that was committed.
func TestGateway_StopTwice(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, strings.Replace(settings, `"2s"`, `"10m"`, 1), v)
	g.start()
	k := g.newKey("k", `, "budget": {"amount": "5.00"}`)
	if a := g.ask(k.Secret, "m", "before", false); !a.whole {
		t.Fatalf("%+v", a)
	}
	reached, release := v.hold(t, 1, "held", arrived)
	held, _ := g.later(k.Secret, "m", "held", false)
	reached()
	g.signal(syscall.SIGTERM)
	g.log.await(t, 0, `"msg":"stopping"`)
	g.signal(syscall.SIGTERM)
	var ended *exec.ExitError
	if err := g.wait(); !errors.As(err, &ended) {
		t.Errorf("the gateway ended with %v", err)
	}
	if a := <-held; a.status != 0 {
		t.Errorf("%+v", a)
	}
	release()
	if n := g.outcomes(); n[core.OutcomeOK] != 1 || n[core.OutcomeInterrupted] != 1 || len(n) != 2 {
		t.Errorf("entries: %v", n)
	}
	g.verify(k)
}
