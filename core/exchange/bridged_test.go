package exchange_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// asking are requests of every dialect that chat carries.
var asking = map[abi.Endpoint]string{
	abi.Chat:        `"messages":[{"role":"user","content":"hi"}],"max_tokens":100`,
	abi.Completions: `"prompt":"hi","max_tokens":100`,
	abi.Messages:    `"messages":[{"role":"user","content":"hi"}],"max_tokens":100`,
	abi.Responses:   `"input":"hi","max_output_tokens":100`,
}

// TestDo_Bridged: what chat would be refused under a budget, or flagged without one, is
// that from every dialect which chat carries, where it reaches the vendor.
func TestDo_Bridged(t *testing.T) {
	every := []abi.Endpoint{abi.Chat, abi.Completions, abi.Messages, abi.Responses}
	prompts := every[:2]
	for _, c := range []struct {
		member    string
		endpoints []abi.Endpoint
		param     string
		searches  int64
	}{
		{`"web_search_options":{}`, every, "web_search_options", 1},
		{`"web_search_options":{"search_context_size":"high"}`, every, "web_search_options", 1},
		{`"performance_config":{"latency":"optimized"}`, every, "performance_config", 0},
		{`"extra_body":{"google":{"tools":[{"google_search":{}}]}}`, every, "extra_body.google.tools[0]", 1},
		{`"extra_body":{"google":{"tools":[{"url_context":{}},{"googleMaps":{}}]}}`, every, "extra_body.google.tools[1]", 0},
		{`"plugins":[{"id":"web"}]`, every, "plugins[0]", 1},
		{`"service_tier":"priority"`, every, "service_tier", 0},
		{`"speed":"fast"`, prompts, "speed", 0},
		{`"tools":[{"type":"web_search_preview"}]`, prompts, "tools[0]", 1},
		{`"tools":[{"type":"browser_search"}]`, prompts, "tools[0]", 0},
	} {
		name, _, _ := strings.Cut(c.param, ".")
		name, _, _ = strings.Cut(name, "[")
		for _, endpoint := range c.endpoints {
			for _, way := range []struct {
				budget   string
				drop     []string
				status   int
				unpriced bool
			}{{"1.00", nil, 403, false}, {"", nil, 200, true}, {"1.00", []string{name}, 200, false}} {
				r := newRig(t, core.Deployment{DropParams: way.drop}, nil)
				r.answer(whole(200, wholeAnswer))
				got, entries := r.ask(r.key(way.budget, core.Limits{}), endpoint, `{"model":"m",`+asking[endpoint]+","+c.member+"}")
				switch {
				case got.status != way.status:
					t.Errorf("%s %s, %+v: %d %s", endpoint, c.member, way, got.status, got.body.String())
				case way.status != 200:
					if r.hits.Load() != 0 || len(entries) != 0 || endpoint != abi.Messages && !strings.Contains(got.body.String(), `"param":"`+c.param+`"`) {
						t.Errorf("%s %s: %s", endpoint, c.member, got.body.String())
					}
				case entries[0].Unpriced != way.unpriced || way.unpriced && entries[0].Usage.Searches != c.searches:
					t.Errorf("%s %s, %+v: %+v", endpoint, c.member, way, entries[0])
				case strings.Contains(<-r.bodies, name) == (way.drop != nil):
					t.Errorf("%s %s, %+v: the vendor was told otherwise", endpoint, c.member, way)
				}
			}
		}
	}
}

// TestDo_Bridged_Held: a search that a bridge passes on is held for and billed as chat's.
func TestDo_Bridged_Held(t *testing.T) {
	for endpoint, ask := range asking {
		for budget, status := range map[string]int{"0.03": 200, "0.009": 402} {
			r := newRig(t, core.Deployment{}, nil)
			r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1", "search", "10000"), nil, func(_ *abi.PlanRequest, p *abi.PlanReply) {
				p.Request.ToolCap = "web_search_options.max_uses"
			})
			r.answer(whole(200, wholeAnswer))
			got, entries := r.ask(r.key(budget, core.Limits{}), endpoint, `{"model":"m",`+ask+`,"web_search_options":{}}`)
			if got.status != status || status == 200 && (entries[0].Usage.Searches != 1 || entries[0].Unpriced || !strings.Contains(<-r.bodies, `"max_uses":10`)) {
				t.Errorf("%s with %s: %d %s %+v", endpoint, budget, got.status, got.body.String(), entries)
			}
		}
	}
}

// TestDo_Bridged_Service: a service that a bridge passes on has its own price.
func TestDo_Bridged_Service(t *testing.T) {
	usual, priority := rates(t, "input", "1", "output", "3"), rates(t, "input", "10", "output", "30")
	usual.Services = map[string]*core.Price{"optimized": priority}
	for endpoint, ask := range asking {
		for budget, status := range map[string]int{"1.00": 200, "0.001": 402} { // 100 tokens at 30 dollars a million
			r := newRig(t, core.Deployment{}, nil)
			r.deploy(core.Deployment{}, usual, nil, nil)
			r.answer(whole(200, wholeAnswer))
			got, entries := r.ask(r.key(budget, core.Limits{}), endpoint, `{"model":"m",`+ask+`,"performance_config":{"latency":"optimized"}}`)
			if got.status != status {
				t.Errorf("%s with %s: %d %s", endpoint, budget, got.status, got.body.String())
			} else if status == 200 {
				if want, _ := priority.Amount(entries[0].Usage); entries[0].Amount != want || entries[0].Unpriced {
					t.Errorf("%s: %+v, want %s", endpoint, entries[0], want)
				}
			}
		}
	}
}

// TestDo_Bridged_Told: a client hears of what would have changed its answer and is left out.
func TestDo_Bridged_Told(t *testing.T) {
	for _, c := range []struct {
		members string
		keep    []string // extensions that the vendor takes
		want    string
	}{
		{`"top_k":5`, nil, "dropped top_k"},
		{`"top_k":5`, []string{"top_k"}, ""},
		{`"top_k":null`, nil, ""},
		{`"thinking":{"type":"disabled"}`, nil, "dropped thinking"},
		{`"thinking":{"type":"enabled","budget_tokens":4096}`, nil, ""}, // an effort says it
		{`"thinking":{"type":"disabled"},"speed":"fast"`, []string{"thinking"}, "dropped speed"},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1"), nil, func(_ *abi.PlanRequest, p *abi.PlanReply) { p.Request.Extensions = c.keep })
		r.answer(whole(200, wholeAnswer))
		got, _ := r.ask(r.key("", core.Limits{}), abi.Messages, `{"model":"m",`+asking[abi.Messages]+","+c.members+"}")
		if told := strings.Join(got.head.Notices, ", "); got.status != 200 || told != c.want {
			t.Errorf("%s: %d, told %q, want %q", c.members, got.status, told, c.want)
		}
	}
}

// TestDo_Bridged_Citations: citations are asked for where the vendor makes them, and what
// is lost of them is told: who cannot make them, and what responses cannot say.
func TestDo_Bridged_Citations(t *testing.T) {
	const document = `"messages":[{"role":"user","content":[{"type":"document","citations":{"enabled":true},"source":{"type":"url","url":"https://a.test/a.pdf"}}]}],"max_tokens":9`
	for _, c := range []struct {
		endpoint abi.Endpoint
		ask      string
		keep     []string
		want     string
	}{
		{abi.Messages, document, nil, "messages[0].content[0].citations: only Claude cites documents"},
		{abi.Messages, document, []string{"citations"}, ""},
		{abi.Responses, asking[abi.Responses], []string{"citations"}, "left out citations: responses have none of documents"},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1"), nil, func(_ *abi.PlanRequest, p *abi.PlanReply) { p.Request.Extensions = c.keep })
		r.answer(whole(200, strings.Replace(wholeAnswer, `"content":"ok"`, `"content":"ok","citations":[{"type":"char_location","cited_text":"a"}]`, 1)))
		got, _ := r.ask(r.key("", core.Limits{}), c.endpoint, `{"model":"m",`+c.ask+"}")
		sent := <-r.bodies
		if told := strings.Join(got.head.Notices, ", "); got.status != 200 || told != c.want || strings.Contains(sent, "citations") != (c.endpoint == abi.Messages && c.keep != nil) {
			t.Errorf("%+v: %d, told %q, sent %s", c, got.status, told, sent)
		}
	}
}

// TestDo_Bridged_Search: a search that clients offer as a tool is asked for where the vendor
// has one, held for, billed and refused in the place where the client wrote it.
func TestDo_Bridged_Search(t *testing.T) {
	tools := map[abi.Endpoint]string{
		abi.Responses: `"tools":[{"type":"function","name":"f"},{"type":"web_search"}]`,
		abi.Messages:  `"tools":[{"name":"f","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}]`,
	}
	for _, c := range []struct {
		budget string
		rate   string // of a search; "" for none
		drop   []string
		status int
		want   string // that the vendor is told
	}{
		{"0.03", "10000", nil, 200, `"web_search_options":{"max_uses":10}`},
		{"", "10000", nil, 200, `"web_search_options":{}`},
		{"0.009", "10000", nil, 402, ""},
		{"1.00", "", nil, 403, ""},
		{"1.00", "", []string{"web_search", "web_search_20250305"}, 200, ""},
		{"1.00", "", []string{"web_search_options", "web_search_20250305"}, 200, ""},
	} {
		for endpoint, offer := range tools {
			r := newRig(t, core.Deployment{}, nil)
			price := rates(t, "input", "1", "output", "1")
			if c.rate != "" {
				price = rates(t, "input", "1", "output", "1", "search", c.rate)
			}
			r.deploy(core.Deployment{DropParams: c.drop}, price, nil, func(_ *abi.PlanRequest, p *abi.PlanReply) {
				p.Request.WebSearch, p.Request.ToolCap = abi.SearchesBeside, "web_search_options.max_uses"
			})
			r.answer(whole(200, wholeAnswer))
			got, entries := r.ask(r.key(c.budget, core.Limits{}), endpoint, `{"model":"m",`+asking[endpoint]+","+offer+"}")
			switch text := got.body.String(); {
			case got.status != c.status || c.status == 403 && !strings.Contains(text, "tools[1] is a tool"):
				t.Errorf("%s, %+v: %d %s", endpoint, c, got.status, text)
			case c.status == 200:
				sent, searches := <-r.bodies, int64(1)
				if c.want == "" {
					searches = 0
				}
				if !strings.Contains(sent, c.want) || strings.Contains(sent, "web_search") != (c.want != "") || entries[0].Usage.Searches != searches || entries[0].Unpriced {
					t.Errorf("%s, %+v: the vendor got %s, %+v", endpoint, c, sent, entries[0])
				}
			}
		}
	}
}
