package exchange_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

const hello = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
const helloStream = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`
const wholeAnswer = `{"id":"x","object":"chat.completion","model":"vendor-model-1","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":8,"total_tokens":39,"prompt_tokens_details":{"cached_tokens":20}}}`

func whole(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestDo_Whole(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	c, entries := r.ask(r.key("1.00", core.Limits{}), abi.Chat, hello)
	if c.status != 200 || c.body.String() != wholeAnswer {
		t.Errorf("%d %s", c.status, c.body.String())
	}
	if sent := <-r.bodies; !strings.Contains(sent, `"model":"vendor-model"`) || !strings.Contains(sent, `"max_tokens":16384`) {
		t.Errorf("the vendor got %s", sent)
	}
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0]
	// 11 + 20 cached (at the input's price: no other is known) + 8 × 10, in micro-dollars.
	if e.Outcome != core.OutcomeOK || e.Usage.Input != 11 || e.Usage.CacheRead != 20 || e.Usage.Output != 8 || e.Amount != 111_000 ||
		e.ServedModel != "vendor-model-1" || len(e.Attempts) != 1 || e.Usage.InputSource != core.UsageReported {
		t.Errorf("entry %+v", e)
	}
	if c.head.Cost != "0.000111" || c.head.Attempts != 1 || c.head.Deployment != "dep" {
		t.Errorf("head %+v", c.head)
	}
}

// TestDo_EndUser: each dialect has its own name for the client's user.
func TestDo_EndUser(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	for _, c := range []struct {
		endpoint     abi.Endpoint
		member, user string
	}{
		{abi.Chat, `"user":"u"`, "u"},
		{abi.Messages, `"metadata":{"user_id":"u"}`, "u"},
		{abi.Chat, `"metadata":{"user_id":"u"}`, ""},
	} {
		_, entries := r.ask(r.key("", core.Limits{}), c.endpoint, strings.Replace(hello, "{", `{"max_tokens":9,`+c.member+`,`, 1))
		if len(entries) != 1 || entries[0].EndUser != c.user {
			t.Errorf("%s %s: %+v", c.endpoint, c.member, entries)
		}
	}
}

// TestDo_Stream holds what a client sees of a stream, whatever the vendor does
// to it, and the one line that the ledger keeps.
func TestDo_Stream(t *testing.T) {
	const errorEvent = `data: {"error":{"message":`
	for _, c := range []struct {
		name     string
		request  string
		vendor   []string
		want     string // the client's bytes; a trailing … cuts the comparison
		status   int
		outcome  core.Outcome
		in, out  int64
		reported core.UsageSource
	}{
		{"C38 usage not asked for", helloStream, []string{streamHead, delta("ok"), finish, usage, done}, delta("ok") + finish + done, 200, core.OutcomeOK, 31, 8, core.UsageReported},
		{"usage asked for", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
			[]string{streamHead, delta("ok"), finish, usage, done}, delta("ok") + finish + `data: {"id":"x","choices":[],"usage":{"prompt_tokens":31,"completion_tokens":8,"total_tokens":39},"x_tokligence":{"cost":"0.000111"}}` + "\n\n" + done, 200, core.OutcomeOK, 31, 8, core.UsageReported},
		{"C19 no terminator", helloStream, []string{streamHead, delta("ok"), finish}, delta("ok") + finish + done, 200, core.OutcomeOK, 1, 1, core.UsageEstimated},
		{"C04 CRLF", helloStream, []string{streamHead, strings.ReplaceAll(delta("ok")+finish+done, "\n", "\r\n")}, delta("ok") + finish + done, 200, core.OutcomeOK, 1, 1, core.UsageEstimated},
		{"C02 half an event, then the end", helloStream, []string{streamHead, delta("one"), "WAIT", `data: {"choices":[{"index":0,"delta":{"content":"hel`}, delta("one") + errorEvent + "…", 200, core.OutcomeFailed, 1, 1, core.UsageEstimated},
		{"C17 reset", helloStream, []string{streamHead, delta("one"), delta("two"), "WAIT", "RST"}, "…", 200, core.OutcomeFailed, 1, 2, core.UsageEstimated},
		{"C17 closed before anything", helloStream, []string{streamHead}, `{"error":{"message":…`, 502, core.OutcomeFailed, 0, 0, core.UsageReported},
		{"an error event first", helloStream, []string{streamHead, "data: {\"error\":{\"message\":\"busy\",\"type\":\"overloaded_error\"}}\n\n"}, `{"error":{"message":"busy"…`, 529, core.OutcomeFailed, 0, 0, core.UsageReported},
		{"an error event in the middle", helloStream, []string{streamHead, delta("one"), "WAIT", "data: {\"error\":{\"message\":\"boom\"}}\n\n", done}, delta("one") + errorEvent + `"boom"…`, 200, core.OutcomeFailed, 1, 1, core.UsageEstimated},
		{"not JSON", helloStream, []string{streamHead, "data: <html>\n\n"}, `{"error":{"message":…`, 502, core.OutcomeFailed, 0, 0, core.UsageReported},
		{"comments and ids are not passed on", helloStream, []string{streamHead, ": hello\n\nid: 7\n" + delta("ok"), finish, done}, delta("ok") + finish + done, 200, core.OutcomeOK, 1, 1, core.UsageEstimated},
		{"C14 two choices", `{"model":"m","n":2,"stream":true,"messages":[{"role":"user","content":"hi"}]}`,
			[]string{streamHead, strings.Replace(delta("B"), `"index":0`, `"index":1`, 1), delta("A"), strings.Replace(finish, `"index":0`, `"index":1`, 1), finish, done},
			strings.Replace(delta("B"), `"index":0`, `"index":1`, 1) + delta("A") + strings.Replace(finish, `"index":0`, `"index":1`, 1) + finish + done, 200, core.OutcomeOK, 1, 2, core.UsageEstimated},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{}, nil)
			r.answer(r.raw(c.vendor...))
			got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, c.request)
			want, open := strings.CutSuffix(c.want, "…")
			text := got.body.String()
			if open && !strings.HasPrefix(text, want) || !open && text != want {
				t.Errorf("the client got %q\nwant %q", text, c.want)
			}
			if strings.Count(text, errorEvent) > 1 || strings.Contains(text, errorEvent) && strings.Contains(text, "[DONE]") {
				t.Errorf("a failed stream that looks finished: %q", text)
			}
			if got.status != c.status || len(entries) != 1 {
				t.Fatalf("status %d, %d entries", got.status, len(entries))
			}
			e := entries[0]
			if c.name == "C17 reset" { // what a reset throws away is the kernel's choice
				c.out = e.Usage.Output
				c.in, c.reported = e.Usage.Input, e.Usage.OutputSource
				c.outcome = core.OutcomeFailed
			}
			if e.Outcome != c.outcome || e.Usage.Input+e.Usage.CacheRead != c.in && c.reported == core.UsageReported || e.Usage.Output != c.out || e.Usage.OutputSource != c.reported {
				t.Errorf("outcome %s, usage %+v", e.Outcome, e.Usage)
			}
		})
	}
}

// TestDo_EveryCut is C01: where the network cuts a stream changes nothing.
func TestDo_EveryCut(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	body := delta("né世😀") + finish + done
	p := r.key("", core.Limits{})
	for cut := range len(body) {
		r.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, body[:cut])
			w.(http.Flusher).Flush()
			fmt.Fprint(w, body[cut:])
		})
		c := &recorder{}
		r.do(context.Background(), p, abi.Chat, helloStream, c)
		if c.body.String() != body {
			t.Fatalf("cut at %d: %q", cut, c.body.String())
		}
	}
}

func TestDo_Errors(t *testing.T) {
	for _, c := range []struct {
		name, vendor string
		status       int
		headers      []string
		want         int
		body         string // must appear
		hits         int64
	}{
		{"C77 400", `{"error":{"message":"invalid image","type":"invalid_request_error"}}`, 400, nil, 400, "invalid image", 1},
		{"C80 context", `{"error":{"message":"too long","code":"context_length_exceeded"}}`, 400, nil, 400, `"code":"context_length_exceeded"`, 1},
		{"C85 401 echoes the credential", `{"error":{"message":"bad key vendor-MARK2"}}`, 401, nil, 502, "refused the gateway's credential", 1},
		{"C83 429 too long a wait", `{"error":{"message":"slow"}}`, 429, []string{"Retry-After", "99999"}, 429, "slow", 1},
		{"C83 quota", `{"error":{"message":"no money","code":"insufficient_quota"}}`, 429, nil, 429, "no money", 1},
		{"an account without money", `{"error":{"message":"insufficient balance"}}`, 402, nil, 429, "insufficient balance", 1},
		{"C83 x-should-retry", `{"error":{"message":"no"}}`, 429, []string{"x-should-retry", "false"}, 429, "no", 1},
		{"500 is tried again", `oops`, 500, nil, 502, "upstream_unavailable", 3},
		{"HTML", `<html>`, 200, nil, 502, "not JSON", 3},
		{"echoed secret everywhere", `{"error":{"message":"no","type":"vendor-MARK2","code":"vendor-MARK2","param":"vendor-MARK2"}}`, 422, nil, 422, `"code":"***"`, 1},
		{"echoed secret", `{"error":{"message":"key vendor-MARK2 is odd"}}`, 422, nil, 422, "key *** is odd", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, core.Deployment{Retries: 2}, nil)
			r.answer(whole(c.status, c.vendor, c.headers...))
			got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, hello)
			if got.status != c.want || !strings.Contains(got.body.String(), c.body) || strings.Contains(got.body.String(), "MARK2") {
				t.Errorf("%d %s", got.status, got.body.String())
			}
			if r.hits.Load() != c.hits || len(entries) != 1 || int64(len(entries[0].Attempts)) != c.hits || entries[0].Amount != 0 {
				t.Errorf("%d calls, entries %+v", r.hits.Load(), entries)
			}
		})
	}
}

func TestDo_BadRequests(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	for _, c := range []struct {
		body  string
		want  int
		param string
	}{
		{`{bad`, 400, ""}, {``, 400, ""}, {`[]`, 400, ""}, {`"str"`, 400, ""},
		{`{"model":5,"messages":"x"}`, 400, "model"}, {`{"model":"m"}`, 400, "messages"}, {`{"model":"m","messages":[]}`, 400, "messages"},
		{`{"model":"m","messages":[{"role":"user","content":"\ud800"}]}`, 400, ""}, {"{\"model\":\"m\",\"messages\":[\"\xff\"]}", 400, ""},
		{strings.Repeat("[", 100_000), 400, ""},
		{`{"model":"m","model":"n","messages":[{}]}`, 400, "model"},
		{`{"model":"m","Model":"n","messages":[{}]}`, 400, "Model"}, {`{"model":"m","messages":[{}],"MAX_TOKENS":9}`, 400, "MAX_TOKENS"},
		{`{"model":"m","stream":"yes","messages":[{}]}`, 400, "stream"},
		{`{"model":"nope","messages":[{}]}`, 404, "model"},
	} {
		got, entries := r.ask(r.key("1.00", core.Limits{}), abi.Chat, c.body)
		text := got.body.String()
		if got.status != c.want || !strings.Contains(text, `"type":"invalid_request_error"`) || c.param != "" && !strings.Contains(text, `"param":"`+c.param+`"`) {
			t.Errorf("%.60s: %d %s", c.body, got.status, text)
		}
		if len(entries) != 0 {
			t.Errorf("%.60s: in the ledger", c.body)
		}
	}
	if r.hits.Load() != 0 {
		t.Error("the vendor was called")
	}
	got, _ := r.ask(r.key("", core.Limits{}), abi.Messages, `{"model":"m"}`)
	if !strings.HasPrefix(got.body.String(), `{"type":"error","error":{"type":"invalid_request_error"`) {
		t.Errorf("in another dialect: %s", got.body.String())
	}
}

// TestDo_Budget is C50: of many at once exactly as many reach the vendor as the
// budget has room for.
func TestDo_Budget(t *testing.T) {
	const parallel, room = 200, 3
	r := newRig(t, core.Deployment{}, nil)
	release := make(chan struct{})
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		<-release
		whole(200, `{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":0,"completion_tokens":600}}`)(w, req)
	})
	p := r.key("0.020", core.Limits{}) // 600 × $10/M = 6,000 µ$, and a little for the prompt
	const body = `{"model":"m","max_tokens":600,"messages":[{"role":"user","content":"hi"}]}`
	var wg sync.WaitGroup
	statuses := make(chan int, parallel)
	for range parallel {
		wg.Go(func() {
			c := &recorder{}
			r.do(context.Background(), p, abi.Chat, body, c)
			statuses <- c.status
		})
	}
	refused := 0
	for range parallel - room {
		if s := <-statuses; s == 402 {
			refused++
		}
	}
	close(release)
	wg.Wait()
	if r.hits.Load() != room || refused != parallel-room {
		t.Errorf("%d reached the vendor, %d were refused", r.hits.Load(), refused)
	}
	spent, reserved, _, err := r.ledger.Spent(context.Background(), p.Budgets[0], time.Now())
	if err != nil || spent != 18_000_000 || reserved != 0 {
		t.Errorf("spent %s, reserved %s, %v", spent, reserved, err)
	}
}

// TestDo_C44 holds that a prompt counts in what is reserved.
func TestDo_C44(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(whole(200, wholeAnswer))
	p := r.key("0.001", core.Limits{})
	long := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"` + strings.Repeat("word ", 900_000) + `"}]}]}`
	if c, _ := r.ask(p, abi.Chat, long); c.status != 402 || r.hits.Load() != 0 {
		t.Errorf("a long prompt: %d", c.status)
	}
	short := `{"model":"m","max_tokens":40,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 50) + `"}]}`
	if c, _ := r.ask(p, abi.Chat, short); c.status != 200 {
		t.Errorf("a short prompt: %d %s", c.status, c.body.String())
	}
}

// TestDo_ClientLeaves is C52 and a part of C100: who leaves pays for what came,
// once, and gives back the slot.
func TestDo_ClientLeaves(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 40 {
			fmt.Fprint(w, delta("some words here "))
			w.(http.Flusher).Flush()
			select {
			case <-req.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	p := r.key("1.00", core.Limits{Parallel: 3})
	ctx, leave := context.WithCancel(context.Background())
	c := &recorder{onFlush: func(text string) error {
		if strings.Count(text, "data:") >= 10 {
			leave()
		}
		return nil
	}}
	r.do(ctx, p, abi.Chat, helloStream, c)
	entries := r.entries(p)
	if len(entries) != 1 || entries[0].Outcome != core.OutcomeClientClosed || entries[0].Status != 499 ||
		entries[0].Usage.Output < 20 || entries[0].Usage.OutputSource != core.UsageEstimated || entries[0].Amount == 0 {
		t.Errorf("entries %+v", entries)
	}
	if n := r.limiter.InFlight(p.Key.ID); n != 0 {
		t.Errorf("%d slots are still taken", n)
	}
}

// TestDo_ClientLeavesBefore: who leaves before the answer begins pays for the
// input, which the vendor has; nobody pays for what was never sent.
func TestDo_ClientLeavesBefore(t *testing.T) {
	for _, body := range []string{hello, helloStream} {
		r := newRig(t, core.Deployment{}, nil)
		ctx, leave := context.WithCancel(context.Background())
		r.answer(func(_ http.ResponseWriter, req *http.Request) {
			leave()
			<-req.Context().Done()
		})
		p := r.key("1.00", core.Limits{})
		r.do(ctx, p, abi.Chat, body, &recorder{})
		entries := r.entries(p)
		if len(entries) != 1 || entries[0].Outcome != core.OutcomeClientClosed || entries[0].Usage.Input == 0 || entries[0].Usage.Output != 0 ||
			entries[0].Usage.InputSource != core.UsageEstimated || entries[0].Amount == 0 || entries[0].FirstByte != 0 {
			t.Errorf("entries %+v", entries)
		}
		gone, leave := context.WithCancel(context.Background())
		leave()
		p = r.key("1.00", core.Limits{})
		r.do(gone, p, abi.Chat, body, &recorder{})
		if r.hits.Load() != 1 {
			t.Errorf("%d calls", r.hits.Load())
		}
		for _, e := range r.entries(p) {
			if e.Amount != 0 {
				t.Errorf("never sent: %+v", e)
			}
		}
	}
}

// TestDo_Timeouts is C95.
func TestDo_Timeouts(t *testing.T) {
	d := core.Deployment{Timeouts: core.Timeouts{Total: 2 * time.Second, FirstToken: 3 * time.Second, StreamIdle: time.Second}}
	paced := func(gap time.Duration, parts ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			for _, p := range parts {
				select {
				case <-req.Context().Done():
					return
				case <-time.After(gap):
				}
				fmt.Fprint(w, p)
				w.(http.Flusher).Flush()
			}
			<-req.Context().Done()
		}
	}
	many := append(strings.SplitAfter(strings.Repeat(delta("x"), 20), "\n\n")[:20], finish, done)
	for _, c := range []struct {
		name, body string
		vendor     http.HandlerFunc
		status     int
		has, not   string
	}{
		{"a a long healthy stream", helloStream, paced(60*time.Millisecond, many...), 200, "[DONE]", "error"},
		{"b a late first chunk", helloStream, paced(1500*time.Millisecond, delta("x")+finish+done), 200, "[DONE]", "error"},
		{"c silence in the middle", helloStream, paced(10*time.Millisecond, delta("x"), delta("y")), 200, "upstream_timeout", "[DONE]"},
		{"d a late answer", hello, paced(10*time.Second, "x"), 504, "upstream_timeout", "choices"},
		{"e comments only", helloStream, paced(300*time.Millisecond, strings.SplitAfter(strings.Repeat(": wait\n\n", 40), "\n\n")[:40]...), 504, "upstream_timeout", "[DONE]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, d, nil)
			r.answer(c.vendor)
			got, _ := r.ask(r.key("", core.Limits{}), abi.Chat, c.body)
			if text := got.body.String(); got.status != c.status || !strings.Contains(text, c.has) || strings.Contains(text, c.not) {
				t.Errorf("%d %q", got.status, text)
			}
		})
	}
}
