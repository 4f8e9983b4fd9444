package carriertest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
)

// Reply is what a plugin answers to a sound request.
type Reply struct {
	Name     string
	Function abi.Function
	Base     string // the deployment's; "local" is one that the plugin itself answers for
	Reply    string
	Taken    bool // else it breaks the contract
}

const local = "local"

const base = "http://vendor.example:8080/v1"

// Replies are good ones and what a plugin may not say: lead a request
// elsewhere, forge a header, make up usage, answer with half a document.
var Replies = []Reply{
	{"plan", abi.Plan, "", `{"supported":true,"url":"https://a.example/x"}`, true},
	{"plan at the base", abi.Plan, base, `{"supported":true,"url":"http://vendor.example:8080/v1/x","headers":{"x-a":"b"}}`, true},
	{"plan unsupported", abi.Plan, "", `{"supported":false}`, true},
	{"plan local", abi.Plan, "", `{"supported":true,"local":true}`, true},
	{"plan over http", abi.Plan, "", `{"supported":true,"url":"http://a.example"}`, false},
	{"plan over http on this machine", abi.Plan, "", `{"supported":true,"url":"http://127.0.0.1:11434/api"}`, true},
	{"plan over http on this machine by IPv6", abi.Plan, "", `{"supported":true,"url":"http://[::1]:11434/api"}`, true},
	{"plan over http of a local name", abi.Plan, "", `{"supported":true,"url":"http://localhost:11434/api"}`, false},
	{"plan over http of a private address", abi.Plan, "", `{"supported":true,"url":"http://10.0.0.1/api"}`, false},
	{"plan over http beside the base", abi.Plan, base, `{"supported":true,"url":"http://127.0.0.1:8080/v1"}`, false},
	{"plan of a file", abi.Plan, "", `{"supported":true,"url":"file:///etc/passwd"}`, false},
	{"plan to nowhere", abi.Plan, "", `{"supported":true,"url":"/x"}`, false},
	{"plan with a user", abi.Plan, "", `{"supported":true,"url":"https://u:p@a.example"}`, false},
	{"plan to another host", abi.Plan, base, `{"supported":true,"url":"http://evil.example:8080/v1"}`, false},
	{"plan to another port", abi.Plan, base, `{"supported":true,"url":"http://vendor.example/v1"}`, false},
	{"plan to another scheme", abi.Plan, base, `{"supported":true,"url":"https://vendor.example:8080/v1"}`, false},
	{"plan with a host like the base", abi.Plan, base, `{"supported":true,"url":"http://vendor.example:8080@evil.example/"}`, false},
	{"plan of no mode", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"mode":"magic"}}`, false},
	{"plan with authorization", abi.Plan, "", `{"supported":true,"url":"https://a.example","headers":{"Authorization":"x"}}`, false},
	{"plan with a line break in a header", abi.Plan, "", `{"supported":true,"url":"https://a.example","headers":{"x-a":"b\nc"}}`, false},
	{"plan of no framing", abi.Plan, "", `{"supported":true,"url":"https://a.example","stream":{"framing":"tea leaves"}}`, false},
	{"plan with a key in a header", abi.Plan, "", `{"supported":true,"url":"https://a.example","auth":{"scheme":"header","name":"x-api-key"}}`, true},
	{"plan with a nameless key", abi.Plan, "", `{"supported":true,"url":"https://a.example","auth":{"scheme":"query"}}`, false},
	{"plan of no scheme", abi.Plan, "", `{"supported":true,"url":"https://a.example","auth":{"scheme":"handshake"}}`, false},
	{"plan that forwards", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"forward_headers":["anthropic-beta"]}}`, true},
	{"plan that forwards the virtual key", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"forward_headers":["X-Api-Key"]}}`, false},
	{"plan that forwards cookies", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"forward_headers":["cookie"]}}`, false},
	{"plan with edits", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"set","key":"a","value":null},{"op":"rename","key":"a","to":"b"},{"op":"copy","key":"a.b","to":"c"},{"op":"remove","key":"c"}]}}`, true},
	{"plan with an edit of no kind", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"eval","key":"a"}]}}`, false},
	{"plan with a copy to itself", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"copy","key":"a","to":"a"}]}}`, false},
	{"plan with an edit of nothing", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"set","key":"a"}]}}`, false},
	{"plan is a list", abi.Plan, "", `[]`, false},
	{"plan cut off", abi.Plan, "", `{"supported":true,"url":"https://a.exam`, false},
	{"plan of nothing", abi.Plan, "", ``, false},
	{"plan with a method", abi.Plan, "", `{"supported":true,"method":"PUT","url":"https://a.example"}`, true},
	{"plan with a line break in the method", abi.Plan, "", `{"supported":true,"method":"POST / HTTP/1.1\r\nx-a: b","url":"https://a.example"}`, false},
	{"plan with a line break in the URL", abi.Plan, "", `{"supported":true,"url":"https://a.example/\r\nx-a: b"}`, false},
	{"plan with an API key", abi.Plan, "", `{"supported":true,"url":"https://a.example","headers":{"X-Goog-Api-Key":"x"}}`, false},
	{"plan with a signature", abi.Plan, "", `{"supported":true,"url":"https://a.example","headers":{"x-amz-security-token":"x"}}`, false},
	{"plan that forwards the connection", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"forward_headers":["Upgrade"]}}`, false},

	{"encode", abi.Encode, base, `{"body":{"a":1},"headers":{"x-a":"b"},"notices":["dropped x"]}`, true},
	{"encode at the base", abi.Encode, base, `{"url":"http://VENDOR.example:8080/y","body":{}}`, true},
	{"encode to another host", abi.Encode, base, `{"url":"http://evil.example:8080/y","body":{}}`, false},
	{"encode at the plan's host", abi.Encode, "", `{"url":"https://vendor.example/other","body":{}}`, true},
	{"encode away from the plan's host", abi.Encode, "", `{"url":"https://evil.example/v1","body":{}}`, false},
	{"encode over http", abi.Encode, "", `{"url":"http://a.example/y","body":{}}`, false},
	{"encode header injection", abi.Encode, "", `{"body":{},"headers":{"x-a":"b\r\nx-b: c"}}`, false},
	{"encode header name injection", abi.Encode, "", `{"body":{},"headers":{"x-a: b\r\nx-b":"c"}}`, false},
	{"encode empty header name", abi.Encode, "", `{"body":{},"headers":{"":"c"}}`, false},
	{"encode host", abi.Encode, "", `{"body":{},"headers":{"Host":"evil.example"}}`, false},
	{"encode content-length", abi.Encode, "", `{"body":{},"headers":{"content-length":"0"}}`, false},
	{"encode transfer-encoding", abi.Encode, "", `{"body":{},"headers":{"Transfer-Encoding":"chunked"}}`, false},
	{"encode proxy-connection", abi.Encode, "", `{"body":{},"headers":{"proxy-connection":"close"}}`, false},
	{"encode connection", abi.Encode, "", `{"body":{},"headers":{"Connection":"x-a"}}`, false},
	{"encode te", abi.Encode, "", `{"body":{},"headers":{"TE":"trailers"}}`, false},
	{"encode trailer", abi.Encode, "", `{"body":{},"headers":{"trailer":"x-a"}}`, false},
	{"encode upgrade", abi.Encode, "", `{"body":{},"headers":{"upgrade":"h2c"}}`, false},
	{"encode keep-alive", abi.Encode, "", `{"body":{},"headers":{"keep-alive":"timeout=1"}}`, false},
	{"encode accept-encoding", abi.Encode, "", `{"body":{},"headers":{"accept-encoding":"gzip"}}`, false},
	{"encode authorization", abi.Encode, "", `{"body":{},"headers":{"AUTHORIZATION":"Bearer x"}}`, false},
	{"encode proxy-authorization", abi.Encode, "", `{"body":{},"headers":{"proxy-authorization":"Basic x"}}`, false},
	{"encode cookie", abi.Encode, "", `{"body":{},"headers":{"cookie":"a=b"}}`, false},
	{"encode an API key", abi.Encode, "", `{"body":{},"headers":{"x-api-key":"x"}}`, false},
	{"encode a header with a tab", abi.Encode, "", `{"body":{},"headers":{"x-a":"b\tc"}}`, true},
	{"encode a header with a control character", abi.Encode, "", `{"body":{},"headers":{"x-a":"b\u0007"}}`, false},
	{"encode a header with a lone line feed", abi.Encode, "", `{"body":{},"headers":{"x-a":"b\nx-b: c"}}`, false},
	{"encode a URL with a user", abi.Encode, base, `{"url":"http://vendor.example:8080@evil.example/","body":{}}`, false},
	{"encode a URL without a host", abi.Encode, base, `{"url":"/v1/x","body":{}}`, false},
	{"encode notice injection", abi.Encode, "", `{"body":{},"notices":["a\nb"]}`, false},
	{"encode no body", abi.Encode, "", `{}`, false},
	{"encode body is text", abi.Encode, "", `{"body":"{}"}`, false},
	{"encode cut off", abi.Encode, "", `{"body":{}`, false},
	{"encode nothing", abi.Encode, "", ``, false},
	{"encode a local answer", abi.Encode, local, `{"body":{"events":[]}}`, true},
	{"encode a local failure", abi.Encode, local, `{"body":{"status":429,"body":{}}}`, true},
	{"encode a local status below", abi.Encode, local, `{"body":{"status":199}}`, false},
	{"encode a local status above", abi.Encode, local, `{"body":{"status":600}}`, false},
	{"encode a negative local status", abi.Encode, local, `{"body":{"status":-1}}`, false},
	{"encode a local status in words", abi.Encode, local, `{"body":{"status":"good"}}`, false},
	{"encode a vendor's member of that name", abi.Encode, "", `{"body":{"status":"draft"}}`, true},

	{"decode", abi.Decode, "", `{"body":{},"usage":{"input":3,"output":0}}`, true},
	{"decode negative usage", abi.Decode, "", `{"body":{},"usage":{"output":-1}}`, false},
	{"decode absurd usage", abi.Decode, "", `{"body":{},"usage":{"searches":1000000000001}}`, false},
	{"decode fractional usage", abi.Decode, "", `{"body":{},"usage":{"input":1.5}}`, false},
	{"decode list", abi.Decode, "", `{"body":[]}`, false},
	{"decode cut off", abi.Decode, "", `{"body":{`, false},
	{"decode twice", abi.Decode, "", `{"body":{}}{"body":{}}`, false},
	{"decode nothing", abi.Decode, "", ``, false},
	{"decode words", abi.Decode, "", `no`, false},
	{"decode bytes that are no text", abi.Decode, "", "{\"body\":{\"a\":\"\x00\"}}", false},

	{"events", abi.DecodeEvents, "", `{"chunks":[{"choices":[]}],"done":true}`, true},
	{"events chunk is text", abi.DecodeEvents, "", `{"chunks":["data: x"]}`, false},
	{"events chunk is null", abi.DecodeEvents, "", `{"chunks":[null]}`, false},
	{"events negative usage", abi.DecodeEvents, "", `{"usage":{"input":-5}}`, false},
	{"events absurd usage", abi.DecodeEvents, "", `{"usage":{"output":9999999999999}}`, false},
	{"events of no list", abi.DecodeEvents, "", `{"chunks":{}}`, false},
	{"events cut off", abi.DecodeEvents, "", `{"chunks":[{"choices":[`, false},

	{"converse", abi.Converse, "", `{"state":{},"to_vendor":[{"setup":{}}],"to_client":[{"type":"session.created"}]}`, true},
	{"converse nothing to say", abi.Converse, "", `{"state":0}`, true},
	{"converse without a state", abi.Converse, "", `{"to_client":[{"type":"session.created"}]}`, false},
	{"converse in words", abi.Converse, "", `{"state":{},"to_vendor":["setup"]}`, false},
	{"converse event without a type", abi.Converse, "", `{"state":{},"to_client":[{"kind":"session.created"}]}`, false},
	{"converse event of no object", abi.Converse, "", `{"state":{},"to_client":[null]}`, false},
	{"converse cut off", abi.Converse, "", `{"state":{}`, false},
	{"converse nothing", abi.Converse, "", ``, false},

	{"error", abi.DecodeError, "", `{"error":{"code":"rate_limited","message":"m"},"retry_after_ms":5}`, true},
	{"error negative wait", abi.DecodeError, "", `{"error":{"code":"rate_limited","message":"m"},"retry_after_ms":-5}`, false},
	{"error of no object", abi.DecodeError, "", `[]`, false},
	{"error nothing", abi.DecodeError, "", ``, false},

	{"rank", abi.Rank, "", `{"order":[2,0],"ttl_ms":5,"shares":[0.5,0,0.5]}`, true},
	{"rank twice", abi.Rank, "", `{"order":[1,1]}`, false},
	{"rank out of range", abi.Rank, "", `{"order":[0,3]}`, false},
	{"rank negative", abi.Rank, "", `{"order":[-1]}`, false},
	{"rank nobody", abi.Rank, "", `{"order":[]}`, false},
	{"rank shares of two", abi.Rank, "", `{"order":[0],"shares":[1,0]}`, false},
	{"rank negative share", abi.Rank, "", `{"order":[0],"shares":[-1,0,0]}`, false},
	{"rank infinite share", abi.Rank, "", `{"order":[0],"shares":[1e999,0,0]}`, false},
	{"rank share of one left out", abi.Rank, "", `{"order":[0],"shares":[0,1,0]}`, false},
	{"rank by name", abi.Rank, "", `{"order":["a"]}`, false},
	{"rank for a negative time", abi.Rank, "", `{"order":[0],"ttl_ms":-1}`, false},
	{"rank nothing", abi.Rank, "", ``, false},

	{"inspect", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":2,"text":"x"}],"findings":[{"rule":"r","count":1}],"hold":8}`, true},
	{"inspect unknown segment", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":3,"text":"x"}]}`, false},
	{"inspect a segment twice", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":2,"text":"x"},{"id":2,"text":"y"}]}`, false},
	{"inspect by fetching", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example/check"}}`, true},
	{"inspect by fetching nothing", abi.Inspect, "", `{"verdict":"fetch"}`, false},
	{"inspect by fetching elsewhere", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"https://evil.example/"}}`, false},
	{"inspect by fetching on this machine", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"http://127.0.0.1/"}}`, false},
	{"inspect by fetching over http", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"http://a.example/"}}`, false},
	{"inspect too long a hold", abi.Inspect, "", `{"verdict":"allow","hold":9}`, false},
	{"inspect negative hold", abi.Inspect, "", `{"verdict":"allow","hold":-1}`, false},
	{"inspect no verdict", abi.Inspect, "", `{}`, false},
	{"inspect finding without a rule", abi.Inspect, "", `{"verdict":"allow","findings":[{"rule":"","count":1}]}`, false},
	{"inspect new text without the verdict", abi.Inspect, "", `{"verdict":"allow","segments":[{"id":2,"text":"x"}]}`, false},
	{"inspect by fetching with headers", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example","headers":{"content-type":"text/plain"}}}`, true},
	{"inspect by fetching with a forged header", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example","headers":{"x-a":"b\r\nx-b: c"}}}`, false},
	{"inspect by fetching with another host", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example","headers":{"host":"evil.example"}}}`, false},
	{"inspect by fetching with a key", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example","headers":{"authorization":"Bearer ${credential.api_key}"}}}`, true},
	{"inspect by fetching with a cookie", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example","headers":{"cookie":"a=b"}}}`, false},
	{"inspect by fetching in no way", abi.Inspect, "", `{"verdict":"fetch","http_request":{"url":"https://a.example"}}`, false},
	{"inspect by fetching with a forged method", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET /\r\n","url":"https://a.example"}}`, false},
	{"inspect by fetching a file", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"file://a.example/etc/passwd"}}`, false},
	{"inspect nothing", abi.Inspect, "", ``, false},
}

// Check has the guest, loaded as the kind that has the function, give the reply,
// and looks at what the gateway makes of it.
func (r *Reply) Check(t *testing.T, l *plugin.Loaded) {
	t.Helper()
	err := r.ask(t.Context(), l)
	if r.Taken {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var fault *plugin.Fault
	e := new(core.Error)
	if !errors.As(err, &e) || !errors.As(err, &fault) {
		t.Fatalf("got %v", err)
	}
	if e.Code != core.CodePluginFailed || e.Source != core.SourcePlugin || fault.Kind != plugin.FaultContract ||
		fault.Plugin != l.Declaration.ID || fault.Function != r.Function {
		t.Errorf("got %s from %s, fault %+v", e.Code, e.Source, fault)
	}
	if want := "the plugin " + l.Declaration.ID + " failed in " + string(r.Function); e.Message != want {
		t.Errorf("the client reads %q, want %q", e.Message, want)
	}
}

// Kind is that of the plugins that have the function.
func (r *Reply) Kind() abi.Kind {
	switch r.Function {
	case abi.Rank:
		return abi.KindStrategy
	case abi.Inspect:
		return abi.KindGuardrail
	}
	return abi.KindProvider
}

func (r *Reply) ask(ctx context.Context, l *plugin.Loaded) error {
	script := guest.Prefix + "say " + r.Reply
	switch r.Kind() {
	case abi.KindStrategy:
		s, err := plugin.AsStrategy(l)
		if err == nil {
			_, err = s.Rank(ctx, &abi.RankRequest{Route: script, Candidates: make([]abi.Candidate, 3)})
		}
		return err
	case abi.KindGuardrail:
		g, err := plugin.AsGuardrail(l)
		if err == nil {
			_, err = g.Inspect(ctx, &abi.InspectRequest{Segments: []abi.Segment{{ID: 1, Text: script}, {ID: 2}}})
		}
		return err
	}
	p, err := plugin.AsProvider(l)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"do": script})
	if err != nil {
		return err
	}
	d := abi.Deployment{Name: "d", BaseURL: r.Base}
	switch r.Function {
	case abi.Plan:
		d.Options = body
		_, err = p.Plan(ctx, &abi.PlanRequest{Deployment: d})
	case abi.Encode: // it is held to the plan
		if r.Base == local {
			d.BaseURL, d.Options = "", []byte(`{"do":"do:say {\"supported\":true,\"local\":true}"}`)
		}
		if _, err = p.Plan(ctx, &abi.PlanRequest{Deployment: d}); err == nil {
			_, err = p.Encode(ctx, &abi.EncodeRequest{Deployment: d, Body: body}, nil)
		}
	case abi.Decode:
		_, err = p.Decode(ctx, &abi.DecodeRequest{Deployment: d, Body: body}, nil)
	case abi.DecodeEvents:
		_, err = p.DecodeEvents(ctx, &abi.DecodeEventsRequest{State: script, End: true})
	case abi.Converse:
		_, err = p.Converse(ctx, &abi.ConverseRequest{Deployment: d, Session: "exc_1", Client: body})
	case abi.DecodeError:
		_, err = p.DecodeError(ctx, &abi.DecodeErrorRequest{Status: 500, Body: body})
	}
	return err
}

// replies asks each kind what the gateway asks, and holds it to the contract.
func (h *Host) replies(t *testing.T) {
	loaded := map[abi.Kind]*plugin.Loaded{}
	for _, kind := range []abi.Kind{abi.KindProvider, abi.KindStrategy, abi.KindGuardrail} {
		d := h.declaration(kind)
		d.Config = []byte(`{"word":"<word>"}`)
		l, err := h.loader(t, kind, func(string, string, string) {}).Load(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		loaded[kind] = l
	}
	t.Run("Provider", func(t *testing.T) { provider(t, loaded[abi.KindProvider]) })
	t.Run("Strategy", func(t *testing.T) { strategy(t, loaded[abi.KindStrategy]) })
	t.Run("Guardrail", func(t *testing.T) { guardrail(t, loaded[abi.KindGuardrail]) })
	for _, r := range Replies {
		t.Run(strings.ReplaceAll(r.Name, "/", " "), func(t *testing.T) { r.Check(t, loaded[r.Kind()]) })
	}
	for kind, l := range loaded {
		if s := l.Plugin.Stats(); s.Faults != 0 {
			t.Errorf("%s: a broken contract is no fault of the instance: %+v", kind, s)
		}
	}
}

func provider(t *testing.T, l *plugin.Loaded) {
	p, err := plugin.AsProvider(l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, d := t.Context(), abi.Deployment{Name: "d", Model: "m", BaseURL: base}
	raw := []byte(`{"n": 1.0, "s": "é\u0000"}`)
	n := int64(len(raw))
	plan, err1 := p.Plan(ctx, &abi.PlanRequest{Endpoint: abi.Chat, Deployment: d})
	encoded, err2 := p.Encode(ctx, &abi.EncodeRequest{Endpoint: abi.Chat, Deployment: d, Body: raw}, nil)
	decoded, err3 := p.Decode(ctx, &abi.DecodeRequest{Deployment: d, Status: 200, Body: raw}, nil)
	events, err4 := p.DecodeEvents(ctx, &abi.DecodeEventsRequest{State: "7", Events: []abi.Event{{Name: "a", Data: raw}}, End: true})
	failure, err5 := p.DecodeError(ctx, &abi.DecodeErrorRequest{Status: 429, Body: []byte(`{"message":"slowly"}`)})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if !plan.Supported || plan.URL != base+"/m" || plan.Stream.Mode != abi.Transform {
		t.Errorf("plan %+v", plan)
	}
	if string(encoded.Body) != string(raw) || encoded.Headers["x-word"] != "<word>" || encoded.State != "0" {
		t.Errorf("encoded %s, %+v", encoded.Body, encoded)
	}
	if string(decoded.Body) != string(raw) || decoded.Usage == nil || *decoded.Usage.Output != n || decoded.Usage.Input != nil || decoded.Model != "served" {
		t.Errorf("decoded %s, %+v", decoded.Body, decoded)
	}
	if len(events.Chunks) != 1 || string(events.Chunks[0]) != `{"choices":[],"n":8,"data":`+string(raw)+`}` || !events.Done || events.State != "8" {
		t.Errorf("events %+v", events)
	}
	if failure.Error != (abi.Error{Code: abi.RateLimited, Message: "slowly"}) || failure.RetryAfterMS != 429 {
		t.Errorf("failure %+v", failure)
	}
}

func strategy(t *testing.T, l *plugin.Loaded) {
	s, err := plugin.AsStrategy(l)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Rank(t.Context(), &abi.RankRequest{Route: "m", Candidates: make([]abi.Candidate, 3), Seed: 1<<64 - 1})
	if err != nil || len(r.Order) != 3 || r.Order[0] != 2 || r.Order[2] != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func guardrail(t *testing.T, l *plugin.Loaded) {
	g, err := plugin.AsGuardrail(l)
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Inspect(t.Context(), &abi.InspectRequest{Stage: abi.StageInput, Segments: []abi.Segment{{ID: 4, Text: "plain"}, {ID: 7, Text: "a secret."}}})
	if err != nil || r.Verdict != abi.Rewrite || len(r.Segments) != 1 || r.Segments[0] != (abi.SegmentText{ID: 7, Text: "a <word>."}) || string(r.State) != `{"seen":1}` {
		t.Errorf("%+v, %v", r, err)
	}
}
