package exchange

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// extras are what a request asks a vendor for that is not billed as usual tokens are.
type extras struct {
	service service
	hosted  []hosted // tools that are offered
	parsed  bool     // files are read for nothing
	quick   bool     // searches are asked for that cost less: all of them
}

var nothing extras

// findHosted notes the hosted tools that a request offers to the model.
func (r *run) findHosted() {
	if r.free() {
		return
	}
	f := finder{most: hostedUses}
	if n, ok := scan.Int(r.body.Get("max_tool_calls")); ok && n > 0 && r.req.Endpoint == abi.Responses { // elsewhere nobody is bound by it
		f.most = n
	}
	if r.unit() == partImages {
		f.pictures(r.body)
	}
	if r.vendor.own() {
		f.each(scan.Get(r.body.Get("toolConfig"), "tools"), "toolConfig.tools[%d]", "toolConfig", system)
		f.each(r.body.Get("tools"), "tools[%d]", "tools", vendors)
	} else {
		f.shared(r.body, r.facts.made)
	}
	r.facts.hosted, r.facts.parsed, r.facts.quick = f.list, f.parsed, f.quick > 0 && f.slow == 0
}

// extrasAt is what t is asked for: over a bridge, what that makes of the request. Members
// that a bridge does not know are passed on, and chat may know them.
func (r *run) extrasAt(t *Target) *extras {
	p := r.planOf(t)
	if p == nil || p.endpoint == r.req.Endpoint {
		return &r.facts.extras
	}
	if !r.tempted() {
		return &nothing
	}
	if r.bridged[t] == nil {
		chat, _, err := r.overChat(r.settings(), t)
		if err != nil { // so t is not asked at all
			chat = scan.Object{}
		}
		r.note(t, chat)
	}
	return r.bridged[t]
}

// note keeps what the chat asks for that a bridge has made for t.
func (r *run) note(t *Target, chat scan.Object) {
	f := finder{most: hostedUses}
	f.shared(chat, r.facts.made)
	e := &extras{hosted: f.list, parsed: f.parsed, quick: f.quick > 0 && f.slow == 0}
	if r.body.Get(webSearch) == nil {
		r.searchSaid(e.hosted)
	}
	chat.Members(func(key, value []byte) bool {
		if !scan.IsNull(value) {
			e.service.read(string(key), value)
		}
		return true
	})
	if r.bridged == nil {
		r.bridged = map[*Target]*extras{}
	}
	r.bridged[t] = e
}

// searchSaid gives a search that a bridge has made of a tool the tool's place.
func (r *run) searchSaid(list []hosted) {
	for i := range list {
		if list[i].param != webSearch {
			continue
		}
		for _, h := range r.facts.hosted {
			if h.unit == partSearches {
				list[i].said = h.param
				break
			}
		}
	}
}

// tempted reports whether a bridge could make a chat of the request that asks for
// something beside the usual: most do not, and cost nothing then.
func (r *run) tempted() bool {
	return r.facts.service.member != "" || len(r.facts.hosted) > 0 || r.facts.parsed
}

// settings is the request without what the model is told.
func (r *run) settings() scan.Object {
	var away []scan.Edit
	for _, name := range [...]string{"messages", "system", "input", "instructions", "prompt"} {
		if r.body.Get(name) != nil {
			away = append(away, scan.Edit{Key: name})
		}
	}
	return scan.Walk(r.body.Apply(nil, away))
}
