package guard

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi"
)

// told is a Responses stream of one item, whose texts come in pieces and then
// again and again.
func told(topic, member, part string, item func(text string) string, pieces ...string) []string {
	at := `"item_id":"i","output_index":0,"content_index":0,"summary_index":0`
	events := []string{`{"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress","instructions":"zanzibar","output":[]}}`,
		`{"type":"response.output_item.added","output_index":0,"item":` + item("") + `}`}
	whole := strings.Join(pieces, "")
	for _, p := range pieces {
		events = append(events, fmt.Sprintf(`{"type":"response.%s.delta",%s,"delta":%q,"logprobs":[{"token":%q}]}`, topic, at, p, p))
	}
	events = append(events, fmt.Sprintf(`{"type":"response.%s.done",%s,%q:%q}`, topic, at, member, whole))
	if part != "" {
		events = append(events, fmt.Sprintf(`{"type":"response.%s.done",%s,"part":{"type":%q,%q:%q}}`, part, at, topic, member, whole))
	}
	return append(events, `{"type":"response.output_item.done","output_index":0,"item":`+item(whole)+`}`,
		`{"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","output":[`+item(whole)+`]}}`)
}

func message(text string) string {
	return fmt.Sprintf(`{"id":"i","type":"message","role":"assistant","content":[{"type":"output_text","text":%q,"logprobs":[{"token":%q}]}]}`, text, text)
}

// TestStream_Responses: what a guardrail rewrites is gone from every event that
// repeats it, and what it blocks leaves in none.
func TestStream_Responses(t *testing.T) {
	pieces := []string{"say zan", "zibar now ", "and zanzibar", " again"}
	const clean = "say *** now and *** again"
	call := func(text string) string {
		return fmt.Sprintf(`{"id":"i","type":"function_call","call_id":"c","name":"f","arguments":%q}`, text)
	}
	for _, c := range []struct {
		name   string
		events []string
		times  int // that the clean text stands in events that are no deltas
	}{
		{"text", told("output_text", "text", "content_part", message, pieces...), 4},
		{"refusal", told("refusal", "refusal", "content_part", func(s string) string {
			return fmt.Sprintf(`{"id":"i","type":"message","role":"assistant","content":[{"type":"refusal","refusal":%q}]}`, s)
		}, pieces...), 4},
		{"arguments", told("function_call_arguments", "arguments", "", call, pieces...), 3},
		{"a custom tool's input", told("custom_tool_call_input", "input", "", func(s string) string {
			return fmt.Sprintf(`{"id":"i","type":"custom_tool_call","call_id":"c","name":"f","input":%q}`, s)
		}, pieces...), 3},
		{"summary", told("reasoning_summary_text", "text", "reasoning_summary_part", func(s string) string {
			return fmt.Sprintf(`{"id":"i","type":"reasoning","summary":[{"type":"summary_text","text":%q}],"encrypted_content":"zz"}`, s)
		}, pieces...), 4},
		{"reasoning text", told("reasoning_text", "text", "", func(s string) string {
			return fmt.Sprintf(`{"id":"i","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":%q}]}`, s)
		}, pieces...), 3},
		{"a delta that nobody knows", []string{`{"type":"response.brand_new.delta","output_index":0,"delta":"zan"}`, `{"type":"response.brand_new.delta","output_index":0,"delta":"zibar"}`, `{"type":"response.brand_new.done","output_index":0,"brand_new":"zanzibar"}`}, 0},
		{"text that no delta told", []string{`{"type":"response.output_item.done","output_index":0,"item":` + message("say zanzibar now and zanzibar again") + `}`}, 1},
		{"another text than the deltas told", append(told("output_text", "text", "", message, "x")[:3], `{"type":"response.completed","response":{"object":"response","output":[`+message("say zanzibar now and zanzibar again")+`]}}`), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, one := range []bool{true, false} { // each event by itself, or all at once
				two := NewChain([]Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "a", Stages: []string{"stream"}}, Guardrail: masks("zanzibar")},
					{GuardrailAttachment: core.GuardrailAttachment{Name: "b", Stages: []string{"stream"}}, Guardrail: masks("nowhere")}}, nil, slog.New(slog.DiscardHandler))
				for _, ch := range []*Chain{chain(core.GuardrailAttachment{}, masks("zanzibar")), two} {
					text, err := through(ch, c.events, one)
					if err != nil {
						t.Fatal(err)
					}
					if echoed := strings.Replace(text, `"instructions":"zanzibar"`, "", 1); strings.Contains(echoed, "zanzibar") {
						t.Errorf("it leaks:\n%s", text)
					}
					n := 0
					for line := range strings.Lines(text) {
						if !strings.Contains(line, ".delta") {
							n += strings.Count(line, clean)
						}
					}
					if n != c.times {
						t.Errorf("%d times and not %d in\n%s", n, c.times, text)
					}
					if strings.Count(text, "data: ") != len(c.events) {
						t.Errorf("not all events have left:\n%s", text)
					}
				}
				text, err := through(chain(core.GuardrailAttachment{}, denies("zanzibar")), c.events, one)
				if err == nil || core.AsError(err).Code != core.CodeGuardrailBlocked || strings.Contains(strings.Replace(text, `"instructions":"zanzibar"`, "", 1), "zanzibar") {
					t.Errorf("not blocked (%v):\n%s", err, text)
				}
			}
		})
	}
}

// denies blocks what has the word in it, and holds back enough of a stream to see it whole.
func denies(word string) inspector {
	return func(r *abi.InspectRequest) (*abi.InspectReply, error) {
		for _, s := range r.Segments {
			if strings.Contains(s.Text, word) {
				return &abi.InspectReply{Verdict: abi.Block}, nil
			}
		}
		return &abi.InspectReply{Verdict: abi.Allow, Hold: len(word) - 1}, nil
	}
}

func through(c *Chain, events []string, one bool) (string, error) {
	s := c.Begin(abi.Responses, "m").Stream()
	var out []byte
	for _, e := range events {
		s.Push(sse.Event{Data: []byte(e)})
		if one {
			var err error
			if out, err = s.Ready(context.Background(), out); err != nil {
				return string(out), err
			}
		}
	}
	out, err := s.End(context.Background(), out)
	return string(out), err
}

// TestRun_Output_Responses: a whole response is guarded in all its items, and not
// in what it repeats of the request.
func TestRun_Output_Responses(t *testing.T) {
	run := chain(core.GuardrailAttachment{}, masks("zanzibar")).Begin(abi.Responses, "m")
	const around = `{"id":"resp_1","object":"response","status":"completed","instructions":"zanzibar","tools":[{"name":"zanzibar"}],"output":[`
	got, err := run.Output(context.Background(), []byte(around+message("zanzibar")+`,{"type":"function_call","name":"f","arguments":"{\"a\":\"zanzibar\"}"}]}`))
	want := around + `{"id":"i","type":"message","role":"assistant","content":[{"type":"output_text","text":"***","logprobs":[]}]},{"type":"function_call","name":"f","arguments":"{\"a\":\"***\"}"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}
