package exchange_test

import (
	"net/http"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestDo_RefusalUsesNothing: what the budget refuses leaves the rate limits as
// they were, and no entry.
func TestDo_RefusalUsesNothing(t *testing.T) {
	for _, policy := range []core.BudgetPolicy{core.BudgetStrict, core.BudgetShrink} {
		t.Run(string(policy), func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.answer(whole(200, wholeAnswer))
			p := r.key("0.000000001", core.Limits{RPM: 1, TPM: 1000, Parallel: 1})
			p.Budgets[0].Policy = policy
			const body = `{"model":"m","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`
			for range 3 {
				c, entries := r.ask(p, abi.Chat, body)
				if c.status != 402 || len(entries) != 0 {
					t.Fatalf("%d %s, entries %v", c.status, c.body.String(), entries)
				}
				if left := header(c, "X-Ratelimit-Remaining-Requests") + " " + header(c, "X-Ratelimit-Remaining-Tokens"); left != "1 1000" {
					t.Errorf("a refusal leaves %s", left)
				}
			}
			p.Budgets[0].Amount = core.Dollar
			if c, entries := r.ask(p, abi.Chat, body); c.status != 200 || len(entries) != 1 {
				t.Errorf("%d %s", c.status, c.body.String())
			}
			if spent, held, _, err := r.ledger.Spent(t.Context(), p.Budgets[0], p.Budgets[0].CreatedAt); err != nil || held != 0 || spent == 0 {
				t.Errorf("spent %s, held %s, %v", spent, held, err)
			}
		})
	}
}

func header(c *recorder, name string) string {
	for _, f := range c.head.More {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// TestDo_ShrunkOnRecord: what stands on record while a shrunk request runs is the
// worst case that was granted.
func TestDo_ShrunkOnRecord(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	var open []*core.OpenExchange
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		open, _ = r.store.ListOpen(t.Context(), "")
		whole(200, wholeAnswer)(w, req)
	})
	p := r.key("0.001", core.Limits{})
	p.Budgets[0].Policy = core.BudgetShrink
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 200 || c.head.MaxOutput == 0 || c.head.MaxOutput >= 500 {
		t.Fatalf("%d %+v", c.status, c.head)
	}
	if len(open) != 1 || open[0].Usage.Output != c.head.MaxOutput || open[0].Reserved != p.Budgets[0].Amount {
		t.Errorf("on record %+v, the cap is %d", open[0], c.head.MaxOutput)
	}
}

// TestDo_ShrunkUnderEachName: a cap that the client wrote under both of its names
// is lowered under both, and only where it is higher.
func TestDo_ShrunkUnderEachName(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	p := r.key("0.001", core.Limits{})
	p.Budgets[0].Policy = core.BudgetShrink
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":500,"max_completion_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 200 {
		t.Fatalf("%d %s", c.status, c.body.String())
	}
	sent := []byte(<-r.bodies)
	high, _ := scan.GetInt(sent, "max_tokens")
	low, _ := scan.GetInt(sent, "max_completion_tokens")
	if high != c.head.MaxOutput || high >= 500 || low != 10 {
		t.Errorf("sent %s, capped at %d", sent, c.head.MaxOutput)
	}
}

// TestDo_HugeCap: a cap that no product with n fits into counts as what it is, a
// cap on nothing.
func TestDo_HugeCap(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	const body = `{"model":"m","max_tokens":4611686018427387904,"n":2,"messages":[{"role":"user","content":"hi"}]}`
	if c, _ := r.ask(r.key("1.00", core.Limits{}), abi.Chat, body); c.status != 402 || r.hits.Load() != 0 {
		t.Errorf("budget: %d %s", c.status, c.body.String())
	}
	if c, _ := r.ask(r.key("", core.Limits{TPM: 1000}), abi.Chat, body); c.status != 429 || r.hits.Load() != 0 {
		t.Errorf("limit: %d %s", c.status, c.body.String())
	}
}

// TestDo_LimitTells: a refusal tells what the limits are, and every choice counts.
func TestDo_LimitTells(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	p := r.key("", core.Limits{RPM: 2, TPM: 1000})
	c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":600,"n":2,"messages":[{"role":"user","content":"hi"}]}`)
	if c.status != 429 || header(c, "Retry-After") == "" || header(c, "X-Ratelimit-Limit-Requests") != "2" || header(c, "X-Ratelimit-Remaining-Requests") != "2" ||
		header(c, "X-Ratelimit-Remaining-Tokens") != "1000" {
		t.Errorf("%d %+v %s", c.status, c.head.More, c.body.String())
	}
}
