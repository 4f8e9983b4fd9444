package pdk

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func provider() *Provider {
	return &Provider{
		Manifest: abi.Manifest{ID: "provider.test", Name: "Test", Version: "1.0.0", Kind: "nonsense", ABI: 99},
		Plan: func(r *abi.PlanRequest) (*abi.PlanReply, error) {
			return &abi.PlanReply{Supported: true, URL: "https://example.com/" + r.Deployment.Model}, nil
		},
		Encode: func(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
			switch {
			case r.Stream:
				return nil, &abi.Error{Code: abi.InvalidRequest, Message: "no streams", Param: "stream"}
			case r.Deployment.Name == "plain":
				return nil, errors.New("plain words")
			case r.Deployment.Name == "nothing":
				return nil, nil
			case r.Deployment.Name == "bad":
				return nil, errors.Join(errors.New("wrapped"), &abi.Error{Code: abi.RateLimited, Message: "slowly"})
			}
			return &abi.EncodeReply{Body: r.Body}, nil
		},
	}
}

func TestServe(t *testing.T) {
	for _, c := range []struct {
		name, input string
		f           abi.Function
		want        string
		failed      bool
	}{
		{"encode", `{"body":{"a":1.0}}`, abi.Encode, `{"body":{"a":1.0}}`, false},
		{"plan", `{"deployment":{"model":"m"}}`, abi.Plan, `"url":"https://example.com/m"`, false},
		{"refusal", `{"stream":true}`, abi.Encode, `{"code":"invalid_request","message":"no streams","param":"stream"}`, true},
		{"wrapped refusal", `{"deployment":{"name":"bad"}}`, abi.Encode, `{"code":"rate_limited","message":"slowly"}`, true},
		{"plain error", `{"deployment":{"name":"plain"}}`, abi.Encode, `{"code":"plugin_failed","message":"plain words"}`, true},
		{"no reply", `{"deployment":{"name":"nothing"}}`, abi.Encode, `{"code":"plugin_failed","message":"encode gave no reply"}`, true},
		{"input of the wrong type", `{"deployment":[]}`, abi.Encode, `{"code":"plugin_failed","message":"encode: input: deployment: expected an object"}`, true},
		{"no input", ``, abi.Encode, `{"code":"plugin_failed","message":"encode: input: expected an object"}`, true},
		{"no input of plan", ``, abi.Plan, `"code":"plugin_failed"`, true},
		{"lacking function", `{}`, abi.Decode, `{"code":"plugin_failed","message":"decode is not implemented"}`, true},
		{"another kind's function", `{}`, abi.Rank, `{"code":"plugin_failed","message":"rank is not implemented"}`, true},
		{"unknown function", `{}`, "dance", `{"code":"plugin_failed","message":"dance is not implemented"}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, failed := Serve(provider(), c.f, []byte("before "), []byte(c.input))
			got, kept := strings.CutPrefix(string(out), "before ")
			if failed != c.failed || !kept || !strings.Contains(got, c.want) {
				t.Errorf("got %s, failed %v; want %s", out, failed, c.want)
			}
		})
	}
	if out, failed := Serve(nil, abi.Describe, nil, nil); !failed || !strings.Contains(string(out), "no plugin is registered") {
		t.Errorf("without a plugin: %s", out)
	}
}

// TestDescribe: the kit knows kind, ABI and functions better than the author.
func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		plugin    Plugin
		kind      abi.Kind
		functions string
	}{
		{provider(), abi.KindProvider, "[describe configure plan encode]"},
		{&Strategy{}, abi.KindStrategy, "[describe configure rank]"},
		{&Guardrail{}, abi.KindGuardrail, "[describe configure inspect]"},
	} {
		out, err := c.plugin.Call(abi.Describe, nil, nil)
		var m abi.Manifest
		if err != nil || json.Unmarshal(out, &m) != nil {
			t.Fatalf("%s, %v", out, err)
		}
		names := make([]string, len(m.Functions))
		for i, f := range m.Functions {
			names[i] = string(f)
		}
		if m.Kind != c.kind || m.ABI != abi.Version || "["+strings.Join(names, " ")+"]" != c.functions {
			t.Errorf("%s", out)
		}
	}
}

// TestConfigure: a plugin may keep its configuration although the input's memory is reused.
func TestConfigure(t *testing.T) {
	var kept []abi.Raw
	p := &Strategy{Configure: func(c abi.Raw) []abi.Problem {
		kept = append(kept, c)
		if string(c) == `{"bad":1}` {
			return []abi.Problem{{Path: "bad", Message: "is bad"}}
		}
		return nil
	}}
	for _, c := range []struct{ input, want, config string }{
		{`{"config":{"a":1}}`, `{}`, `{"a":1}`},
		{`{"config":{"bad":1}}`, `{"problems":[{"path":"bad","message":"is bad"}]}`, `{"bad":1}`},
		{`{}`, `{}`, `{}`},
		{`{"config":null}`, `{}`, `{}`},
	} {
		input := []byte(c.input)
		out, err := p.Call(abi.Configure, nil, input)
		clear(input)
		if got := string(kept[len(kept)-1]); err != nil || string(out) != c.want || got != c.config {
			t.Errorf("%s: %s, %v with %s", c.input, out, err, got)
		}
	}
	if out, err := (&Guardrail{}).Call(abi.Configure, nil, []byte(`{"config":{}}`)); err != nil || string(out) != "{}" {
		t.Errorf("without Configure: %s, %v", out, err)
	}
}

// TestCall_Reuse: what one call was given does not show in the next.
func TestCall_Reuse(t *testing.T) {
	var seen []int
	g := &Guardrail{Inspect: func(r *abi.InspectRequest) (*abi.InspectReply, error) {
		seen = append(seen, len(r.Segments), len(r.Findings), len(r.State))
		return &abi.InspectReply{Verdict: abi.Allow}, nil
	}}
	for _, input := range []string{`{"segments":[{"id":1,"text":"a"},{"id":2}],"findings":[{"rule":"r"}],"state":[1]}`, `{"segments":[{"id":3}]}`, `{}`} {
		if _, err := g.Call(abi.Inspect, nil, []byte(input)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(seen, []int{2, 1, 3, 1, 0, 0, 0, 0, 0}) {
		t.Errorf("%v", seen)
	}
}

func TestRegister_Twice(t *testing.T) {
	defer func() {
		registered = nil
		if recover() == nil {
			t.Error("a second plugin was registered")
		}
	}()
	Register(provider())
	Register(provider())
}
