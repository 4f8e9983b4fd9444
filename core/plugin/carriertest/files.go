package carriertest

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

const guardrailManifest = `{"id":"guardrail.x","version":"1.0.0","kind":"guardrail","abi":1}`

// undeclared is the name of the case that a process carrier finds at the call.
const undeclared = "a function that it does not have"

// files are loaded, or refused with the reason.
func (h *Host) files(t *testing.T) {
	all := abi.Required(abi.KindGuardrail)
	replace := func(old, text string) string { return strings.Replace(guardrailManifest, old, text, 1) }
	for _, c := range []struct {
		name, manifest string
		functions      []abi.Function
		want           string // in the error; "" is loaded
	}{
		{"sound", guardrailManifest, all, ""},
		{"another ABI", replace(`"abi":1`, `"abi":2`), all, "it speaks ABI 2, this gateway speaks 1"},
		{"another id", replace("guardrail.x", "guardrail.y"), all, `calls itself "guardrail.y"`},
		{"another kind", replace(`"kind":"guardrail"`, `"kind":"strategy"`), all, `kind "strategy" does not fit`},
		{undeclared, guardrailManifest, all[:2], "inspect"},
		{"a function that it does not declare", replace(`"abi":1`, `"abi":1,"functions":["describe","configure"]`), all, "inspect"},
		{"a manifest that is none", `["guardrail.x"]`, all, "cannot unmarshal array"},
		{"a manifest that is cut off", guardrailManifest[:20], all, "unexpected end of JSON"},
		{"no manifest", ``, all, "unexpected end of JSON"},
		{"a schema that reads a file", replace(`"abi":1`, `"abi":1,"config":{"$ref":"file:///etc/passwd"}`), all, "without references"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if h.Name == Process && c.name == undeclared {
				// A program has no exports to look at; the call fails by itself.
				c.want = ""
			}
			d := plugin.Declaration{ID: "guardrail.x", Source: h.Declares(t, c.manifest, c.functions), Carrier: string(h.Name), Limits: limits(patient)}
			l := h.loader(t, "", func(string, string, string) {})
			p, err := l.Load(t.Context(), d)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "plugin guardrail.x: ") {
					t.Errorf("error %v, want %q of the plugin", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer p.Release()
			out, err := p.Plugin.Call(t.Context(), abi.Inspect, nil, nil)
			var refusal *abi.Error
			switch {
			case len(c.functions) == len(all) && (err != nil || string(out) != "{}"):
				t.Errorf("%s, %v", out, err)
			case len(c.functions) < len(all) && (!errors.As(err, &refusal) || refusal.Code != abi.PluginFailed):
				t.Errorf("%s, %v from a function that is not there", out, err)
			}
		})
	}
}
