package exchange_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// nativeTest is a provider with an API of its own: a call whose path names the
// model, with its whole answer and two streams, and one whose body does.
type nativeTest struct {
	passthrough
	model string
}

func (p nativeTest) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	if r.Endpoint != abi.Native {
		return p.passthrough.Plan(ctx, r)
	}
	route := func(path, url string) abi.NativeRoute {
		return abi.NativeRoute{Path: path, URL: p.base + url, Request: abi.RequestPlan{Mode: abi.Passthrough, ForwardHeaders: []string{"x-passed"}},
			Caps: []string{"config.maxTokens", "config.max_tokens", "settings.maxTokens"}, Choices: []string{"config.count"}, Services: []string{"tier.type"},
			Finish: []string{"candidates[].finishReason", "done"},
			Usage: abi.UsagePaths{Input: []string{"usage.in + usage.tools"}, Output: []string{"usage.out"}, AudioInput: []string{"usage.parts[kind=AUDIO].n"},
				InputIncludes: []string{"audio_input"}}}
	}
	whole := route("/v1/models/{model}:generate", "/vendor/"+p.model+":generate")
	whole.Query = []string{"trace"}
	stream := route("/v1/models/{model}:stream", "/vendor/"+p.model+":stream?alt=sse")
	stream.Stream, stream.Query = true, []string{"alt=sse"}
	frames := route("/model/{model}/stream", "/vendor/frames")
	frames.Stream, frames.Framing, frames.Wrapped = true, abi.FramingAWSEventStream, "bytes"
	lines := route("/api/chat", "/vendor/chat")
	lines.Model, lines.Stream, lines.StreamIf, lines.Framing = "model", true, "stream", abi.FramingNDJSON
	count := route("/v1/models/{model}:count", "/vendor/count")
	count.Caps, count.Free = nil, true
	rank := route("/v1/models/{model}:rank", "/vendor/rank")
	rank.Caps, rank.Ranks = nil, true
	return &abi.PlanReply{Supported: true, Auth: abi.Auth{Scheme: abi.AuthBearer}, Native: &abi.NativePlan{
		Routes:     []abi.NativeRoute{whole, stream, frames, lines, count, rank, {Path: "/v1/chat/completions", Endpoint: abi.Chat}, {Path: "/v1/images", Endpoint: abi.Images}},
		ErrorBody:  abi.Raw(`{"error":{"code":"$status","message":"$message","status":"$name"}}`),
		ErrorNames: map[string]string{"404": "NOT_FOUND", "": "OTHER"}}}, nil
}

// newNativeRig is a rig whose alias "m" leads to a deployment of nativeTest, after
// one of another provider.
func newNativeRig(t *testing.T, guards *guard.Chain, more ...string) *rig {
	t.Helper()
	r := newRig(t, core.Deployment{}, nil)
	price, err := priceOf("1.00", "10.00")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]*exchange.Route{}
	add := func(alias, name, provider, model string) {
		d := &core.Deployment{Name: name, Provider: provider, Model: model, AllowPrivate: true}
		target, err := exchange.NewTarget(context.Background(), exchange.Target{Deployment: d, Price: price, State: new(routing.States).Of(name), AllowPrivate: true,
			Credential: &core.Credential{Name: "c", Fields: map[string]string{"api_key": "vendor-MARK2"}}}, nativeTest{passthrough{base: r.url}, model})
		if err != nil {
			t.Fatal(err)
		}
		targets := []*exchange.Target{target}
		if old := routes[alias]; old != nil {
			targets = append(old.Targets, target)
		}
		routes[alias] = exchange.NewRoute(core.Model{Name: alias}, targets, nil, guards)
	}
	add("m", "other", "provider.other", "other-model")
	add("m", "dep", "provider.test", "vendor-model")
	for _, model := range more {
		alias, name, _ := strings.Cut(model, "=")
		add(alias, alias+"-dep", "provider.test", name)
	}
	r.exchanger.Swap(&exchange.Snapshot{Routes: routes})
	return r
}

func (r *rig) askNative(p *core.Principal, path, body string) (*recorder, []*core.LedgerEntry) {
	c := &recorder{onFlush: func(string) error { r.flushed <- struct{}{}; return nil }}
	path, query, _ := strings.Cut(path, "?")
	r.exchanger.Do(context.Background(), p, &exchange.Request{Endpoint: abi.Native, Native: &exchange.Native{Provider: "test", Method: "POST", Path: path, Query: query},
		Body: []byte(body), Arrived: time.Now(), Header: func(name string) string { return "h-" + name }}, c)
	return c, r.entries(p)
}

// vendorSaw answers with text and notes what was asked.
func (r *rig) vendorSaw(contentType string, parts ...string) *[]string {
	saw := &[]string{}
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		*saw = append(*saw, req.URL.RequestURI()+" "+req.Header.Get("x-passed")+" "+req.Header.Get("authorization"))
		w.Header().Set("Content-Type", contentType)
		for _, p := range parts {
			w.Write([]byte(p))
			w.(http.Flusher).Flush()
		}
	})
	return saw
}

func TestNative_Whole(t *testing.T) {
	r := newNativeRig(t, nil)
	const answer = `{"candidates": [{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usage":{"in":7,"tools":3,"out":2,"parts":[{"kind":"TEXT","n":9},{"kind":"AUDIO","n":4}]}, "x": 1.50}`
	saw := r.vendorSaw("application/json", answer)
	p := r.key("1", core.Limits{})
	const body = `{"contents":[{"role":"user","parts":[{"text":"hello"}]}], "config":{"temperature":0.50}}`
	c, entries := r.askNative(p, "/v1/models/m:generate?trace=1", body)
	if c.status != 200 || c.body.String() != answer {
		t.Fatalf("%d %s", c.status, c.body.String())
	}
	if got := (*saw)[0]; got != "/vendor/vendor-model:generate?trace=1 h-x-passed Bearer vendor-MARK2" {
		t.Errorf("the vendor was asked %s", got)
	}
	if got := <-r.bodies; got != strings.Replace(body, `0.50}`, `0.50,"maxTokens":16384}`, 1) {
		t.Errorf("the vendor got %s", got)
	}
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0]
	if e.Endpoint != "native" || e.RequestedModel != "m" || e.DeployedModel != "vendor-model" || e.Usage.Input != 6 || e.Usage.AudioInput != 4 || e.Usage.Output != 2 ||
		e.Usage.InputSource != core.UsageReported || !strings.Contains(e.Reason, "native POST /test/v1/models/{model}:generate") {
		t.Errorf("the entry is %+v", e)
	}
}

// What is not on the provider's list does not go out, C65, and the answer has the
// provider's shape.
func TestNative_Refused(t *testing.T) {
	r := newNativeRig(t, nil, "a=same", "b=same")
	r.vendorSaw("application/json", "{}")
	free := r.key("", core.Limits{})
	narrow := r.key("", core.Limits{})
	narrow.Key.AllModels, narrow.Key.Models = false, []string{"m"}
	chat := r.key("", core.Limits{})
	chat.Key.Endpoints = []string{"chat"}
	for _, c := range []struct {
		key              *core.Principal
		path, body, want string
	}{
		{free, "/v1/files", `{}`, `"status":"NOT_FOUND"`},
		{free, "/v1/images", `{"model":"m","prompt":"an endpoint that the deployment has no plan for"}`, `404`},
		{free, "/v1/models/m:generate/", `{}`, `404`},
		{free, "/v1/models/x%2Fm:generate", `{}`, `the model \"x/m\" does not exist`},
		{free, "/v1//models/m:generate", `{}`, `404`},
		{free, "/v1/files/../models/m:generate", `{}`, `404`},
		{free, "/v1/models/..:generate", `{}`, `404`},
		{free, "/V1/models/m:generate", `{}`, `404`},
		{free, "/v1/%6dodels/m:generate", `{}`, `404`},
		{free, "/v1/models/:generate", `{}`, `404`},
		{free, "/v1/models/m%3Agenerate", `{}`, `404`},
		{free, "/v1/models/%zz:generate", `{}`, `404`},
		{free, "/v1/models/m:generate?other=1", `{}`, `parameter \"other\"`},
		{free, "/v1/models/m:stream", `{}`, `alt=sse`},
		{free, "/v1/models/m:stream?alt=sse&alt=json", `{}`, `parameter \"alt\"`},
		{free, "/v1/models/m:generate", `[]`, `must be a JSON object`},
		{free, "/v1/models/m:generate", `{"config":{"maxTokens":1},"config":{"maxTokens":9}}`, `config stands twice`},
		{free, "/v1/models/m:generate", `{"config":{"MaxTokens":1}}`, `must be written maxTokens`},
		{free, "/v1/models/m:generate", `{"config":{"maxTokens":"100"}}`, `must be an integer`},
		{free, "/v1/models/m:generate", `{"models":["other"]}`, `models is not passed on`},
		{free, "/v1/models/same:generate", `{}`, `several deployments`},
		{narrow, "/v1/models/same:generate", `{}`, `does not exist`},
		{free, "/api/chat", `{"messages":[]}`, `model is required`},
		{free, "/api/chat", `{"model":"m","Model":"n"}`, `must be written model`},
		{chat, "/v1/models/m:generate", `{}`, `may not use the endpoint`},
		{chat, "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, `may not use the endpoint`},
	} {
		got, _ := r.askNative(c.key, c.path, c.body)
		if got.status < 400 || got.status > 404 || !strings.Contains(fmt.Sprint(got.status, got.body.String()), c.want) {
			t.Errorf("%s %s: %d %s", c.path, c.body, got.status, got.body.String())
		}
	}
	if n := r.hits.Load(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

// A deployment answers to the vendor's own name of its model where that says which.
func TestNative_VendorName(t *testing.T) {
	r := newNativeRig(t, nil, "a=same", "b=same", "b=one")
	saw := r.vendorSaw("application/json", `{"usage":{"in":1,"out":1}}`)
	narrow := r.key("", core.Limits{})
	narrow.Key.AllModels, narrow.Key.Models = false, []string{"a"}
	if c, entries := r.askNative(narrow, "/v1/models/same:generate", `{}`); c.status != 200 || len(entries) != 1 || entries[0].Deployment != "a-dep" || entries[0].RequestedModel != "same" {
		t.Errorf("%d %s %+v", c.status, c.body.String(), entries)
	}
	if c, _ := r.askNative(r.key("", core.Limits{}), "/v1/chat/completions", `{"model":"vendor-model","messages":[{"role":"user","content":"x"}]}`); c.status != 200 {
		t.Errorf("%d %s", c.status, c.body.String())
	}
	if got := fmt.Sprint(*saw); got != "[/vendor/same:generate h-x-passed Bearer vendor-MARK2 /  Bearer vendor-MARK2]" {
		t.Errorf("the vendor was asked %s", got)
	}
}

func awsFrame(name, data string) string {
	return string(upstream.AppendEvent(nil, abi.FramingAWSEventStream, name, []byte(data)))
}

func wrapped(data string) string {
	return awsFrame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(data))+`","p":"abc"}`)
}

// Streams pass byte for byte, in the vendor's framing.
func TestNative_Streams(t *testing.T) {
	r := newNativeRig(t, nil)
	one, last := `{"candidates":[{"content":{"parts":[{"text":"h\u0069"}]}}]}`, `{"candidates":[{"finishReason":"STOP"}],"usage":{"in":5,"out":4}}`
	for _, c := range []struct{ path, body, contentType, stream string }{
		{"/v1/models/m:stream?alt=sse", `{}`, "", "data: " + one + "\n\ndata: " + last + "\n\n"},
		{"/api/chat", `{"model":"m"}`, "application/x-ndjson", one + "\n" + `{"done":true,"usage":{"in":5,"out":4}}` + "\n"},
		{"/model/m/stream", `{}`, "application/vnd.amazon.eventstream", wrapped(one) + wrapped(last)},
	} {
		r.vendorSaw("x", strings.SplitAfter(c.stream, "4")...)
		got, entries := r.askNative(r.key("", core.Limits{}), c.path, c.body)
		if got.status != 200 || got.body.String() != c.stream || got.head.ContentType != c.contentType {
			t.Errorf("%s: %d %q %q", c.path, got.status, got.head.ContentType, got.body.String())
		}
		if len(entries) != 1 || entries[0].Usage.Input != 5 || entries[0].Usage.Output != 4 || !entries[0].Stream || entries[0].Outcome != core.OutcomeOK {
			t.Errorf("%s: %+v", c.path, entries)
		}
	}
	if got := <-r.bodies; got != "{}" {
		t.Errorf("the vendor got %s", got)
	}
	if got := <-r.bodies; got != `{"model":"vendor-model"}` {
		t.Errorf("the vendor got %s", got)
	}
}

// Where a model writes a finish into every event, only the last one waits for the
// settlement, and no short grace ends the stream in between.
func TestNative_FinishInEveryEvent(t *testing.T) {
	r := newNativeRig(t, nil)
	r.exchanger.FinishGrace = time.Nanosecond
	event := func(text string) string {
		return `data: {"candidates":[{"content":{"parts":[{"text":"` + text + `"}]},"finishReason":"STOP"}],"usage":{"in":5,"out":4}}` + "\n\n"
	}
	for len(r.flushed) > 0 {
		<-r.flushed
	}
	r.answer(r.raw(streamHead, event("one "), event("two "), "WAIT", event("three")))
	got, entries := r.askNative(r.key("", core.Limits{}), "/v1/models/m:stream?alt=sse", `{}`)
	if want := event("one ") + event("two ") + event("three"); got.status != 200 || got.body.String() != want {
		t.Errorf("%d %q", got.status, got.body.String())
	}
	if len(entries) != 1 || entries[0].Outcome != core.OutcomeOK || entries[0].Usage.Output != 4 {
		t.Errorf("%+v", entries)
	}
}

// A stream that ends early, or with the vendor's own exception, C20, ends with an
// error in the vendor's framing.
func TestNative_BrokenStreams(t *testing.T) {
	r := newNativeRig(t, nil)
	one := `{"candidates":[{"content":{"parts":[{"text":"par"}]}}]}`
	for _, c := range []struct{ path, body, stream, rest, want string }{
		{"/v1/models/m:stream?alt=sse", `{}`, "data: " + one + "\n\n", "", "data: " + one + "\n\ndata: {\"error\":{\"code\":502,"},
		{"/api/chat", `{"model":"m"}`, one + "\n", "{\"can", one + "\n{\"error\":{\"code\":502,"},
		{"/model/m/stream", `{}`, wrapped(one), awsFrame("exception:throttlingException", `{"message":"slow"}`), ":exception-type\x07\x00\x05OTHER"},
	} {
		for len(r.flushed) > 0 {
			<-r.flushed
		}
		r.answer(r.raw(streamHead, c.stream, "WAIT", c.rest))
		got, entries := r.askNative(r.key("", core.Limits{}), c.path, c.body)
		if got.status != 200 || !strings.Contains(got.body.String(), c.want) {
			t.Errorf("%s: %d %q", c.path, got.status, got.body.String())
		}
		if len(entries) != 1 || entries[0].Outcome != core.OutcomeFailed || entries[0].Usage.OutputSource != core.UsageEstimated || entries[0].Usage.Output == 0 {
			t.Errorf("%s: %+v", c.path, entries)
		}
	}
}

// Text behind a finish is read by the guardrails as all other is.
func TestNative_GuardrailsBehindFinish(t *testing.T) {
	attachment := core.GuardrailAttachment{Name: "g", Stages: []string{"stream"}}
	r := newNativeRig(t, guard.NewChain([]guard.Attachment{{GuardrailAttachment: attachment, Guardrail: blots("zanzibar")}}, nil, slog.New(slog.DiscardHandler)))
	event := func(text string) string {
		return `data: {"candidates":[{"content":{"parts":[{"text":"` + text + `"}]},"finishReason":"STOP"}]}` + "\n\n"
	}
	r.vendorSaw("text/event-stream", event("to "), event("zanzibar "), event("and back"))
	got, _ := r.askNative(r.key("", core.Limits{}), "/v1/models/m:stream?alt=sse", `{}`)
	if body := got.body.String(); got.status != 200 || strings.Contains(body, "zanzibar") || !strings.Contains(body, "***") || !strings.Contains(body, "back") {
		t.Errorf("%d %q", got.status, body)
	}
}

// blots rewrites a word wherever it stands.
type blots string

func (s blots) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply := &abi.InspectReply{Verdict: abi.Allow, Hold: 10}
	for _, seg := range r.Segments {
		if text := strings.ReplaceAll(seg.Text, string(s), "***"); text != seg.Text {
			reply.Verdict = abi.Rewrite
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: seg.ID, Text: text})
		}
	}
	return reply, nil
}

// Guardrails read and rewrite what goes in and out, in every framing, also where a
// word is split over events.
func TestNative_Guardrails(t *testing.T) {
	attachment := core.GuardrailAttachment{Name: "g", Stages: []string{"input", "output", "stream"}}
	r := newNativeRig(t, guard.NewChain([]guard.Attachment{{GuardrailAttachment: attachment, Guardrail: blots("zanzibar")}}, nil, slog.New(slog.DiscardHandler)))
	text := func(s string) string { return `{"candidates":[{"content":{"parts":[{"text":"` + s + `"}]}}]}` }
	last := `{"candidates":[{"finishReason":"STOP"}],"usage":{"in":5,"out":4}}`
	const done = `{"done":true}`
	for _, c := range []struct{ path, stream, want string }{
		{"/v1/models/m:generate", text("to zanzibar"), text("to ***")},
		{"/v1/models/m:stream?alt=sse", "data: " + text("zanz") + "\n\ndata: " + text("ibar") + "\n\ndata: " + last + "\n\n",
			"data: " + text("***") + "\n\ndata: " + text("") + "\n\ndata: " + last + "\n\n"},
		{"/api/chat", `{"message":{"content":"zanz"}}` + "\n" + `{"message":{"content":"ibar"}}` + "\n" + done + "\n",
			`{"message":{"content":"***"}}` + "\n" + `{"message":{"content":""}}` + "\n" + done + "\n"},
		{"/model/m/stream", wrapped(text("zanz")) + wrapped(text("ibar")) + wrapped(last),
			awsFrame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(text("***")))+`"}`)},
	} {
		r.vendorSaw("application/json", c.stream)
		got, _ := r.askNative(r.key("", core.Limits{}), c.path, `{"model":"m","contents":[{"parts":[{"text":"go to zanzibar"}]}],"system":"zanzibar"}`)
		if got.status != 200 || !strings.HasPrefix(got.body.String(), c.want) {
			t.Errorf("%s: %d\n got %q\nwant %q", c.path, got.status, got.body.String(), c.want)
		}
		if body := <-r.bodies; strings.Contains(body, "zanzibar") || !strings.Contains(body, "go to ***") {
			t.Errorf("%s: the vendor got %s", c.path, body)
		}
	}
}

// A budget bounds the output by the members that the route names.
func TestNative_Budget(t *testing.T) {
	r := newNativeRig(t, nil)
	r.vendorSaw("application/json", `{"usage":{"in":1,"out":1}}`)
	p := r.key("0.01", core.Limits{})
	p.Budgets[0].Policy = core.BudgetShrink
	c, _ := r.askNative(p, "/v1/models/m:generate", `{"config":{"maxTokens":500000,"max_tokens":7}}`)
	body := <-r.bodies
	if c.status != 200 || c.head.MaxOutput == 0 || c.head.MaxOutput > 1000 || !strings.Contains(body, fmt.Sprintf(`"maxTokens":%d,"max_tokens":7`, c.head.MaxOutput)) {
		t.Errorf("%d %s: the vendor got %s", c.status, c.body.String(), body)
	}
	c, _ = r.askNative(p, "/v1/models/m:generate", `{"settings":{}}`)
	if body := <-r.bodies; c.status != 200 || !strings.Contains(body, fmt.Sprintf(`"settings":{"maxTokens":%d}}`, c.head.MaxOutput)) {
		t.Errorf("where only the second spelling stands: %d, the vendor got %s", c.status, body)
	}
	strict := r.key("0.01", core.Limits{})
	if c, _ := r.askNative(strict, "/v1/models/m:generate", `{"config":{"maxTokens":500000}}`); c.status != 402 || !strings.Contains(c.body.String(), `"status":"OTHER"`) {
		t.Errorf("%d %s", c.status, c.body.String())
	}
	if c, entries := r.askNative(strict, "/v1/models/m:count", `{"contents":[{"parts":[{"text":"a b c"}]}]}`); c.status != 200 || entries[0].Amount != 0 {
		t.Errorf("%d %s %+v", c.status, c.body.String(), entries)
	}
	if c, _ := r.askNative(strict, "/v1/models/m:generate", `{"tier":{"type":"priority"},"config":{"maxTokens":5}}`); c.status != 403 {
		t.Errorf("a service without a price: %d %s", c.status, c.body.String())
	}
}

// TestNative_RankingBudget: a query is held for once for each document.
func TestNative_RankingBudget(t *testing.T) {
	r := newNativeRig(t, nil)
	r.vendorSaw("application/json", `{"usage":{"in":1}}`)
	query := strings.Repeat("word ", 2000)
	for documents, want := range map[string]int{`"a"`: 200, `"a"` + strings.Repeat(`,"a"`, 99): 402} {
		c, _ := r.askNative(r.key("0.05", core.Limits{}), "/v1/models/m:rank", `{"query":"`+query+`","documents":[`+documents+`]}`)
		if c.status != want {
			t.Errorf("%d documents: %d %s", strings.Count(documents, "a"), c.status, c.body.String())
		}
	}
}

// TestNative_HostedTools: Google's tools are known in both ways to write them, and what
// they cost apart from tokens has to have a price where a budget applies.
func TestNative_HostedTools(t *testing.T) {
	for tools, status := range map[string]int{
		`[{"codeExecution":{}},{"urlContext":{}}]`:                               200,
		`[{"code_execution":{}},{"url_context":{}}]`:                             200,
		`[{"function_declarations":[{"name":"f"}]},{"functionDeclarations":[]}]`: 200,
		`[{"googleSearch":{}}]`:                                                  403,
		`[{"google_search":{}}]`:                                                 403,
		`[{"code_execution":{},"google_maps":{}}]`:                               403,
		`[{"type":"code_execution_20250825","name":"code_execution"}]`:           403,
	} {
		r := newNativeRig(t, nil)
		r.vendorSaw("application/json", `{"usage":{"in":1,"out":1}}`)
		if c, _ := r.askNative(r.key("1", core.Limits{}), "/v1/models/m:generate", `{"tools":`+tools+`}`); c.status != status {
			t.Errorf("%s: %d %s", tools, c.status, c.body.String())
		}
	}
}

// TestNative_SystemTools: Converse has tools of Amazon's beside the client's. What Nova
// searches counts, as an answer or the events of a stream tell it.
func TestNative_SystemTools(t *testing.T) {
	const use = `{"toolUseId":"t","name":"nova_grounding","type":"server_tool_use"}`
	answer := `{"output":{"message":{"content":[{"toolUse":` + use + `},{"text":"a"},{"toolUse":` + use + `}]}},"usage":{"in":1,"out":1}}`
	for _, c := range []struct {
		tools, answer string
		budget        string
		status        int
		searches      int64
		unpriced      bool
	}{
		{`{"toolSpec":{"name":"f"}},{"cachePoint":{"type":"default"}}`, answer, "1", 200, 0, false},
		{`{"systemTool":{"name":"nova_grounding"}}`, answer, "1", 403, 0, false},
		{`{"systemTool":{"name":"nova_code_interpreter"}}`, answer, "1", 403, 0, false},
		{`{"systemTool":{"name":"nova_grounding"}}`, answer, "", 200, 2, true},
		{`{"systemTool":{"name":"nova_grounding"}}`, `{"output":{"message":{"content":[{"text":"a"}]}},"usage":{"in":1,"out":1}}`, "", 200, 0, false},
		{`{"systemTool":{"name":"nova_code_interpreter"}}`, `{"usage":{"in":1,"out":1}}`, "", 200, 0, true},
	} {
		r := newNativeRig(t, nil)
		r.vendorSaw("application/json", c.answer)
		got, entries := r.askNative(r.key(c.budget, core.Limits{}), "/v1/models/m:generate", `{"toolConfig":{"tools":[`+c.tools+`]}}`)
		if got.status != c.status {
			t.Errorf("%s: %d %s", c.tools, got.status, got.body.String())
			continue
		}
		if c.status == 403 {
			if !strings.Contains(got.body.String(), "toolConfig.tools[0]") {
				t.Errorf("%s: %s", c.tools, got.body.String())
			}
			continue
		}
		if e := entries[0]; e.Usage.Searches != c.searches || e.Unpriced != c.unpriced {
			t.Errorf("%s: %+v", c.tools, e)
		}
	}
}
