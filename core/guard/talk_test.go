package guard

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// joins reads the texts of a group as one, as a model does, and blocks or changes
// what it finds there.
type joins struct {
	word    string
	rewrite bool
}

func (j joins) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	groups := map[int]string{}
	for _, s := range r.Segments {
		groups[s.Group] += s.Text
	}
	for _, text := range groups {
		if !strings.Contains(text, j.word) {
			continue
		}
		if !j.rewrite {
			return &abi.InspectReply{Verdict: abi.Block}, nil
		}
		return &abi.InspectReply{Verdict: abi.Rewrite, Segments: []abi.SegmentText{{ID: len(r.Segments) - 1, Text: "***"}}}, nil
	}
	return &abi.InspectReply{Verdict: abi.Allow}, nil
}

func TestTalk_Input(t *testing.T) {
	item := func(role, text string) string {
		return fmt.Sprintf(`{"type":"conversation.item.create","item":{"type":"message","role":%q,"content":[{"type":"input_text","text":%q}]}}`, role, text)
	}
	filler := strings.Repeat("x", maxTail)
	for _, c := range []struct {
		name    string
		rewrite bool
		events  []string
		want    string // for each event: . passes, x is blocked, ~ is changed
	}{
		{"one", false, []string{item("user", "zanzibar")}, "x"},
		{"in two", false, []string{item("user", "zan"), item("user", "zibar")}, ".x"},
		{"around an answer", false, []string{item("user", "zan"), item("assistant", "hm"), item("user", "zibar")}, "..x"},
		{"of two roles", false, []string{item("user", "zan"), item("assistant", "zibar")}, ".."},
		{"what was blocked was not said", false, []string{item("user", "zanzibar"), item("user", "ok")}, "x."},
		{"in a response", false, []string{item("user", "zan"), `{"type":"response.create","response":{"input":[{"type":"item_reference","id":"i"},{"type":"message","role":"user","content":[{"type":"input_text","text":"zibar"}]}]}}`}, ".x"},
		{"a response is not said", false, []string{`{"type":"response.create","response":{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"zan"}]}]}}`, item("user", "zibar")}, ".."},
		{"changed", true, []string{item("user", "zanzibar")}, "~"},
		{"what would have to be changed in two", true, []string{item("user", "zan"), item("user", "zibar")}, ".x"},
		{"long ago", false, []string{item("user", "zan"), item("user", filler), item("user", filler), item("user", filler), item("user", filler), item("user", "zibar")}, "......"},
		{"the end of a long text", false, []string{item("user", filler+"zan"), item("user", "zibar")}, ".x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := NewChain([]Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"input"}}, Guardrail: joins{"zanzibar", c.rewrite}}}, nil, slog.New(slog.DiscardHandler))
			talk := chain.Begin(abi.Realtime, "m").Talk()
			got := ""
			for _, event := range c.events {
				out, err := talk.Input(context.Background(), []byte(event))
				switch {
				case err != nil && core.AsError(err).Code == core.CodeGuardrailBlocked:
					got += "x"
				case err != nil:
					t.Fatal(err)
				case string(out) != event:
					got += "~"
				default:
					got += "."
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
