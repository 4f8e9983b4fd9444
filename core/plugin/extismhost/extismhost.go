// Package extismhost is the Extism carrier: it runs modules made with any of
// Extism's kits, on extism/go-sdk. A guest exports tok_<function> in Extism's own
// way: it reads the input, sets the output and returns 0, or sets an error and
// returns something else. The error is an abi.Error document or plain words.
//
// A guest gets none of what Extism could give it beyond that and a log: no
// hosts, no paths, no configuration but Configure's, and no variables, since a
// plugin keeps nothing between calls.
//
// go-sdk shows no global of the guest, so a call can only be stopped by
// wazero's own check, which makes guests several times slower than the wasm
// carrier's does. Extism is for what is asked once per exchange.
package extismhost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/codecache"
	"github.com/tokligence/gateway/pdk/abi"
)

// startTimeout is the least time for what an instance does once: its start
// function and its first call, which also initializes the guest's runtime.
const startTimeout = 5 * time.Second

const pageBytes = 64 << 10

// New returns the carrier.
func New() plugin.Carrier {
	// The level is one for the whole of go-sdk. With debug it would itself log every call.
	extism.SetLogLevel(extism.LogLevelInfo)
	return carrier{startTimeout: startTimeout}
}

type carrier struct{ startTimeout time.Duration }

// Open implements plugin.Carrier.
func (c carrier) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	s.Limits = s.Limits.WithDefaults()
	opened := &code{source: s, startTimeout: max(c.startTimeout, s.Limits.Timeout), has: map[abi.Function]bool{}}
	if err := opened.open(ctx); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", s.ID, errors.Join(err, opened.Close(ctx)))
	}
	return opened, nil
}

// code is a compiled module.
type code struct {
	source       plugin.Source
	startTimeout time.Duration

	cache    wazero.CompilationCache
	compiled *extism.CompiledPlugin
	has      map[abi.Function]bool
}

func (c *code) open(ctx context.Context) (err error) {
	if c.cache, err = codecache.Open(c.source.CacheDir); err != nil {
		return err
	}
	pages := max(1, min(c.source.Limits.MemoryBytes/pageBytes, 1<<16))
	config := wazero.NewRuntimeConfig().
		WithCompilationCache(c.cache).
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(pages))
	if err := c.inspect(ctx, config); err != nil {
		return err
	}
	c.compiled, err = extism.NewCompiledPlugin(ctx, extism.Manifest{
		Wasm: []extism.Wasm{extism.WasmData{Data: c.source.Bytes}},
		// The zeros forbid variables and HTTP bodies.
		Memory: &extism.ManifestMemory{MaxPages: uint32(pages)},
	}, extism.PluginConfig{RuntimeConfig: config, EnableWasi: true}, nil)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	return nil
}

// inspect checks imports and exports, which go-sdk shows only of an instance.
// The module is compiled once all the same: both runtimes share the cache.
func (c *code) inspect(ctx context.Context, config wazero.RuntimeConfig) error {
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer rt.Close(ctx)
	m, err := rt.CompileModule(ctx, c.source.Bytes)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	for _, f := range m.ImportedFunctions() {
		switch module, name, _ := f.Import(); module {
		case "extism:host/env", "wasi_snapshot_preview1":
		default:
			return fmt.Errorf("the module imports %s.%s, which no Extism guest is given", module, name)
		}
	}
	for name, f := range m.ExportedFunctions() {
		function, ok := strings.CutPrefix(name, abi.ExportPrefix)
		if !ok {
			continue
		}
		result := f.ResultTypes()
		if len(f.ParamTypes()) > 0 || len(result) > 1 || len(result) == 1 && result[0] != api.ValueTypeI32 {
			return fmt.Errorf("export %s must be a function without parameters that returns an i32", name)
		}
		c.has[abi.Function(function)] = true
	}
	for _, f := range []abi.Function{abi.Describe, abi.Configure} {
		if !c.has[f] {
			return fmt.Errorf("the module does not export %s%s", abi.ExportPrefix, f)
		}
	}
	return nil
}

// Has implements plugin.Code.
func (c *code) Has(f abi.Function) bool { return c.has[f] }

// Start implements plugin.Code.
func (c *code) Start(ctx context.Context, s plugin.Setup) (plugin.Plugin, error) {
	s = s.Of(&c.source)
	return plugin.StartPool(ctx, plugin.PoolConfig{
		ID: s.ID, Limits: c.source.Limits,
		Open: func(ctx context.Context) (plugin.Instance, error) { return c.configured(ctx, &s) },
	})
}

// Close implements plugin.Code.
func (c *code) Close(ctx context.Context) error {
	var err error
	if c.compiled != nil {
		err = c.compiled.Close(ctx)
	}
	if c.cache != nil {
		err = errors.Join(err, c.cache.Close(ctx))
	}
	return err
}

// configured makes an instance and configures it, unless there is no configuration.
func (c *code) configured(ctx context.Context, s *plugin.Setup) (plugin.Instance, error) {
	i, err := c.instantiate(ctx, s)
	if err != nil || s.Config == nil {
		return i, err
	}
	err = plugin.Configure(s.ID, s.Config, func(input []byte) ([]byte, error) {
		return i.call(ctx, c.startTimeout, abi.Configure, input, nil)
	})
	if err != nil {
		return nil, errors.Join(err, i.Close(ctx))
	}
	return i, nil
}
