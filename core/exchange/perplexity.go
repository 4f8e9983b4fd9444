package exchange

import (
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// What Perplexity's Agent API has of its own: an agent that goes on after its tools have
// found something, and configurations of the vendor's that bring tools along.
// https://docs.perplexity.ai/api-reference/agent-post

// quickSearch is the service whose price a search has that is fast.
// https://docs.perplexity.ai/docs/getting-started/pricing
const quickSearch = "fast_search"

// foundTokens is what one use of a tool is taken to bring where nothing says how much: several
// times what most do.
const foundTokens = 10_000

// mostFound is the most that a request is believed of what one use brings.
const mostFound = 1 << 20

// searchKind notes how a search is billed, and how much it may bring.
func (f *finder) searchKind(unit int, def []byte, h *hosted) {
	if unit != partSearches {
		return
	}
	if scan.GetString(def, "search_type") == "fast" {
		f.quick++
	} else {
		f.slow++
	}
	if n, ok := scan.GetInt(def, "max_tokens"); ok && n > 0 {
		h.finds = min(n, mostFound)
	}
}

// agents looks for configurations that bring tools along which the request does not list.
// https://docs.perplexity.ai/docs/agent-api/effort
func (f *finder) agents(body scan.Object) {
	for _, name := range [...]string{"preset", "effort", "profile", "skills"} {
		if v := body.Get(name); !scan.IsNull(v) && !isEmptyList(v) {
			f.list = append(f.list, unmeasured(name, name))
		}
	}
}

// unmeasured is what has an agent find nobody knows how much.
func unmeasured(param, drop string) hosted {
	return hosted{param: param, drop: drop, boundless: true, agent: true}
}

// stepped is u as often as t may read and write it. After each step the model reads all
// anew: what it was told and has written, and what its tools have found, all of it in the
// first step at worst.
func (r *run) stepped(t *Target, u core.Usage) core.Usage {
	p := r.planOf(t)
	if p == nil || p.Request.Steps == "" {
		return u
	}
	var found int64
	offered := false
	for _, h := range r.hostedAt(t) {
		offered = offered || h.drop == "tools" || h.param == webSearch
		found += min(h.most, maxCount/mostFound) * h.finds
	}
	if !offered {
		return u
	}
	steps := int64(1)
	if n, ok := scan.Int(r.body.Get(p.Request.Steps)); ok && n > 1 {
		steps = min(n, mostSteps)
	}
	u.Input = u.Input*(steps+1) + found*steps + u.Output*(steps*(steps+1)/2)
	u.CacheWrite1h *= steps + 1
	u.Output *= steps + 1
	return u
}

// mostSteps is the most that the vendor takes.
const mostSteps = 100

// isFinding reports whether an item of a response is what a tool of Perplexity's has found:
// "search_results", "fetch_url_results".
func isFinding(kind string) bool { return strings.HasSuffix(kind, "_results") }

// found counts a search, until the vendor tells how many there were. Other tools have fees
// that no part of usage has.
func (t *tally) found(kind string) {
	if kind == "search_results" {
		t.set(partSearches, t.parts[partSearches]+1)
	} else {
		t.beyond = true
	}
}
