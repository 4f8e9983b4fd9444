package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestGateway_ModelsTest: each alias is asked on the endpoint that it is for, and
// the ledger says who asked and why.
func TestGateway_ModelsTest(t *testing.T) {
	v := newVendor(t)
	embed := `
[[deployment]]
name = "vectors"
provider = "provider.openai"
model = "embed-model"
credential = "vendor"
base_url = "%s"
allow_private = true
price = { input = "1.00" }
[[model]]
name = "vectors"
deployments = ["vectors"]
`
	unpriced := strings.NewReplacer("price = { input = \"1.00\" }\n", "", `"vectors"`, `"unpriced"`).Replace(embed)
	g := newGateway(t, settings+embed+unpriced, v)
	g.start()
	out, err := g.command("models", "test").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for _, want := range []string{"Hello there", "a vector of 3 numbers"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	var me struct{ Key key }
	g.call("GET", "/me", "", &me)
	got := map[string]string{}
	for _, e := range g.entries() {
		if e.Key.ID != me.Key.ID || !slices.Contains(e.Tags, adminapi.TestTag) {
			t.Errorf("entry of %+v with tags %v", e.Key, e.Tags)
		}
		got[e.RequestedModel] += " " + e.Endpoint + ":" + string(e.Outcome)
	}
	if got["m"] != " chat:ok" || got["vectors"] != " embeddings:ok" || got["unpriced"] != " chat:failed embeddings:ok" {
		t.Errorf("entries %v", got)
	}
}

// TestPurpose: what an alias has a price for says what it is for.
func TestPurpose(t *testing.T) {
	one := core.Rate(1)
	for want, rates := range map[abi.Endpoint]core.Rates{
		abi.Chat: {Input: &one, Output: &one, Search: &one}, abi.Embeddings: {Input: &one, Search: &one}, abi.Rerank: {Search: &one},
		abi.Images: {Image: &one, Input: &one}, "": {},
	} {
		route := exchange.NewRoute(core.Model{}, []*exchange.Target{{Deployment: &core.Deployment{}, Price: &core.Price{Rates: rates}, State: new(routing.States).Of("d")}}, nil, nil)
		if got := purpose(route); got != want {
			t.Errorf("%+v: %q, want %q", rates, got, want)
		}
		if probes[want] == "" && want != "" {
			t.Errorf("no request for %s", want)
		}
	}
}
