package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/sound"
	"github.com/tokligence/gateway/pdk/abi"
)

// multimodal is a provider whose models hear and speak in JSON.
type multimodal struct{ passthrough }

func (p multimodal) Plan(_ context.Context, r *abi.PlanRequest) (*abi.PlanReply, error) {
	return &abi.PlanReply{Supported: r.Endpoint == abi.Speech || r.Endpoint == abi.Transcriptions, URL: p.base, Auth: abi.Auth{Scheme: abi.AuthBearer},
		Request: abi.RequestPlan{Mode: abi.Transform, Inline: true}, Response: abi.ResponsePlan{Mode: abi.Transform}}, nil
}

func (multimodal) Encode(_ context.Context, r *abi.EncodeRequest, _ *[]byte) (*abi.EncodeReply, error) {
	return &abi.EncodeReply{Body: r.Body}, nil
}

func (multimodal) Decode(_ context.Context, r *abi.DecodeRequest, _ *[]byte) (*abi.DecodeReply, error) {
	if r.Endpoint == abi.Transcriptions {
		return &abi.DecodeReply{Body: r.Body}, nil
	}
	return &abi.DecodeReply{Body: abi.Raw(r.Body[len(`{"samples":`) : len(r.Body)-1]), ContentType: "audio/wav", Base64: true, WaveRate: 8000}, nil
}

// TestDo_Inline: a file goes into a JSON body, and sound comes out of one, with the head
// of a file before it.
func TestDo_Inline(t *testing.T) {
	r := newRig(t, core.Deployment{}, nil)
	r.through(multimodal{passthrough{base: r.url}}, rates(t, "input", "1"))

	r.answer(whole(200, `{"text":"ok"}`))
	kind, body := parts("model", "m", "file!a.wav", "abc")
	c := &recorder{}
	r.exchanger.Do(t.Context(), r.key("", core.Limits{}), &exchange.Request{Endpoint: abi.Transcriptions, Body: []byte(body), Arrived: time.Now(),
		Header: func(name string) string { return map[string]string{"content-type": kind}[name] }}, c)
	if c.status != 200 || c.body.String() != `{"text":"ok"}` {
		t.Fatalf("%d %s", c.status, c.body.String())
	}
	if sent := <-r.bodies; sent != `{"model":"m","file":{"$file":0,"filename":"a.wav","content_type":"application/octet-stream","size":3,"data":"YWJj"}}` {
		t.Errorf("the vendor got %s", sent)
	}

	r.answer(whole(200, `{"samples":"AAABAAIA"}`))
	got, entries := r.ask(r.key("", core.Limits{}), abi.Speech, `{"model":"m","input":"hi","voice":"v"}`)
	if want := string(sound.WaveHead(6, 8000)) + "\x00\x00\x01\x00\x02\x00"; got.status != 200 || got.body.String() != want || got.head.ContentType != "audio/wav" {
		t.Errorf("%d %s %q", got.status, got.head.ContentType, got.body.String())
	}
	if len(entries) != 1 || entries[0].Usage.Characters != 2 {
		t.Errorf("%+v", entries)
	}
}
