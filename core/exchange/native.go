package exchange

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Native says that a request speaks a provider's own API, below /{provider}.
type Native struct {
	Provider string // as in the plugin's id, without the kind: "gemini"
	Method   string
	Path     string // below /{provider}, percent-encoded as it came
	Query    string // percent-encoded, without the key of a client that sends it there
}

// modelMark stands in a route's path where the model's name does.
const modelMark = "{model}"

// nativeRoute is abi.NativeRoute made ready. Requests of a route are read as the
// deployment says that the path's model leads to, else as the provider's first one.
type nativeRoute struct {
	abi.NativeRoute
	key           string // method and path
	before, after string // of the path, around the model's name; after is "" without one
	required      url.Values
	allowed       []string
	caps, choices [][]string
	services      [][]string
	finish        [][]string
	modelInPath   bool
}

// nativeProvider is what clients may call of one provider's own API.
type nativeProvider struct {
	id     string // of the plugin
	routes []*nativeRoute
	errors *nativeErrors
	direct map[string][]direct // deployments by the vendor's name of their model
}

// direct is a deployment that may be asked for by the vendor's own name.
type direct struct {
	deployment string
	routes     []*Route // that lead to it, by name
}

// nativeCall is what a native request was found to be.
type nativeCall struct {
	provider string // the plugin's id
	route    *nativeRoute
	query    url.Values // passed on
	only     string     // the one deployment that may answer; "" for all of the route
	errors   *nativeErrors
}

// own reports whether bodies are in a dialect that is the provider's alone.
func (n *nativeCall) own() bool { return n != nil && n.route != nil && n.route.Endpoint == "" }

// compileRoute reads what a plugin says of a route.
func compileRoute(r abi.NativeRoute) *nativeRoute {
	if r.Method == "" {
		r.Method = "POST"
	}
	n := &nativeRoute{NativeRoute: r, key: r.Method + " " + r.Path, required: url.Values{}}
	n.before, n.after, n.modelInPath = strings.Cut(r.Path, modelMark)
	n.caps, n.choices, n.services, n.finish = splitPaths(r.Caps), splitPaths(r.Choices), splitPaths(r.Services), splitPaths(r.Finish)
	for _, q := range r.Query {
		name, value, must := strings.Cut(q, "=")
		n.allowed = append(n.allowed, name)
		if must {
			n.required.Set(name, value)
		}
	}
	return n
}

// match reports whether path is the route's, and the model that it names. The
// fixed parts are compared byte for byte as they came: what is encoded otherwise,
// or has a segment more, is another path.
func (n *nativeRoute) match(method, path string) (model string, ok bool) {
	if method != n.Method || !n.modelInPath {
		return "", method == n.Method && path == n.Path
	}
	middle, ok := strings.CutPrefix(path, n.before)
	if ok {
		middle, ok = strings.CutSuffix(middle, n.after)
	}
	if !ok || middle == "" || strings.Contains(middle, "/") {
		return "", false
	}
	model, err := url.PathUnescape(middle)
	if err != nil || model == "" || len(model) > maxModel {
		return "", false
	}
	return model, true
}

// checkQuery holds the client's parameters to the route's, and returns those that
// are passed on.
func (n *nativeRoute) checkQuery(raw string) (url.Values, *core.Error) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return nil, core.Invalid("", "the query of the address is malformed")
	}
	for name, values := range given {
		if !slices.Contains(n.allowed, name) || len(values) != 1 {
			return nil, core.Invalid(name, "the parameter %q of the address is not passed on here", name)
		}
	}
	for name, values := range n.required {
		if given.Get(name) != values[0] {
			return nil, core.Invalid(name, "the address must have the parameter %s=%s", name, values[0])
		}
	}
	return given, nil
}

// HasNative reports whether clients may call the provider's own API.
func (s *Snapshot) HasNative(provider string) bool { return s.natives[provider] != nil }

// NativeEndpoint is the endpoint that a native request comes to: one of the
// gateway's own, or [abi.Native].
func (s *Snapshot) NativeEndpoint(n *Native) abi.Endpoint {
	if p := s.natives[n.Provider]; p != nil {
		if route, _ := p.find(n); route != nil && route.Endpoint != "" {
			return route.Endpoint
		}
	}
	return abi.Native
}

func (p *nativeProvider) find(n *Native) (*nativeRoute, string) {
	for _, route := range p.routes {
		if model, ok := route.match(n.Method, n.Path); ok {
			return route, model
		}
	}
	return nil, ""
}

// routeOf is the route as the first deployment has it that a path's model leads to, as
// an alias or by the vendor's name; nil for none.
func (p *nativeProvider) routeOf(s *Snapshot, model, key string) *nativeRoute {
	if model == "" {
		return nil
	}
	routes := []*Route{s.Routes[model]}
	for _, d := range p.direct[model] {
		routes = append(routes, d.routes...)
	}
	for _, route := range routes {
		if route == nil {
			continue
		}
		for _, t := range route.Targets {
			if plan := t.natives[key]; plan != nil && t.Deployment.Provider == p.id {
				return plan.native
			}
		}
	}
	return nil
}

// indexNatives gathers the native routes of all deployments by provider.
func indexNatives(routes map[string]*Route) map[string]*nativeProvider {
	names := make([]string, 0, len(routes))
	for name := range routes {
		names = append(names, name)
	}
	sort.Strings(names)
	all := map[string]*nativeProvider{}
	for _, name := range names {
		for _, t := range routes[name].Targets {
			if len(t.natives) == 0 {
				continue
			}
			short := strings.TrimPrefix(t.Deployment.Provider, string(abi.KindProvider)+".")
			p := all[short]
			if p == nil {
				p = &nativeProvider{id: t.Deployment.Provider, direct: map[string][]direct{}, errors: t.nativeErrors}
				all[short] = p
			}
			p.add(routes[name], t)
		}
	}
	return all
}

func (p *nativeProvider) add(r *Route, t *Target) {
	for _, plan := range t.natives {
		if !slices.ContainsFunc(p.routes, func(n *nativeRoute) bool { return n.key == plan.native.key }) {
			p.routes = append(p.routes, plan.native)
		}
	}
	// The longest fixed part first: a model's name is not to swallow it.
	sort.Slice(p.routes, func(i, j int) bool {
		a, b := p.routes[i], p.routes[j]
		return len(a.Path) > len(b.Path) || len(a.Path) == len(b.Path) && a.key < b.key
	})
	list := p.direct[t.Deployment.Model]
	at := slices.IndexFunc(list, func(d direct) bool { return d.deployment == t.Deployment.Name })
	if at < 0 {
		list, at = append(list, direct{deployment: t.Deployment.Name}), len(list)
	}
	list[at].routes = append(list[at].routes, r)
	p.direct[t.Deployment.Model] = list
}

// resolveNative finds what a native request is, and reads its body. What is not on
// the provider's list does not go out: a request without a model has nothing that
// says whose the files, batches and stored answers are that it asks for.
func (r *run) resolveNative(s *Snapshot) *core.Error {
	n := r.req.Native
	p := s.natives[n.Provider]
	if p == nil {
		return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no provider %q here", n.Provider)
	}
	r.vendor = &nativeCall{provider: p.id, errors: p.errors}
	route, model := p.find(n)
	if route == nil {
		return core.Errorf(core.CodeNotFound, core.SourceClient,
			"%s %s is not passed on to %s: only calls that name a model are, because files, batches, lists and stored answers belong to an account that all keys share", n.Method, n.Path, n.Provider)
	}
	if own := p.routeOf(s, model, route.key); own != nil {
		route = own
	}
	r.vendor.route = route
	var err *core.Error
	if r.vendor.query, err = route.checkQuery(n.Query); err != nil {
		return err
	}
	if route.Endpoint == "" {
		r.facts, r.body, err = parseNative(route, model, r.req.Body)
		return err
	}
	own := *r.req
	own.Endpoint = route.Endpoint
	r.req, r.dialect = &own, dialect.Of(own.Endpoint)
	body, err := r.readForm()
	if err != nil {
		return err
	}
	if model != "" && scan.Valid(body) == nil { // the address outranks the body
		body = scan.Apply(nil, body, []scan.Edit{{Key: "model", Value: scan.AppendString(nil, model)}})
	}
	r.facts, r.body, err = parse(route.Endpoint, "", body)
	return err
}

// nativeReason begins the entry's reason with the path that was called.
func (r *run) nativeReason() string {
	if r.vendor == nil {
		return ""
	}
	return "native " + r.vendor.route.Method + " /" + r.req.Native.Provider + r.vendor.route.Path + "; "
}

// lookupNative finds the alias, or the one deployment of the provider that has the
// vendor's own name and that the key may use.
func (r *run) lookupNative(s *Snapshot) (*Route, *core.Error) {
	name := r.facts.model
	route, err := s.lookup(r.principal, name)
	if err == nil && slices.ContainsFunc(route.Targets, r.serves) {
		return route, nil
	}
	var found []direct
	for _, d := range s.natives[r.req.Native.Provider].direct[name] {
		d.routes = slices.DeleteFunc(slices.Clone(d.routes), func(route *Route) bool {
			return !r.principal.Admitted(route.Owner) || !r.principal.AllowsModel(route.Name)
		})
		if len(d.routes) > 0 {
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 1:
		r.vendor.only = found[0].deployment
		return found[0].routes[0], nil
	case len(found) > 1:
		return nil, core.Invalid("model", "%q is the model of several deployments: ask for a model alias", name)
	case err == nil:
		err = core.Invalid("model", "no deployment of the model %q is one of %s that serves this", name, r.req.Native.Provider)
	}
	return nil, err
}

// planOf is how t serves the request; nil when it does not.
func (r *run) planOf(t *Target) *plan {
	n := r.vendor
	if n == nil {
		return t.plan(r.req.Endpoint, r.facts.stream)
	}
	if t.Deployment.Provider != n.provider || n.only != "" && t.Deployment.Name != n.only {
		return nil
	}
	p := t.natives[n.route.key]
	if p != nil && n.route.Endpoint != "" {
		return t.plans[planKey{n.route.Endpoint, r.facts.stream}]
	}
	return p
}

// compileNative makes the plans of a deployment's native routes.
func (t *Target) compileNative(reply *abi.PlanReply, base *plan) error {
	t.natives = make(map[string]*plan, len(reply.Native.Routes))
	t.nativeErrors = compileNativeErrors(reply.Native)
	for _, route := range reply.Native.Routes {
		n := compileRoute(route)
		if route.Endpoint != "" {
			p := t.plans[planKey{route.Endpoint, false}]
			if p == nil || p.Request.Mode != abi.Passthrough || p.Response.Mode != abi.Passthrough {
				continue // this deployment's own API does not have it
			}
		}
		own := *reply
		own.Native, own.Method, own.URL, own.Request, own.Usage = nil, n.Method, route.URL, route.Request, route.Usage
		own.Response.Mode, own.Stream = abi.Passthrough, abi.StreamPlan{Mode: abi.Passthrough, Framing: route.Framing}
		p := *base
		p.PlanReply, p.native, p.usage = &own, n, compileUsage(&route.Usage)
		if err := p.compileEdits(); err != nil {
			return fmt.Errorf("its native route %s: %w", n.key, err)
		}
		t.natives[n.key] = &p
	}
	return nil
}

// buildNative makes the vendor's request of one in its own dialect.
func (r *run) buildNative(c *call, body scan.Object) *core.Error {
	text, err := r.nativeEdits(body)
	c.request.Body = text
	return err
}

// withQuery adds the client's parameters to the vendor's address, but for those
// that the deployment has a word on.
func (r *run) withQuery(address string) string {
	if r.vendor == nil || len(r.vendor.query) == 0 {
		return address
	}
	at, own, _ := strings.Cut(address, "?")
	query, err := url.ParseQuery(own)
	if err != nil {
		return address
	}
	for name, values := range r.vendor.query {
		switch {
		case !query.Has(name):
			query[name] = values
		case query.Get(name) != values[0]:
			r.head.Notices = append(r.head.Notices, name+" is the deployment's")
		}
	}
	return at + "?" + query.Encode()
}
