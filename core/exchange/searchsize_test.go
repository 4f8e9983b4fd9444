package exchange_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestSearchSize: a model that searches by itself has a fee for each request, by how much
// its search shall find: that is held for, and what the answer tells is paid.
func TestSearchSize(t *testing.T) {
	for _, c := range []struct {
		name, members, told string
		amount              string
		enough, short       string
	}{
		{"nothing said", `"temperature":1`, "", "0.005", "0.006", "0.004"},
		{"low", `"web_search_options":{"search_context_size":"low"}`, "low", "0.005", "0.006", "0.004"},
		{"high", `"web_search_options":{"search_context_size":"high"}`, "high", "0.012", "0.013", "0.011"},
		{"less than was asked for", `"web_search_options":{"search_context_size":"high"}`, "low", "0.005", "0.013", "0.011"},
		{"nothing told", `"web_search_options":{"search_context_size":"high"}`, "", "0.012", "0.013", "0.011"},
		{"a size that has no price", `"web_search_options":{"search_context_size":"vast"}`, "", "0.005", "0.006", "0.004"},
	} {
		for budget, status := range map[string]int{c.enough: 200, c.short: 402} {
			r := newRig(t, core.Deployment{}, nil)
			price := rates(t, "input", "0", "output", "0", "search", "5000")
			price.Services = map[string]*core.Price{"low": rates(t, "input", "0", "output", "0", "search", "5000"), "high": rates(t, "input", "0", "output", "0", "search", "12000")}
			r.deploy(core.Deployment{}, price, nil, func(_ *abi.PlanRequest, p *abi.PlanReply) {
				p.Request.Searches, p.Usage.Service = 1, []string{"usage.search_context_size"}
			})
			answer := wholeAnswer
			if c.told != "" {
				answer = strings.Replace(answer, `"usage":{`, `"usage":{"search_context_size":"`+c.told+`",`, 1)
			}
			r.answer(whole(200, answer))
			got, entries := r.ask(r.key(budget, core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],`+c.members+`}`)
			if got.status != status || status == 200 && (entries[0].Usage.Searches != 1 || entries[0].Amount.String() != c.amount || entries[0].Unpriced) {
				t.Errorf("%s, of %s: %d %s %+v", c.name, budget, got.status, got.body.String(), entries)
			}
		}
	}
}
