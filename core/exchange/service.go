package exchange

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// service is what a request asks for beside the usual: the member, and its value.
// Vendors charge up to six times the usual price.
// https://openai.com/api-priority-processing/
// https://platform.claude.com/docs/en/build-with-claude/fast-mode
type service struct{ member, name string }

// read notes a member of a body, if it names a service.
func (s *service) read(member string, value []byte) {
	switch member {
	case "service_tier", "speed", "inference_geo":
		name, _ := scan.String(value)
		s.wants(member, name)
	case "performance_config": // Bedrock's: less latency costs more
		s.wants(member, scan.GetString(value, "latency"))
	}
}

// wants notes a member that names a service. Of several that are not usual none
// has a price.
func (s *service) wants(member, name string) {
	switch {
	case core.UsualService(name):
	case s.member == "":
		*s = service{member, name}
	default:
		s.name = s.name + "+" + name
	}
}

// asked is the service that t would be asked for, "" for the usual.
func (r *run) asked(t *Target) string {
	if r.facts.service.member == "" && !r.facts.quick || r.planOf(t) == nil {
		return ""
	}
	x := r.extrasAt(t)
	s := x.service
	if s.member == "" && x.quick && t.Price != nil && t.Price.Services[quickSearch] != nil {
		return quickSearch
	}
	if s.member == "" || slices.Contains(t.Deployment.DropParams, s.member) {
		return ""
	}
	return s.name
}

// dearer reports whether t would be asked for a service whose price is not known.
func (r *run) dearer(t *Target) bool {
	name := r.asked(t)
	if t.Price == nil {
		return name != ""
	}
	_, ok := t.Price.Of(name)
	return !ok
}

// priceOf is the price of what t has given: of the service that the vendor says,
// where that is known, else of the one that it was asked for.
func (r *run) priceOf(t *Target) (p *core.Price, ok bool) {
	if t.Price == nil {
		return nil, false
	}
	if said := r.tally.service; said != "" {
		if p, ok := t.Price.Of(said); ok {
			return p, true
		}
	}
	return t.Price.Of(r.asked(t))
}

// servedAs notes as what a provider plugin says that an answer, or a chunk of it, was
// served, where services have prices of their own or one was asked for. A tier says
// nothing of another speed or place, which stays what was asked for.
func (r *run) servedAs(doc []byte) {
	priced := r.target.Price != nil && len(r.target.Price.Services) > 0
	asked := r.asked(r.target)
	if r.plan.endpoint != abi.Chat || !priced && asked == "" {
		return
	}
	if s := r.extrasAt(r.target).service; asked != "" && (s.member != "service_tier" && s.member != "performance_config" || strings.Contains(s.name, "+")) {
		return
	}
	if said := scan.GetString(doc, "service_tier"); said != "" {
		r.tally.service = said
	}
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
		if !scan.IsNull(scan.Get(tool, "model")) && !slices.Contains(r.target.Deployment.DropParams, "tools[].model") {
			param := fmt.Sprintf("tools[%d].model", i)
			err = core.Invalid(param, "%s is not passed on: this gateway's routes say which models answer", param)
		}
		return err == nil
	})
	return body, err
}
