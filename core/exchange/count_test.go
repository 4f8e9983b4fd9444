package exchange_test

import (
	"context"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// counter is a provider whose plugin asks the vendor for a count of tokens.
type counter struct{ reader }

func (p counter) Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	plan, err := p.reader.Plan(ctx, r)
	plan.Supported = r.Endpoint == abi.CountTokens || r.Endpoint == abi.Chat
	return plan, err
}

// TestDo_CountTokens_Translated: a plugin that counts is given the chat that the message
// would have been, and what it reads is the answer; no answer is an error.
func TestDo_CountTokens_Translated(t *testing.T) {
	for _, c := range []struct {
		body, vendor string
		vendorStatus int
		sent, got    string
		status       int
	}{
		{`{"model":"m","system":"Be brief.","messages":[{"role":"user","content":"hi"}]}`, `{"input_tokens":31}`, 200,
			`{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}]}`, `{"input_tokens":31}`, 200},
		{`{"model":"m","messages":[{"role":"user","content":"hi"}]}`, `{}`, 500, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "", 502},
	} {
		r := newRig(t, core.Deployment{}, nil)
		r.through(counter{reader{passthrough{base: r.url}, nil}}, nil)
		r.answer(whole(c.vendorStatus, c.vendor))
		got, _ := r.ask(r.key("", core.Limits{}), abi.CountTokens, c.body)
		if r.hits.Load() == 0 {
			t.Errorf("the vendor was not called: %d %s", got.status, got.body.String())
			continue
		}
		if sent := <-r.bodies; sent != c.sent {
			t.Errorf("the vendor got %s", sent)
		}
		if got.status != c.status || c.got != "" && got.body.String() != c.got {
			t.Errorf("%d %s", got.status, got.body.String())
		}
	}
}

// TestDo_CountTokens_Free: what costs nothing needs no price, and no budget that has
// something left.
func TestDo_CountTokens_Free(t *testing.T) {
	for _, budget := range []string{"1.00", "0"} {
		r := newRig(t, core.Deployment{}, nil)
		r.through(counter{reader{passthrough{base: r.url}, nil}}, nil)
		r.answer(whole(200, `{"input_tokens":31}`))
		got, entries := r.ask(r.key(budget, core.Limits{}), abi.CountTokens, hello)
		if got.status != 200 || len(entries) != 1 || entries[0].Amount != 0 || entries[0].Unpriced {
			t.Errorf("budget %s: %d %s %+v", budget, got.status, got.body.String(), entries)
		}
	}
}

// choosy counts for some models only, and says so of the others.
type choosy struct{ counter }

func (choosy) DecodesErrors() bool { return true }

func (choosy) DecodeError(context.Context, *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	return &abi.DecodeErrorReply{Error: abi.Error{Code: abi.NotFound, Message: "this model's tokens are not counted"}}, nil
}

// TestDo_CountTokens_Uncounted: where a vendor does not count, or not for the model, or not
// so much, the gateway estimates and says so; what it finds wrong is the client's to know.
func TestDo_CountTokens_Uncounted(t *testing.T) {
	const no, long = `{"message":"no"}`, `{"error":{"code":"context_length_exceeded","message":"prompt is too long"}}`
	for _, c := range []struct {
		vendorStatus int
		vendor       string
		choosy       bool
		status       int
	}{{404, no, false, 200}, {405, no, false, 200}, {501, no, false, 200}, {400, no, true, 200}, {400, long, false, 200}, {400, no, false, 400}, {500, no, false, 502}} {
		r := newRig(t, core.Deployment{}, nil)
		p := counter{reader{passthrough{base: r.url}, nil}}
		if c.choosy {
			r.through(choosy{p}, nil)
		} else {
			r.through(p, nil)
		}
		r.answer(whole(c.vendorStatus, c.vendor))
		got, entries := r.ask(r.key("", core.Limits{}), abi.CountTokens, hello)
		if estimated := len(got.head.Notices) == 1; got.status != c.status || estimated != (c.status == 200) {
			t.Errorf("%+v: %d %s %v", c, got.status, got.body.String(), got.head.Notices)
		}
		if len(entries) != 1 || entries[0].Amount != 0 {
			t.Errorf("%+v: %+v", c, entries)
		}
	}
}
