package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/prochost"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/conformance"
	"github.com/tokligence/gateway/pdk/process"
)

// TestMain lets the test's own program be the plugin: the carrier starts it
// with the handshake's cookie.
func TestMain(m *testing.M) {
	if os.Getenv(process.CookieKey) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T) plugin.Plugin {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, err := prochost.New().Open(t.Context(), plugin.Source{ID: "provider.workers-ai", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range map[abi.Function]bool{abi.Plan: true, abi.DecodeError: true, abi.Encode: false, abi.Rank: false} {
		if code.Has(f) != want {
			t.Errorf("Has(%s) = %v", f, !want)
		}
	}
	p, err := code.Start(t.Context(), plugin.Setup{Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

func call[R any](t *testing.T, p plugin.Plugin, f abi.Function, request any) (reply R) {
	t.Helper()
	input, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Call(t.Context(), f, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestPlan(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		name          string
		endpoint      abi.Endpoint
		base, options string
		url, reason   string
	}{
		{"chat", abi.Chat, "", `{"account_id":"0a1b"}`, "https://api.cloudflare.com/client/v4/accounts/0a1b/ai/v1/chat/completions", ""},
		{"embeddings", abi.Embeddings, "", `{"account_id":"0a1b"}`, "https://api.cloudflare.com/client/v4/accounts/0a1b/ai/v1/embeddings", ""},
		{"own base", abi.Chat, "https://ai.example/v1", `{}`, "https://ai.example/v1/chat/completions", ""},
		{"no account", abi.Chat, "", `{}`, "", "options.account_id must be the Cloudflare account's id"},
		{"account that is a path", abi.Chat, "", `{"account_id":"a/../b"}`, "", "options.account_id must be the Cloudflare account's id"},
		{"other endpoint", abi.Messages, "", `{"account_id":"0a1b"}`, "", "Workers AI has no messages endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call[abi.PlanReply](t, p, abi.Plan, abi.PlanRequest{Endpoint: c.endpoint, Deployment: abi.Deployment{
				BaseURL: c.base, Options: abi.Raw(c.options),
			}})
			if got.URL != c.url || got.Reason != c.reason || got.Supported != (c.url != "") {
				t.Errorf("plan %+v", got)
			}
		})
	}
}

func TestDecodeError(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		status     int
		body       string
		code       abi.ErrorCode
		vendor     string
		text, lack string
	}{
		{400, `{"success":false,"result":{},"errors":[{"code":5007,"message":"No such model @cf/x or task"}]}`, abi.UpstreamRejected, "5007", "No such model", ""},
		{429, `{"success":false,"errors":[{"code":3036,"message":"daily allocation"}]}`, abi.RateLimited, "3036", "daily", ""},
		{429, `{"success":false,"errors":[{"code":3040,"message":"No more data centers"}]}`, abi.UpstreamUnavailable, "3040", "data centers", ""},
		{408, `{"errors":[{"code":3007,"message":"Request timeout"}]}`, abi.UpstreamUnavailable, "3007", "timeout", ""},
		{403, `{"errors":[{"code":5018,"message":"not allowed"}]}`, abi.UpstreamCredential, "5018", "not allowed", ""},
		{400, `{"error":{"message":"of OpenAI's shape"}}`, abi.UpstreamRejected, "", "of OpenAI's shape", ""},
		{502, `"<html>bad gateway</html>"`, abi.UpstreamUnavailable, "", "status 502", "html"},
	} {
		got := call[abi.DecodeErrorReply](t, p, abi.DecodeError, abi.DecodeErrorRequest{Status: c.status, Body: abi.Raw(c.body)})
		if got.Error.Code != c.code || got.VendorCode != c.vendor || !strings.Contains(got.Error.Message, c.text) {
			t.Errorf("%s: %+v", c.body, got)
		}
		if c.lack != "" && strings.Contains(got.Error.Message, c.lack) {
			t.Errorf("%s: the message quotes it: %q", c.body, got.Error.Message)
		}
	}
}

// TestConformance is what `tokligence plugin test` checks.
func TestConformance(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conformance.Run(t, conformance.Target{
		Declaration: plugin.Declaration{Source: path, Carrier: "process"},
		Carriers:    map[string]plugin.Carrier{"process": prochost.New()},
	})
}
