package guard

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// inspector is a guardrail in one function.
type inspector func(*abi.InspectRequest) (*abi.InspectReply, error)

func (f inspector) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	return f(r)
}

// masks replaces word by *** in all segments, and holds back enough of a stream to see it whole.
func masks(word string) inspector {
	return func(r *abi.InspectRequest) (*abi.InspectReply, error) {
		reply := &abi.InspectReply{Verdict: abi.Allow, Hold: len(word) - 1}
		for _, s := range r.Segments {
			if strings.Contains(s.Text, word) {
				reply.Verdict = abi.Rewrite
				reply.Segments = append(reply.Segments, abi.SegmentText{ID: s.ID, Text: strings.ReplaceAll(s.Text, word, "***")})
				reply.Findings = []abi.Finding{{Rule: "word", Count: 1}}
			}
		}
		return reply, nil
	}
}

func chain(mode core.GuardrailAttachment, p Plugin) *Chain {
	mode.Name, mode.Stages = "g", []string{"input", "output", "stream"}
	return NewChain([]Attachment{{GuardrailAttachment: mode, Guardrail: p}}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func TestRun_Input(t *testing.T) {
	blocks := inspector(func(r *abi.InspectRequest) (*abi.InspectReply, error) {
		return &abi.InspectReply{Verdict: abi.Block, ClientMessage: "no", Findings: []abi.Finding{{Rule: "deny", Count: 1}}}, nil
	})
	fails := inspector(func(r *abi.InspectRequest) (*abi.InspectReply, error) { return nil, errors.New("boom") })
	const body = `{"messages":[{"role":"user","content":"say zanzibar"}]}`
	for _, c := range []struct {
		name     string
		mode     core.GuardrailAttachment
		plugin   Plugin
		want     string
		code     core.Code
		findings string
	}{
		{"rewrite", core.GuardrailAttachment{}, masks("zanzibar"), `{"messages":[{"role":"user","content":"say ***"}]}`, "", "g/word"},
		{"rewrite watched", core.GuardrailAttachment{Monitor: true}, masks("zanzibar"), body, "", "g/word"},
		{"block", core.GuardrailAttachment{}, blocks, "", core.CodeGuardrailBlocked, "g/deny"},
		{"block watched", core.GuardrailAttachment{Monitor: true}, blocks, body, "", "g/deny"},
		{"failure closed", core.GuardrailAttachment{}, fails, "", core.CodePluginFailed, "g/failed"},
		{"failure open", core.GuardrailAttachment{FailOpen: true}, fails, body, "", "g/failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := chain(c.mode, c.plugin).Begin(abi.Chat, "m")
			got, err := run.Input(context.Background(), []byte(body))
			if string(got) != c.want {
				t.Errorf("body %s", got)
			}
			if c.code == "" && err != nil || c.code != "" && core.AsError(err).Code != c.code {
				t.Errorf("error %v", err)
			}
			if f := strings.Join(run.Findings(), ","); f != c.findings {
				t.Errorf("findings %s", f)
			}
		})
	}
}

// contents splits a stream into the contents of its chunks, "|" between and "." at a finish.
func contents(t *testing.T, text string) string {
	r := sse.NewReader(strings.NewReader(text), 1<<20)
	var out []string
	for {
		ev, err := r.Next()
		if err == io.EOF {
			return strings.Join(out, "|")
		}
		if err != nil {
			t.Fatal(err)
		}
		s := string(ev.Data)
		switch {
		case strings.Contains(s, "finish_reason"):
			out = append(out, ".")
		case strings.Contains(s, "content"):
			_, s, _ = strings.Cut(s, `"content":"`)
			s, _, _ = strings.Cut(s, `"`)
			out = append(out, s)
		default:
			out = append(out, "?")
		}
	}
}

func TestStream(t *testing.T) {
	delta := func(s string) string { return `{"choices":[{"index":0,"delta":{"content":"` + s + `"}}]}` }
	const finish = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	for _, c := range []struct {
		name   string
		events []string
		early  string // released before the end
		want   string
	}{
		{"nothing to see", []string{delta("hello there all"), delta(" of you"), finish}, "hello there all| of you|.", "hello there all| of you|."},
		{"split word", []string{delta("say zan"), delta("zibar now and then"), finish}, "say *** now and then||.", "say *** now and then||."},
		{"held until the end", []string{delta("say zan")}, "", "say zan"},
		{"held until more", []string{delta("aaaaaaaa"), delta("bbbbbbb")}, "aaaaaaaa", "aaaaaaaa|bbbbbbb"},
		{"order kept behind what is held", []string{delta("zan"), `{"choices":[]}`}, "", "zan|?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := chain(core.GuardrailAttachment{}, masks("zanzibar")).Begin(abi.Chat, "m").Stream()
			var out []byte
			var err error
			for _, e := range c.events {
				s.Push(sse.Event{Data: []byte(e)})
				if out, err = s.Ready(context.Background(), out); err != nil {
					t.Fatal(err)
				}
			}
			early := contents(t, string(out))
			if out, err = s.End(context.Background(), out); err != nil {
				t.Fatal(err)
			}
			if got := contents(t, string(out)); got != c.want || early != c.early {
				t.Errorf("early %q, whole %q", early, got)
			}
		})
	}
}
