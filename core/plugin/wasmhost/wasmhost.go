// Package wasmhost is the wasm carrier: it runs WebAssembly modules that speak
// the gateway's own ABI (see pdk/abi) on wazero's compiler.
//
// A guest gets input, output, a log, true clocks and randomness. It gets no
// files, no environment, no arguments and no network, and any import beyond
// that is refused when the module is opened.
//
// A guest that runs too long is stopped by a flag that package instrument has
// put into its code; wazero's own check makes every call several times slower.
// A module that instrument does not accept is not run.
package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/wasmhost/instrument"
	"github.com/tokligence/gateway/pdk/abi"
)

// startTimeout is the least time for what an instance does once: its start
// function, its runtime's initialization and its configuration. Compiled code
// is read from disk page by page then.
const startTimeout = 5 * time.Second

const pageBytes = 64 << 10

// Names that WebAssembly's conventions give.
const (
	memoryExport     = "memory"
	initializeExport = "_initialize"
)

// New returns the carrier.
func New() plugin.Carrier { return carrier{startTimeout: startTimeout} }

type carrier struct {
	startTimeout time.Duration
}

// Open implements plugin.Carrier.
func (c carrier) Open(ctx context.Context, s plugin.Source) (plugin.Code, error) {
	s.Limits = s.Limits.WithDefaults()
	opened := &code{id: s.ID, limits: s.Limits, log: s.Log, startTimeout: max(c.startTimeout, s.Limits.Timeout)}
	if err := opened.open(ctx, s); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", s.ID, errors.Join(err, opened.Close(ctx)))
	}
	return opened, nil
}

// code is a compiled module in a runtime of its own, whose memory limit is the plugin's.
type code struct {
	id           string
	limits       plugin.Limits
	log          func(level, message string)
	startTimeout time.Duration

	cache    wazero.CompilationCache
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	start    bool // instrument.StartExport is to be called
	has      map[abi.Function]bool
}

func (c *code) open(ctx context.Context, s plugin.Source) (err error) {
	rewritten, err := instrument.Rewrite(s.Bytes)
	if err != nil {
		return err
	}
	c.start = rewritten.Start
	if s.CacheDir == "" {
		c.cache = wazero.NewCompilationCache()
	} else if c.cache, err = wazero.NewCompilationCacheWithDir(s.CacheDir); err != nil {
		return fmt.Errorf("cache of compiled code: %w", err)
	}
	pages := max(1, min(c.limits.MemoryBytes/pageBytes, 1<<16))
	c.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().
		WithCompilationCache(c.cache).
		WithMemoryLimitPages(uint32(pages)))
	if err := c.compile(ctx, rewritten.Bytes); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	if err := c.checkExports(); err != nil {
		return err
	}
	return c.link(ctx)
}

// compile takes a panic for an error: the compiler meets files of strangers.
func (c *code) compile(ctx context.Context, module []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler broke: %v", r)
		}
	}()
	c.compiled, err = c.runtime.CompileModule(ctx, module)
	return err
}

// link makes the host's modules and checks that they have all that the guest imports.
func (c *code) link(ctx context.Context) error {
	host, err := hostModule(c.runtime).Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("host module: %w", err)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, c.runtime); err != nil {
		return fmt.Errorf("WASI: %w", err)
	}
	wasi := c.runtime.Module(wasi_snapshot_preview1.ModuleName)
	given := map[string]map[string]api.FunctionDefinition{
		abi.HostModule:                    host.ExportedFunctionDefinitions(),
		wasi_snapshot_preview1.ModuleName: wasi.ExportedFunctionDefinitions(),
	}
	for _, f := range c.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		have, ok := given[module][name]
		if !ok {
			return fmt.Errorf("the module imports %s.%s, which no guest is given", module, name)
		}
		if !sameSignature(f, have) {
			return fmt.Errorf("the module imports %s.%s with another signature than the host's", module, name)
		}
	}
	for _, m := range c.compiled.ImportedMemories() {
		module, name, _ := m.Import()
		return fmt.Errorf("the module imports the memory %s.%s; a guest has its own", module, name)
	}
	return nil
}

func sameSignature(a, b api.FunctionDefinition) bool {
	return slices.Equal(a.ParamTypes(), b.ParamTypes()) && slices.Equal(a.ResultTypes(), b.ResultTypes())
}

// checkExports finds the functions of the module and refuses one that could not be called.
func (c *code) checkExports() error {
	if _, ok := c.compiled.ExportedMemories()[memoryExport]; !ok {
		return fmt.Errorf("the module does not export its memory as %q", memoryExport)
	}
	c.has = map[abi.Function]bool{}
	exports := c.compiled.ExportedFunctions()
	for name, f := range exports {
		function, ok := strings.CutPrefix(name, abi.ExportPrefix)
		if !ok {
			continue
		}
		if result := f.ResultTypes(); len(f.ParamTypes()) > 0 || len(result) != 1 || result[0] != api.ValueTypeI32 {
			return fmt.Errorf("export %s must be a function without parameters that returns an i32", name)
		}
		c.has[abi.Function(function)] = true
	}
	if f := exports[initializeExport]; f != nil && len(f.ParamTypes())+len(f.ResultTypes()) > 0 {
		return fmt.Errorf("export %s must be a function without parameters and results", initializeExport)
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
func (c *code) Start(ctx context.Context, config json.RawMessage) (plugin.Plugin, error) {
	return plugin.StartPool(ctx, plugin.PoolConfig{
		ID: c.id, Limits: c.limits,
		Open: func(ctx context.Context) (plugin.Instance, error) { return c.configured(ctx, config) },
	})
}

// Close implements plugin.Code.
func (c *code) Close(ctx context.Context) error {
	var err error
	if c.runtime != nil {
		err = c.runtime.Close(ctx)
	}
	if c.cache != nil {
		err = errors.Join(err, c.cache.Close(ctx))
	}
	return err
}

// configured makes an instance and configures it, unless config is nil.
func (c *code) configured(ctx context.Context, config json.RawMessage) (plugin.Instance, error) {
	i, err := c.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	if config == nil {
		return i, nil
	}
	err = plugin.Configure(c.id, config, func(input []byte) ([]byte, error) {
		return i.ask(ctx, c.startTimeout, abi.Configure, input, nil)
	})
	if err != nil {
		return nil, errors.Join(err, i.Close(ctx))
	}
	return i, nil
}
