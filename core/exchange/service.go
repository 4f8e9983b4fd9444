package exchange

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// usualPrice are the values of service_tier, speed and inference_geo that cost
// what the price book says, or less. Vendors charge up to six times that for others.
// https://openai.com/api-priority-processing/
// https://platform.claude.com/docs/en/build-with-claude/fast-mode
var usualPrice = map[string]bool{"": true, "auto": true, "default": true, "standard": true, "standard_only": true, "flex": true, "global": true}

// dearer reports whether t would be asked for a service at a price of its own.
func (r *run) dearer(t *Target) bool {
	name := r.facts.dearer
	if name == "" || slices.Contains(t.Deployment.DropParams, name) {
		return false
	}
	p := t.plan(r.req.Endpoint, r.facts.stream)
	return p != nil && p.endpoint == r.req.Endpoint // a bridge leaves it out
}

// choosers are members that have a vendor answer with a model that nobody has
// checked: its own fallbacks. Here those are the route's.
var choosers = [...]string{"fallbacks", "models"}

// chosen refuses a body that names other models to the vendor, or leaves them out
// where the deployment says so.
func (r *run) chosen(body scan.Object) (scan.Object, *core.Error) {
	for _, name := range choosers {
		v := body.Get(name)
		switch {
		case scan.IsNull(v) || isEmptyList(v):
		case slices.Contains(r.target.Deployment.DropParams, name):
			body = scan.Walk(body.Apply(nil, []scan.Edit{{Key: name}}))
			r.head.Notices = append(r.head.Notices, "dropped "+name)
		default:
			return body, core.Invalid(name, "%s is not passed on: this gateway's routes say which models answer", name)
		}
	}
	tools := body.Get("tools")
	if !bytes.Contains(tools, []byte("model")) && !bytes.Contains(tools, []byte(`\u00`)) {
		return body, nil
	}
	var err *core.Error
	scan.Elements(tools, func(i int, tool []byte) bool {
		if !scan.IsNull(scan.Get(tool, "model")) {
			param := fmt.Sprintf("tools[%d].model", i)
			err = core.Invalid(param, "%s is not passed on: this gateway's routes say which models answer", param)
		}
		return err == nil
	})
	return body, err
}
