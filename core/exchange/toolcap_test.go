package exchange_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// capped is a plan with a member that caps the uses of tools.
func capped(path string) func(r *abi.PlanRequest, p *abi.PlanReply) {
	return func(_ *abi.PlanRequest, p *abi.PlanReply) { p.Supported, p.Request.ToolCap = true, path }
}

// TestToolCap: under a budget a vendor may search no more often than is held for, where it
// can be told; what a client caps lower stays.
func TestToolCap(t *testing.T) {
	for _, c := range []struct {
		name     string
		endpoint abi.Endpoint
		path     string
		budget   string
		members  string
		want     string // that the vendor is told
	}{
		{"Anthropic's", abi.Messages, "", "1.00", `"tools":[{"name":"f","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}]`,
			`"tools":[{"name":"f","input_schema":{}},{"type":"web_search_20250305","name":"web_search","max_uses":10}]`},
		{"a bound that is none", abi.Messages, "", "1.00", `"tools":[{"type":"web_search_20250305","max_uses":0}]`, `"tools":[{"type":"web_search_20250305","max_uses":10}]`},
		{"the client's", abi.Messages, "", "1.00", `"tools":[{"type":"web_search_20250305","max_uses":3}]`, `"tools":[{"type":"web_search_20250305","max_uses":3}]`},
		{"no budget", abi.Messages, "", "", `"tools":[{"type":"web_search_20250305"}]`, `"tools":[{"type":"web_search_20250305"}]`},
		{"no tool", abi.Messages, "", "1.00", `"tools":[{"name":"f","input_schema":{}}]`, `"tools":[{"name":"f","input_schema":{}}]`},
		{"OpenAI's", abi.Responses, "max_tool_calls", "1.00", `"tools":[{"type":"web_search"}]`, `"max_tool_calls":10`},
		{"fewer", abi.Responses, "max_tool_calls", "1.00", `"tools":[{"type":"web_search"}],"max_tool_calls":4`, `"max_tool_calls":4`},
		{"who knows none", abi.Responses, "", "1.00", `"tools":[{"type":"web_search"}]`, `"tools":[{"type":"web_search"}]`},
		{"functions alone", abi.Responses, "max_tool_calls", "1.00", `"tools":[{"type":"function","name":"f"}]`, `"tools":[{"type":"function","name":"f"}]`},
		{"OpenRouter's", abi.Chat, "", "1.00", `"tools":[{"type":"openrouter:web_search"},{"type":"function"}]`, `"tools":[{"type":"openrouter:web_search","parameters":{"max_uses":10}},{"type":"function"}]`},
		{"too many of OpenRouter's", abi.Chat, "", "1.00", `"tools":[{"type":"openrouter:web_search","parameters":{"max_uses":99,"max_results":3}}]`, `"parameters":{"max_uses":10,"max_results":3}`},
		{"few of OpenRouter's", abi.Chat, "", "1.00", `"tools":[{"type":"openrouter:web_search","parameters":{"max_uses":2}}]`, `"parameters":{"max_uses":2}`},
		{"a plugin", abi.Chat, "", "1.00", `"plugins":[{"id":"response-healing"},{"id":"web"}]`, `"plugins":[{"id":"response-healing"},{"id":"web","max_uses":10}]`},
		{"a plugin, no budget", abi.Chat, "", "", `"plugins":[{"id":"web"}]`, `"plugins":[{"id":"web"}]`},
		{"a member", abi.Chat, "web_search_options.max_uses", "1.00", `"web_search_options":{"search_context_size":"low"}`, `"web_search_options":{"search_context_size":"low","max_uses":10}`},
		{"too many", abi.Chat, "web_search_options.max_uses", "1.00", `"web_search_options":{"max_uses":99}`, `"web_search_options":{"max_uses":10}`},
		{"few enough", abi.Chat, "web_search_options.max_uses", "1.00", `"web_search_options":{"max_uses":2}`, `"web_search_options":{"max_uses":2}`},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "1", "search", "10000"), nil, capped(c.path))
		r.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
		input := `"messages":[{"role":"user","content":"a"}],"max_tokens":9`
		if c.endpoint == abi.Responses {
			input = `"input":"a","max_output_tokens":9`
		}
		got, _ := r.ask(r.key(c.budget, core.Limits{}), c.endpoint, `{"model":"m",`+input+","+c.members+"}")
		sent := <-r.bodies
		if got.status != 200 && got.status < 500 || !strings.Contains(sent, c.want) || strings.Count(sent, "max_tool_calls") != strings.Count(c.want, "max_tool_calls") {
			t.Errorf("%s: %d %s, the vendor got %s", c.name, got.status, got.body.String(), sent)
		}
	}
}
