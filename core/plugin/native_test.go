package plugin

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
)

func TestCheckNative(t *testing.T) {
	const url = "https://api.test/v1/x"
	for _, c := range []struct {
		name  string
		route abi.NativeRoute
		want  string // "" is no fault
	}{
		{"the model in the path", abi.NativeRoute{Path: "/v1/models/{model}:go", URL: url}, ""},
		{"the model in the body", abi.NativeRoute{Path: "/v1/go", Model: "model", URL: url}, ""},
		{"an endpoint", abi.NativeRoute{Path: "/v1/chat/completions", Endpoint: abi.Chat}, ""},
		{"no model", abi.NativeRoute{Path: "/v1/files", URL: url}, "the model's name"},
		{"two models", abi.NativeRoute{Path: "/v1/{model}", Model: "model", URL: url}, "the model's name"},
		{"another host", abi.NativeRoute{Path: "/v1/{model}", URL: "https://elsewhere.test/"}, "another host"},
		{"dots", abi.NativeRoute{Path: "/v1/../{model}", URL: url}, "not the path"},
		{"an empty segment", abi.NativeRoute{Path: "/v1//{model}", URL: url}, "not the path"},
		{"a query", abi.NativeRoute{Path: "/v1/{model}?a=b", URL: url}, "not the path"},
		{"another mark", abi.NativeRoute{Path: "/v1/{model}/{id}", URL: url}, "not the path"},
		{"no endpoint", abi.NativeRoute{Path: "/v1/x", Endpoint: "files"}, "no endpoint"},
		{"itself", abi.NativeRoute{Path: "/v1/x", Endpoint: abi.Native}, "no endpoint"},
		{"a key passed on", abi.NativeRoute{Path: "/v1/{model}", URL: url, Request: abi.RequestPlan{ForwardHeaders: []string{"X-Api-Key"}}}, "not forwarded"},
		{"transformed", abi.NativeRoute{Path: "/v1/{model}", URL: url, Request: abi.RequestPlan{Mode: abi.Transform}}, "not passed through"},
		{"an array of caps", abi.NativeRoute{Path: "/v1/{model}", URL: url, Caps: []string{"a[].b"}}, "not a member"},
		{"wrapped and whole", abi.NativeRoute{Path: "/v1/{model}", URL: url, Wrapped: "bytes"}, "wrapped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := &abi.PlanReply{Supported: true, Native: &abi.NativePlan{Routes: []abi.NativeRoute{c.route}}}
			err := checkPlan(plan, abi.Native, "https://api.test/v1", func(abi.Function) bool { return true })
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			plan.Native.Routes = append(plan.Native.Routes, c.route)
			if checkPlan(plan, abi.Native, "https://api.test/v1", func(abi.Function) bool { return true }) == nil {
				t.Error("a route may stand twice")
			}
		})
	}
}

// TestCheckNative_Address: without an address of the operator's a route leads over
// https, or to a server on this machine.
func TestCheckNative_Address(t *testing.T) {
	for url, ok := range map[string]bool{"https://api.test/v1/x": true, "http://127.0.0.1:11434/v1/x": true, "http://[::1]/v1/x": true,
		"http://api.test/v1/x": false, "http://10.0.0.1/v1/x": false, "ftp://127.0.0.1/v1/x": false, "http://u:p@127.0.0.1/v1/x": false} {
		plan := &abi.PlanReply{Supported: true, Native: &abi.NativePlan{Routes: []abi.NativeRoute{{Path: "/v1/x", Model: "model", URL: url}}}}
		if err := checkPlan(plan, abi.Native, "", func(abi.Function) bool { return true }); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}
