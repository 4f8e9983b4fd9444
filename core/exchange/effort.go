package exchange

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// effortEdit adds the edit by which a word for how long to think becomes one that the
// model takes. The client is told.
func (r *run) effortEdit(edits []scan.Edit, body scan.Object) []scan.Edit {
	known := r.plan.Request.Efforts
	if len(known) == 0 {
		return edits
	}
	key, member := "reasoning_effort", "reasoning_effort"
	value := body.Get(key)
	object := value
	if r.plan.endpoint == abi.Responses {
		key, member = "reasoning", "reasoning.effort"
		object = body.Get(key)
		value = scan.Get(object, "effort")
	}
	word, _ := scan.String(value)
	if _, ok := llm.Budget(word); !ok || edited(edits, key) {
		return edits
	}
	fitted := llm.FitEffort(word, known)
	if fitted == word {
		return edits
	}
	var v []byte
	switch {
	case fitted != "":
		v = scan.AppendString(nil, fitted)
		r.head.Notices = append(r.head.Notices, member+": "+fitted+" in place of "+word+", which this model does not take")
	case word != "none": // which is what happens anyway
		r.head.Notices = append(r.head.Notices, "left out "+member+": this model does not take "+word)
	}
	if r.plan.endpoint == abi.Responses {
		v = scan.Apply(nil, object, []scan.Edit{{Key: "effort", Value: v}})
	}
	return append(edits, scan.Edit{Key: key, Value: v})
}

// edited reports whether a member is already changed.
func edited(edits []scan.Edit, key string) bool {
	for i := range edits {
		if edits[i].Key == key {
			return true
		}
	}
	return false
}
