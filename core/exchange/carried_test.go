package exchange_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_Carried: an answer that breaks off is billed by its vendor, and so
// counts once beside the one that follows; in the budget too.
func TestDo_Carried(t *testing.T) {
	const answer = `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":8}}`
	const cost = core.Nano(31_000 + 80_000)
	body := strings.TrimSuffix(hello, "}") + `,"max_tokens":50}`
	for _, c := range []struct {
		name, broken, budget string
		hits                 int64
		status               int
		billed               bool // the broken one
	}{
		{"half an answer", answer[:60], "1.00", 2, 200, true},
		{"and no budget", answer[:60], "", 2, 200, true},
		{"no money for another", answer[:60], "0.0006", 1, 502, true},
		{"no answer at all", `<html>`, "0.0006", 2, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{Retries: 1}, nil)
			r.answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if text := answer; r.hits.Load() == 1 {
					_, _ = io.WriteString(w, c.broken)
				} else {
					_, _ = io.WriteString(w, text)
				}
			})
			p := r.key(c.budget, core.Limits{})
			got, entries := r.ask(p, abi.Chat, body)
			if got.status != c.status || r.hits.Load() != c.hits || len(entries) != 1 {
				t.Fatalf("%d %s, %d calls, %d entries", got.status, got.body.String(), r.hits.Load(), len(entries))
			}
			e := entries[0]
			first := e.Attempts[0]
			switch {
			case c.status != 200: // the entry's own usage is the broken answer's
				if first.Amount != 0 || e.Amount == 0 || e.Usage.InputTokens() == 0 {
					t.Errorf("%+v", e)
				}
			case e.Usage.InputTokens() != 31 || e.Amount != first.Amount+cost || (first.Amount > 0) != c.billed || (first.InputTokens > 0) != c.billed:
				t.Errorf("%+v", e)
			}
			if c.budget == "" {
				return
			}
			spent, reserved, _, err := r.ledger.Spent(t.Context(), p.Budgets[0], e.At)
			if err != nil || spent != e.Amount || reserved != 0 {
				t.Errorf("spent %v, reserved %v, %v", spent, reserved, err)
			}
		})
	}
}
