package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins"
)

const sources = "../../../plugins/"

// kinds are the plugins of this repository, by their folders.
func kinds(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, kind := range []string{"provider", "guardrail", "strategy"} {
		folder := map[string]string{"strategy": "strategies"}[kind]
		if folder == "" {
			folder = kind + "s"
		}
		entries, err := os.ReadDir(filepath.Join(sources, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			found[kind] = append(found[kind], e.Name())
		}
	}
	return found
}

// credentials are those of providers that cannot do without; of others one is an API key.
var credentials = map[string]map[string]any{
	"bedrock": {"access_key_id": "a", "secret_access_key": "s"},
	"echo":    nil,
}

// options are what a deployment of a provider cannot do without.
var options = map[string]map[string]any{
	"azure":             {"resource": "r"},
	"azure-deployments": {"resource": "r"},
	"bedrock":           {"region": "us-east-1"},
	"vertex":            {"project": "p", "location": "europe-west1"},
}

// TestBuiltin: the binary brings every plugin of the repository, and each runs with
// nothing configured that its README does not ask for.
func TestBuiltin(t *testing.T) {
	type object = map[string]any
	all := kinds(t)
	names := slices.Concat(all["provider"], all["guardrail"], all["strategy"])
	slices.Sort(names)
	if got := plugins.Builtin().Names(); !slices.Equal(got, names) {
		t.Fatalf("the binary has %v, the repository %v", got, names)
	}
	var declared, held, deployments, models, guardrails []object
	for kind, names := range all {
		for _, name := range names {
			declared = append(declared, object{"id": kind + "." + name, "source": "builtin:" + name, "timeout": "5s"})
		}
	}
	for _, name := range all["provider"] {
		d := object{"name": name, "provider": "provider." + name, "model": "m", "base_url": "https://llm.example", "price": object{"input": "0", "output": "0"}}
		if o := options[name]; o != nil {
			d["options"] = o
		}
		c, special := credentials[name]
		if !special {
			c = object{"api_key": "k"}
		}
		if c != nil {
			held = append(held, object{"name": name, "provider": "provider." + name})
			maps.Copy(held[len(held)-1], c)
			d["credential"] = name
		}
		deployments = append(deployments, d)
		models = append(models, object{"name": name, "deployments": []string{name}})
	}
	for _, name := range all["strategy"] {
		models = append(models, object{"name": "by-" + name, "deployments": all["provider"][:2], "strategy": "strategy." + name})
	}
	for _, name := range all["guardrail"] {
		guardrails = append(guardrails, object{"name": name, "plugin": "guardrail." + name, "everywhere": true,
			"config": object{"rules": []object{{"name": "one", "words": []string{"secret"}}}}})
	}
	config := object{"plugin": declared, "credential": held, "deployment": deployments, "model": models, "guardrail": guardrails,
		"server": object{"listen": "127.0.0.1:0"}, "storage": object{"url": "sqlite://data/t.db?busy_timeout=1s"}}
	var b strings.Builder
	if err := toml.NewEncoder(&b).Encode(config); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, b.String(), &vendor{})
	g.plain = true
	g.start()
	var page struct {
		Data []struct{ ID, State string }
	}
	g.call("GET", "/plugins?limit=1000", "", &page)
	if len(page.Data) != len(names) {
		t.Errorf("%d plugins of %d", len(page.Data), len(names))
	}
	for _, p := range page.Data {
		if p.State != "running" {
			t.Errorf("%s is %s", p.ID, p.State)
		}
	}
}

// fiveLines is the provider of README.md that is added by configuration.
var fiveLines = regexp.MustCompile("(?s)```toml\n(\\[\\[plugin\\]\\].*?)```")

// TestReadme_Provider: what README.md says of a provider that speaks OpenAI's API is
// all that it takes, beside a deployment and a model.
func TestReadme_Provider(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://api.acme.example"
	block := fiveLines.FindStringSubmatch(string(readme))
	if block == nil || strings.Count(block[1], "\n") != 5 || !strings.Contains(block[1], address) {
		t.Fatalf("README.md has no provider of five lines at %s: %q", address, block)
	}
	v := newVendor(t)
	config := strings.ReplaceAll(block[1], address, "%s") + `
[[deployment]]
name = "acme-1"
provider = "provider.acme"
model = "acme-large"
allow_private = true
price = { input = "1.00", output = "2.00" }
[[model]]
name = "acme"
deployments = ["acme-1"]
[server]
listen = "127.0.0.1:0"
[storage]
url = "sqlite://data/t.db?busy_timeout=1s"
`
	g := newGateway(t, config, v)
	g.plain = true
	g.start()
	k := g.newKey("readme", "")
	if a := g.ask(k.Secret, "acme", "hello", false); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	e := g.entries()
	if len(e) != 1 || e[0].Provider != "provider.acme" || e[0].RequestedModel != "acme" {
		t.Errorf("%+v", e)
	}
}

// elsewhere are endpoints that are no column of the matrix: realtime sessions and the
// providers' own APIs have tests of their own.
var elsewhere = []abi.Endpoint{abi.Realtime, abi.Native}

// TestMatrix: every endpoint stands in MATRIX.md, as a table of its own or as a column,
// whose cells the tests of clients fill.
func TestMatrix(t *testing.T) {
	matrix, err := os.ReadFile("../../../MATRIX.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := map[abi.Endpoint]string{abi.Chat: "## OpenAI chat completions,", abi.Responses: "## OpenAI Responses,", abi.Messages: "## Anthropic Messages,"}
	for _, e := range abi.Endpoints {
		want, whole := tables[e]
		if !whole {
			want = "| `" + string(e) + "` |"
		}
		if !strings.Contains(string(matrix), want) && !slices.Contains(elsewhere, e) {
			t.Errorf("MATRIX.md has no %s", want)
		}
	}
}
