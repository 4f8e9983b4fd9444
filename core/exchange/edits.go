package exchange

import (
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// edits are what a passthrough body needs: what the deployment drops, the deployed
// model, the plan's edits, the output cap, a request for usage. Those that reach
// below the body's members are made in the body that is returned.
func (r *run) edits(body scan.Object) (scan.Object, []scan.Edit, *core.Error) {
	d, p := r.target.Deployment, &r.plan.Request
	if err := r.refuseUnsupported(body); err != nil {
		return body, nil, err
	}
	edits := make([]scan.Edit, 0, 8)
	edits = append(edits, scan.Edit{Key: "model", Value: scan.AppendString(nil, d.Model)})
	drops := r.drops(body)
	if patch.Deep(drops) || r.plan.deep {
		text, _ := patch.Apply(body.Text(), drops)
		if r.plan.deep {
			text, _ = patch.Apply(scan.Apply(nil, text, edits), r.plan.edits)
			edits = edits[:0]
		}
		body = scan.Walk(text)
	}
	if !r.plan.deep {
		for _, e := range p.Edits {
			if e.Op != abi.EditRename || !slices.Contains(d.DropParams, e.Key) {
				edits = appendEdit(edits, body, e)
			}
		}
	}
	for i := range drops {
		if !drops[i].Deep() {
			edits = append(edits, scan.Edit{Key: drops[i].Key})
		}
	}
	edits = r.effortEdit(edits, body)
	if r.capable() {
		edits = r.capEdits(edits, body, p.OutputCap)
	}
	if p.IncludeUsage && r.facts.stream && r.generates() && !r.facts.includeUsage {
		options := body.Get("stream_options")
		if scan.Kind(options) != '{' {
			options = []byte("{}")
		}
		options = scan.Apply(nil, options, []scan.Edit{{Key: "include_usage", Value: []byte("true")}})
		edits = append(edits, scan.Edit{Key: "stream_options", Value: options})
	}
	return body, edits, nil
}

// refuseUnsupported refuses what the provider does not take, unless it is dropped.
func (r *run) refuseUnsupported(body scan.Object) *core.Error {
	for i := range r.plan.unsupported {
		if u := &r.plan.unsupported[i]; standsIn(u, body) && !slices.Contains(r.target.Deployment.DropParams, u.Key) {
			return core.Invalid(u.Key, "the model %q does not support %s", r.route.Name, u.Key)
		}
	}
	return nil
}

// standsIn reports whether the body has the member.
func standsIn(p *patch.Patch, body scan.Object) bool {
	if !p.Deep() {
		return body.Get(p.Key) != nil
	}
	return p.Finds(body.Text())
}

// drops are those of the deployment's drop_params that the body has. The client is
// told of them.
func (r *run) drops(body scan.Object) (list []patch.Patch) {
	for i := range r.target.drops {
		if p := r.target.drops[i]; standsIn(&p, body) {
			list = append(list, p)
			r.head.Notices = append(r.head.Notices, "dropped "+p.Key)
		}
	}
	return list
}

// dropDeep takes out of a body what lies below its members; of those the provider
// plugin itself is told.
func (r *run) dropDeep(text []byte) []byte {
	for i := range r.target.drops {
		if p := &r.target.drops[i]; p.Deep() && p.Finds(text) {
			text, _ = patch.Apply(text, r.target.drops[i:i+1])
			r.head.Notices = append(r.head.Notices, "dropped "+p.Key)
		}
	}
	return text
}

var (
	chatCaps, promptCaps, responseCaps = []string{"max_tokens", "max_completion_tokens"}, []string{"max_tokens"}, []string{"max_output_tokens"}
)

// capNames are the members by which requests to an endpoint cap their output.
// Another API's names cap nothing there: a server that does not know one leaves it
// unread.
func capNames(endpoint abi.Endpoint) []string {
	switch endpoint {
	case abi.Responses:
		return responseCaps
	case abi.Completions:
		return promptCaps
	}
	return chatCaps
}

// capable reports whether the vendor is told of an output cap of the gateway's: where what
// is made of the input bounds the answer, only one that could go on is.
func (r *run) capable() bool {
	return r.cap > 0 && (r.generates() || r.plan.Request.OutputCap != "")
}

// capEdits sets the output cap under each of the client's own names for it, if it
// used any, or what the plan has made of them. What the client caps lower stays.
func (r *run) capEdits(edits []scan.Edit, body scan.Object, member string) []scan.Edit {
	var named bool
	for _, name := range capNames(r.plan.endpoint) {
		v := body.Get(name)
		if scan.IsNull(v) {
			continue
		}
		named = true
		if n, ok := scan.Int(v); !ok || n > r.cap {
			edits = setEdit(edits, r.plan.renamed(name), appendInt(nil, r.cap))
		}
	}
	if !named {
		if member == "" {
			return edits
		}
		edits = setEdit(edits, member, appendInt(nil, r.cap))
	}
	r.head.MaxOutput = r.cap
	return edits
}

// setEdit adds an edit, in the place of one that would write the same member.
func setEdit(edits []scan.Edit, key string, value []byte) []scan.Edit {
	e := scan.Edit{Key: key, Value: value}
	for i := range edits {
		if edits[i].Key == key && edits[i].Value != nil {
			edits[i] = e
			return edits
		}
	}
	return append(edits, e)
}

// renamed is the vendor's name of a top-level member.
func (p *plan) renamed(name string) string {
	for _, e := range p.Request.Edits {
		if e.Op == abi.EditRename && e.Key == name {
			return e.To
		}
	}
	return name
}

func appendEdit(edits []scan.Edit, body scan.Object, e abi.Edit) []scan.Edit {
	switch e.Op {
	case abi.EditSet:
		return append(edits, scan.Edit{Key: e.Key, Value: e.Value})
	case abi.EditDefault:
		return append(edits, scan.Edit{Key: e.Key, Value: e.Value, OnlyIfAbsent: true})
	case abi.EditRemove:
		return append(edits, scan.Edit{Key: e.Key})
	case abi.EditRename, abi.EditCopy:
		v := body.Get(e.Key)
		if v == nil {
			break
		}
		if e.Op == abi.EditRename {
			edits = append(edits, scan.Edit{Key: e.Key})
		}
		return append(edits, scan.Edit{Key: e.To, Value: v, OnlyIfAbsent: true})
	}
	return edits
}
