package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// TestGateway_Crowd sends many requests at once through one key. What its budget,
// its rate or its slots allow reaches the vendor, exactly; and what was held and
// not spent is there for the next.
func TestGateway_Crowd(t *testing.T) {
	const crowd, most = 200, 7
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.start()
	worst := g.worstCase(v)
	spare := worst / 2 // less than one more costs
	for _, c := range []struct {
		name, more string
		status     int
		again      func(k key) int // how many of the next crowd get in; nil: not asked
	}{
		{"budget", fmt.Sprintf(`, "budget": {"amount": "%s"}`, most*worst+spare), http.StatusPaymentRequired,
			func(k key) int { return int((k.Budget.Amount - k.Budget.Spent) / worst) }},
		{"requests", fmt.Sprintf(`, "limits": {"rpm": %d}`, most), http.StatusTooManyRequests, nil},
		{"slots", fmt.Sprintf(`, "limits": {"parallel": %d}`, most), http.StatusTooManyRequests, func(key) int { return most }},
	} {
		for _, stream := range []bool{false, true} {
			name := fmt.Sprintf("%s/%t", c.name, stream)
			t.Run(name, func(t *testing.T) {
				k := g.newKey(name, c.more)
				g.crowd(t, v, k, name+"/1", stream, crowd, most, c.status)
				if c.again != nil {
					next := c.again(g.key(k.ID))
					if next == 0 {
						t.Fatal("nothing is left to try")
					}
					g.crowd(t, v, k, name+"/2", stream, crowd, next, c.status)
				}
			})
		}
	}
	g.complete(v)
	if out, err := g.command("ledger", "verify").CombinedOutput(); err != nil {
		t.Errorf("ledger verify: %v %s", err, out)
	}
}

// worstCase is what the gateway reserves for one of the tests' requests.
func (g *gateway) worstCase(v *vendor) core.Nano {
	g.t.Helper()
	k := g.newKey("rich", `, "budget": {"amount": "5.00"}`)
	reached, release := v.hold(g.t, 1, "", arrived)
	a, _ := g.later(k.Secret, "m", "worst", false)
	reached()
	reserved := g.key(k.ID).Budget.Reserved
	release()
	if !(<-a).whole || reserved <= price("worst") {
		g.t.Fatalf("reserved %s", reserved)
	}
	return reserved
}

// crowd sends n requests at once, of which exactly most may reach the vendor; the
// rest are told status and when to come again, or not to.
func (g *gateway) crowd(t *testing.T, v *vendor, k key, user string, stream bool, n, most, status int) {
	t.Helper()
	reached, release := v.hold(t, most, user, arrived)
	answers := make(chan answer, n)
	for i := range n {
		go func() { answers <- g.ask(k.Secret, "m", fmt.Sprintf("%s.%d", user, i), stream) }()
	}
	late := time.After(patience)
	for range n - most { // while those that got in stand at the vendor
		var a answer
		select {
		case a = <-answers:
		case <-late:
			t.Fatalf("more than %d of %d were let in", most, n)
		}
		if a.status != status || a.head.Get("Retry-After") == "" && a.head.Get("X-Should-Retry") != "false" {
			t.Fatalf("refused with %d %v %s", a.status, a.head, a.body)
		}
	}
	reached()
	release()
	for range most {
		if a := <-answers; !a.whole {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if got := v.requests(user); got != most {
		t.Errorf("%d of %d reached the vendor, %d may", got, n, most)
	}
	if k.Budget.Amount > 0 {
		g.checkBudgets(g.entries(), k)
	}
}
