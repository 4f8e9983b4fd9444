package exchange_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// responding is a provider that speaks the Responses API itself.
type responding struct{ passthrough }

func (p responding) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	if r.Endpoint != abi.Responses {
		return p.passthrough.Plan(ctx, r)
	}
	at := func(path string) []string { return []string{"usage." + path, "response.usage." + path} }
	return &abi.PlanReply{Supported: true, URL: p.base + "/responses", Auth: abi.Auth{Scheme: abi.AuthBearer},
		Request:  abi.RequestPlan{Mode: abi.Passthrough, OutputCap: "max_output_tokens"},
		Response: abi.ResponsePlan{Mode: abi.Passthrough}, Stream: abi.StreamPlan{Mode: abi.Passthrough},
		Usage: abi.UsagePaths{Input: at("input_tokens"), Output: at("output_tokens"), CacheRead: at("input_tokens_details.cached_tokens"),
			InputIncludes: []string{"cache_read"}, Model: []string{"model", "response.model"}}}, nil
}

// native makes the rig's vendor one that speaks the Responses API.
func (r *rig) native(guards *guard.Chain) {
	r.t.Helper()
	price, err := priceOf("1.00", "10.00")
	if err != nil {
		r.t.Fatal(err)
	}
	target, err := exchange.NewTarget(context.Background(), exchange.Target{Price: price, State: new(routing.States).Of("dep"), AllowPrivate: true,
		Deployment: &core.Deployment{Name: "dep", Provider: "provider.test", Model: "vendor-model", AllowPrivate: true},
		Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "vendor-MARK2"}}}, responding{passthrough{base: r.url}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.before = r.snapshot
	r.snapshot = &exchange.Snapshot{Routes: map[string]*exchange.Route{"m": exchange.NewRoute(core.Model{Name: "m"}, []*exchange.Target{target}, nil, guards)}}
	r.exchanger.Swap(r.snapshot)
}

// restore takes native back.
func (r *rig) restore() { r.exchanger.Swap(r.before) }

// masks replaces a word by *** and holds back enough of a stream to see it whole.
type masks string

func (m masks) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply := &abi.InspectReply{Verdict: abi.Allow, Hold: len(m) - 1}
	for _, s := range r.Segments {
		if strings.Contains(s.Text, string(m)) {
			reply.Verdict = abi.Rewrite
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: s.ID, Text: strings.ReplaceAll(s.Text, string(m), "***")})
		}
	}
	return reply, nil
}

// stops blocks a word, and holds back as much.
type stops string

func (d stops) Inspect(ctx context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply, err := denies(d).Inspect(ctx, r)
	reply.Hold = len(d) - 1
	return reply, err
}

func chainOf(p guard.Plugin) *guard.Chain {
	return guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"output", "stream"}}, Guardrail: p}}, nil, slog.New(slog.DiscardHandler))
}

const askResponse = `{"model":"m","input":"hi"}`
const streamResponse = `{"model":"m","stream":true,"input":"hi"}`

// responded is a vendor's response; its id must reach nobody.
const responded = `{"id":"resp_vendor","object":"response","created_at":1,"status":"completed","error":null,"model":"vendor-model-1","previous_response_id":null,"store":false,"output":[{"id":"msg_vendor","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}],"usage":{"input_tokens":31,"output_tokens":8,"total_tokens":39,"input_tokens_details":{"cached_tokens":20}}}`

// respondedEvent is one event of the vendor's, as it comes.
func respondedEvent(kind, rest string) string {
	return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"," + rest + "}\n\n"
}

var (
	responseBegins = respondedEvent("response.created", `"sequence_number":0,"response":{"id":"resp_vendor","object":"response","error":null,"output":[]}`)
	responseItem   = respondedEvent("response.output_item.added", `"sequence_number":1,"output_index":0,"item":{"id":"msg_vendor","type":"message","role":"assistant","content":[]}`)
	responseDelta  = respondedEvent("response.output_text.delta", `"sequence_number":2,"output_index":0,"content_index":0,"item_id":"msg_vendor","delta":"ok"`)
	responseEnds   = respondedEvent("response.completed", `"sequence_number":3,"response":`+responded)
)

// TestDo_Responses: one entry, whole or streamed, over a bridge or not (C53).
func TestDo_Responses(t *testing.T) {
	chatStream := []string{streamHead, delta("o"), "WAIT", delta("k"), finish, usage, done}
	for _, c := range []struct {
		name, body string
		native     bool
		vendor     []string // of a stream
		cached     int64
	}{
		{"bridged", askResponse, false, nil, 20},
		{"bridged stream", streamResponse, false, chatStream, 0},
		{"native", askResponse, true, nil, 20},
		{"native stream", streamResponse, true, []string{streamHead, responseBegins, responseItem, responseDelta, "WAIT", responseEnds}, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			if c.native {
				r.native(nil)
			}
			switch {
			case c.vendor != nil:
				r.answer(r.raw(c.vendor...))
			case c.native:
				r.answer(whole(200, responded))
			default:
				r.answer(whole(200, wholeAnswer))
			}
			got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Responses, c.body)
			text := got.body.String()
			if got.status != 200 || strings.Contains(text, "resp_vendor") || !strings.Contains(text, `"id":"resp_`) || strings.Contains(text, "[DONE]") {
				t.Errorf("%d %s", got.status, text)
			}
			if c.vendor != nil && (strings.Count(text, "event: response.completed\n") != 1 || !strings.HasSuffix(text, "}\n\n")) {
				t.Errorf("not ended once: %s", text)
			}
			sent := <-r.bodies
			member := "max_tokens"
			if c.native {
				member = "max_output_tokens"
			}
			if n, _ := scan.GetInt([]byte(sent), member); n != 16384 || scan.GetString([]byte(sent), "model") != "vendor-model" {
				t.Errorf("the vendor got %s", sent)
			}
			if len(entries) != 1 {
				t.Fatalf("%d entries", len(entries))
			}
			e := entries[0]
			if e.Outcome != core.OutcomeOK || e.Endpoint != string(abi.Responses) || e.Usage.Input != 31-c.cached || e.Usage.CacheRead != c.cached || e.Usage.Output != 8 ||
				e.Amount != 111_000 || e.Usage.InputSource != core.UsageReported || r.hits.Load() != 1 {
				t.Errorf("entry %+v, %d calls", e, r.hits.Load())
			}
		})
	}
}

// TestDo_Responses_Sent: ids of a shared account and thoughts that nobody can read
// are not sent on.
func TestDo_Responses_Sent(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.native(nil)
	r.answer(whole(200, responded))
	ask := func(input, want string) {
		t.Helper()
		c, _ := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":`+input+`,"store":true,"unknown":1.50}`)
		if c.status != 200 {
			t.Fatalf("%d %s", c.status, c.body.String())
		}
		if sent := <-r.bodies; string(scan.Get([]byte(sent), "input")) != want || !strings.Contains(sent, `"unknown":1.50`) {
			t.Errorf("the vendor got %s, want %s", sent, want)
		}
	}
	ask(`[{"role":"user","content":"a"}]`, `[{"role":"user","content":"a"}]`)
	ask(`[{"type":"message","id":"msg_1","role":"assistant","content":[]},{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"}]`,
		`[{"type":"message","role":"assistant","content":[]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]`)
	ask(`[{"type":"reasoning","id":"rs_1","summary":[]},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"x"},{"type":"reasoning","id":"rs_3","summary":[],"encrypted_content":"tk1.e30"},{"type":"web_search_call","id":"ws_1"}]`,
		`[{"type":"reasoning","summary":[],"encrypted_content":"x"},{"type":"web_search_call","id":"ws_1"}]`)
}

// TestDo_Responses_Refused: what belongs to others, or can be held to no budget,
// reaches no vendor.
func TestDo_Responses_Refused(t *testing.T) {
	for _, native := range []bool{false, true} {
		r := newRig(t, core.Deployment{}, nil)
		if native {
			r.native(nil)
		}
		for _, c := range []struct {
			member string
			status int
			param  string
		}{
			{`"input":"a","previous_response_id":"resp_vendor"`, 404, "previous_response_id"},
			{`"input":[{"type":"item_reference","id":"msg_vendor"}]`, 404, "input[0].id"},
			{`"input":[{"type":"image_generation_call","id":"ig_1"}]`, 404, "input[0].id"},
			{`"input":"a","conversation":"conv_1"`, 400, "conversation"},
			{`"input":"a","prompt":{"id":"pmpt_1"}`, 400, "prompt"},
			{`"input":"a","background":true`, 400, "background"},
			{`"input":"a","tools":[{"type":"image_generation","model":"other"}]`, 400, "tools[0].model"},
			{`"input":"a","max_output_tokens":0`, 400, "max_output_tokens"},
			{`"input":"a","max_output_tokens":5,"Max_output_tokens":9`, 400, "Max_output_tokens"},
			{`"instructions":"a"`, 400, "input"},
		} {
			if !native && strings.Contains(c.member, "image_generation_call") { // over chat such an item goes nowhere
				continue
			}
			got, entries := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m",`+c.member+`}`)
			text := got.body.String()
			if (got.status != c.status || !strings.Contains(text, fmt.Sprintf(`"param":%q`, c.param))) || r.hits.Load() != 0 {
				t.Errorf("native %v, %s: %d %s after %d calls, %d entries", native, c.member, got.status, text, r.hits.Load(), len(entries))
			}
		}
	}
}

// TestDo_Responses_Broken: a stream that fails ends with OpenAI's two events, whose
// numbers go on from those before; before the answer has begun another try is made.
func TestDo_Responses_Broken(t *testing.T) {
	failed := respondedEvent("response.failed", `"sequence_number":1,"response":{"id":"resp_vendor","object":"response","status":"failed","error":{"code":"server_error","message":"resp_vendor is gone"}}`)
	for _, c := range []struct {
		name   string
		native bool
		vendor []string
		begun  int
		status int
	}{
		{"native cut", true, []string{streamHead, responseBegins, responseItem, responseDelta, "WAIT", "RST"}, 3, 200},
		{"native failed", true, []string{streamHead, responseBegins, responseItem, responseDelta, "WAIT", failed}, 3, 200},
		{"native failed at once", true, []string{streamHead, responseBegins, failed}, 0, 502},
		{"native error at once", true, []string{streamHead, respondedEvent("error", `"code":"rate_limit_exceeded","message":"slow","param":null,"sequence_number":0`)}, 0, 502},
		{"bridged cut", false, []string{streamHead, delta("o"), "WAIT", "RST"}, 5, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			if c.native {
				r.native(nil)
			}
			r.answer(r.raw(c.vendor...))
			got, entries := r.ask(r.key("", core.Limits{}), abi.Responses, streamResponse)
			text := got.body.String()
			if got.status != c.status || len(entries) != 1 || entries[0].Outcome != core.OutcomeFailed || strings.Contains(text, "response.completed") {
				t.Errorf("%d %s %+v", got.status, text, entries)
			}
			if c.status != 200 {
				if strings.Contains(text, "event: ") {
					t.Errorf("the stream has begun: %s", text)
				}
				return
			}
			want := fmt.Sprintf("event: error\ndata: {\"type\":\"error\",\"sequence_number\":%d,", c.begun)
			after := fmt.Sprintf("event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":%d,", c.begun+1)
			if !strings.Contains(text, want) || !strings.Contains(text, after) || !strings.Contains(text, `"status":"failed"`) {
				t.Errorf("want %s and %s in\n%s", want, after, text)
			}
		})
	}
}

// TestDo_Responses_Guarded: a stream guardrail's rewriting holds in every event,
// native or bridged, and a block ends the stream before what it blocks.
func TestDo_Responses_Guarded(t *testing.T) {
	native := []string{streamHead, responseBegins, responseItem, strings.Replace(responseDelta, `"ok"`, `"zanz"`, 1), "WAIT", strings.Replace(responseDelta, `"ok"`, `"ibar"`, 1),
		strings.Replace(responseEnds, `"text":"ok"`, `"text":"zanzibar"`, 1)}
	bridged := []string{streamHead, delta("zanz"), "WAIT", delta("ibar"), finish, usage, done}
	for _, c := range []struct {
		name   string
		plugin guard.Plugin
		vendor []string
		native bool
		masked int
	}{
		{"native", masks("zanzibar"), native, true, 2},
		{"bridged", masks("zanzibar"), bridged, false, 5},
		{"native block", stops("zanzibar"), native, true, 0},
		{"bridged block", stops("zanzibar"), bridged, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := chainOf(c.plugin)
			r := newRig(t, core.Deployment{}, chain)
			if c.native {
				r.native(chain)
			}
			r.answer(r.raw(c.vendor...))
			got, entries := r.ask(r.key("", core.Limits{}), abi.Responses, streamResponse)
			text := got.body.String()
			if strings.Contains(text, "zanz") || strings.Count(text, "***") != c.masked || len(entries) != 1 {
				t.Errorf("%d %s", got.status, text)
			}
			if ended := strings.Contains(text, "response.completed"); ended != (c.masked > 0) || ended == (entries[0].Outcome == core.OutcomeBlocked) {
				t.Errorf("outcome %s of %s", entries[0].Outcome, text)
			}
		})
	}
}
