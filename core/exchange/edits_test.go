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
