package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/ledger/prices"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
)

// lint reports what only the plugins can tell of a configuration: files that do
// not load, settings that they refuse, credentials with fields that they do not
// know, deployments that they cannot plan. As in serving, plugins that nothing
// uses are not loaded.
func lint(ctx context.Context, c *config.Config, loader *plugin.Loader) ([]config.Problem, error) {
	book, err := prices.Catalogue()
	if err != nil {
		return nil, err
	}
	l := &linter{ctx: ctx, b: &builder{m: &Main{loader: loader, book: book}, config: c}, loaded: map[string]bool{}, manifests: map[string]*abi.Manifest{}}
	defer l.b.release()
	credentials := c.Credentials()
	configured := map[string]bool{}
	for _, d := range c.Deployments() {
		cr := credentials[d.Credential]
		if cr != nil && len(cr.Missing) > 0 {
			continue
		}
		configured[d.Name] = true
		if l.load(d.Provider, nil, "plugin["+d.Provider+"]") {
			l.deployment(d, cr)
		}
	}
	for _, m := range c.Models() {
		if m.Strategy != "" && count(m.Deployments, configured) > 1 {
			l.load(m.Strategy, nil, "plugin["+m.Strategy+"]")
		}
	}
	for _, g := range c.Guardrails() {
		l.load(g.Plugin, g.Config, "guardrail["+g.Name+"]")
	}
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		l.credential(credentials[name])
	}
	slices.SortStableFunc(l.problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return l.problems, nil
}

func count(names []string, in map[string]bool) (n int) {
	for _, name := range names {
		if in[name] {
			n++
		}
	}
	return n
}

type linter struct {
	ctx       context.Context
	b         *builder
	loaded    map[string]bool          // by the path of what was loaded: did it?
	manifests map[string]*abi.Manifest // of the plugins that load
	problems  []config.Problem
}

func (l *linter) say(path, message string) {
	l.problems = append(l.problems, l.b.config.Problem(path, message))
}

// load loads a plugin with settings that stand at the object of that path. What
// is wrong with it is said once.
func (l *linter) load(id string, settings []byte, path string) bool {
	if ok, done := l.loaded[path]; done {
		return ok
	}
	loaded, err := l.b.load(l.ctx, id, settings)
	l.loaded[path] = err == nil
	var refused *plugin.ConfigError
	switch {
	case err == nil:
		l.manifests[id] = loaded.Manifest
	case errors.As(err, &refused):
		for _, p := range refused.Problems {
			at := path + ".config"
			if p.Path != "" {
				at += "." + p.Path
			}
			l.say(at, p.Message)
		}
	default:
		l.say("plugin["+id+"].source", strings.TrimPrefix(err.Error(), "plugin "+id+": "))
	}
	return err == nil
}

// credential holds the names of the fields against those that the provider has.
func (l *linter) credential(c *core.Credential) {
	m := l.manifests[c.Provider]
	if m == nil || len(m.Credential) == 0 {
		return
	}
	var known []string
	for _, f := range m.Credential {
		known = append(known, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if !slices.Contains(known, name) {
			l.say("credential["+c.Name+"]."+name, "unknown field: "+c.Provider+" knows "+strings.Join(known, ", "))
		}
	}
	for _, f := range m.Credential {
		if _, given := c.Fields[f.Name]; !given && !f.Optional && len(c.Missing) == 0 {
			l.say("credential["+c.Name+"]", f.Name+" is missing")
		}
	}
}

func (l *linter) deployment(d core.Deployment, c *core.Credential) {
	_, err := l.b.target(l.ctx, d, c)
	if err == nil {
		return
	}
	path := "deployment[" + d.Name + "]"
	message := err.Error()
	if e := core.AsError(err); e.Err == nil {
		message = e.Message
		if e.Param != "" {
			path += "." + e.Param
		}
	}
	l.say(path, message)
}
