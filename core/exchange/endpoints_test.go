package exchange_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/pdk/abi"
)

// only has a provider serve these endpoints, with the usage of chat at the paths.
func only(usage abi.UsagePaths, endpoints ...abi.Endpoint) func(*abi.PlanRequest, *abi.PlanReply) {
	return func(r *abi.PlanRequest, p *abi.PlanReply) {
		p.Supported = false
		for _, e := range endpoints {
			p.Supported = p.Supported || r.Endpoint == e
		}
		p.Usage = usage
	}
}

var generated = abi.UsagePaths{Input: []string{"usage.prompt_tokens"}, Output: []string{"usage.completion_tokens"}}

// rates makes a price of pairs: a unit and what a million of it cost.
func rates(t *testing.T, pairs ...string) *core.Price {
	t.Helper()
	p := &core.Price{ID: "p"}
	for i := 0; i < len(pairs); i += 2 {
		rate, err := core.ParseRate(pairs[i+1])
		if err != nil {
			t.Fatal(err)
		}
		*map[string]**core.Rate{"input": &p.Rates.Input, "output": &p.Rates.Output, "image": &p.Rates.Image, "image_output": &p.Rates.ImageOutput,
			"search": &p.Rates.Search}[pairs[i]] = &rate
	}
	return p
}

func text(s string) string {
	return `data: {"id":"c","object":"text_completion","choices":[{"text":"` + s + `","index":0,"logprobs":null,"finish_reason":null}]}` + "\n\n"
}

// TestDo_Completions: an older endpoint has all that chat has.
func TestDo_Completions(t *testing.T) {
	const end = `data: {"id":"c","object":"text_completion","choices":[{"text":"","index":0,"finish_reason":"stop"}]}` + "\n\n"
	chain := guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"input", "stream", "output"}}, Guardrail: stops("zanzibar")}}, nil, slog.New(slog.DiscardHandler))
	r := newRig(t, core.Deployment{}, nil)
	r.deploy(core.Deployment{}, rates(t, "input", "1", "output", "10"), chain, only(generated, abi.Completions))
	ask := func(body string) (*recorder, []*core.LedgerEntry) {
		return r.ask(r.key("", core.Limits{}), abi.Completions, `{"model":"m",`+body+`}`)
	}

	r.answer(whole(200, `{"id":"c","object":"text_completion","choices":[{"text":" there","index":0,"logprobs":{"tokens":[" there"]}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}`))
	c, entries := ask(`"prompt":"hi","suffix":"!","echo":true,"logprobs":1,"best_of":2`)
	if sent := <-r.bodies; sent != `{"model":"vendor-model","prompt":"hi","suffix":"!","echo":true,"logprobs":1,"best_of":2}` {
		t.Errorf("the vendor got %s", sent)
	}
	if u := entries[0].Usage; !strings.Contains(c.body.String(), `"tokens":[" there"]`) || u.Input != 2 || u.Output != 1 || entries[0].Endpoint != "completions" || entries[0].Amount != 12_000 {
		t.Errorf("%s: %+v", c.body.String(), entries[0])
	}

	r.answer(r.raw(streamHead, text("a"), text(" b"), end, strings.Replace(usage, "{", `{"object":"text_completion",`, 1), done))
	c, entries = ask(`"prompt":"hi","stream":true`)
	if sent := <-r.bodies; !strings.Contains(sent, `"stream_options":{"include_usage":true}`) {
		t.Errorf("usage was not asked for: %s", sent)
	}
	if c.body.String() != text("a")+text(" b")+end+done || entries[0].Usage.Output != 8 || entries[0].Usage.OutputSource != core.UsageReported {
		t.Errorf("%s, %+v", c.body.String(), entries[0].Usage)
	}

	r.answer(r.raw(streamHead, text("one two"), text(" three")))
	if c, entries = ask(`"prompt":"hi","stream":true`); entries[0].Outcome != core.OutcomeFailed || entries[0].Usage.Output != 3 || strings.Contains(c.body.String(), "[DONE]") {
		t.Errorf("broken off: %s, %+v", c.body.String(), entries[0].Usage)
	}

	// A guardrail reads a text that is split over events, and refuses what it cannot read.
	r.answer(r.raw(streamHead, text("off to zan"), text("zibar"), end, done))
	if c, entries = ask(`"prompt":"hi","stream":true`); strings.Contains(c.body.String(), "zibar") || entries[0].Outcome != core.OutcomeBlocked {
		t.Errorf("the guardrail was bypassed: %s", c.body.String())
	}
	hits := r.hits.Load()
	for body, want := range map[string]string{`"prompt":["a","zanzibar"]`: `"guardrail_blocked"`, `"prompt":[1,2]`: `prompt must be text and not tokens`, `"prompt":["a",[1]]`: `prompt must be text and not tokens`,
		`"prompt":[]`: `prompt must not be empty`, `"n":1`: `prompt is required`, `"prompt":"a","best_of":0`: `best_of must be an integer`, `"prompt":"a","best_of":2,"best_of":3`: `best_of stands twice`} {
		if c, _ := ask(body); c.status != 400 || !strings.Contains(c.body.String(), want) {
			t.Errorf("%s: %d %s", body, c.status, c.body.String())
		}
	}
	if r.hits.Load() != hits {
		t.Error("a refused request reached the vendor")
	}
}

// TestDo_CompletionsReserve: what is held is what can be generated: best_of for each
// prompt, of which n are answered.
func TestDo_CompletionsReserve(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.deploy(core.Deployment{}, rates(t, "input", "0", "output", "10"), nil, only(generated, abi.Completions))
	r.answer(whole(200, `{"choices":[{"text":"a","index":0}],"usage":{"prompt_tokens":2,"completion_tokens":1}}`))
	for _, c := range []struct {
		body    string
		outputs string // dollars that 100 tokens of each come to
		less    string
	}{
		{`"prompt":"a"`, "0.001", "0.000999"},
		{`"prompt":"a","n":3`, "0.003", "0.002999"},
		{`"prompt":"a","n":2,"best_of":5`, "0.005", "0.004999"},
		{`"prompt":["a","b","c"],"n":2,"best_of":5`, "0.015", "0.014999"},
		{`"prompt":[1,2,3]`, "0.001", "0.000999"},
		{`"prompt":[[1,2],[3]]`, "0.002", "0.001999"},
		{`"prompt":["a"],"best_of":1`, "0.001", "0.000999"},
	} {
		for budget, want := range map[string]int{c.outputs: 200, c.less: 402} {
			got, _ := r.ask(r.key(budget, core.Limits{}), abi.Completions, `{"model":"m","max_tokens":100,`+c.body+`}`)
			if got.status != want {
				t.Errorf("%s under %s: %d %s", c.body, budget, got.status, got.body.String())
			}
		}
	}
	if got, _ := r.ask(r.key("0.000001", core.Limits{}), abi.Completions, `{"model":"m","max_tokens":0,"echo":true,"logprobs":1,"prompt":"a"}`); got.status != 200 {
		t.Errorf("scoring, which generates nothing: %d %s", got.status, got.body.String())
	}
}

// TestDo_CompletionsOverChat: a provider that only chats serves completions, too.
func TestDo_CompletionsOverChat(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.deploy(core.Deployment{DropParams: []string{"suffix"}}, rates(t, "input", "1", "output", "10"), nil, nil)
	r.answer(whole(200, wholeAnswer))
	c, entries := r.ask(r.key("", core.Limits{}), abi.Completions, `{"model":"m","prompt":"hi","suffix":"x","max_tokens":9}`)
	if sent := <-r.bodies; sent != `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"max_tokens":9}` {
		t.Errorf("the vendor got %s", sent)
	}
	if body := c.body.String(); !strings.HasPrefix(body, `{"id":"cmpl-`) || !strings.Contains(body, `"object":"text_completion"`) || strings.Contains(body, `"message"`) ||
		strings.Join(c.head.Notices, "") != "dropped suffix" || entries[0].Endpoint != "completions" || entries[0].Usage.Output != 8 {
		t.Errorf("%s, %v, %+v", body, c.head.Notices, entries[0])
	}
	r.answer(r.raw(streamHead, delta("a"), finish, usage, done))
	c, _ = r.ask(r.key("", core.Limits{}), abi.Completions, `{"model":"m","prompt":"hi","stream":true,"stream_options":{"include_usage":true}}`)
	body := c.body.String()
	if strings.Count(body, `"object":"text_completion"`) != 3 || strings.Contains(body, "chat") || !strings.Contains(body, `"text":"a"`) || !strings.Contains(body, `"usage":{"prompt_tokens":31,`) || !strings.HasSuffix(body, done) {
		t.Error(body)
	}
	if c, _ := r.ask(r.key("", core.Limits{}), abi.Completions, `{"model":"m","prompt":"hi","best_of":2}`); c.status != 400 || !strings.Contains(c.body.String(), `"param":"best_of"`) {
		t.Errorf("%d %s", c.status, c.body.String())
	}
}

// TestDo_Moderations: a body may leave its model out, and then means the API's own default.
func TestDo_Moderations(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	const verdict = `{"id":"modr-1","model":"omni","results":[{"flagged":false,"category_scores":{"hate":1.5e-7}}]}`
	r.answer(whole(200, verdict))
	r.deploy(core.Deployment{}, nil, nil, only(abi.UsagePaths{Model: []string{"model"}}, abi.Moderations))
	if c, _ := r.ask(r.key("", core.Limits{}), abi.Moderations, `{"input":"hi"}`); c.status != 404 || !strings.Contains(c.body.String(), `omni-moderation-latest`) {
		t.Errorf("%d %s", c.status, c.body.String())
	}
	m := r.snapshot.Routes["m"]
	r.snapshot = &exchange.Snapshot{Routes: map[string]*exchange.Route{"m": m, "omni-moderation-latest": m}}
	r.exchanger.Swap(r.snapshot)
	for body, want := range map[string]string{
		`{"input":"hi"}`: `{"input":"hi","model":"vendor-model"}`,
		`{"model":"m","input":["a",{"type":"image_url","image_url":{"url":"https://x.test/a.png"}}]}`: `{"model":"vendor-model","input":["a",{"type":"image_url","image_url":{"url":"https://x.test/a.png"}}]}`,
	} {
		c, entries := r.ask(r.key("", core.Limits{}), abi.Moderations, body)
		if sent := <-r.bodies; sent != want || c.body.String() != verdict || entries[0].ServedModel != "omni" || entries[0].Usage.Output != 0 {
			t.Errorf("%s: the vendor got %s, the client %d %s: %+v", body, sent, c.status, c.body.String(), entries[0])
		}
	}
}

// TestDo_Rerank: rankings are sold by the search or by the token; one price is enough.
func TestDo_Rerank(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	paths := abi.UsagePaths{Searches: []string{"meta.billed_units.search_units"}, Input: []string{"usage.total_tokens"}}
	many := `["` + strings.Repeat(`d","`, 149) + `d"]` // two searches
	long := `["` + strings.Repeat("word ", 2000) + `"]`
	for _, c := range []struct {
		name, documents, answer string
		price                   *core.Price
		amount                  core.Nano
		unpriced                bool
		held                    string // the least budget that admits it
		less                    string
	}{
		{"by the search", many, `{"results":[],"meta":{"billed_units":{"search_units":1}}}`, rates(t, "search", "2000"), 2_000_000, false, "0.004", "0.003999"},
		{"one long document is not many", long, `{"results":[],"meta":{"billed_units":{"search_units":1}}}`, rates(t, "search", "2000"), 2_000_000, false, "0.002", "0.001999"},
		{"by tokens", `["d"]`, `{"results":[],"usage":{"total_tokens":40}}`, rates(t, "input", "1"), 40_000, false, "0.01", "0.000001"},
		{"searches that nobody counts", many, `{"results":[]}`, rates(t, "search", "2000"), 4_000_000, false, "0.004", "0.003999"},
		{"neither", `["d"]`, `{"results":[],"meta":{"billed_units":{"search_units":1}}}`, rates(t, "image", "1"), 0, true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.deploy(core.Deployment{}, c.price, nil, only(paths, abi.Rerank))
			r.answer(whole(200, c.answer))
			body := `{"model":"m","query":"q","documents":` + c.documents + `,"top_n":1}`
			got, entries := r.ask(r.key("", core.Limits{}), abi.Rerank, body)
			if e := entries[0]; got.body.String() != c.answer || e.Amount != c.amount || e.Unpriced != c.unpriced || e.Usage.Output != 0 {
				t.Errorf("%s: %s, unpriced %v, %+v", got.body.String(), e.Amount, e.Unpriced, e.Usage)
			}
			for budget, want := range map[string]int{c.held: 200, c.less: 402} {
				if got, _ := r.ask(r.key(budget, core.Limits{}), abi.Rerank, body); budget != "" && got.status != want {
					t.Errorf("under %s: %d %s", budget, got.status, got.body.String())
				}
			}
		})
	}
	for body, want := range map[string]string{`{"model":"m","query":"q"}`: "documents is required", `{"model":"m","documents":["d"]}`: "query is required",
		`{"model":"m","query":"q","documents":[]}`: "documents must not be empty", `{"model":"m","query":"q","documents":"d"}`: "documents has the wrong type"} {
		if c, _ := r.ask(r.key("", core.Limits{}), abi.Rerank, body); c.status != 400 || !strings.Contains(c.body.String(), want) {
			t.Errorf("%s: %d %s", body, c.status, c.body.String())
		}
	}
}

// TestDo_Pictures is C49: pictures cost what is delivered, by their tokens where the
// vendor counts them, and their usage reaches the client.
func TestDo_Pictures(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	paths := abi.UsagePaths{Input: []string{"usage.input_tokens"}, Output: []string{"usage.output_tokens"}, ImageOutput: []string{"usage.output_tokens"}, OutputIncludes: []string{"image_output"}}
	const two = `"data":[{"b64_json":"AAAA"},{"b64_json":"BBBB"}]`
	const counted = `{"created":1,` + two + `,"usage":{"input_tokens":10,"output_tokens":500,"total_tokens":510}}`
	for _, c := range []struct {
		name, answer string
		price        *core.Price
		images       int64
		amount       core.Nano
		unpriced     bool
		held, less   string
	}{
		{"by the piece", `{"created":1,` + two + `}`, rates(t, "image", "40000"), 2, 80_000_000, false, "0.12", "0.119999"},
		{"fewer than were asked for", `{"created":1,"data":[{"url":"https://x.test/a.png"}]}`, rates(t, "image", "40000"), 1, 40_000_000, false, "0.12", "0.119999"},
		{"by tokens", counted, rates(t, "input", "5", "image_output", "40"), 2, 20_050_000, false, "0.844", "0.843"},
		{"by tokens that nobody counts", `{"created":1,` + two + `}`, rates(t, "input", "5", "image_output", "40"), 2, 562_410_000, false, "0.844", "0.843"},
		{"tokens count where both have a price", counted, rates(t, "input", "5", "image_output", "40", "image", "9000000"), 2, 20_050_000, false, "28", "26.9"},
		{"tokens that have no price", counted, rates(t, "image", "40000"), 2, 80_000_000, false, "0.12", "0.119999"},
		{"not as text", `{"created":1,` + two + `}`, rates(t, "input", "5", "output", "40"), 2, 0, true, "", ""},
		{"neither price", counted, rates(t, "search", "1"), 2, 0, true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.deploy(core.Deployment{}, c.price, nil, only(paths, abi.Images))
			r.answer(whole(200, c.answer))
			const body = `{"model":"m","prompt":"a cat","n":3}`
			got, entries := r.ask(r.key("", core.Limits{}), abi.Images, body)
			e := entries[0]
			if got.body.String() != c.answer || e.Usage.Images != c.images || e.Amount != c.amount || e.Unpriced != c.unpriced {
				t.Errorf("%s: %s, unpriced %v, %+v", got.body.String(), e.Amount, e.Unpriced, e.Usage)
			}
			for budget, want := range map[string]int{c.held: 200, c.less: 402} {
				if got, _ := r.ask(r.key(budget, core.Limits{}), abi.Images, body); budget != "" && got.status != want {
					t.Errorf("under %s: %d %s", budget, got.status, got.body.String())
				}
			}
		})
	}
}

// TestDo_PictureStream: partial pictures leave as they come, and the completed one
// says what all of it costs.
func TestDo_PictureStream(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	paths := abi.UsagePaths{Input: []string{"usage.input_tokens"}, Output: []string{"usage.output_tokens"}}
	r.deploy(core.Deployment{}, rates(t, "input", "5", "output", "40"), nil, only(paths, abi.Images))
	partial := `event: image_generation.partial_image` + "\n" + `data: {"type":"image_generation.partial_image","b64_json":"AA","partial_image_index":0}` + "\n\n"
	completed := `event: image_generation.completed` + "\n" + `data: {"type":"image_generation.completed","b64_json":"AAAA","usage":{"input_tokens":10,"output_tokens":500}}` + "\n\n"
	r.answer(r.raw(streamHead, partial, "WAIT", completed))
	c, entries := r.ask(r.key("", core.Limits{}), abi.Images, `{"model":"m","prompt":"a cat","stream":true,"partial_images":1}`)
	if e := entries[0]; c.body.String() != partial+completed || e.Usage.Images != 1 || e.Amount != 20_050_000 || e.Outcome != core.OutcomeOK {
		t.Errorf("%s: %s %+v", c.body.String(), e.Amount, e)
	}
	if sent := <-r.bodies; strings.Contains(sent, "include_usage") {
		t.Errorf("the vendor got %s", sent)
	}
	r.answer(r.raw(streamHead, completed, "WAIT", partial, strings.ReplaceAll(completed, "500", "700"))) // the first leaves at once
	c, entries = r.ask(r.key("", core.Limits{}), abi.Images, `{"model":"m","prompt":"a cat","stream":true,"n":2}`)
	if e := entries[0]; strings.Count(c.body.String(), ".completed\n") != 2 || e.Usage.Images != 2 || e.Usage.Input != 20 || e.Usage.Output != 1200 || e.Usage.Estimated() {
		t.Errorf("two pictures: %s, %+v", c.body.String(), e.Usage)
	}
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(partial)) // and no more
	})
	c, entries = r.ask(r.key("", core.Limits{}), abi.Images, `{"model":"m","prompt":"a cat","stream":true,"partial_images":1}`)
	if e := entries[0]; e.Outcome != core.OutcomeFailed || e.Usage.Images != 1 || !strings.Contains(c.body.String(), `"error"`) {
		t.Errorf("broken off: %s, %+v", c.body.String(), e.Usage)
	}
	vendor := r.raw(streamHead, partial, "WAIT", completed)
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		r.broken.Store(true) // on record as open, and never committed
		vendor(w, req)
	})
	got := &recorder{onFlush: func(string) error { r.flushed <- struct{}{}; return nil }}
	r.do(t.Context(), r.key("1.00", core.Limits{}), abi.Images, `{"model":"m","prompt":"a cat","stream":true,"partial_images":1}`, got)
	if text := got.body.String(); strings.Contains(text, "completed") || !strings.Contains(text, `"error"`) {
		t.Errorf("not in the ledger: %s", text)
	}
	r.broken.Store(false)
}

// TestDo_UnreportedUsage: of a stream whose vendor reports nothing a client reads an
// estimate in every dialect, and no zeros that look like a report.
func TestDo_UnreportedUsage(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(r.raw(streamHead, delta("one two three"), finish, done))
	for endpoint, c := range map[abi.Endpoint]struct{ body, usage string }{
		abi.Chat:        {`"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi there"}]`, `"usage":{"prompt_tokens":6,"completion_tokens":3,"total_tokens":9,`},
		abi.Completions: {`"stream_options":{"include_usage":true},"prompt":"hi there"`, `"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,`},
		abi.Responses:   {`"input":"hi there"`, `"usage":{"input_tokens":2,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,`},
		abi.Messages:    {`"max_tokens":50,"messages":[{"role":"user","content":"hi there"}]`, `"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}`},
	} {
		got, entries := r.ask(r.key("", core.Limits{}), endpoint, `{"model":"m","stream":true,`+c.body+`}`)
		if !strings.Contains(got.body.String(), c.usage) || !entries[0].Usage.Estimated() {
			t.Errorf("%s: %s", endpoint, got.body.String())
		}
	}
}
