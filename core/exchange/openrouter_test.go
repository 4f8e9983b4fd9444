package exchange_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestOpenRouter: what its plugins, server tools and models that search cost is counted,
// held for and refused like any hosted tool.
func TestOpenRouter(t *testing.T) {
	const file = `"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"https://a.test/a.pdf"}}]}]`
	for _, c := range []struct {
		name, members string
		rate, budget  string
		plan          abi.RequestPlan // what it says of costs
		status        int
		param         string // that is refused
		searches      int64
		unpriced      bool
	}{
		{"the web", `"plugins":[{"id":"web"}]`, "20000", "1.00", abi.RequestPlan{}, 200, "", 1, false},
		{"ten are held", `"plugins":[{"id":"web"}]`, "20000", "0.19", abi.RequestPlan{}, 402, "", 0, false},
		{"without a price", `"plugins":[{"id":"response-healing"},{"id":"web","max_results":5}]`, "", "1.00", abi.RequestPlan{}, 403, "plugins[1]", 0, false},
		{"flagged", `"plugins":[{"id":"web"}]`, "", "", abi.RequestPlan{}, 200, "", 1, true},
		{"not enabled", `"plugins":[{"id":"web","enabled":false}]`, "", "1.00", abi.RequestPlan{}, 200, "", 0, false},
		{"more results", `"plugins":[{"id":"web","max_results":20}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"deeper", `"plugins":[{"id":"web","mode":"deep-reasoning"}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"posts", `"plugins":[{"id":"web","x_search":{}}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"free ones", `"plugins":[{"id":"response-healing"},{"id":"context-compression"},{"id":"file-parser","pdf":{"engine":"cloudflare-ai"}}]`, "", "1.00", abi.RequestPlan{}, 200, "", 0, false},
		{"one that reads", `"plugins":[{"id":"file-parser","pdf":{"engine":"mistral-ocr"}}]`, "", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"one that asks others", `"plugins":[{"id":"fusion"}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"one that nobody knows", `"plugins":[{"id":"future"}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"a server tool", `"tools":[{"type":"openrouter:web_search","parameters":{"max_results":5}}]`, "20000", "1.00", abi.RequestPlan{}, 200, "", 1, false},
		{"one of more results", `"tools":[{"type":"openrouter:web_search","parameters":{"max_results":6}}]`, "20000", "1.00", abi.RequestPlan{}, 403, "tools[0]", 0, false},
		{"its engine", `"tools":[{"type":"openrouter:web_search","parameters":{"engine":"native"}}]`, "20000", "1.00", abi.RequestPlan{}, 200, "", 1, false},
		{"an engine of the deployment's price", `"tools":[{"type":"openrouter:web_search","parameters":{"engine":"exa"}}]`, "20000", "1.00", abi.RequestPlan{}, 200, "", 1, false},
		{"an engine that nobody knows", `"plugins":[{"id":"web","engine":"future"}]`, "20000", "1.00", abi.RequestPlan{}, 403, "plugins[0]", 0, false},
		{"as many as it says are held", `"tools":[{"type":"openrouter:web_search","parameters":{"max_uses":1}}]`, "20000", "0.19", abi.RequestPlan{}, 402, "", 0, false},
		{"one that tells the time", `"tools":[{"type":"openrouter:datetime"}]`, "", "1.00", abi.RequestPlan{}, 200, "", 0, false},
		{"one that fetches", `"tools":[{"type":"openrouter:web_fetch"}]`, "20000", "1.00", abi.RequestPlan{}, 403, "tools[0]", 0, false},
		{"a model that searches", `"temperature":1`, "20000", "1.00", abi.RequestPlan{Searches: 10}, 200, "", 1, false},
		{"held for", `"temperature":1`, "20000", "0.19", abi.RequestPlan{Searches: 10}, 402, "", 0, false},
		{"without a price", `"temperature":1`, "", "1.00", abi.RequestPlan{Searches: 10}, 403, "model", 0, false},
		{"and how", `"web_search_options":{}`, "20000", "0.03", abi.RequestPlan{Searches: 1}, 200, "", 1, false},
		{"nothing bounds it", `"temperature":1`, "20000", "1.00", abi.RequestPlan{Boundless: true}, 403, "model", 0, false},
		{"nobody asks for a bound", `"temperature":1`, "20000", "", abi.RequestPlan{Boundless: true}, 200, "", 0, false},
		{"a file", file, "", "1.00", abi.RequestPlan{FilesApart: true}, 403, "messages", 0, false},
		{"a file, flagged", file, "", "", abi.RequestPlan{FilesApart: true}, 200, "", 0, true},
		{"a file that is read for nothing", file + `,"plugins":[{"id":"file-parser","pdf":{"engine":"native"}}]`, "", "1.00", abi.RequestPlan{FilesApart: true}, 200, "", 0, false},
		{"a file elsewhere", file, "", "1.00", abi.RequestPlan{}, 200, "", 0, false},
		{"no file", `"temperature":1`, "", "1.00", abi.RequestPlan{FilesApart: true}, 200, "", 0, false},
	} {
		r := newRig(t, core.Deployment{}, nil)
		price := rates(t, "input", "1", "output", "1")
		if c.rate != "" {
			price = rates(t, "input", "1", "output", "1", "search", c.rate)
		}
		r.deploy(core.Deployment{}, price, nil, func(_ *abi.PlanRequest, p *abi.PlanReply) {
			p.Request.Searches, p.Request.FilesApart, p.Request.Boundless = c.plan.Searches, c.plan.FilesApart, c.plan.Boundless
		})
		r.answer(whole(200, wholeAnswer))
		members := c.members
		if !strings.HasPrefix(members, `"messages"`) {
			members = `"messages":[{"role":"user","content":"hi"}],` + members
		}
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,`+members+`}`)
		switch {
		case got.status != c.status || c.status == 403 && !strings.Contains(got.body.String(), `"param":"`+c.param+`"`):
			t.Errorf("%s: %d %s", c.name, got.status, got.body.String())
		case c.status == 200 && (entries[0].Usage.Searches != c.searches || entries[0].Unpriced != c.unpriced):
			t.Errorf("%s: %+v", c.name, entries[0])
		}
	}
}

// TestOpenRouter_Engine: the book's price of a search is that of the provider's own; what
// another engine costs only a deployment's own price says.
func TestOpenRouter_Engine(t *testing.T) {
	for _, c := range []struct {
		engine, book, budget string
		status               int
		unpriced             bool
	}{
		{"auto", "provider.openrouter", "1.00", 200, false},
		{"exa", "provider.openrouter", "1.00", 403, false},
		{"exa", "provider.openrouter", "", 200, true},
		{"exa", "", "1.00", 200, false},
	} {
		r := newRig(t, core.Deployment{}, nil)
		price := rates(t, "input", "1", "output", "1", "search", "10000")
		price.Provider = c.book
		r.deploy(core.Deployment{}, price, nil, nil)
		r.answer(whole(200, wholeAnswer))
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"openrouter:web_search","parameters":{"engine":"`+c.engine+`"}}]}`)
		if got.status != c.status || c.status == 200 && entries[0].Unpriced != c.unpriced {
			t.Errorf("%+v: %d %s", c, got.status, got.body.String())
		}
	}
}
