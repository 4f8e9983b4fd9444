package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

func (l *loader) addPlugin(at place, p *Plugin) {
	if p.Config == nil {
		p.Config = json.RawMessage("{}")
	}
	if p.Source != "" && !strings.HasPrefix(p.Source, builtinPrefix) {
		p.Source = resolvePath(at.src.dir, p.Source)
	} else if p.Carrier == CarrierProcess {
		l.fail(at.child("carrier"), "a builtin plugin is never a process")
	}
	l.cfg.plugins = append(l.cfg.plugins, *p)
}

func (l *loader) keepCredential(at place, c *core.Credential) {
	c.Owner = at.src.owner()
	l.cfg.credentials = append(l.cfg.credentials, c)
}

func (l *loader) addDeployment(at place, d *core.Deployment) {
	if d.Price != nil {
		d.Price.ID = "deployment:" + d.Name
		d.Price.Model = d.Model
		for service, p := range d.Price.Services {
			p.ID, p.Model = d.Price.ID+"/"+service, d.Model
		}
	}
	if d.Price != nil && d.PriceModel != "" {
		l.fail(at.child("price_model"), "price is given too: one of the two must go")
	}
	d.BaseURL = strings.TrimRight(d.BaseURL, "/")
	if d.Owner = at.src.owner(); at.src.owned() && d.AllowPrivate {
		l.fail(at.child("allow_private"), "is the operator's to set")
	}
	l.cfg.deployments = append(l.cfg.deployments, *d)
}

func (l *loader) addGuardrail(_ place, g *core.GuardrailAttachment) {
	l.cfg.guardrails = append(l.cfg.guardrails, *g)
}

// mergeGuardrails completes each attachment's configuration with its plugin's:
// what the attachment says itself counts.
func (l *loader) mergeGuardrails() {
	for i := range l.cfg.guardrails {
		g := &l.cfg.guardrails[i]
		merged := map[string]json.RawMessage{}
		for _, p := range l.cfg.plugins {
			if p.ID == g.Plugin {
				mergeObject(merged, p.Config)
			}
		}
		mergeObject(merged, g.Config)
		g.Config, _ = json.Marshal(merged) // of JSON that we wrote ourselves
	}
}

func mergeObject(to map[string]json.RawMessage, object json.RawMessage) {
	if len(object) > 0 {
		_ = json.Unmarshal(object, &to) // likewise
	}
}

// check looks at what the objects say about each other.
func (l *loader) check() {
	l.checkServer()
	l.checkSMTP()
	for _, c := range l.cfg.credentials {
		kind := abi.KindProvider
		if kindOf(c.Provider) == abi.KindGuardrail {
			kind = abi.KindGuardrail
		}
		l.wantPlugin(l.objects["credential["+c.Name+"]"].child("provider"), kind, c.Provider)
		l.checkCredentialUse(c)
	}
	for i := range l.cfg.plugins {
		l.checkPluginCredential(&l.cfg.plugins[i])
	}
	used := l.checkModels()
	for i := range l.cfg.deployments {
		l.checkDeployment(&l.cfg.deployments[i], used)
	}
	for _, g := range l.cfg.guardrails {
		at := l.objects["guardrail["+g.Name+"]"]
		l.wantPlugin(at.child("plugin"), abi.KindGuardrail, g.Plugin)
		if !g.Everywhere && !used["guardrail["+g.Name+"]"] {
			l.warn(at, "no model uses it: name it in guardrails of a [[model]], or set everywhere = true; otherwise it guards only keys that name it")
		}
	}
	l.checkFallbacks()
	l.checkGroups()
}

// checkGroups looks at what lists of models may name.
func (l *loader) checkGroups() {
	for _, m := range l.cfg.models {
		if strings.HasPrefix(m.Name, core.GroupPrefix) {
			l.fail(l.objects["model["+m.Name+"]"].child("name"), "must not begin with %q, which stands for groups", core.GroupPrefix)
		}
	}
	for i := range l.cfg.modelGroups {
		g := &l.cfg.modelGroups[i]
		at := l.objects["model_group["+g.Name+"]"]
		if err := core.CheckGroupName(g.Name); err != nil {
			l.fail(at.child("name"), "%s", core.AsError(err).Message)
		}
		if g.Models == nil {
			g.Models = []string{}
		}
		for j, name := range g.Models {
			if !l.has("model", name) {
				l.warn(at.child("models").element(j), "no [[model]] is named %q%s", name, didYouMean(name, l.names("model")))
			}
		}
	}
}

func (l *loader) checkServer() {
	s := l.cfg.Server
	if (s.TLSCert == "") != (s.TLSKey == "") {
		key, other := "tls_cert", "tls_key"
		if s.TLSCert == "" {
			key, other = other, key
		}
		l.fail(l.set["server."+key], "%s is missing: the two belong together", other)
	}
	if len(l.cfg.SignIn.OIDC) > 0 && s.PublicURL == "" {
		l.fail(l.set["sign_in.oidc"], "needs public_url of [server]: providers send browsers back there")
	}
	for _, o := range l.cfg.SignIn.OIDC {
		if len(l.cfg.SignIn.OIDC) > 1 && len(o.AllowedDomains) == 0 {
			l.warn(l.set["sign_in.oidc"], "provider %s has no allowed_domains: it can vouch for the addresses of the other providers' people, owners too", o.Name)
		}
	}
}

// wantPlugin reports a plugin id that is of the wrong kind or not declared. An
// empty one has been reported as missing.
func (l *loader) wantPlugin(at place, kind abi.Kind, id string) {
	switch {
	case id == "":
	case kindOf(id) != kind:
		l.fail(at, "%q is not the id of a %s: %s.NAME", id, kind, kind)
	case !l.has("plugin", id):
		hint := didYouMean(id, l.names("plugin"))
		if hint == "" {
			hint = fmt.Sprintf("; a built-in one is declared by [[plugin]] id = %q, source = %q", id, builtinPrefix+id[len(kind)+1:])
		}
		l.fail(at, "no [[plugin]] has the id %q%s", id, hint)
	}
}

// want reports a name that no object of the kind has. What stands in a file
// names only what stands in files: it must be valid before there is a database.
func (l *loader) want(at place, kind, name string) {
	target := l.objects[kind+"["+name+"]"]
	known := l.known(at, kind, name)
	ownKinds := kind == string(core.ObjectCredential) || kind == string(core.ObjectDeployment)
	switch {
	case !known && at.src.owned() && kind == string(core.ObjectModel): // whoever takes an alias away, or makes one, is not to be held up
		l.warn(at, "no [[model]] is named %q: it is skipped", name)
	case !known:
		l.fail(at, "no [[%s]] is named %q%s", kind, name, didYouMean(name, l.visible(kind, at.src)))
	case at.src.owned() && ownKinds && !target.src.owned():
		l.fail(at, "%s %q is not yours: what a team or an organization owns uses its own", kind, name)
	case target.src.made != nil && at.src.made == nil:
		l.fail(at, "%s %q was made by API: a file can name only what stands in a file", kind, name)
	}
}

// known reports whether what stands at at knows of the object: what others own
// does not exist.
func (l *loader) known(at place, kind, name string) bool {
	target, ok := l.objects[kind+"["+name+"]"]
	return ok && (!target.src.owned() || target.src.owner() == at.src.owner())
}

// checkPluginCredential holds the credential of a plugin's HTTP requests to be its own.
func (l *loader) checkPluginCredential(p *Plugin) {
	if p.Credential == "" {
		return
	}
	at := l.objects["plugin["+p.ID+"]"].child("credential")
	l.want(at, "credential", p.Credential)
	for _, c := range l.cfg.credentials {
		if c.Name == p.Credential && c.Provider != p.ID {
			l.fail(at, "the credential %q is for %s", c.Name, c.Provider)
		}
	}
}

// checkCredentialUse warns of fields without a value, with the deployments that
// cannot be called because of it.
func (l *loader) checkCredentialUse(c *core.Credential) {
	var users []string
	for _, d := range l.cfg.deployments {
		if d.Credential == c.Name {
			users = append(users, "deployment "+d.Name)
		}
	}
	for _, p := range l.cfg.plugins {
		if p.Credential == c.Name {
			users = append(users, "plugin "+p.ID)
		}
	}
	effect := "nothing uses it"
	if len(users) > 0 {
		effect = "not configured: " + strings.Join(users, ", ")
	}
	for _, m := range l.missing[c.Name] {
		l.warn(m.at, "%s (%s)", m.reason, effect)
	}
	if len(c.Fields) == 0 && len(c.Missing) == 0 {
		l.fail(l.objects["credential["+c.Name+"]"], "has no secret: give it a field such as api_key = \"env:NAME\"")
	}
}

func (l *loader) checkDeployment(d *core.Deployment, used map[string]bool) {
	at := l.objects["deployment["+d.Name+"]"]
	l.wantPlugin(at.child("provider"), abi.KindProvider, d.Provider)
	if d.Credential != "" {
		l.want(at.child("credential"), "credential", d.Credential)
	}
	for _, c := range l.cfg.credentials {
		if c.Name == d.Credential && c.Provider != d.Provider && c.Provider != "" && d.Provider != "" {
			l.fail(at.child("credential"), "credential %q is one of %s, and this deployment is served by %s", c.Name, c.Provider, d.Provider)
		}
	}
	if !used["deployment["+d.Name+"]"] {
		l.warn(at, "no model uses it")
	}
	if d.BaseURL == "" {
		return
	}
	if err := checkBaseURL(d.BaseURL, &l.cfg.Security.Reach, d.AllowPrivate); err != nil {
		l.fail(at.child("base_url"), "%v", err)
	}
}

// nameList is a key that names objects of a kind.
type nameList struct {
	key, kind string
	names     []string
}

func fallbackLists(m *core.Model) []nameList {
	return []nameList{
		{"fallbacks", "model", m.Fallbacks},
		{"context_window_fallbacks", "model", m.ContextWindowFallbacks},
		{"content_policy_fallbacks", "model", m.ContentPolicyFallbacks},
	}
}

// checkModels checks the routes and returns the deployments and guardrails that they name.
func (l *loader) checkModels() map[string]bool {
	used := map[string]bool{}
	for i := range l.cfg.models {
		m := &l.cfg.models[i]
		at := l.objects["model["+m.Name+"]"]
		if at.src.owned() && len(m.Guardrails) > 0 {
			l.fail(at.child("guardrails"), "are the operator's to attach")
		}
		if len(m.Deployments) == 0 {
			l.fail(at.child("deployments"), "must name at least one deployment")
		}
		lists := append(fallbackLists(m),
			nameList{"deployments", "deployment", m.Deployments},
			nameList{"guardrails", "guardrail", m.Guardrails})
		for _, list := range lists {
			for j, name := range list.names {
				l.want(at.child(list.key).element(j), list.kind, name)
				used[list.kind+"["+name+"]"] = true
			}
		}
		if at.src.owned() {
			for _, list := range []*[]string{&m.Fallbacks, &m.ContextWindowFallbacks, &m.ContentPolicyFallbacks} {
				*list = slices.DeleteFunc(*list, func(name string) bool { return !l.known(at, "model", name) })
			}
		}
		if _, given := at.src.lines[at.child("strategy").index]; given || len(m.Deployments) > 1 {
			l.wantPlugin(at.child("strategy"), abi.KindStrategy, m.Strategy)
		} else if !l.has("plugin", m.Strategy) {
			m.Strategy = "" // one deployment needs no order
		}
	}
	return used
}

// checkFallbacks refuses aliases that fall back to themselves, directly or
// through others, by whichever list: such an exchange would never end.
func (l *loader) checkFallbacks() {
	type step struct{ from, list, to string }
	next := map[string][]step{}
	for _, m := range l.cfg.models {
		for _, list := range fallbackLists(&m) {
			for _, to := range list.names {
				next[m.Name] = append(next[m.Name], step{m.Name, list.key, to})
			}
		}
	}
	done := map[string]bool{}
	var trail []step
	var visit func(name string)
	visit = func(name string) {
		if i := slices.IndexFunc(trail, func(s step) bool { return s.from == name }); i >= 0 {
			way := name
			for _, s := range trail[i:] {
				way += " → " + s.to
			}
			l.fail(l.objects["model["+name+"]"].child(trail[i].list), "falls back to itself: %s", way)
			return
		}
		if done[name] {
			return
		}
		for _, s := range next[name] {
			trail = append(trail, s)
			visit(s.to)
			trail = trail[:len(trail)-1]
		}
		done[name] = true
	}
	for _, m := range l.cfg.models {
		visit(m.Name)
	}
}
