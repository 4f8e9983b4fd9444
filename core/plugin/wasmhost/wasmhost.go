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
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/codecache"
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
	opened := &code{source: s, startTimeout: max(c.startTimeout, s.Limits.Timeout)}
	opened.source.Bytes = nil
	engine, err := opened.compile(ctx, s.Bytes)
	if err == nil {
		opened.engine = engine
		opened.has, err = functions(engine.compiled)
	}
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", s.ID, errors.Join(err, opened.Close(ctx)))
	}
	return opened, nil
}

// code is a module that has been compiled. While it rests it keeps only what it
// takes to be compiled again.
type code struct {
	source       plugin.Source // without Bytes
	startTimeout time.Duration
	has          map[abi.Function]bool

	mu        sync.Mutex
	engine    *engine // nil at rest and after Close
	instances int     // of the engine
	closed    bool
}

// engine is a compiled module in a runtime of its own, whose memory limit is the plugin's.
type engine struct {
	cache    wazero.CompilationCache
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	start    bool // instrument.StartExport is to be called
}

// compile makes an engine of the module, or takes it from the cache.
func (c *code) compile(ctx context.Context, module []byte) (*engine, error) {
	rewritten, err := c.instrumented(module)
	if err != nil {
		return nil, err
	}
	e := &engine{}
	if e.cache, err = codecache.Open(c.source.CacheDir); err != nil {
		return nil, err
	}
	pages := max(1, min(c.source.Limits.MemoryBytes/pageBytes, 1<<16))
	e.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().
		WithCompilationCache(e.cache).
		WithMemoryLimitPages(uint32(pages)))
	if err = e.compile(ctx, rewritten); err == nil {
		err = e.link(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.close(ctx))
	}
	return e, nil
}

// instrumented is the module as instrument rewrites it. That takes longer than all else
// that is done with a module whose code is compiled, so it is kept beside that code.
func (c *code) instrumented(module []byte) ([]byte, error) {
	sum := sha256.New()
	sum.Write([]byte(instrument.Version()))
	sum.Write(module)
	return codecache.Keep(c.source.CacheDir, hex.EncodeToString(sum.Sum(nil))+".wasm", func() ([]byte, error) {
		rewritten, err := instrument.Rewrite(module)
		if err != nil {
			return nil, err
		}
		return rewritten.Bytes, nil
	})
}

// compile takes a panic for an error: the compiler meets files of strangers.
func (e *engine) compile(ctx context.Context, module []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compile: the compiler broke: %v", r)
		}
	}()
	if e.compiled, err = e.runtime.CompileModule(ctx, module); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	e.start = e.compiled.ExportedFunctions()[instrument.StartExport] != nil
	return nil
}

// link makes the host's modules and checks that they have all that the guest imports.
func (e *engine) link(ctx context.Context) error {
	host, err := hostModule(e.runtime).Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("host module: %w", err)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, e.runtime); err != nil {
		return fmt.Errorf("WASI: %w", err)
	}
	wasi := e.runtime.Module(wasi_snapshot_preview1.ModuleName)
	given := map[string]map[string]api.FunctionDefinition{
		abi.HostModule:                    host.ExportedFunctionDefinitions(),
		wasi_snapshot_preview1.ModuleName: wasi.ExportedFunctionDefinitions(),
	}
	for _, f := range e.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		have, ok := given[module][name]
		if !ok {
			return fmt.Errorf("the module imports %s.%s, which no guest is given", module, name)
		}
		if !sameSignature(f, have) {
			return fmt.Errorf("the module imports %s.%s with another signature than the host's", module, name)
		}
	}
	for _, m := range e.compiled.ImportedMemories() {
		module, name, _ := m.Import()
		return fmt.Errorf("the module imports the memory %s.%s; a guest has its own", module, name)
	}
	return nil
}

func (e *engine) close(ctx context.Context) error {
	return errors.Join(e.runtime.Close(ctx), e.cache.Close(ctx))
}

func sameSignature(a, b api.FunctionDefinition) bool {
	return slices.Equal(a.ParamTypes(), b.ParamTypes()) && slices.Equal(a.ResultTypes(), b.ResultTypes())
}

// functions finds those of the ABI and refuses a module that could not be called.
func functions(m wazero.CompiledModule) (map[abi.Function]bool, error) {
	if _, ok := m.ExportedMemories()[memoryExport]; !ok {
		return nil, fmt.Errorf("the module does not export its memory as %q", memoryExport)
	}
	has := map[abi.Function]bool{}
	exports := m.ExportedFunctions()
	for name, f := range exports {
		function, ok := strings.CutPrefix(name, abi.ExportPrefix)
		if !ok {
			continue
		}
		if result := f.ResultTypes(); len(f.ParamTypes()) > 0 || len(result) != 1 || result[0] != api.ValueTypeI32 {
			return nil, fmt.Errorf("export %s must be a function without parameters that returns an i32", name)
		}
		has[abi.Function(function)] = true
	}
	if f := exports[initializeExport]; f != nil && len(f.ParamTypes())+len(f.ResultTypes()) > 0 {
		return nil, fmt.Errorf("export %s must be a function without parameters and results", initializeExport)
	}
	for _, f := range []abi.Function{abi.Describe, abi.Configure} {
		if !has[f] {
			return nil, fmt.Errorf("the module does not export %s%s", abi.ExportPrefix, f)
		}
	}
	return has, nil
}

// Has implements plugin.Code.
func (c *code) Has(f abi.Function) bool { return c.has[f] }

// Start implements plugin.Code.
func (c *code) Start(ctx context.Context, s plugin.Setup) (plugin.Plugin, error) {
	s = s.Of(&c.source)
	pool := plugin.PoolConfig{
		ID: s.ID, Limits: c.source.Limits,
		Open: func(ctx context.Context) (plugin.Instance, error) { return c.configured(ctx, &s) },
	}
	if c.source.Again != nil {
		pool.Rest = c.rest
	}
	return plugin.StartPool(ctx, pool)
}

// enter returns the engine for one more instance, which leave must follow. Code
// that rests is compiled again meanwhile, by one for all who wait.
func (c *code) enter(ctx context.Context) (*engine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, plugin.ErrClosed
	}
	if c.engine == nil {
		module, err := c.source.Again()
		if err != nil {
			return nil, err
		}
		if c.engine, err = c.compile(ctx, module); err != nil {
			return nil, err
		}
	}
	c.instances++
	return c.engine, nil
}

// leave is the end of an instance.
func (c *code) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instances--
}

// rest frees the engine unless an instance lives, of any pool.
func (c *code) rest(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.instances > 0 {
		return nil
	}
	return c.free(ctx)
}

// Close implements plugin.Code.
func (c *code) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.free(ctx)
}

func (c *code) free(ctx context.Context) error {
	if c.engine == nil {
		return nil
	}
	e := c.engine
	c.engine = nil
	return e.close(ctx)
}

// configured makes an instance and configures it, unless there is no configuration.
func (c *code) configured(ctx context.Context, s *plugin.Setup) (plugin.Instance, error) {
	i, err := c.instantiate(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.Config == nil {
		return i, nil
	}
	err = plugin.Configure(s.ID, s.Config, func(input []byte) ([]byte, error) {
		return i.ask(ctx, c.startTimeout, abi.Configure, input, nil)
	})
	if err != nil {
		return nil, errors.Join(err, i.Close(ctx))
	}
	return i, nil
}
