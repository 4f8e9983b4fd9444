package main

import (
	"strings"
	"testing"
)

// TestGateway_Rest: a provider that passes everything on holds no instance until
// the vendor fails, and none again after a reload. What requests call stays.
func TestGateway_Rest(t *testing.T) {
	v := newVendor(t)
	g := newGateway(t, settings, v)
	g.plain = true
	config := settings + `
[[deployment]]
name = "vectors"
provider = "provider.openai"
model = "embed-model"
credential = "vendor"
base_url = "%s"
allow_private = true
[[model]]
name = "vectors"
deployments = ["vectors"]
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[guardrail]]
name = "words"
plugin = "guardrail.rules"
everywhere = true
[[guardrail.config.rules]]
name = "word"
words = ["zebra"]
`
	g.configure(config, v)
	g.compile()
	g.start()
	k := g.newKey("k", "")
	instances := func(when string, want float64) {
		t.Helper()
		if n := g.metric(`tokligence_plugin_instances{plugin="provider.openai"}`); n != want {
			t.Errorf("%s: %v instances, want %v", when, n, want)
		}
		if g.metric(`tokligence_plugin_instances{plugin="guardrail.rules"}`) == 0 {
			t.Errorf("%s: the guardrail has no instance", when)
		}
	}
	const calls, faults = `tokligence_plugin_calls_total{plugin="provider.openai"}`, `tokligence_plugin_faults_total{plugin="provider.openai"}`
	planned := g.metric(calls)
	instances("at the start", 0)
	if a := g.ask(k.Secret, "m", "fine", false); !a.whole {
		t.Errorf("%d %s", a.status, a.body)
	}
	instances("after an answer", 0)
	if a := g.ask(k.Secret, "vectors", "wrong", false); a.status != 404 || !strings.Contains(a.body, "This is not a chat model") {
		t.Errorf("%d %s", a.status, a.body)
	}
	instances("after a failure", 1)
	if n := g.metric(calls); n != planned+1 || planned == 0 {
		t.Errorf("%v calls, %v of them when it started", n, planned)
	}
	if said := g.reload(); strings.Contains(said, "ERROR") {
		t.Error(said)
	}
	instances("after a reload", 0)
	if n := g.metric(calls); n != 2*planned+1 {
		t.Errorf("%v calls after the reload", n)
	}
	if n := g.metric(faults); n != 0 {
		t.Errorf("%v faults", n)
	}
	var list struct {
		Data []struct {
			ID, State string
			Instances int
		}
	}
	g.call("GET", "/plugins", "", &list)
	if len(list.Data) != 2 || list.Data[1].ID != "provider.openai" || list.Data[1].State != "running" || list.Data[1].Instances != 0 {
		t.Errorf("plugins %+v", list.Data)
	}
}
