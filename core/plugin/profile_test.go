package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// profiled has one module, and two profiles of it of which one has its name.
type profiled struct{ opened *int }

func (profiled) Names() []string { return []string{"acme", "code"} }

func (p profiled) Open(name string) ([]byte, error) {
	if *p.opened++; name != "code" {
		return nil, errors.New("there is no " + name)
	}
	return []byte("module"), nil
}

func (profiled) Profile(name string) []byte {
	switch name {
	case "acme":
		return []byte(`{"module":"code","id":"provider.acme","name":"Acme","description":"Of Acme.","homepage":"https://acme.example",
			"credential":[{"name":"key"}],"config":{"base_url":"https://acme.example","a":{"b":1,"c":2}}}`)
	case "code":
		return []byte(`{"module":"code","id":"provider.code","name":"Code","description":"Itself.","homepage":"https://code.example","config":{}}`)
	case "broken":
		return []byte(`{"module":7}`)
	}
	return nil
}

const anybody = `{"id":"provider.code","name":"The code","version":"1.0.0","kind":"provider","abi":1,"any_id":true,"config":{"type":"object"},
	"license":"Apache-2.0","credential":[{"name":"api_key","optional":true}]}`

// setups is a carrier that keeps what its plugins were made of.
type setups struct {
	*fake
	made []plugin.Setup
}

func (c *setups) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	code, err := c.fake.Open(ctx, s)
	return keeper{code, c}, err
}

type keeper struct {
	plugin.Code
	to *setups
}

func (k keeper) Start(ctx context.Context, s plugin.Setup) (plugin.Plugin, error) {
	if s.Config != nil {
		k.to.made = append(k.to.made, s)
	}
	return k.Code.Start(ctx, s)
}

// TestLoader_Profiles: profiles, however many and under whatever ids, are one
// opened file, each with its own name and configuration.
func TestLoader_Profiles(t *testing.T) {
	opened := 0
	carrier := &setups{fake: &fake{manifest: anybody}}
	var logged []string
	l := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": carrier}, Builtins: profiled{&opened},
		Log: func(id, _, message string) { logged = append(logged, id+" "+message) }})
	for _, c := range []struct {
		id, source, config string
		name, configured   string
		fields             []abi.CredentialField
	}{
		{"provider.acme", "builtin:acme", ``, "Acme", `{"base_url":"https://acme.example","a":{"b":1,"c":2}}`, []abi.CredentialField{{Name: "key"}}},
		{"provider.other", "builtin:acme", `{"a":{"c":3,"b":null},"d":[]}`, "Acme", `{"base_url":"https://acme.example","a":{"c":3},"d":[]}`, []abi.CredentialField{{Name: "key"}}},
		{"provider.code", "builtin:code", `{"x":1.50}`, "Code", `{"x":1.50}`, []abi.CredentialField{{Name: "api_key", Optional: true}}},
	} {
		p, err := l.Load(t.Context(), plugin.Declaration{ID: c.id, Source: c.source, Config: json.RawMessage(c.config)})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		if p.Manifest.Name != c.name || p.Manifest.License != "Apache-2.0" || !reflect.DeepEqual(p.Manifest.Credential, c.fields) || p.Declaration.Source != c.source {
			t.Errorf("%s: %+v of %+v", c.id, p.Manifest, p.Declaration)
		}
		made := carrier.made[len(carrier.made)-1]
		if made.ID != c.id || string(made.Config) != c.configured {
			t.Errorf("%s was made as %s with %s", c.id, made.ID, made.Config)
		}
		made.Log("info", "hello")
		if got := logged[len(logged)-1]; got != c.id+" hello" {
			t.Errorf("%s logs as %q", c.id, got)
		}
	}
	if carrier.opens != 1 || opened != 1 || len(l.Loaded()) != 3 {
		t.Errorf("opened %d times, read %d times, %d listed", carrier.opens, opened, len(l.Loaded()))
	}
	info, err := l.Inspect(t.Context(), plugin.Declaration{Source: "builtin:acme"})
	if err != nil || info.Manifest.ID != "provider.acme" || info.Manifest.Homepage != "https://acme.example" || info.Manifest.Description != "Of Acme." {
		t.Errorf("inspected %+v, %v", info, err)
	}
}

func TestLoader_ProfileRefused(t *testing.T) {
	for _, c := range []struct{ id, source, config, want string }{
		{"provider.acme", "builtin:broken", `{}`, "profile broken"},
		{"strategy.acme", "builtin:acme", `{}`, "kind"},
		{"provider.acme", "builtin:acme", `[1]`, "object"},
		{"provider.acme", "builtin:acme", `{`, "JSON"},
	} {
		opened := 0
		l := plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": &fake{manifest: anybody}}, Builtins: profiled{&opened}, Log: func(string, string, string) {}})
		if _, err := l.Load(t.Context(), plugin.Declaration{ID: c.id, Source: c.source, Config: json.RawMessage(c.config)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s with %s: %v, want %q", c.id, c.source, c.config, err, c.want)
		}
	}
}

// TestProvider_ConfiguredBase: the address in a plugin's configuration is held to
// as a deployment's is, which outranks it.
func TestProvider_ConfiguredBase(t *testing.T) {
	for _, c := range []struct {
		config, base, url string
		refused           bool
	}{
		{`{"base_url":"http://10.0.0.1:8000/v1"}`, "", "http://10.0.0.1:8000/v1/chat/completions", false},
		{`{"base_url":"http://10.0.0.1:8000/v1"}`, "", "http://10.0.0.2:8000/v1/chat/completions", true},
		{`{"base_url":"http://10.0.0.1:8000/v1"}`, "https://b.example", "http://10.0.0.1:8000/v1/chat/completions", true},
		{`{"base_url":"http://10.0.0.1:8000/v1"}`, "https://b.example", "https://b.example/chat/completions", false},
		{`{"base_url":"https://acme.example"}`, "", "https://evil.example/chat/completions", true},
		{`{"base_url":"http://{name}.example"}`, "", "https://acme.example/", false},
		{`{"base_url":"http://{name}.example"}`, "", "http://acme.example/", true},
		{`{}`, "", "https://anywhere.example/", false},
		{`{}`, "", "http://anywhere.example/", true},
	} {
		carrier := &fake{manifest: anybody, answer: func(abi.Function, []byte) ([]byte, error) {
			return []byte(`{"supported":true,"url":"` + c.url + `"}`), nil
		}}
		l, err := newLoader(t, carrier).Load(t.Context(), plugin.Declaration{ID: "provider.x", Source: writeFile(t, "x"), Config: json.RawMessage(c.config)})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plugin.AsProvider(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Plan(t.Context(), &abi.PlanRequest{Endpoint: abi.Chat, Deployment: abi.Deployment{BaseURL: c.base}}); (err != nil) != c.refused {
			t.Errorf("%s with %s, deployment %q: %v", c.url, c.config, c.base, err)
		}
	}
}
