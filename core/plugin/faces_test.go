package plugin_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// ask calls function f of a plugin that answers with reply or err.
func ask(t *testing.T, ctx context.Context, f abi.Function, base, reply string, failure error) (any, error) {
	t.Helper()
	kind := map[abi.Function]string{abi.Rank: "strategy", abi.Inspect: "guardrail"}[f]
	if kind == "" {
		kind = "provider"
	}
	carrier := &fake{
		manifest: `{"id":"` + kind + `.x","version":"1.0.0","kind":"` + kind + `","abi":1,"capabilities":{"rewrite":true,"hold":8,"hosts":["a.example"]}}`,
		answer: func(g abi.Function, _ []byte) ([]byte, error) {
			if g == abi.Plan && f == abi.Encode {
				return []byte(`{"supported":true,"url":"` + cmp.Or(base, "https://vendor.example/v1") + `"}`), nil
			}
			return []byte(reply), failure
		},
	}
	l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: kind + ".x", Source: writeFile(t, "x"), AllowHosts: []string{"a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	d := abi.Deployment{Name: "d", BaseURL: base}
	body := abi.Raw(`{}`)
	switch f {
	case abi.Rank:
		s, err := plugin.AsStrategy(l)
		if err != nil {
			t.Fatal(err)
		}
		return s.Rank(ctx, &abi.RankRequest{Candidates: make([]abi.Candidate, 3)})
	case abi.Inspect:
		g, err := plugin.AsGuardrail(l)
		if err != nil {
			t.Fatal(err)
		}
		return g.Inspect(ctx, &abi.InspectRequest{Segments: []abi.Segment{{ID: 1}, {ID: 2}}})
	}
	p, err := plugin.AsProvider(l)
	if err != nil {
		t.Fatal(err)
	}
	switch f {
	case abi.Plan:
		return p.Plan(ctx, &abi.PlanRequest{Deployment: d})
	case abi.Encode:
		if _, err := p.Plan(t.Context(), &abi.PlanRequest{Deployment: d}); err != nil {
			t.Fatal(err)
		}
		return p.Encode(ctx, &abi.EncodeRequest{Deployment: d, Body: body})
	case abi.Decode:
		return p.Decode(ctx, &abi.DecodeRequest{Deployment: d, Body: body})
	case abi.DecodeEvents:
		return p.DecodeEvents(ctx, &abi.DecodeEventsRequest{End: true})
	}
	return p.DecodeError(ctx, &abi.DecodeErrorRequest{Status: 500, Body: body})
}

// TestFaces_Replies: a reply is taken, or it is a contract fault of the plugin
// of which the client learns nothing but the plugin and the function.
func TestFaces_Replies(t *testing.T) {
	const base = "http://vendor.example:8080/v1"
	for _, c := range []struct {
		name  string
		f     abi.Function
		base  string
		reply string
		taken bool
	}{
		{"plan", abi.Plan, "", `{"supported":true,"url":"https://a.example/x"}`, true},
		{"plan at the base", abi.Plan, base, `{"supported":true,"url":"http://vendor.example:8080/v1/x","headers":{"x-a":"b"}}`, true},
		{"plan unsupported", abi.Plan, "", `{"supported":false}`, true},
		{"plan local", abi.Plan, "", `{"supported":true,"local":true}`, true},
		{"plan over http", abi.Plan, "", `{"supported":true,"url":"http://a.example"}`, false},
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
		{"plan with edits", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"set","key":"a","value":null},{"op":"rename","key":"a","to":"b"},{"op":"remove","key":"c"}]}}`, true},
		{"plan with an edit of no kind", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"eval","key":"a"}]}}`, false},
		{"plan with an edit of nothing", abi.Plan, "", `{"supported":true,"url":"https://a.example","request":{"edits":[{"op":"set","key":"a"}]}}`, false},
		{"plan is a list", abi.Plan, "", `[]`, false},

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
		{"encode notice injection", abi.Encode, "", `{"body":{},"notices":["a\nb"]}`, false},
		{"encode no body", abi.Encode, "", `{}`, false},
		{"encode body is text", abi.Encode, "", `{"body":"{}"}`, false},
		{"encode cut off", abi.Encode, "", `{"body":{}`, false},
		{"encode nothing", abi.Encode, "", ``, false},

		{"decode", abi.Decode, "", `{"body":{},"usage":{"input":3,"output":0}}`, true},
		{"decode negative usage", abi.Decode, "", `{"body":{},"usage":{"output":-1}}`, false},
		{"decode absurd usage", abi.Decode, "", `{"body":{},"usage":{"searches":1000000000001}}`, false},
		{"decode fractional usage", abi.Decode, "", `{"body":{},"usage":{"input":1.5}}`, false},
		{"decode list", abi.Decode, "", `{"body":[]}`, false},

		{"events", abi.DecodeEvents, "", `{"chunks":[{"choices":[]}],"done":true}`, true},
		{"events chunk is text", abi.DecodeEvents, "", `{"chunks":["data: x"]}`, false},
		{"events chunk is null", abi.DecodeEvents, "", `{"chunks":[null]}`, false},
		{"events negative usage", abi.DecodeEvents, "", `{"usage":{"input":-5}}`, false},

		{"error", abi.DecodeError, "", `{"error":{"code":"rate_limited","message":"m"},"retry_after_ms":5}`, true},
		{"error negative wait", abi.DecodeError, "", `{"error":{"code":"rate_limited","message":"m"},"retry_after_ms":-5}`, false},

		{"rank", abi.Rank, "", `{"order":[2,0],"ttl_ms":5,"shares":[0.5,0,0.5]}`, true},
		{"rank twice", abi.Rank, "", `{"order":[1,1]}`, false},
		{"rank out of range", abi.Rank, "", `{"order":[0,3]}`, false},
		{"rank negative", abi.Rank, "", `{"order":[-1]}`, false},
		{"rank nobody", abi.Rank, "", `{"order":[]}`, false},
		{"rank shares of two", abi.Rank, "", `{"order":[0],"shares":[1,0]}`, false},
		{"rank negative share", abi.Rank, "", `{"order":[0],"shares":[-1,0,0]}`, false},
		{"rank infinite share", abi.Rank, "", `{"order":[0],"shares":[1e999,0,0]}`, false},
		{"rank share of one left out", abi.Rank, "", `{"order":[0],"shares":[0,1,0]}`, false},

		{"inspect", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":2,"text":"x"}],"findings":[{"rule":"r","count":1}],"hold":8}`, true},
		{"inspect unknown segment", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":3,"text":"x"}]}`, false},
		{"inspect a segment twice", abi.Inspect, "", `{"verdict":"rewrite","segments":[{"id":2,"text":"x"},{"id":2,"text":"y"}]}`, false},
		{"inspect by fetching", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"POST","url":"https://a.example/check"}}`, true},
		{"inspect by fetching nothing", abi.Inspect, "", `{"verdict":"fetch"}`, false},
		{"inspect by fetching elsewhere", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"https://evil.example/"}}`, false},
		{"inspect by fetching over http", abi.Inspect, "", `{"verdict":"fetch","http_request":{"method":"GET","url":"http://a.example/"}}`, false},
		{"inspect too long a hold", abi.Inspect, "", `{"verdict":"allow","hold":9}`, false},
		{"inspect negative hold", abi.Inspect, "", `{"verdict":"allow","hold":-1}`, false},
		{"inspect no verdict", abi.Inspect, "", `{}`, false},
		{"inspect finding without a rule", abi.Inspect, "", `{"verdict":"allow","findings":[{"rule":"","count":1}]}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ask(t, t.Context(), c.f, c.base, c.reply, nil)
			if c.taken {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var fault *plugin.Fault
			e := new(core.Error)
			if !errors.As(err, &e) || !errors.As(err, &fault) {
				t.Fatalf("got %v", err)
			}
			if e.Code != core.CodePluginFailed || e.Source != core.SourcePlugin || fault.Kind != plugin.FaultContract && fault.Kind != plugin.FaultOutput {
				t.Errorf("got %s from %s, fault %s", e.Code, e.Source, fault.Kind)
			}
			if !strings.HasSuffix(e.Message, ".x failed in "+string(c.f)) {
				t.Errorf("the client reads %q", e.Message)
			}
		})
	}
}

func TestFaces_Errors(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		code   core.Code
		source core.Source
		text   string
		param  string
	}{
		{"the client's", &abi.Error{Code: abi.InvalidRequest, Message: "m", Param: "p"}, core.CodeInvalidRequest, core.SourceClient, "m", "p"},
		{"the vendor's", &abi.Error{Code: abi.RateLimited, Message: "m"}, core.CodeRateLimited, core.SourceUpstream, "m", ""},
		{"its own", &abi.Error{Code: abi.PluginFailed, Message: "secret"}, core.CodePluginFailed, core.SourcePlugin, "the plugin provider.x failed in encode", ""},
		{"a code that is not its", &abi.Error{Code: "unauthenticated", Message: "secret"}, core.CodePluginFailed, core.SourcePlugin, "the plugin provider.x failed in encode", ""},
		{"a trap", &plugin.Fault{Kind: plugin.FaultTrap, Err: errors.New("secret"), Stderr: "secret"}, core.CodePluginFailed, core.SourcePlugin, "the plugin provider.x failed in encode", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ask(t, t.Context(), abi.Encode, "", "", c.err)
			e := core.AsError(err)
			if e.Code != c.code || e.Source != c.source || e.Message != c.text || e.Param != c.param {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestFaces_CallerLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ask(t, ctx, abi.Encode, "", "", &plugin.Fault{Kind: plugin.FaultCanceled, Err: ctx.Err()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFaces_RefuseAnotherKind(t *testing.T) {
	l, err := newLoader(t, &fake{manifest: guardrail}).Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if _, err := plugin.AsProvider(l); err == nil {
		t.Error("a guardrail became a provider")
	}
	if _, err := plugin.AsStrategy(l); err == nil {
		t.Error("a guardrail became a strategy")
	}
}

// TestFaces_RewriteAsked: a guardrail changes text only if its manifest asks for it.
func TestFaces_RewriteAsked(t *testing.T) {
	carrier := &fake{manifest: guardrail, answer: func(abi.Function, []byte) ([]byte, error) { return []byte(`{"verdict":"rewrite"}`), nil }}
	l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: "guardrail.x", Source: writeFile(t, "x")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	g, err := plugin.AsGuardrail(l)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Inspect(t.Context(), &abi.InspectRequest{})
	var fault *plugin.Fault
	if !errors.As(err, &fault) || fault.Kind != plugin.FaultContract {
		t.Errorf("got %v", err)
	}
}
