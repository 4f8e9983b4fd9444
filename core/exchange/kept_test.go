package exchange_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// keeps gives the rig a keeper of responses.
func (r *rig) keeps() *kept.Keeper {
	k := &kept.Keeper{Store: r.store, MaxBytes: 1 << 20, MaxHistory: 1 << 20, Retention: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	r.exchanger.Kept = k
	return k
}

// responseOf is the response of a whole answer, or of a stream's last event.
func responseOf(t *testing.T, text string) []byte {
	t.Helper()
	if _, data, ok := strings.Cut(text, "event: response.completed\ndata: "); ok {
		data, _, _ = strings.Cut(data, "\n")
		return scan.Get([]byte(data), "response")
	}
	if scan.Valid([]byte(text)) != nil {
		t.Fatalf("no response: %s", text)
	}
	return []byte(text)
}

// TestKept: a response is kept as its client got it, and the next request goes on
// from it with any provider, which is told to keep nothing.
func TestKept(t *testing.T) {
	chat := func(r *rig, stream bool) http.HandlerFunc {
		if stream {
			return r.raw(streamHead, delta("say zanz"), "WAIT", delta("ibar"), finish, usage, done)
		}
		return whole(200, strings.Replace(wholeAnswer, `"ok"`, `"say zanzibar"`, 1))
	}
	native := func(r *rig, stream bool) http.HandlerFunc {
		if stream {
			return r.raw(streamHead, responseBegins, responseItem, strings.Replace(responseDelta, `"ok"`, `"say zanz"`, 1), "WAIT", strings.Replace(responseDelta, `"ok"`, `"ibar"`, 1),
				strings.Replace(responseEnds, `"text":"ok"`, `"text":"say zanzibar"`, 1))
		}
		return whole(200, strings.Replace(responded, `"text":"ok"`, `"text":"say zanzibar"`, 1))
	}
	for _, c := range []struct {
		name                  string
		native, stream, after bool // after: native for the second request
	}{
		{"bridged", false, false, false}, {"bridged stream", false, true, false}, {"native", true, false, true}, {"native stream", true, true, true},
		{"native, then bridged", true, false, false}, {"bridged, then native", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := chainOf(masks("zanzibar"))
			r := newRig(t, core.Deployment{}, chain)
			keeper := r.keeps()
			answer := chat(r, c.stream)
			if c.native {
				r.native(chain)
				answer = native(r, c.stream)
			}
			r.answer(answer)
			p := r.key("", core.Limits{})
			body := `{"model":"m","input":"first","instructions":"once","store":true}`
			if c.stream {
				body = strings.Replace(body, "{", `{"stream":true,`, 1)
			}
			got, _ := r.ask(p, abi.Responses, body)
			sent := <-r.bodies
			if store, ok := scan.Bool(scan.Get([]byte(sent), "store")); ok && store {
				t.Errorf("the vendor may keep it: %s", sent)
			}
			response := responseOf(t, got.body.String())
			id := scan.GetString(response, "id")
			found, err := keeper.Find(t.Context(), p, id)
			if err != nil || string(found.Body) != string(response) || !strings.Contains(string(response), "say ***") || !strings.Contains(string(response), `"store":true`) {
				t.Fatalf("%v: kept %+v, got %s", err, found, response)
			}

			if c.after != c.native {
				if c.after {
					r.native(chain)
				} else {
					r.restore()
				}
			}
			if r.answer(chat(r, false)); c.after {
				r.answer(native(r, false))
			}
			got, entries := r.ask(p, abi.Responses, `{"model":"m","previous_response_id":"`+id+`","input":"second"}`)
			sent = <-r.bodies
			for _, want := range []string{"first", "say ***", "second"} {
				if strings.Count(sent, want) != 1 {
					t.Errorf("the vendor got %q %d times: %s", want, strings.Count(sent, want), sent)
				}
			}
			for _, leak := range []string{"zanzibar", "once", "resp_", `"id"`} {
				if strings.Contains(sent, leak) {
					t.Errorf("the vendor got %q: %s", leak, sent)
				}
			}
			second := responseOf(t, got.body.String())
			if scan.GetString(second, "previous_response_id") != id || len(entries) != 2 {
				t.Errorf("%s, %d entries", second, len(entries))
			}
			next, err := keeper.Find(t.Context(), p, scan.GetString(second, "id"))
			if err != nil || scan.Len(next.Input) != 1 || !strings.Contains(string(next.Input), "second") {
				t.Errorf("%v: %+v", err, next)
			}
		})
	}
}

// TestKept_Others: C65. Nobody but its owner goes on from a response, or refers to
// an item of it, and no vendor hears of such a request.
func TestKept_Others(t *testing.T) {
	for _, native := range []bool{false, true} {
		r := newRig(t, core.Deployment{}, nil)
		r.keeps()
		r.answer(whole(200, wholeAnswer))
		if native {
			r.native(nil)
			r.answer(whole(200, responded))
		}
		a, b := r.key("", core.Limits{}), r.key("", core.Limits{})
		got, _ := r.ask(a, abi.Responses, askResponse)
		response := responseOf(t, got.body.String())
		var item string
		scan.Elements(scan.Get(response, "output"), func(_ int, v []byte) bool { item = scan.GetString(v, "id"); return false })
		id := scan.GetString(response, "id")
		before := r.hits.Load()
		for _, c := range []struct{ member, param string }{
			{`"input":"x","previous_response_id":"` + id + `"`, "previous_response_id"},
			{`"input":"x","previous_response_id":"resp_vendor"`, "previous_response_id"},
			{`"input":"x","previous_response_id":"` + strings.Replace(id, "_", "%255F", 1) + `"`, "previous_response_id"},
			{`"input":[{"type":"item_reference","id":"` + item + `"}]`, "input[0].id"},
			{`"input":[{"id":"` + item + `"}]`, "input[0].id"},
			{`"input":[{"type":"item_reference","id":"msg_other"}]`, "input[0].id"},
		} {
			got, _ := r.ask(b, abi.Responses, `{"model":"m",`+c.member+`}`)
			if got.status != 404 || !strings.Contains(got.body.String(), `"param":"`+c.param+`"`) {
				t.Errorf("native %v, %s: %d %s", native, c.member, got.status, got.body.String())
			}
		}
		if n := r.hits.Load(); n != before {
			t.Errorf("the vendor was called %d times", n-before)
		}
		got, _ = r.ask(a, abi.Responses, `{"model":"m","input":[{"type":"item_reference","id":"`+item+`"},{"role":"user","content":"x"}]}`)
		<-r.bodies
		if sent := <-r.bodies; got.status != 200 || strings.Contains(sent, item) || !strings.Contains(sent, `"ok"`) {
			t.Errorf("native %v: %d, the vendor got %s", native, got.status, sent)
		}
	}
}

// TestKept_Not: what shall not be kept is not, nor what was never whole.
func TestKept_Not(t *testing.T) {
	r := newRig(t, core.Deployment{}, chainOf(stops("zanzibar")))
	keeper := r.keeps()
	p := r.key("", core.Limits{})
	none := func(text string) {
		t.Helper()
		_, id, _ := strings.Cut(text, `"id":"resp_`)
		id, _, _ = strings.Cut(id, `"`)
		if _, err := keeper.Find(t.Context(), p, "resp_"+id); err == nil {
			t.Errorf("it is kept: %s", text)
		}
	}
	r.answer(whole(200, wholeAnswer))
	got, _ := r.ask(p, abi.Responses, `{"model":"m","input":"hi","store":false}`)
	if text := got.body.String(); !strings.Contains(text, `"store":false`) {
		t.Errorf("got %s", text)
	}
	none(got.body.String())
	r.answer(r.raw(streamHead, delta("a"), "WAIT", "RST"))
	got, _ = r.ask(p, abi.Responses, streamResponse)
	none(got.body.String())
	r.answer(r.raw(streamHead, delta("a long text"), "WAIT", delta(" zanzibar"), finish, usage, done))
	got, _ = r.ask(p, abi.Responses, streamResponse)
	none(got.body.String())
	r.exchanger.Kept = nil
	r.answer(whole(200, wholeAnswer))
	got, _ = r.ask(p, abi.Responses, `{"model":"m","input":"hi","store":true}`)
	if text := got.body.String(); !strings.Contains(text, `"store":false`) || strings.Join(got.head.Notices, ";") != "responses are not kept here" {
		t.Errorf("%v %s", got.head.Notices, text)
	}
}

// TestKept_Bounds: what a request has looked up is bounded, and to count is a request, too.
func TestKept_Bounds(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.keeps()
	reference := `{"type":"item_reference","id":"msg_1"}`
	got, _ := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":[`+reference+strings.Repeat(","+reference, 100)+`]}`)
	if got.status != 400 || !strings.Contains(got.body.String(), `"param":"input[100]"`) || r.hits.Load() != 0 {
		t.Errorf("%d %s", got.status, got.body.String())
	}
	p := r.key("", core.Limits{RPM: 1})
	for _, want := range []int{200, 429} {
		c := &recorder{}
		r.exchanger.Do(t.Context(), p, &exchange.Request{Endpoint: abi.Responses, Counts: true, Body: []byte(askResponse), Arrived: time.Now(), Header: func(string) string { return "" }}, c)
		if c.status != want {
			t.Errorf("%d, want %d: %s", c.status, want, c.body.String())
		}
	}
}
