package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/ledger/prices"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/wasmhost"
	"github.com/tokligence/gateway/plugins"
)

// counted is the Wasm carrier, and how many modules it has opened.
type counted struct {
	plugin.Carrier
	mu    sync.Mutex
	opens int
}

func (c *counted) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	c.mu.Lock()
	c.opens++
	c.mu.Unlock()
	return c.Carrier.Open(ctx, s)
}

// TestBuild_Compiled: all profiles together compile one module, once, and plugins
// that no deployment uses, with a credential or without, none.
func TestBuild_Compiled(t *testing.T) {
	text := ""
	profiles := plugins.Builtin().Profiles()
	for _, name := range profiles {
		text += fmt.Sprintf("[[plugin]]\nid = \"provider.%s\"\nsource = \"builtin:%s\"\ntimeout = \"20s\"\n[[credential]]\nname = %q\nprovider = \"provider.%s\"\napi_key = \"sk\"\n", name, name, name, name)
		text += fmt.Sprintf("[[deployment]]\nname = %q\nprovider = \"provider.%s\"\nmodel = \"m\"\ncredential = %q\nbase_url = \"https://llm.example/v1\"\nprice = { input = \"0\", output = \"0\" }\n", name, name, name)
		text += fmt.Sprintf("[[model]]\nname = %q\ndeployments = [%q]\n", name, name)
	}
	for _, name := range []string{"anthropic", "cohere", "gemini", "ollama"} {
		text += fmt.Sprintf("[[plugin]]\nid = \"provider.%s\"\nsource = \"builtin:%s\"\n", name, name)
	}
	text += "[[credential]]\nname = \"cohere\"\nprovider = \"provider.cohere\"\napi_key = \"sk\"\n"
	path := filepath.Join(t.TempDir(), "gateway.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems := config.Load(path, os.LookupEnv)
	if config.HasErrors(problems) {
		t.Fatal(problems)
	}
	carrier := &counted{Carrier: wasmhost.New()}
	m := Main{Stderr: t.Output(), config: c, book: prices.Catalogue()}
	m.log = m.logger()
	m.loader = plugin.NewLoader(plugin.Options{Carriers: map[string]plugin.Carrier{"wasm": carrier}, Builtins: plugins.Builtin(), CacheDir: t.TempDir(), Log: func(string, string, string) {}})
	defer func() {
		if err := m.loader.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	snap, problems := m.build(t.Context(), c)
	if snap == nil {
		t.Fatal(problems)
	}
	defer snap.Close()
	if len(profiles) < 12 || len(snap.Routes) != len(profiles) || len(m.loader.Loaded()) != len(profiles) {
		t.Errorf("%d profiles, %d models, %d plugins", len(profiles), len(snap.Routes), len(m.loader.Loaded()))
	}
	if carrier.opens != 1 {
		t.Errorf("%d modules are compiled", carrier.opens)
	}
}
