package carriertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// loader loads the guest as what kind says it is; "" leaves it as it is.
func (h *Host) loader(t *testing.T, kind abi.Kind, log func(plugin, level, message string)) *plugin.Loader {
	t.Helper()
	var carrier plugin.Carrier = h.Carrier
	if kind != "" {
		carrier = disguise{h.Carrier, kind}
	}
	l := plugin.NewLoader(plugin.Options{
		Carriers: map[string]plugin.Carrier{string(h.Name): carrier}, Builtins: none{}, CacheDir: h.CacheDir, Log: log,
	})
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (h *Host) declaration(kind abi.Kind) plugin.Declaration {
	return plugin.Declaration{ID: string(kind) + ".guest", Source: h.File, Carrier: string(h.Name), Limits: limits(patient), AllowHosts: capabilities.Hosts}
}

// capabilities are those of the guest as a guardrail.
var capabilities = abi.Capabilities{Hosts: []string{"a.example"}, Rewrite: true, Stream: true, Hold: 8}

type none struct{}

func (none) Profile(string) []byte { return nil }
func (none) Names() []string       { return nil }
func (none) Open(name string) ([]byte, error) {
	return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

// disguise has the guest say that it is of another kind: it answers the
// functions of all, and compiling it once for each takes long.
type disguise struct {
	plugin.Carrier
	kind abi.Kind
}

type disguisedCode struct {
	plugin.Code
	kind abi.Kind
}

type disguisedPlugin struct {
	plugin.Plugin
	kind abi.Kind
}

func (d disguise) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	code, err := d.Carrier.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	return disguisedCode{code, d.kind}, nil
}

func (d disguisedCode) Start(ctx context.Context, s plugin.Setup) (plugin.Plugin, error) {
	p, err := d.Code.Start(ctx, s)
	if err != nil || s.Config != nil {
		return p, err
	}
	return disguisedPlugin{p, d.kind}, nil
}

func (d disguisedPlugin) Call(ctx context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	out, err := d.Plugin.Call(ctx, f, input, nil)
	var m abi.Manifest
	if err := errors.Join(err, json.Unmarshal(out, &m)); err != nil {
		return dst, err
	}
	m.ID, m.Kind = string(d.kind)+".guest", d.kind
	if d.kind == abi.KindGuardrail {
		m.Capabilities = capabilities
	}
	b, err := json.Marshal(m)
	return append(dst, b...), err
}
