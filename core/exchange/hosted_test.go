package exchange_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// withOutput is the vendor's response with other items before its message.
func withOutput(items string) string {
	return strings.Replace(responded, `"output":[`, `"output":[`+items+`,`, 1)
}

const (
	searched = `{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}}`
	opened   = `{"type":"web_search_call","id":"ws_2","status":"completed","action":{"type":"open_page","url":"https://a.test"}}`
	painted  = `{"type":"image_generation_call","id":"ig_1","result":"QQ=="}`
	ran      = `{"type":"code_interpreter_call","id":"ci_1"}`
)

// TestDo_HostedTools: what a vendor bills for its own tools is counted, or flagged
// where it cannot be, and refused where a budget applies and it has no price.
func TestDo_HostedTools(t *testing.T) {
	search := `"tools":[{"type":"function","name":"f"},{"type":"web_search"}]`
	for _, c := range []struct {
		name, tools, items string
		rate               string // of a search; "" for none
		budget             string
		status             int
		searches, images   int64
		amount             core.Nano
		unpriced           bool
	}{
		{"a search", search, searched, "10000", "1.00", 200, 1, 0, 10_111_000, false},
		{"two, and a page", search, searched + "," + opened + "," + searched, "10000", "1.00", 200, 2, 0, 20_111_000, false},
		{"offered, not used", search, `{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":"{}"}`, "10000", "1.00", 200, 0, 0, 111_000, false},
		{"no rate", search, searched, "", "", 200, 1, 0, 111_000, true},
		{"no rate, not used", search, `{"type":"reasoning","id":"r","summary":[]}`, "", "", 200, 0, 0, 111_000, false},
		{"no rate, budget", search, "", "", "1.00", 403, 0, 0, 0, false},
		{"more than the budget", search, "", "10000", "0.05", 402, 0, 0, 0, false},
		{"picture", `"tools":[{"type":"image_generation"},{"type":"function","name":"f"}]`, painted, "", "", 200, 0, 1, 111_000, true},
		{"picture, budget", `"tools":[{"type":"function","name":"f"},{"type":"image_generation"}]`, "", "", "1.00", 403, 0, 0, 0, false},
		{"no part", `"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]`, ran, "", "", 200, 0, 0, 111_000, true},
		{"OpenRouter's", `"tools":[{"type":"openrouter:web_search"},{"type":"openrouter:datetime"}]`, `{"type":"openrouter:web_search","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}},{"type":"openrouter:datetime","id":"d_1"}`, "10000", "1.00", 200, 1, 0, 10_111_000, false},
		{"another of OpenRouter's", `"tools":[{"type":"openrouter:web_fetch"}]`, `{"type":"openrouter:web_fetch","id":"f_1"}`, "10000", "", 200, 0, 0, 111_000, true},
		{"the client's own", `"tools":[{"type":"custom","name":"a"},{"type":"shell","environment":{"type":"local"}}]`, `{"type":"custom_tool_call","id":"x","call_id":"c","name":"a","input":""}`, "", "1.00", 200, 0, 0, 111_000, false},
		{"a shell of the vendor's", `"tools":[{"type":"custom","name":"a"},{"type":"shell","environment":{"type":"container_auto"}}]`, "", "", "1.00", 403, 0, 0, 0, false},
	} {
		for _, stream := range []bool{false, true} {
			r := newRig(t, core.Deployment{}, nil)
			r.native(nil)
			if c.rate != "" {
				rate, err := core.ParseRate(c.rate)
				if err != nil {
					t.Fatal(err)
				}
				r.snapshot.Routes["m"].Targets[0].Price.Rates.Search = &rate
			}
			vendor, ask := withOutput(c.items), `{"model":"m","input":"a","max_output_tokens":100,`+c.tools
			if r.answer(whole(200, vendor)); stream {
				var done string
				for _, item := range strings.SplitAfter(c.items, "},{") { // as far as they are whole
					if strings.HasSuffix(item, "}") && strings.HasPrefix(item, "{") {
						done += respondedEvent("response.output_item.done", `"output_index":0,"item":`+item)
					}
				}
				r.answer(r.raw(streamHead, responseBegins, done, responseDelta, respondedEvent("response.completed", `"response":`+vendor)))
				ask += `,"stream":true`
			}
			got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Responses, ask+"}")
			if got.status != c.status {
				t.Errorf("%s, stream %v: %d %s", c.name, stream, got.status, got.body.String())
				continue
			}
			if c.status == 403 && !strings.Contains(got.body.String(), `"param":"tools[1]"`) {
				t.Errorf("%s: %s", c.name, got.body.String())
			}
			if c.status != 200 {
				if r.hits.Load() != 0 {
					t.Errorf("%s: the vendor was called", c.name)
				}
				continue
			}
			if e := entries[0]; e.Usage.Searches != c.searches || e.Usage.Images != c.images || e.Amount != c.amount || e.Unpriced != c.unpriced {
				t.Errorf("%s, stream %v: %+v", c.name, stream, e)
			}
		}
	}
}

// TestDo_HostedTools_Broken: what was searched is paid for though the answer broke off.
func TestDo_HostedTools_Broken(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.native(nil)
	r.answer(r.raw(streamHead, responseBegins, respondedEvent("response.output_item.done", `"output_index":0,"item":`+searched), responseDelta))
	_, entries := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":"a","stream":true,"tools":[{"type":"web_search"}]}`)
	if len(entries) != 1 || entries[0].Outcome != core.OutcomeFailed || entries[0].Usage.Searches != 1 || !entries[0].Unpriced {
		t.Errorf("%+v", entries)
	}
}

// TestDo_HostedTools_Open: an exchange whose gateway dies becomes an entry at what was
// held for it, which says of what uses that is made.
func TestDo_HostedTools_Open(t *testing.T) {
	for _, c := range []struct {
		tools, rate string
		searches    int64
		unpriced    bool
	}{
		{`[{"type":"web_search"}]`, "10000", 10, false},
		{`[{"type":"web_search","max_uses":3}]`, "10000", 10, false},         // OpenAI's has no such member
		{`[{"type":"web_search_20250305","max_uses":3}]`, "10000", 3, false}, // Anthropic's has
		{`[{"type":"web_search_2025_08_26","max_uses":3}]`, "10000", 10, false},
		{`[{"type":"web_search"}]`, "", 10, true},
		{`[{"type":"code_interpreter","container":{"type":"auto"}}]`, "10000", 0, true},
		{`[{"type":"function","name":"f"}]`, "", 0, false},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.native(nil)
		if c.rate != "" {
			rate, err := core.ParseRate(c.rate)
			if err != nil {
				t.Fatal(err)
			}
			r.snapshot.Routes["m"].Targets[0].Price.Rates.Search = &rate
		}
		var open []*core.OpenExchange
		r.answer(func(w http.ResponseWriter, req *http.Request) {
			var err error
			if open, err = r.store.ListOpen(req.Context(), ""); err != nil {
				t.Error(err)
			}
			whole(200, responded)(w, req)
		})
		r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":"a","tools":`+c.tools+`}`)
		if len(open) != 1 || open[0].Usage.Searches != c.searches || open[0].Unpriced != c.unpriced {
			t.Errorf("%s at %q: %+v", c.tools, c.rate, open)
		}
	}
}

// TestDo_HostedTools_Chat: a chat that may search has done so once for each choice,
// unless its vendor tells.
func TestDo_HostedTools_Chat(t *testing.T) {
	for _, c := range []struct {
		member, budget string
		drop           []string
		status         int
		searches       int64
		unpriced       bool
	}{
		{`"web_search_options":{}`, "", nil, 200, 1, true},
		{`"web_search_options":{},"n":2`, "", nil, 200, 2, true},
		{`"web_search_options":{}`, "1.00", nil, 403, 0, false},
		{`"web_search_options":{}`, "1.00", []string{"web_search_options"}, 200, 0, false},
		{`"web_search_options":null`, "1.00", nil, 200, 0, false},
		{`"tools":[{"type":"browser_search"}]`, "", nil, 200, 0, true},
		{`"tools":[{"type":"browser_search"}]`, "1.00", nil, 403, 0, false},
		{`"tools":[{"type":"function","function":{"name":"f"}}]`, "1.00", nil, 200, 0, false},
		{`"extra_body":{"google":{"tools":[{"codeExecution":{}},{"url_context":{}}]}}`, "1.00", nil, 200, 0, false},
		{`"extra_body":{"google":{"tools":[{"code_execution":{}}]}}`, "1.00", nil, 200, 0, false},
		{`"extra_body":{"google":{"tools":[{"google_search":{}}]}}`, "", nil, 200, 1, true},
		{`"extra_body":{"google":{"tools":[{"code_execution":{}},{"googleSearch":{}}]}}`, "1.00", nil, 403, 0, false},
		{`"extra_body":{"google":{"tools":[{"googleMaps":{}}]}}`, "1.00", nil, 403, 0, false},
		{`"extra_body":{"google":{"tools":[{"googleMaps":{}}]}}`, "1.00", []string{"extra_body"}, 200, 0, false},
		{`"tools":[{"type":"code_execution_20250825","name":"code_execution"}]`, "1.00", nil, 403, 0, false},
	} {
		r := newRig(t, core.Deployment{DropParams: c.drop}, nil)
		r.answer(whole(200, wholeAnswer))
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],`+c.member+`}`)
		if got.status != c.status || c.status == 200 && (entries[0].Usage.Searches != c.searches || entries[0].Unpriced != c.unpriced) {
			t.Errorf("%s: %d %s %+v", c.member, got.status, got.body.String(), entries)
		}
	}
}

// reader is a provider whose plugin reads chats, and says of each what it searched.
type reader struct {
	passthrough
	searches *int64
}

func (p reader) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	plan, err := p.passthrough.Plan(ctx, r)
	plan.Supported = r.Endpoint == abi.Chat
	plan.Request.Mode, plan.Response.Mode, plan.Stream.Mode = abi.Transform, abi.Transform, abi.Transform
	return plan, err
}

func (reader) Encode(_ context.Context, r *abi.EncodeRequest, _ *[]byte) (*abi.EncodeReply, error) {
	return &abi.EncodeReply{Body: r.Body}, nil
}

func (p reader) Decode(_ context.Context, r *abi.DecodeRequest, _ *[]byte) (*abi.DecodeReply, error) {
	return &abi.DecodeReply{Body: r.Body, Usage: &abi.Usage{Searches: p.searches}}, nil
}

func (p reader) DecodeEvents(_ context.Context, r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	reply := &abi.DecodeEventsReply{Done: r.End, Usage: &abi.Usage{Searches: p.searches}}
	for _, e := range r.Events {
		if e.Data[0] == '{' {
			reply.Chunks = append(reply.Chunks, e.Data)
		}
	}
	return reply, nil
}

// TestDo_HostedTools_Read: what a plugin reads of an answer is what was searched, and
// nothing where it reads none. An answer that broke off may have searched.
func TestDo_HostedTools_Read(t *testing.T) {
	two := int64(2)
	for _, c := range []struct {
		name     string
		reported *int64
		stream   bool
		broken   bool
		budget   string
		status   int
		searches int64
	}{
		{"none", nil, false, false, "1.00", 200, 0},
		{"two", &two, false, false, "1.00", 200, 2},
		{"none, streamed", nil, true, false, "1.00", 200, 0},
		{"two, streamed", &two, true, false, "1.00", 200, 2},
		{"broken off", nil, true, true, "1.00", 200, 1},
		{"broken off after two", &two, true, true, "1.00", 200, 2},
		{"ten are held", nil, false, false, "0.09", 402, 0},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.through(reader{passthrough{base: r.url}, c.reported}, rates(t, "input", "1", "output", "1", "search", "10000"))
		ask := `{"model":"m","messages":[{"role":"user","content":"hi"}],"web_search_options":{},"max_tokens":9`
		switch {
		case c.broken:
			r.answer(r.raw(streamHead, delta("a"), "WAIT", "RST"))
		case c.stream:
			r.answer(r.raw(streamHead, delta("a"), finish))
		default:
			r.answer(whole(200, wholeAnswer))
		}
		if c.stream {
			ask += `,"stream":true`
		}
		got, entries := r.ask(r.key(c.budget, core.Limits{}), abi.Chat, ask+"}")
		if got.status != c.status || c.status == 200 && (len(entries) != 1 || entries[0].Usage.Searches != c.searches) {
			t.Errorf("%s: %d %s %+v", c.name, got.status, got.body.String(), entries)
		}
	}
}

// TestDo_Read: of what a plugin makes holds what holds of a body that passes: the words for
// how long to think, and the price of the service that the answer says.
func TestDo_Read(t *testing.T) {
	zero := int64(0)
	for _, stream := range []bool{false, true} {
		usual, priority := rates(t, "input", "1", "output", "3"), rates(t, "input", "10", "output", "30")
		priority.ID = usual.ID + "/priority"
		usual.Services = map[string]*core.Price{"priority": priority}
		r := newRig(t, core.Deployment{}, nil)
		r.through(reader{passthrough{base: r.url, shape: func(_ *abi.PlanRequest, p *abi.PlanReply) { p.Request.Efforts = []string{"high"} }}, &zero}, usual)
		ask := `{"model":"m","max_tokens":9,"reasoning_effort":"low","messages":[{"role":"user","content":"hi"}]`
		tier := func(doc string) string { return strings.Replace(doc, `{"`, `{"service_tier":"priority","`, 1) }
		if stream {
			ask += `,"stream":true`
			r.answer(r.raw(streamHead, delta("a"), tier(finish)))
		} else {
			r.answer(whole(200, tier(wholeAnswer)))
		}
		got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, ask+"}")
		if sent := <-r.bodies; !strings.Contains(sent, `"reasoning_effort":"high"`) || len(got.head.Notices) != 1 {
			t.Errorf("stream %v: the vendor got %s, the client %v", stream, sent, got.head.Notices)
		}
		if len(entries) != 1 || entries[0].PriceID != priority.ID {
			t.Errorf("stream %v: %d %s, %+v", stream, got.status, got.body.String(), entries)
		}
	}
}
