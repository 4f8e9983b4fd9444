package exchange

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/core/guard"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// Provider is a provider plugin's face; *plugin.Provider fulfils it. Its
// errors turn into client-safe ones by PluginError.
type Provider interface {
	Plan(ctx context.Context, r *abi.PlanRequest) (*abi.PlanReply, error)
	// What Encode and Decode return stands in room; nil is for one of its own.
	Encode(ctx context.Context, r *abi.EncodeRequest, room *[]byte) (*abi.EncodeReply, error)
	Decode(ctx context.Context, r *abi.DecodeRequest, room *[]byte) (*abi.DecodeReply, error)
	Converse(ctx context.Context, r *abi.ConverseRequest) (*abi.ConverseReply, error)
	DecodeEvents(ctx context.Context, r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error)
	DecodeError(ctx context.Context, r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error)
	// DecodesErrors reports whether DecodeError is the plugin's own.
	DecodesErrors() bool
}

// Snapshot is one configuration revision, ready to serve: immutable but for the
// health that its targets share with other revisions.
type Snapshot struct {
	Routes map[string]*Route
	// Guards are all guardrails, of which keys may name some; nil for none.
	Guards *guard.Shelf
	// Cooldown of a failing deployment; 0 leaves it to Options.
	Cooldown time.Duration
	// Close is called when the snapshot was replaced and its last exchange has ended.
	Close func()

	natives map[string]*nativeProvider // by the provider's name without its kind
}

// Route is a model alias with its targets.
type Route struct {
	core.Model
	Targets []*Target // aligned with order.Candidates
	order   routing.Route
	guards  *guard.Chain
}

// Target is a deployment that can be called, or the reason why it cannot.
type Target struct {
	Deployment *core.Deployment
	Credential *core.Credential // nil for none
	Price      *core.Price      // nil when unpriced
	State      *routing.State
	// NotConfigured says why the deployment is not called; "" when it is.
	NotConfigured string
	AllowPrivate  bool

	provider  Provider
	described abi.Deployment // what the plugin knows of it
	drops     []patch.Patch  // its drop_params
	plans     map[planKey]*plan
	natives   map[string]*plan // by method and path of the route

	nativeErrors *nativeErrors
}

type planKey struct {
	endpoint abi.Endpoint
	stream   bool
}

// plan is a provider's standing answer, made ready.
type plan struct {
	*abi.PlanReply
	endpoint      abi.Endpoint
	usage         *usagePaths
	errors        *errorReader
	decodesErrors bool
	headers       []headerPair
	native        *nativeRoute // nil for the gateway's own endpoints

	edits, response, stream []patch.Patch // of requests, whole answers and events
	deep                    bool          // some of edits lie below a body's members
	unsupported             []patch.Patch
}

type headerPair struct{ name, value string }

// plan finds how the target serves the endpoint: natively, or over a bridge.
func (t *Target) plan(endpoint abi.Endpoint, stream bool) *plan {
	if p := t.plans[planKey{endpoint, stream}]; p != nil {
		return p
	}
	if dialect.Of(endpoint).Bridge != nil {
		return t.plans[planKey{abi.Chat, stream}]
	}
	return nil
}

// PassesOn reports whether the target's requests and answers need no plugin: it
// is asked only what a failure means.
func (t *Target) PassesOn() bool {
	for _, p := range t.plans {
		if p.Local || p.Request.Mode == abi.Transform || p.Response.Mode == abi.Transform || p.Stream.Mode == abi.Transform {
			return false
		}
	}
	return true
}

// NewTarget asks the provider for all its plans.
func NewTarget(ctx context.Context, t Target, provider Provider) (*Target, error) {
	t.provider, t.plans = provider, make(map[planKey]*plan)
	d := t.Deployment
	t.described = abiDeployment(d, t.Credential)
	var err error
	if t.drops, err = patch.Removals(d.DropParams); err != nil {
		return nil, core.Invalid("drop_params", "%v", err)
	}
	req := abi.PlanRequest{Deployment: t.described}
	compiled := map[string]*regexp.Regexp{}
	for _, endpoint := range abi.Endpoints {
		for _, stream := range [...]bool{false, true} {
			if endpoint == abi.Native && stream {
				continue
			}
			req.Endpoint, req.Stream = endpoint, stream
			reply, err := provider.Plan(ctx, &req)
			if err != nil {
				return nil, fmt.Errorf("deployment %s: plan for %s: %w", d.Name, endpoint, err)
			}
			if !reply.Supported || endpoint == abi.Native && reply.Native == nil {
				continue
			}
			if err := upstream.CheckCredential(&reply.Auth, t.Credential); err != nil && !reply.Local {
				return nil, core.Invalid("credential", "%s, which %s needs", core.AsError(err).Message, d.Provider)
			}
			p := &plan{PlanReply: reply, endpoint: endpoint, usage: compileUsage(&reply.Usage), decodesErrors: provider.DecodesErrors()}
			if p.errors, err = compileErrors(&reply.Errors, compiled); err != nil {
				return nil, fmt.Errorf("deployment %s: error pattern of the plan for %s: %w", d.Name, endpoint, err)
			}
			if err := p.compileEdits(); err != nil {
				return nil, fmt.Errorf("deployment %s: plan for %s: %w", d.Name, endpoint, err)
			}
			for name, value := range reply.Headers {
				p.headers = append(p.headers, headerPair{strings.ToLower(name), value})
			}
			if endpoint != abi.Native {
				t.plans[planKey{endpoint, stream}] = p
			} else if err := t.compileNative(reply, p); err != nil {
				return nil, fmt.Errorf("deployment %s: %w", d.Name, err)
			}
		}
	}
	if len(t.plans) == 0 {
		return nil, fmt.Errorf("deployment %s: %w", d.Name, errors.New("its provider supports no endpoint for it"))
	}
	return &t, nil
}

func (p *plan) compileEdits() (err error) {
	for _, part := range [...]struct {
		from []abi.Edit
		to   *[]patch.Patch
	}{{p.Request.Edits, &p.edits}, {p.Response.Edits, &p.response}, {p.Stream.Edits, &p.stream}} {
		if *part.to, err = patch.Compile(part.from); err != nil {
			return err
		}
	}
	p.deep = patch.Deep(p.edits)
	p.unsupported, err = patch.Removals(p.Request.Unsupported)
	return err
}

func abiDeployment(d *core.Deployment, c *core.Credential) abi.Deployment {
	a := abi.Deployment{Name: d.Name, Model: d.Model, BaseURL: strings.TrimRight(d.BaseURL, "/"), Options: abi.Raw(d.Options)}
	if len(a.Options) == 0 {
		a.Options = abi.Raw("{}")
	}
	if c != nil {
		for name := range c.Fields {
			a.CredentialFields = append(a.CredentialFields, name)
		}
	}
	return a
}

// Configured reports whether any of its deployments can be called.
func (r *Route) Configured() bool {
	return slices.ContainsFunc(r.Targets, func(t *Target) bool { return t.NotConfigured == "" })
}

// NewRoute puts targets behind an alias. strategy may be nil, guards too.
func NewRoute(m core.Model, targets []*Target, strategy routing.Strategy, guards *guard.Chain) *Route {
	r := &Route{Model: m, Targets: targets, guards: guards}
	r.order.Alias, r.order.Strategy = m.Name, strategy
	for _, t := range targets {
		r.order.Candidates = append(r.order.Candidates, routing.Candidate{Deployment: t.Deployment, State: t.State, Price: t.Price})
	}
	return r
}
