package exchange_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/pdk/abi"
)

// denies is a guardrail that blocks a word wherever it sees it.
type denies string

func (d denies) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	for _, s := range r.Segments {
		if strings.Contains(s.Text, string(d)) {
			return &abi.InspectReply{Verdict: abi.Block, ClientMessage: "no"}, nil
		}
	}
	return &abi.InspectReply{Verdict: abi.Allow}, nil
}

// toolChunk is a chat chunk with a fragment of a tool call.
func toolChunk(index int, name, arguments string) string {
	call := map[string]any{"index": index, "function": map[string]any{"arguments": arguments}}
	if name != "" {
		call["id"], call["type"] = "call_"+name, "function"
		call["function"].(map[string]any)["name"] = name
	}
	b, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": map[string]any{"tool_calls": []any{call}}}}})
	if err != nil {
		panic(err)
	}
	return "data: " + string(b) + "\n\n"
}

// TestDo_BridgeHoldsNothingFromGuards: what the Messages bridge keeps back until
// the end of a stream is inspected like everything else.
func TestDo_BridgeHoldsNothingFromGuards(t *testing.T) {
	attachment := core.GuardrailAttachment{Name: "g", Stages: []string{"stream"}}
	chain := guard.NewChain([]guard.Attachment{{GuardrailAttachment: attachment, Guardrail: denies("zanzibar")}}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, c := range []struct{ name, late string }{
		// The first call never becomes a whole object, so what follows has to wait.
		{"arguments of another call", toolChunk(1, "g", `{"to":"zanzibar"}`)},
		{"text behind an open call", delta("off to zanzibar")},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, chain)
			end := strings.Replace(finish, `"stop"`, `"tool_calls"`, 1)
			r.answer(r.raw(streamHead, toolChunk(0, "f", `{"a":`), c.late, end, done))
			got, entries := r.ask(r.key("", core.Limits{}), abi.Messages, `{"model":"m","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`)
			if text := got.body.String(); strings.Contains(text, "zanzibar") {
				t.Errorf("the guardrail was bypassed: %s", text)
			}
			if len(entries) != 1 || entries[0].Outcome != core.OutcomeBlocked {
				t.Errorf("entries %+v", entries)
			}
		})
	}
}

// TestDo_StreamHead holds that a stream's head says which deployment answers.
func TestDo_StreamHead(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	// Its one attempt counts once, whether it is over by then or not.
	for name, vendor := range map[string]http.HandlerFunc{
		"in pieces": r.raw(streamHead, delta("ok"), "WAIT", finish, done),
		"at once": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, delta("ok")+finish+done)
		},
	} {
		r.answer(vendor)
		if c, _ := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream); c.head.Deployment != "dep" || c.head.Attempts != 1 {
			t.Errorf("%s: head %+v", name, c.head)
		}
	}
}

// TestDo_DeploymentTokens holds that a deployment's own token limit counts what
// was used and not what was feared.
func TestDo_DeploymentTokens(t *testing.T) {
	r := newRig(t, core.Deployment{Limits: core.Limits{TPM: 1000}}, nil)
	r.answer(whole(200, wholeAnswer)) // 39 tokens
	p := r.key("", core.Limits{})
	for i := range 3 {
		if c, _ := r.ask(p, abi.Chat, `{"model":"m","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`); c.status != 200 {
			t.Fatalf("request %d: %d %s", i, c.status, c.body.String())
		}
	}
}

// TestDo_KeepAliveBesideRetries lets the keep-alive timer send the head while
// attempts fail and are noted: one head, and no race on it.
func TestDo_KeepAliveBesideRetries(t *testing.T) {
	r := newRig(t, core.Deployment{Retries: 2}, nil)
	r.exchanger.KeepAlive = time.Millisecond
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		time.Sleep(5 * time.Millisecond)
		whole(500, "oops")(w, req)
	})
	got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
	text := got.body.String()
	if got.status != 200 || !strings.HasPrefix(text, ": keep-alive\n") || strings.Count(text, `"error"`) != 1 {
		t.Errorf("%d %q", got.status, text)
	}
	if len(entries) != 1 || entries[0].Outcome != core.OutcomeFailed || entries[0].Status != 200 || len(entries[0].Attempts) != 3 {
		t.Errorf("entries %+v", entries)
	}
}
