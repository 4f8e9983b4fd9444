package exchange_test

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_Edits: a plan's edits reach below the members of requests, answers and
// events, and a deployment's drop_params of requests. What a budget counts is read
// from what they have made.
func TestDo_Edits(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	rename := abi.Edit{Op: abi.EditRename, Key: "choices[].delta.reasoning", To: "reasoning_content"}
	shape := func(_ *abi.PlanRequest, p *abi.PlanReply) {
		p.Request.Edits = []abi.Edit{{Op: abi.EditRename, Key: "messages[].reasoning_content", To: "reasoning"}, {Op: abi.EditDefault, Key: "safe", Value: abi.Raw("true")}}
		p.Request.Unsupported = []string{"messages[].name"}
		p.Response.Edits = []abi.Edit{{Op: abi.EditRename, Key: "tokens.in", To: "prompt_tokens"}, {Op: abi.EditRename, Key: "tokens", To: "usage"}}
		p.Stream.Edits = []abi.Edit{rename}
	}
	r.deploy(core.Deployment{DropParams: []string{"messages[].content[].cache_control", "seed"}}, nil, nil, shape)

	r.answer(whole(200, `{"choices":[{"index":0,"message":{"content":"ok"}}],"tokens":{"in":5,"completion_tokens":1e0}}`))
	c, entries := r.ask(r.key("", core.Limits{}), abi.Chat, `{"model":"m","seed":7,"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","reasoning_content":"hm","content":"x"}]}`)
	sent := <-r.bodies
	want := `{"model":"vendor-model","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":"x","reasoning":"hm"}],"safe":true}`
	if sent != want {
		t.Errorf("the vendor got %s\nwant %s", sent, want)
	}
	if want := `{"choices":[{"index":0,"message":{"content":"ok"}}],"usage":{"completion_tokens":1e0,"prompt_tokens":5}}`; c.body.String() != want {
		t.Errorf("the client got %s\nwant %s", c.body.String(), want)
	}
	if notices := strings.Join(c.head.Notices, ", "); notices != "dropped messages[].content[].cache_control, dropped seed" {
		t.Errorf("notices: %s", notices)
	}
	if u := entries[0].Usage; u.Input != 5 || u.Output != 1 || u.InputSource != core.UsageReported {
		t.Errorf("usage %+v", u)
	}

	r.answer(r.raw(streamHead, strings.Replace(delta("th"), "content", "reasoning", 1), delta("ok"), finish, done))
	c, entries = r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
	if want := strings.Replace(delta("th"), "content", "reasoning_content", 1) + delta("ok") + finish + done; c.body.String() != want {
		t.Errorf("the client got %s\nwant %s", c.body.String(), want)
	}
	if u := entries[0].Usage; u.Output != 2 {
		t.Errorf("what was thought is not counted: %+v", u)
	}

	c, _ = r.ask(r.key("", core.Limits{}), abi.Chat, `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","name":"n","content":"b"}]}`)
	if c.status != 400 || !strings.Contains(c.body.String(), `"param":"messages[].name"`) {
		t.Errorf("%d %s", c.status, c.body.String())
	}
}

// TestDo_ModelInPath: vendors whose paths name the model get a body without it, and
// all else of it byte for byte.
func TestDo_ModelInPath(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	edits := []abi.Edit{{Op: abi.EditSet, Key: "version", Value: abi.Raw(`"v1"`)}, {Op: abi.EditRemove, Key: "model"}}
	for name, more := range map[string][]abi.Edit{"flat": nil, "with one below": {{Op: abi.EditRemove, Key: "messages[].name"}}} {
		r.deploy(core.Deployment{}, nil, nil, func(_ *abi.PlanRequest, p *abi.PlanReply) { p.Request.Edits = append(edits, more...) })
		r.answer(whole(200, `{"choices":[{"index":0,"message":{"content":"ok"}}]}`))
		r.ask(r.key("", core.Limits{}), abi.Chat, `{ "x":1.50, "model":"m","messages":[{"role":"user","content":"h\u0069"}]}`)
		if sent, want := <-r.bodies, `{ "x":1.50,"messages":[{"role":"user","content":"h\u0069"}],"version":"v1"}`; sent != want {
			t.Errorf("%s: the vendor got %s, want %s", name, sent, want)
		}
	}
}

// TestDo_Efforts: a word for how long to think that the model does not take becomes
// the nearest that it does, or is left out, and the client is told.
func TestDo_Efforts(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	three := []string{"low", "medium", "high"}
	for _, c := range []struct {
		name     string
		efforts  []string
		drop     []string
		endpoint abi.Endpoint
		asked    string // members of the body
		sent     string
		notices  string
	}{
		{"taken", three, nil, abi.Chat, `"reasoning_effort":"low"`, `"reasoning_effort":"low"`, ""},
		{"any", nil, nil, abi.Chat, `"reasoning_effort":"max"`, `"reasoning_effort":"max"`, ""},
		{"weaker", three, nil, abi.Chat, `"reasoning_effort":"xhigh"`, `"reasoning_effort":"high"`, "reasoning_effort: high in place of xhigh, which this model does not take"},
		{"least", three, nil, abi.Chat, `"reasoning_effort":"none"`, `"reasoning_effort":"low"`, "reasoning_effort: low in place of none, which this model does not take"},
		{"no thoughts", []string{""}, nil, abi.Chat, `"reasoning_effort":"low"`, "", "left out reasoning_effort: this model does not take low"},
		{"no thoughts wanted", []string{""}, nil, abi.Chat, `"reasoning_effort":"none"`, "", ""},
		{"the vendor's own word", three, nil, abi.Chat, `"reasoning_effort":"default"`, `"reasoning_effort":"default"`, ""},
		{"null", three, nil, abi.Chat, `"reasoning_effort":null`, `"reasoning_effort":null`, ""},
		{"dropped", three, []string{"reasoning_effort"}, abi.Chat, `"reasoning_effort":"max"`, "", "dropped reasoning_effort"},
		{"beside an edit below", three, []string{"messages[].name"}, abi.Chat, `"reasoning_effort":"max"`, `"reasoning_effort":"high"`, "reasoning_effort: high in place of max, which this model does not take"},
		{"of responses", three, nil, abi.Responses, `"reasoning":{"summary":"auto","effort":"max"}`, `"reasoning":{"summary":"auto","effort":"high"}`,
			"reasoning.effort: high in place of max, which this model does not take"},
		{"no thoughts of responses", []string{""}, nil, abi.Responses, `"reasoning":{"effort":"max","summary":"auto"}`, `"reasoning":{"summary":"auto"}`,
			"left out reasoning.effort: this model does not take max"},
		{"responses without", three, nil, abi.Responses, `"reasoning":null`, `"reasoning":null`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.deploy(core.Deployment{DropParams: c.drop}, nil, nil, func(asked *abi.PlanRequest, p *abi.PlanReply) {
				p.Request.Efforts, p.Supported = c.efforts, asked.Endpoint == c.endpoint
			})
			input := `"messages":[{"role":"user","content":"hi"}]`
			answer := `{"choices":[{"index":0,"message":{"content":"ok"}}]}`
			if c.endpoint == abi.Responses {
				input, answer = `"input":"hi"`, `{"output":[]}`
			}
			r.answer(whole(200, answer))
			head, _ := r.ask(r.key("", core.Limits{}), c.endpoint, `{"model":"m",`+c.asked+`,`+input+`}`)
			want := `{"model":"vendor-model",` + c.sent + `,` + input + `}`
			if c.sent == "" {
				want = `{"model":"vendor-model",` + input + `}`
			}
			if sent := strings.Replace(<-r.bodies, `,"store":false`, "", 1); sent != want {
				t.Errorf("the vendor got %s\nwant %s", sent, want)
			}
			if notices := strings.Join(head.head.Notices, ", "); notices != c.notices {
				t.Errorf("notices: %s\nwant %s", notices, c.notices)
			}
		})
	}
}

// TestDo_EditsOfTranslations: what a plugin makes is edited before it leaves, and what comes
// before the plugin reads it.
func TestDo_EditsOfTranslations(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.through(reader{passthrough: passthrough{r.url, func(_ *abi.PlanRequest, p *abi.PlanReply) {
		p.Request.Edits = []abi.Edit{{Op: abi.EditRename, Key: "messages[].content", To: "said"}}
		p.Response.Edits = []abi.Edit{{Op: abi.EditRename, Key: "answers", To: "choices"}}
		p.Stream.Edits = []abi.Edit{{Op: abi.EditRename, Key: "answers", To: "choices"}}
	}}}, nil)
	for stream, answer := range map[string]string{"false": `{"answers":[{"index":0,"message":{"content":"ok"},"finish_reason":"stop"}]}`,
		"true": `data: {"answers":[{"index":0,"delta":{"content":"ok"},"finish_reason":null}]}` + "\n\n" + `data: {"answers":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"} {
		r.answer(whole(200, answer))
		got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, `{"model":"m","stream":`+stream+`,"messages":[{"role":"user","content":"hi"}]}`)
		if sent := <-r.bodies; !strings.Contains(sent, `"messages":[{"role":"user","said":"hi"}]`) {
			t.Errorf("stream %s: the vendor got %s", stream, sent)
		}
		if body := got.body.String(); got.status != 200 || !strings.Contains(body, `"choices":[{"index":0,`) || !strings.Contains(body, `"ok"`) || entries[0].Outcome != core.OutcomeOK {
			t.Errorf("stream %s: %d %s %+v", stream, got.status, body, entries[0])
		}
	}
}
