package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/pdk/abi"
)

// builder makes one revision's snapshot, and collects everything that only the
// plugins can tell of a configuration: files that do not load, settings that they
// refuse, credentials with fields that they do not know, deployments that they
// cannot plan. What it loads is released when the snapshot is done with, or when
// building fails.
type builder struct {
	ctx    context.Context
	m      *Main
	config *config.Config
	fetch  *fetcher

	opening   map[string]chan opened // by path: what is being loaded ahead of its use
	loaded    []*plugin.Loaded
	called    map[*plugin.Loaded]bool   // by requests; other plugins are asked when something fails
	byPath    map[string]*plugin.Loaded // by the path of what was loaded; nil when it failed
	manifests map[string]*abi.Manifest  // of the plugins that load
	targets   map[string]*exchange.Target
	guards    map[string]guard.Attachment
	problems  []config.Problem
}

// build makes the snapshot of a configuration, or tells every problem with it.
// Only plugins that a configured deployment, a route with a choice or a guardrail
// uses are loaded.
func (m *Main) build(ctx context.Context, c *config.Config) (*exchange.Snapshot, []config.Problem) {
	b := &builder{ctx: ctx, m: m, config: c, called: map[*plugin.Loaded]bool{}, byPath: map[string]*plugin.Loaded{}, opening: map[string]chan opened{}, manifests: map[string]*abi.Manifest{},
		targets: map[string]*exchange.Target{}, guards: map[string]guard.Attachment{}}
	s := &exchange.Snapshot{Routes: make(map[string]*exchange.Route), Cooldown: c.Routing.Cooldown, Close: b.release}
	credentials := c.Credentials()
	b.fetch = &fetcher{m.client, c.Plugins(), credentials}
	b.ahead(credentials)
	for _, d := range c.Deployments() {
		b.targets[d.Name] = b.target(d, credentials[d.Credential])
	}
	for _, a := range c.Guardrails() {
		b.guard(a)
	}
	s.Guards = b.shelf()
	for _, model := range c.Models() {
		s.Routes[model.Name] = b.route(model)
	}
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		b.credential(credentials[name])
	}
	for _, p := range c.Plugins() {
		b.effects(p)
	}
	if len(b.problems) == 0 {
		b.rest()
		return s, nil
	}
	b.release()
	slices.SortStableFunc(b.problems, func(x, y config.Problem) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
	})
	return nil, b.problems
}

func (b *builder) release() {
	for _, l := range b.loaded {
		l.Release()
	}
}

// rest frees the plugins that requests do not call: each holds some 14 MB.
func (b *builder) rest() {
	for _, l := range b.loaded {
		if b.called[l] {
			continue
		}
		if err := l.Plugin.Rest(b.ctx); err != nil {
			b.m.log.Warn("a plugin is not put to rest", "plugin", l.Declaration.ID, "error", err)
		}
	}
}

func (b *builder) say(path, message string) {
	b.problems = append(b.problems, b.config.Problem(path, message))
}

// load loads a declared plugin with settings that stand at the object of that
// path, its own when nil. It returns nil when that fails; what is wrong is said once.
func (b *builder) load(id string, settings []byte, path string) *plugin.Loaded {
	if loaded, done := b.byPath[path]; done {
		return loaded
	}
	var got opened
	if c := b.opening[path]; c != nil {
		got = <-c
	} else {
		got.loaded, got.err = b.open(id, settings)
	}
	loaded, err := got.loaded, got.err
	b.byPath[path] = loaded
	var refused *plugin.ConfigError
	switch {
	case err == nil:
		b.loaded = append(b.loaded, loaded)
		b.manifests[id] = loaded.Manifest
	case errors.As(err, &refused):
		for _, p := range refused.Problems {
			at := path + ".config"
			if p.Path != "" {
				at += "." + p.Path
			}
			b.say(at, p.Message)
		}
	default:
		b.say("plugin["+id+"].source", strings.TrimPrefix(err.Error(), "plugin "+id+": "))
	}
	return loaded
}

// opened is what came of loading a plugin.
type opened struct {
	loaded *plugin.Loaded
	err    error
}

// ahead begins to load all providers and guardrails that will be used, side by
// side. What it begins, target and guard take up.
func (b *builder) ahead(credentials map[string]*core.Credential) {
	begin := func(id string, settings []byte, path string) {
		if b.opening[path] != nil {
			return
		}
		c := make(chan opened, 1)
		b.opening[path] = c
		go func() {
			loaded, err := b.open(id, settings)
			c <- opened{loaded, err}
		}()
	}
	for _, d := range b.config.Deployments() {
		if c := credentials[d.Credential]; c == nil || len(c.Missing) == 0 {
			begin(d.Provider, nil, "plugin["+d.Provider+"]")
		}
	}
	for _, a := range b.config.Guardrails() {
		begin(a.Plugin, a.Config, "guardrail["+a.Name+"]")
	}
}

func (b *builder) open(id string, settings []byte) (*plugin.Loaded, error) {
	i := slices.IndexFunc(b.config.Plugins(), func(p config.Plugin) bool { return p.ID == id })
	if i < 0 {
		return nil, errors.New("the plugin is not declared")
	}
	d := declaration(b.config.Plugins()[i])
	if settings != nil {
		d.Config = settings
	}
	return b.m.loader.Load(b.ctx, d)
}

func declaration(p config.Plugin) plugin.Declaration {
	return plugin.Declaration{ID: p.ID, Source: p.Source, Carrier: string(p.Carrier), SHA256: p.SHA256,
		Limits: plugin.Limits{MemoryBytes: p.Memory, Timeout: p.Timeout}, Config: p.Config, AllowHosts: p.AllowHosts}
}

// target makes a deployment callable; nil when that fails.
func (b *builder) target(d core.Deployment, c *core.Credential) *exchange.Target {
	price, _ := b.m.book.For(&d, time.Now())
	t := exchange.Target{Deployment: &d, Credential: c, Price: price, State: b.m.states.Of(d.Name), AllowPrivate: d.AllowPrivate}
	if c != nil && len(c.Missing) > 0 {
		t.NotConfigured = "missing " + strings.Join(c.Missing, ", ")
		return &t
	}
	loaded := b.load(d.Provider, nil, "plugin["+d.Provider+"]")
	if loaded == nil {
		return nil
	}
	var made *exchange.Target
	p, err := plugin.AsProvider(loaded)
	if err == nil {
		made, err = exchange.NewTarget(b.ctx, t, p)
	}
	if err != nil {
		b.deploymentFails(d, err)
		return nil
	}
	if !made.PassesOn() {
		b.called[loaded] = true
	}
	return made
}

func (b *builder) deploymentFails(d core.Deployment, err error) {
	path := "deployment[" + d.Name + "]"
	message := err.Error()
	if e := core.AsError(err); e.Err == nil {
		message = e.Message
		if e.Param != "" {
			path += "." + e.Param
		}
	}
	b.say(path, message)
}

// credential holds the names of the fields against those that the provider has.
func (b *builder) credential(c *core.Credential) {
	m := b.manifests[c.Provider]
	if m == nil || len(m.Credential) == 0 {
		return
	}
	var known []string
	for _, f := range m.Credential {
		known = append(known, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if !slices.Contains(known, name) {
			b.say("credential["+c.Name+"]."+name, "unknown field: "+c.Provider+" knows "+strings.Join(known, ", "))
		}
	}
	for _, f := range m.Credential {
		if _, given := c.Fields[f.Name]; !given && !f.Optional && len(c.Missing) == 0 {
			b.say("credential["+c.Name+"]", f.Name+" is missing")
		}
	}
}

// effects holds a credential that is given to a plugin against its having a use for it.
func (b *builder) effects(p config.Plugin) {
	if m := b.manifests[p.ID]; p.Credential != "" && m != nil && len(m.Capabilities.Hosts) == 0 {
		b.say("plugin["+p.ID+"].credential", p.ID+" makes no HTTP requests (its manifest asks for no hosts): take the credential away")
	}
}

func (b *builder) guard(a core.GuardrailAttachment) {
	loaded := b.load(a.Plugin, a.Config, "guardrail["+a.Name+"]")
	if loaded == nil {
		return
	}
	g, err := plugin.AsGuardrail(loaded)
	if err != nil {
		b.say("guardrail["+a.Name+"].plugin", err.Error())
		return
	}
	if slices.Contains(a.Stages, string(abi.StageStream)) && !loaded.Manifest.Capabilities.Stream {
		b.say("guardrail["+a.Name+"].stages", a.Plugin+" does not inspect streams (its manifest lacks capabilities.stream): "+
			`attach another plugin, or leave "stream" out of stages and streamed answers pass it unseen`)
		return
	}
	b.called[loaded] = true
	b.guards[a.Name] = guard.Attachment{GuardrailAttachment: a, Guardrail: g}
}

// route is nil when one of its parts could not be made, which has been said.
func (b *builder) route(m core.Model) *exchange.Route {
	var targets []*exchange.Target
	choice := 0
	for _, name := range m.Deployments {
		t := b.targets[name]
		if t == nil {
			return nil
		}
		targets = append(targets, t)
		if t.NotConfigured == "" {
			choice++
		}
	}
	var strategy routing.Strategy
	if choice > 1 && m.Strategy != "" {
		loaded := b.load(m.Strategy, nil, "plugin["+m.Strategy+"]")
		if loaded == nil {
			return nil
		}
		b.called[loaded] = true
		var err error
		if strategy, err = plugin.AsStrategy(loaded); err != nil {
			b.say("model["+m.Name+"].strategy", err.Error())
		}
	}
	return exchange.NewRoute(m, targets, strategy, b.chain(m))
}

// shelf is all guardrails, for keys that name some of them.
func (b *builder) shelf() *guard.Shelf {
	var list []guard.Attachment
	for _, a := range b.config.Guardrails() {
		if g, ok := b.guards[a.Name]; ok {
			list = append(list, g)
		}
	}
	return guard.NewShelf(list, b.fetch, b.m.log)
}

// chain is the guardrails that are everywhere and those that the model names. An
// alias of a team or an organization has those of the aliases it falls back to,
// too: it is no way around what the operator attached there.
func (b *builder) chain(m core.Model) *guard.Chain {
	var list []guard.Attachment
	if m.Owner != (core.Place{}) {
		leads := slices.Concat(m.Fallbacks, m.ContextWindowFallbacks, m.ContentPolicyFallbacks)
		for _, to := range b.config.Models() {
			if slices.Contains(leads, to.Name) {
				m.Guardrails = slices.Concat(m.Guardrails, to.Guardrails)
			}
		}
	}
	for _, a := range b.config.Guardrails() {
		if g, ok := b.guards[a.Name]; ok && (a.Everywhere || slices.Contains(m.Guardrails, a.Name)) {
			list = append(list, g)
		}
	}
	return guard.NewChain(list, b.fetch, b.m.log)
}
