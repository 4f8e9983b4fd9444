package plugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/pdk/abi"
)

// encode asks a provider whose plan is sound and whose encode fails.
func encode(t *testing.T, ctx context.Context, failure error) error {
	t.Helper()
	carrier := &fake{
		manifest: `{"id":"provider.x","version":"1.0.0","kind":"provider","abi":1}`,
		answer: func(f abi.Function, _ []byte) ([]byte, error) {
			if f == abi.Plan {
				return []byte(`{"supported":true,"url":"https://vendor.example/v1"}`), nil
			}
			return nil, failure
		},
	}
	l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: "provider.x", Source: writeFile(t, "x")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	p, err := plugin.AsProvider(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(t.Context(), &abi.PlanRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Encode(ctx, &abi.EncodeRequest{Body: []byte(`{}`)}, nil)
	return err
}

// TestFaces_Replies: a reply is taken, or it is a contract fault of the plugin
// of which the client learns nothing but the plugin and the function.
func TestFaces_Replies(t *testing.T) {
	plain := &guest.Guest{}
	for _, r := range carriertest.Replies {
		t.Run(r.Name, func(t *testing.T) {
			id, capabilities := string(r.Kind())+".x", ""
			if r.Kind() == abi.KindGuardrail {
				capabilities = `"rewrite":true,"stream":true,"hold":8,"hosts":["a.example"]`
			}
			carrier := &fake{
				manifest: `{"id":"` + id + `","version":"1.0.0","kind":"` + string(r.Kind()) + `","abi":1,"capabilities":{` + capabilities + `}}`,
				answer:   func(f abi.Function, input []byte) ([]byte, error) { return plain.Call(f, nil, input) },
			}
			l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: id, Source: writeFile(t, "x"), AllowHosts: []string{"a.example"}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			r.Check(t, l)
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
			err := encode(t, t.Context(), c.err)
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
	err := encode(t, ctx, &plugin.Fault{Kind: plugin.FaultCanceled, Err: ctx.Err()})
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

// TestFaces_EncodeBelongsToAPlan: a URL is held to the plan of the same
// deployment, endpoint and stream.
func TestFaces_EncodeBelongsToAPlan(t *testing.T) {
	carrier := &fake{
		manifest: `{"id":"provider.x","version":"1.0.0","kind":"provider","abi":1}`,
		answer: func(f abi.Function, _ []byte) ([]byte, error) {
			if f == abi.Plan {
				return []byte(`{"supported":true,"url":"https://vendor.example/v1"}`), nil
			}
			return []byte(`{"url":"https://vendor.example/other","body":{}}`), nil
		},
	}
	l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: "provider.x", Source: writeFile(t, "x")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	p, err := plugin.AsProvider(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(t.Context(), &abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		r    abi.EncodeRequest
		ok   bool
	}{
		{"planned", abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Name: "a"}}, true},
		{"another deployment", abi.EncodeRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{Name: "b"}}, false},
		{"another endpoint", abi.EncodeRequest{Endpoint: abi.Embeddings, Deployment: abi.Deployment{Name: "a"}}, false},
		{"a stream", abi.EncodeRequest{Endpoint: abi.Chat, Stream: true, Deployment: abi.Deployment{Name: "a"}}, false},
	} {
		c.r.Body = []byte(`{}`)
		if _, err := p.Encode(t.Context(), &c.r, nil); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFaces_PlanNeedsFunctions: a plan may rely only on functions that the plugin
// has; what it lacks would fail every request.
func TestFaces_PlanNeedsFunctions(t *testing.T) {
	const transform = `{"mode":"transform"}`
	for _, c := range []struct{ name, plan, lacks string }{
		{"request", `"request":` + transform, "encode"},
		{"response", `"response":` + transform, "decode"},
		{"stream", `"stream":` + transform, "decode_events"},
		{"local", `"local":true`, "encode"},
		{"errors", `"request":{"mode":"passthrough"}`, ""},
	} {
		for _, has := range []string{`"encode","decode","decode_events"`, ``} {
			functions := strings.TrimSuffix(`"describe","configure","plan",`+has, ",")
			carrier := &fake{
				manifest: `{"id":"provider.x","version":"1.0.0","kind":"provider","abi":1,"functions":[` + functions + `]}`,
				answer: func(abi.Function, []byte) ([]byte, error) {
					return []byte(`{"supported":true,"url":"https://vendor.example/v1",` + c.plan + `}`), nil
				},
			}
			l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: "provider.x", Source: writeFile(t, "x")})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			p, err := plugin.AsProvider(l)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Plan(t.Context(), &abi.PlanRequest{})
			var fault *plugin.Fault
			switch {
			case has != "" || c.lacks == "":
				if err != nil {
					t.Errorf("%s, with %s: %v", c.name, has, err)
				}
			case !errors.As(err, &fault) || fault.Kind != plugin.FaultContract || !strings.Contains(fault.Error(), "wants "+c.lacks+","):
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}
