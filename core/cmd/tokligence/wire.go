package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/extismhost"
	"github.com/tokligence/gateway/core/plugin/prochost"
	"github.com/tokligence/gateway/core/plugin/wasmhost"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/plugins"
)

func carriers() map[string]plugin.Carrier {
	return map[string]plugin.Carrier{"wasm": wasmhost.New(), "extism": extismhost.New(), "process": prochost.New()}
}

// newLoader makes a loader with all carriers and the plugins in the binary.
func newLoader(log *slog.Logger, cacheDir string) *plugin.Loader {
	return plugin.NewLoader(plugin.Options{
		Carriers: carriers(),
		Builtins: plugins.Builtin(),
		CacheDir: cacheDir,
		Log: func(id, level, message string) {
			var l slog.Level
			if l.UnmarshalText([]byte(level)) != nil {
				l = slog.LevelInfo
			}
			log.Log(context.Background(), l, message, "plugin", id)
		},
	})
}

// builder makes one revision's snapshot. What it loads is released again when
// the snapshot is done with, or when building fails.
type builder struct {
	m       *Main
	config  *config.Config
	loaded  []*plugin.Loaded
	targets map[string]*exchange.Target
}

// build makes the snapshot of a configuration. Only plugins that a configured
// deployment, a route with a choice or a guardrail uses are loaded.
func (m *Main) build(ctx context.Context, c *config.Config) (*exchange.Snapshot, error) {
	b := &builder{m: m, config: c, targets: make(map[string]*exchange.Target)}
	s := &exchange.Snapshot{Routes: make(map[string]*exchange.Route), Close: b.release}
	if err := b.fill(ctx, s); err != nil {
		b.release()
		return nil, err
	}
	return s, nil
}

func (b *builder) release() {
	for _, l := range b.loaded {
		l.Release()
	}
}

func (b *builder) fill(ctx context.Context, s *exchange.Snapshot) error {
	credentials := b.config.Credentials()
	for _, d := range b.config.Deployments() {
		t, err := b.target(ctx, d, credentials[d.Credential])
		if err != nil {
			return err
		}
		b.targets[d.Name] = t
	}
	for _, model := range b.config.Models() {
		route, err := b.route(ctx, model)
		if err != nil {
			return fmt.Errorf("model %s: %w", model.Name, err)
		}
		s.Routes[model.Name] = route
	}
	return nil
}

// load loads a declared plugin, with another configuration if given.
func (b *builder) load(ctx context.Context, id string, settings []byte) (*plugin.Loaded, error) {
	i := slices.IndexFunc(b.config.Plugins(), func(p config.Plugin) bool { return p.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("the plugin %s is not declared", id)
	}
	d := declaration(b.config.Plugins()[i])
	if settings != nil {
		d.Config = settings
	}
	l, err := b.m.loader.Load(ctx, d)
	if err != nil {
		return nil, err
	}
	b.loaded = append(b.loaded, l)
	return l, nil
}

func declaration(p config.Plugin) plugin.Declaration {
	return plugin.Declaration{ID: p.ID, Source: p.Source, Carrier: string(p.Carrier), SHA256: p.SHA256,
		Limits: plugin.Limits{MemoryBytes: p.Memory, Timeout: p.Timeout}, Config: p.Config, AllowHosts: p.AllowHosts}
}

func (b *builder) target(ctx context.Context, d core.Deployment, c *core.Credential) (*exchange.Target, error) {
	price, _ := b.m.book.For(&d, time.Now())
	t := exchange.Target{Deployment: &d, Credential: c, Price: price, State: b.m.states.Of(d.Name), AllowPrivate: d.AllowPrivate}
	if c != nil && len(c.Missing) > 0 {
		t.NotConfigured = "missing " + strings.Join(c.Missing, ", ")
		return &t, nil
	}
	loaded, err := b.load(ctx, d.Provider, nil)
	if err != nil {
		return nil, fmt.Errorf("deployment %s: %w", d.Name, err)
	}
	p, err := plugin.AsProvider(loaded)
	if err != nil {
		return nil, fmt.Errorf("deployment %s: %w", d.Name, err)
	}
	return exchange.NewTarget(ctx, t, p)
}

func (b *builder) route(ctx context.Context, m core.Model) (*exchange.Route, error) {
	var targets []*exchange.Target
	choice := 0
	for _, name := range m.Deployments {
		t := b.targets[name]
		targets = append(targets, t)
		if t.NotConfigured == "" {
			choice++
		}
	}
	var strategy routing.Strategy
	if choice > 1 && m.Strategy != "" {
		loaded, err := b.load(ctx, m.Strategy, nil)
		if err != nil {
			return nil, err
		}
		if strategy, err = plugin.AsStrategy(loaded); err != nil {
			return nil, err
		}
	}
	guards, err := b.guards(ctx, m)
	if err != nil {
		return nil, err
	}
	return exchange.NewRoute(m, targets, strategy, guards), nil
}

// guards are the attachments that are everywhere and those that the model names.
func (b *builder) guards(ctx context.Context, m core.Model) (*guard.Chain, error) {
	var list []guard.Attachment
	for _, a := range b.config.Guardrails() {
		if !a.Everywhere && !slices.Contains(m.Guardrails, a.Name) {
			continue
		}
		loaded, err := b.load(ctx, a.Plugin, a.Config)
		if err != nil {
			return nil, fmt.Errorf("guardrail %s: %w", a.Name, err)
		}
		g, err := plugin.AsGuardrail(loaded)
		if err != nil {
			return nil, fmt.Errorf("guardrail %s: %w", a.Name, err)
		}
		list = append(list, guard.Attachment{GuardrailAttachment: a, Guardrail: g})
	}
	return guard.NewChain(list, &fetcher{b.m.client, b.config.Plugins(), b.config.Credentials()}, b.m.log), nil
}
