package exchange_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// agent is a plan of Perplexity's kind: https://docs.perplexity.ai/api-reference/agent-post
func agent(_ *abi.PlanRequest, p *abi.PlanReply) {
	p.Supported, p.Request.OutputCap, p.Request.Steps, p.Stream.Partless = true, "max_output_tokens", "max_steps", true
	p.Usage = abi.UsagePaths{Input: []string{"usage.input_tokens", "response.usage.input_tokens"}, Output: []string{"usage.output_tokens", "response.usage.output_tokens"},
		Searches: []string{"usage.tool_calls_details.search_web.invocation", "response.usage.tool_calls_details.search_web.invocation"}}
}

// found is an answer of the agent's whose items are of these kinds; usage may have more.
func found(usage string, kinds ...string) string {
	items := ""
	for _, kind := range kinds {
		items += fmt.Sprintf(`{"type":%q,"results":[]},`, kind)
	}
	return `{"id":"resp_1","object":"response","status":"completed","model":"v","output":[` + items +
		`{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi."}]}],"usage":{"input_tokens":0,"output_tokens":0` + usage + `}}`
}

// TestAgent_Held: what an agent reads anew after each step is held for, with what its tools
// find; what they are is refused under a budget where nothing bounds them.
func TestAgent_Held(t *testing.T) {
	for _, c := range []struct {
		name, members string
		enough, short string // budgets; "" for a refusal
		param         string
	}{
		{"no tools", `"max_steps":50`, "0.001", "0.000005", ""},
		{"functions", `"tools":[{"type":"function","name":"f"}],"max_steps":50`, "0.001", "0.000005", ""},
		{"a step", `"tools":[{"type":"web_search"}]`, "0.126", "0.124", ""},
		{"three steps", `"tools":[{"type":"web_search"}],"max_steps":3`, "0.326", "0.324", ""},
		{"less is found", `"tools":[{"type":"web_search","max_tokens":2000}]`, "0.046", "0.044", ""},
		{"fewer uses", `"tools":[{"type":"web_search"}],"max_tool_calls":2`, "0.026", "0.024", ""},
		{"more than there may be", `"tools":[{"type":"web_search","max_tokens":1}],"max_steps":9999`, "0.074", "0.073", ""},
		{"the fast one may be the other", `"tools":[{"type":"web_search","search_type":"fast"}]`, "0.126", "0.124", ""},
		{"a tool with a fee of its own", `"tools":[{"type":"fetch_url"}]`, "", "9", "tools[0]"},
		{"a configuration", `"effort":"low"`, "", "9", "effort"},
		{"by its older name", `"preset":"low"`, "", "9", "preset"},
		{"one's own", `"profile":{"type":"custom","id":"p"}`, "", "9", "profile"},
		{"skills", `"skills":[{"type":"builtin","name":"office"}]`, "", "9", "skills"},
		{"servers of tools", `"tools":[{"type":"mcp","server_label":"s","server_url":"https://s.example"}]`, "", "9", "tools[0]"},
		{"none", `"skills":[],"preset":null`, "0.001", "0.000005", ""},
	} {
		for budget, status := range map[string]int{c.enough: 200, c.short: 402} {
			if c.enough == "" {
				status = 403
			}
			if budget == "" {
				continue
			}
			r := newRig(t, core.Deployment{}, nil)
			price := rates(t, "input", "1", "output", "1", "search", "2500")
			price.Services = map[string]*core.Price{"fast_search": rates(t, "input", "1", "output", "1", "search", "1000")}
			r.deploy(core.Deployment{}, price, nil, agent)
			r.answer(whole(200, found("")))
			got, _ := r.ask(r.key(budget, core.Limits{}), abi.Responses, `{"model":"m","input":"hi","max_output_tokens":9,`+c.members+`}`)
			if got.status != status || c.param != "" && !strings.Contains(got.body.String(), `"param":"`+c.param+`"`) {
				t.Errorf("%s, of %s: %d %s", c.name, budget, got.status, got.body.String())
			}
		}
	}
}

// TestAgent_Elsewhere: what is an agent's member is none of others', and an endpoint that
// its provider does not have is refused as any is.
func TestAgent_Elsewhere(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	for status, shape := range map[int]func(*abi.PlanRequest, *abi.PlanReply){200: nil, 403: agent} {
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1"), nil, shape)
		r.answer(whole(200, wholeAnswer))
		got, _ := r.ask(r.key("1", core.Limits{}), abi.Chat, `{"model":"m","max_tokens":9,"effort":"low","tools":[{"type":"mcp"}],"messages":[{"role":"user","content":"hi"}]}`)
		if got.status != status {
			t.Errorf("%d %s, want %d", got.status, got.body.String(), status)
		}
	}
	r.deploy(core.Deployment{}, rates(t, "input", "1"), nil, func(asked *abi.PlanRequest, p *abi.PlanReply) {
		agent(asked, p)
		p.Supported = asked.Endpoint == abi.Responses
	})
	if got, _ := r.ask(r.key("1", core.Limits{}), abi.Rerank, `{"model":"m","query":"q","documents":["a"]}`); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body.String())
	}
}

// TestAgent_Paid: searches count as they are told, else as their results stand in the
// answer; other tools' fees flag the entry.
func TestAgent_Paid(t *testing.T) {
	const told = `,"tool_calls_details":{"search_web":{"invocation":2,"cost_usd":0.005}}`
	search, quick := `{"type":"web_search"}`, `{"type":"web_search","search_type":"fast"}`
	for _, c := range []struct {
		name, tools, answer string
		searches            int64
		amount              string
		unpriced            bool
	}{
		{"told", search, found(told, "search_results"), 2, "0.005", false},
		{"not told", search, found("", "search_results", "search_results"), 2, "0.005", false},
		{"fast ones", quick, found(told, "search_results"), 2, "0.002", false},
		{"of both kinds", quick + "," + search, found(told), 2, "0.005", false},
		{"none made", search, found(""), 0, "0.00", false},
		{"a page", `{"type":"fetch_url"}`, found("", "fetch_url_results"), 0, "0.00", true},
		{"a page that was not read", `{"type":"fetch_url"}`, found(""), 0, "0.00", false},
		{"people", `{"type":"people_search"},` + search, found(told, "people_search_results"), 2, "0.005", true},
	} {
		for _, stream := range []bool{false, true} {
			r := newRig(t, core.Deployment{}, nil)
			price := rates(t, "input", "1", "output", "1", "search", "2500")
			price.Services = map[string]*core.Price{"fast_search": rates(t, "input", "1", "output", "1", "search", "1000")}
			r.deploy(core.Deployment{}, price, nil, agent)
			r.answer(func(w http.ResponseWriter, _ *http.Request) {
				if stream {
					_, _ = io.WriteString(w, `data: {"type":"response.completed","sequence_number":1,"response":`+c.answer+"}\n\n")
					return
				}
				_, _ = io.WriteString(w, c.answer)
			})
			got, entries := r.ask(r.key("", core.Limits{}), abi.Responses, fmt.Sprintf(`{"model":"m","input":"hi","stream":%v,"tools":[%s]}`, stream, c.tools))
			if e := entries[0]; got.status != 200 || e.Usage.Searches != c.searches || e.Amount.String() != c.amount || e.Unpriced != c.unpriced {
				t.Errorf("%s, stream %v: %d %s %+v", c.name, stream, got.status, got.body.String(), e)
			}
		}
	}
}

// TestAgent_Parts: a text begins with the part that it is of, once, unless the vendor says so.
func TestAgent_Parts(t *testing.T) {
	delta := func(output int, text string) string {
		return fmt.Sprintf(`data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":%d,"content_index":0,"delta":%q,"sequence_number":1}`, output, text)
	}
	const begun = `data: {"type":"response.content_part.added","item_id":"msg_1","output_index":%d,"content_index":0,"sequence_number":1,"part":{"type":"output_text","text":"","annotations":[]}}`
	end := "data: {\"type\":\"response.completed\",\"response\":" + found("") + "}\n\n"
	for _, c := range []struct{ name, said, want string }{
		{"not begun", delta(0, "a") + "\n\n" + delta(0, "b") + "\n\n" + delta(2, "c"), fmt.Sprintf(begun, 0) + "\n\n" + delta(0, "a") + "\n\n" + delta(0, "b") + "\n\n" + fmt.Sprintf(begun, 2) + "\n\n" + delta(2, "c")},
		{"begun", fmt.Sprintf(begun, 1) + "\n\n" + delta(1, "a"), fmt.Sprintf(begun, 1) + "\n\n" + delta(1, "a")},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1"), nil, agent)
		r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.said+"\n\n"+end) })
		got, _ := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":"hi","stream":true}`)
		if body := got.body.String(); !strings.HasPrefix(body, c.want+"\n\ndata: {\"type\":\"response.completed\"") {
			t.Errorf("%s: %s", c.name, body)
		}
	}
}

// TestAgent_Failed: a run that failed is no answer, whatever its status says, and costs what
// it says.
func TestAgent_Failed(t *testing.T) {
	const failed = `{"id":"resp_1","object":"response","status":"failed","model":"v","output":[],"error":{"message":"the tool broke","type":"internal_error","code":"500"}`
	for _, c := range []struct{ name, answer, amount string }{
		{"whole", failed + `}`, "0.00"},
		{"that cost something", failed + `,"usage":{"input_tokens":1000000,"output_tokens":0}}`, "1.00"},
		{"in a stream", "data: " + `{"type":"response.failed","sequence_number":1,"error":{"message":"the tool broke","type":"internal_error"}}` + "\n\n", "0.00"},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1"), nil, agent)
		r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.answer) })
		got, entries := r.ask(r.key("", core.Limits{}), abi.Responses, fmt.Sprintf(`{"model":"m","input":"hi","stream":%v}`, strings.HasPrefix(c.answer, "data")))
		if e := entries[0]; e.Outcome != core.OutcomeFailed || e.Amount.String() != c.amount || !strings.Contains(got.body.String(), "the tool broke") || got.status != 502 {
			t.Errorf("%s: %d %s %+v", c.name, got.status, got.body.String(), e)
		}
	}
}
