package exchange_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestHold_ForeignCaps: the name that another API has for the output cap caps nothing,
// so that the gateway's own is sent.
func TestHold_ForeignCaps(t *testing.T) {
	for _, c := range []struct {
		native         bool
		endpoint       abi.Endpoint
		members, under string
		want           int64
	}{
		{false, abi.Chat, `"messages":[{"role":"user","content":"a"}],"max_output_tokens":1`, "max_tokens", 16384},
		{false, abi.Chat, `"messages":[{"role":"user","content":"a"}],"max_output_tokens":1,"max_tokens":9`, "max_tokens", 9},
		{true, abi.Responses, `"input":"a","max_tokens":1,"max_completion_tokens":1`, "max_output_tokens", 16384},
		{true, abi.Responses, `"input":"a","max_output_tokens":9,"max_tokens":1`, "max_output_tokens", 9},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.answer(whole(200, wholeAnswer))
		if c.native {
			r.native(nil)
			r.answer(whole(200, responded))
		}
		got, _ := r.ask(r.key("1.00", core.Limits{}), c.endpoint, `{"model":"m",`+c.members+`}`)
		sent := []byte(<-r.bodies)
		if n, _ := scan.GetInt(sent, c.under); got.status != 200 || n != c.want {
			t.Errorf("%s: %d, the vendor got %s", c.members, got.status, sent)
		}
	}
}

// TestHold_Pictures: an answer may be all pictures, whose tokens are dearer.
func TestHold_Pictures(t *testing.T) {
	dear, err := core.ParseRate("100.00")
	if err != nil {
		t.Fatal(err)
	}
	for budget, status := range map[string]int{"0.02": 402, "0.20": 200} { // of 1000 tokens at $100 a million
		r := newRig(t, core.Deployment{}, nil)
		r.snapshot.Routes["m"].Targets[0].Price.Rates.ImageOutput = &dear
		r.answer(whole(200, wholeAnswer))
		if got, _ := r.ask(r.key(budget, core.Limits{}), abi.Chat, `{"model":"m","max_tokens":1000,"messages":[{"role":"user","content":"a"}]}`); got.status != status {
			t.Errorf("%s: %d %s", budget, got.status, got.body.String())
		}
	}
}

// TestChat_StreamFormat: a member of speech does not make other answers streams.
func TestChat_StreamFormat(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.answer(func(w http.ResponseWriter, _ *http.Request) {
		if sent := <-r.bodies; strings.Contains(sent, "stream_options") {
			t.Errorf("sent %s", sent)
		}
		_, _ = w.Write([]byte(wholeAnswer))
	})
	got, entries := r.ask(r.key("", core.Limits{}), abi.Chat, `{"model":"m","stream_format":"sse","messages":[{"role":"user","content":"a"}]}`)
	if got.status != 200 || got.body.String() != wholeAnswer || len(entries) != 1 || entries[0].Stream || entries[0].Usage.Output == 0 {
		t.Errorf("%d %s %+v", got.status, got.body.String(), entries)
	}
}
