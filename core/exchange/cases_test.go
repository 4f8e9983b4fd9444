package exchange_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestDo_PartialUsage is C46 and C52: what a vendor counted before it generated
// most of a text is not what a cut stream costs, while a count that came with the
// last of the text is.
func TestDo_PartialUsage(t *testing.T) {
	snapshot := func(text string, out string) string {
		return strings.Replace(delta(text), `"choices"`, `"usage":{"prompt_tokens":25,"completion_tokens":`+out+`},"choices"`, 1)
	}
	for _, c := range []struct {
		name   string
		vendor []string
		out    int64
		source core.UsageSource
	}{
		{"counted at the start only", []string{snapshot("", "1"), delta("one two three"), delta(" four")}, 5, core.UsageEstimated},
		{"counted in between", []string{delta("one two"), snapshot(" three", "7"), delta(" four five")}, 10, core.UsageEstimated},
		{"counted at the end", []string{delta("one two"), strings.Replace(usage, "8", "40", 1)}, 40, core.UsageReported},
		{"never counted", []string{delta("one two"), delta(" three")}, 3, core.UsageEstimated},
		{"whole", []string{snapshot("one two", "2"), delta(" three"), finish, done}, 2, core.UsageReported},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.answer(r.raw(append([]string{streamHead}, c.vendor...)...))
			_, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
			if len(entries) != 1 {
				t.Fatalf("%d entries", len(entries))
			}
			e := entries[0]
			if e.Usage.Output != c.out || e.Usage.OutputSource != c.source || e.Amount != core.Nano(1000*e.Usage.Input+10_000*e.Usage.Output) {
				t.Errorf("%s: usage %+v, amount %s", e.Outcome, e.Usage, e.Amount)
			}
			h := r.snapshot.Routes["m"].Targets[0].State.Health(time.Now())
			if failed := c.name != "whole"; failed != (h.LastError == "upstream_unavailable") || failed != (e.Outcome == core.OutcomeFailed) {
				t.Errorf("outcome %s, health %+v", e.Outcome, h)
			}
		})
	}
}

// TestDo_ModelName: a name that nothing can have is neither kept nor echoed.
func TestDo_ModelName(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	c := &recorder{}
	r.do(context.Background(), r.key("", core.Limits{}), abi.Chat, strings.Replace(hello, `"m"`, `"`+strings.Repeat("long", 500)+`"`, 1), c)
	o := <-r.observed
	if c.status != 400 || strings.Contains(c.body.String(), "long") || o.Entry.RequestedModel != "" {
		t.Errorf("%d %s, %q", c.status, c.body.String(), o.Entry.RequestedModel)
	}
}

// TestDo_FinishedButOpen is C19: an answer that is complete ends for the client
// a short while later, however long the vendor keeps its stream open, with all
// that a guardrail held back.
func TestDo_FinishedButOpen(t *testing.T) {
	for name, chain := range map[string]*guard.Chain{"plain": nil, "held": hold20()} {
		for _, endpoint := range []abi.Endpoint{abi.Chat, abi.Messages} {
			t.Run(name+" "+string(endpoint), func(t *testing.T) {
				r := newRig(t, core.Deployment{}, chain)
				left := make(chan struct{})
				r.answer(func(w http.ResponseWriter, req *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, delta("all of"), delta(" it"), finish)
					w.(http.Flusher).Flush()
					<-req.Context().Done()
					close(left)
				})
				c, entries := r.ask(r.key("", core.Limits{}), endpoint, strings.Replace(helloStream, "{", `{"max_tokens":9,`, 1))
				<-left
				text, end := c.body.String(), done
				if endpoint == abi.Messages {
					end = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
				}
				if !strings.Contains(text, "all of") || !strings.Contains(text, " it") || !strings.HasSuffix(text, end) || strings.Contains(text, `"error"`) {
					t.Errorf("%q", text)
				}
				if len(entries) != 1 || entries[0].Outcome != core.OutcomeOK || entries[0].Usage.Output == 0 {
					t.Errorf("entries %+v", entries)
				}
			})
		}
	}
}

// TestDo_MoreAfterFinish: a choice that ends twice does not end the other one, and
// what follows a finish is no end while it goes on.
func TestDo_MoreAfterFinish(t *testing.T) {
	other := strings.NewReplacer(`"index":0`, `"index":1`)
	for _, c := range []struct {
		name, n string
		events  []string
	}{
		{"two choices", "2", []string{finish, finish, other.Replace(delta("a")), other.Replace(delta("b")), other.Replace(delta("c")), other.Replace(delta("late")), other.Replace(finish) + done}},
		{"more text", "1", []string{finish, delta("a"), delta("b"), delta("c"), delta("late"), done}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.exchanger.FinishGrace = time.Second
			r.answer(func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for _, e := range c.events {
					fmt.Fprint(w, e)
					w.(http.Flusher).Flush()
					select { // longer in all than the grace after the finish
					case <-req.Context().Done():
						return
					case <-time.After(250 * time.Millisecond):
					}
				}
			})
			got, _ := r.ask(r.key("", core.Limits{}), abi.Chat, strings.Replace(helloStream, "{", `{"n":`+c.n+`,`, 1))
			if text := got.body.String(); !strings.Contains(text, "late") || !strings.HasSuffix(text, done) {
				t.Errorf("%q", text)
			}
		})
	}
}

// holds keeps the last characters of a stream back, and sees nothing wrong.
type holds int

func (h holds) Inspect(_ context.Context, _ *abi.InspectRequest) (*abi.InspectReply, error) {
	return &abi.InspectReply{Verdict: abi.Allow, Hold: int(h)}, nil
}

func hold20() *guard.Chain {
	return guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"stream"}}, Guardrail: holds(20)}}, nil, slog.New(slog.DiscardHandler))
}

// TestDo_Encodings is C04, and C01 for a vendor that writes byte by byte: the
// client's bytes are the same whatever the vendor's lines end in.
func TestDo_Encodings(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	p := r.key("", core.Limits{})
	want := delta("né世😀") + delta("B") + finish + done
	bytewise := func(s string) []string { return append([]string{streamHead}, strings.Split(s, "")...) }
	crlf := strings.ReplaceAll(want, "\n", "\r\n")
	for name, vendor := range map[string][]string{
		"CRLF":                 {streamHead, crlf},
		"CR and LF apart":      append([]string{streamHead}, strings.SplitAfter(crlf, "\r")...),
		"lone CR":              {streamHead, strings.ReplaceAll(want, "\n", "\r")},
		"no space":             {streamHead, strings.ReplaceAll(want, "data: ", "data:")},
		"byte order mark":      {streamHead, "\ufeff" + want},
		"byte by byte":         bytewise(want),
		"byte by byte, CRLF":   bytewise(crlf),
		"no last blank line":   {streamHead, strings.TrimSuffix(want, "\n")},
		"no last line end":     {streamHead, strings.TrimSuffix(want, "\n\n")},
		"ends with the finish": {streamHead, strings.TrimSuffix(strings.TrimSuffix(want, done), "\n\n")},
	} {
		r.answer(r.raw(vendor...))
		c := &recorder{}
		r.do(context.Background(), p, abi.Chat, helloStream, c)
		if got := c.body.String(); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	// JSON over two lines of data is one event.
	r.answer(r.raw(streamHead, strings.Replace(want, `,"choices"`, "\ndata: ,\"choices\"", 1)))
	c := &recorder{}
	r.do(context.Background(), p, abi.Chat, helloStream, c)
	if got := c.body.String(); strings.Count(got, "né世😀") != 1 || !strings.HasSuffix(got, delta("B")+finish+done) || strings.Contains(got, "error") {
		t.Errorf("two lines of data: %q", got)
	}
}

// TestDo_Overloaded is C83: an overloaded vendor is asked again after the time
// that it names, and in the end the client is told so in its own words.
func TestDo_Overloaded(t *testing.T) {
	const body = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
	for _, c := range []struct {
		name, retryAfter string // "DATE" is two seconds away
		fails            int
		stream           bool
		wait             time.Duration // at least, in all
		calls            int64
	}{
		{"no word", "", 2, false, 0, 3},
		{"streamed", "", 2, true, 0, 3},
		{"a second", "1", 1, false, time.Second, 2},
		{"a date", "DATE", 1, true, time.Second, 2}, // dates have whole seconds
		{"negative", "-5", 2, false, 0, 3},
		{"no number", "abc", 2, false, 0, 3},
		{"too long", "99999", 1, false, 0, 1},
		{"for ever", "", 99, false, 0, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{Retries: 2}, nil)
			r.answer(func(w http.ResponseWriter, req *http.Request) {
				if r.hits.Load() <= int64(c.fails) {
					after := c.retryAfter
					if after == "DATE" {
						after = time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
					}
					whole(529, body, "Retry-After", after)(w, req)
				} else if c.stream {
					fmt.Fprint(w, delta("ok"), finish, done)
				} else {
					whole(200, wholeAnswer)(w, req)
				}
			})
			start := time.Now()
			ask := hello
			if c.stream {
				ask = helloStream
			}
			got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, ask)
			recovers := int64(c.fails) < c.calls
			if r.hits.Load() != c.calls || time.Since(start) < c.wait || (got.status == 200) != recovers || len(entries) != 1 || int64(len(entries[0].Attempts)) != c.calls {
				t.Errorf("%d calls in %s, status %d %s, entries %+v", r.hits.Load(), time.Since(start), got.status, got.body.String(), entries)
			}
			if !recovers && (got.status != 529 || !strings.Contains(fmt.Sprint(got.head.More), "Retry-After")) {
				t.Errorf("%d %v", got.status, got.head.More)
			}
		})
	}
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(529, body))
	got, _ := r.ask(r.key("", core.Limits{}), abi.Messages, strings.Replace(hello, "{", `{"max_tokens":9,`, 1))
	if got.status != 529 || !strings.HasPrefix(got.body.String(), `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}`) {
		t.Errorf("a Messages client: %d %s", got.status, got.body.String())
	}
}

// TestDo_EverythingCounts is C44: text counts wherever a model reads it, and a
// picture counts as something.
func TestDo_EverythingCounts(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	long := strings.Repeat("word ", 20_000)
	for _, c := range []struct {
		name     string
		endpoint abi.Endpoint
		body     string
	}{
		{"a system message", abi.Chat, `{"messages":[{"role":"system","content":"` + long + `"}]}`},
		{"a tool", abi.Chat, `{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","description":"` + long + `"}}]}`},
		{"a tool's schema", abi.Chat, `{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"description":"` + long + `"}}}]}`},
		{"tool arguments", abi.Chat, `{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"` + long + `"}}]}]}`},
		{"a response format", abi.Chat, `{"messages":[{"role":"user","content":"hi"}],"response_format":{"json_schema":{"schema":{"description":"` + long + `"}}}}`},
		{"ten pictures", abi.Chat, `{"messages":[{"role":"user","content":[` + strings.Repeat(`{"type":"image_url","image_url":{"url":"data:image/png;base64,`+strings.Repeat("A", 400)+`"}},`, 9) + `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 400) + `"}}]}]}`},
		{"system of Messages", abi.Messages, `{"system":"` + long + `","messages":[{"role":"user","content":"hi"}]}`},
		{"embedding texts", abi.Embeddings, `{"input":["a","` + long + `"]}`},
		{"embedding tokens", abi.Embeddings, `{"input":[` + strings.Repeat("1,", 20_000) + `1]}`},
	} {
		p := r.key("0.01", core.Limits{}) // 10,000 tokens of input
		got, _ := r.ask(p, c.endpoint, strings.Replace(c.body, "{", `{"model":"m","max_tokens":9,`, 1))
		if got.status != 402 || r.hits.Load() != 0 {
			t.Errorf("%s: %d %s", c.name, got.status, got.body.String())
		}
	}
}

// TestDo_SlotsComeBack is C100: whatever ends an exchange, its slot is free again.
func TestDo_SlotsComeBack(t *testing.T) {
	chain := guard.NewChain([]guard.Attachment{{GuardrailAttachment: core.GuardrailAttachment{Name: "g", Stages: []string{"input"}}, Guardrail: moods{}}}, nil, slog.New(slog.DiscardHandler))
	d := core.Deployment{Timeouts: core.Timeouts{Total: 30 * time.Millisecond, FirstToken: 30 * time.Millisecond, StreamIdle: 30 * time.Millisecond}}
	r := newRig(t, d, chain)
	stall := func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }
	leave := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(10*time.Millisecond, cancel)
		return ctx
	}
	say := func(what string, stream bool) string {
		return fmt.Sprintf(`{"model":"m","stream":%v,"messages":[{"role":"user","content":%q}]}`, stream, what)
	}
	p := r.key("1.00", core.Limits{Parallel: 3})
	for range 4 {
		for _, c := range []struct {
			name   string
			vendor http.HandlerFunc
			say    string
			leaves bool
		}{
			{"times out", stall, "hi", false},
			{"resets", r.raw("RST"), "hi", false},
			{"gives 502", whole(502, "bad"), "hi", false},
			{"sends half and dies", r.raw(streamHead, delta("x")), "hi", false},
			{"sends half and stops", func(w http.ResponseWriter, req *http.Request) {
				fmt.Fprint(w, delta("x"))
				w.(http.Flusher).Flush()
				<-req.Context().Done()
			}, "hi", false},
			{"the client leaves early", stall, "hi", true},
			{"the guardrail blocks", stall, "BLOCK", false},
			{"the guardrail fails", stall, "FAIL", false},
			{"the guardrail panics", stall, "PANIC", false},
			{"not asked at all", stall, "", false},
		} {
			for _, stream := range []bool{false, true} {
				r.answer(c.vendor)
				ctx, body := context.Background(), say(c.say, stream)
				if c.leaves {
					ctx = leave(ctx)
				}
				if c.say == "" {
					body = `{"model":"nobody","messages":[{}]}`
				}
				r.do(ctx, p, abi.Chat, body, &recorder{})
				if n := r.limiter.InFlight(p.Key.ID); n != 0 {
					t.Fatalf("%s: %d slots are taken", c.name, n)
				}
				if h := r.snapshot.Routes["m"].Targets[0].State.Health(time.Now()); h.InFlight != 0 {
					t.Fatalf("%s: %d calls are in flight", c.name, h.InFlight)
				}
			}
		}
	}
	spent, reserved, _, err := r.ledger.Spent(context.Background(), p.Budgets[0], time.Now())
	if err != nil || reserved != 0 {
		t.Errorf("spent %s, reserved %s, %v", spent, reserved, err)
	}
	// Three at once pass, a fourth does not.
	arrived, release := make(chan struct{}, 3), make(chan struct{})
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		whole(200, wholeAnswer)(w, nil)
	})
	d.Timeouts = core.Timeouts{}
	*r.snapshot.Routes["m"].Targets[0].Deployment = d
	r.snapshot.Routes["m"].Targets[0].Deployment.Model = "vendor-model"
	statuses := make(chan int, 3)
	for range 3 {
		go func() {
			c := &recorder{}
			r.do(context.Background(), p, abi.Chat, say("hi", false), c)
			statuses <- c.status
		}()
	}
	for range 3 {
		<-arrived
	}
	c := &recorder{}
	if r.do(context.Background(), p, abi.Chat, say("hi", false), c); c.status != 429 {
		t.Errorf("a fourth: %d", c.status)
	}
	close(release)
	for range 3 {
		if s := <-statuses; s != 200 {
			t.Errorf("status %d", s)
		}
	}
}

// moods is a guardrail that does what it is told.
type moods struct{}

func (moods) Inspect(_ context.Context, r *abi.InspectRequest) (*abi.InspectReply, error) {
	switch r.Segments[0].Text {
	case "BLOCK":
		return &abi.InspectReply{Verdict: abi.Block}, nil
	case "FAIL":
		return nil, core.Errorf(core.CodePluginFailed, core.SourcePlugin, "told to")
	case "PANIC":
		panic("told to")
	}
	return &abi.InspectReply{Verdict: abi.Allow}, nil
}
